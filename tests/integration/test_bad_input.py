"""Bad ticks sent to a real `run`: what is refused, why, and that nothing else is lost."""

import base64
import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np
import pandas as pd
import pytest

from ingest.broker import EmbeddedBroker
from ingest.codec import encode_json, encode_packed
from ingest.consumer import TopicConsumer
from ingest.producer import TopicProducer
from optimize.decision import Decision, decode_decision
from storage.records import Status, decode_status
from tests.integration import oracle
from tests.integration.commands import Running, until

SECOND_NS = 1_000_000_000
STALE_AFTER = 12
WINDOW = 25
SYMBOLS = ("BTCUSDT", "ETH-USD", "BINANCE/LTC_PERP")
LEAVER = "QUITS.EARLY"


class Sent(NamedTuple):
    """A message that was sent and how each refused row of it must be told."""

    value: bytes
    refused: tuple[tuple[int | None, str], ...] = ()
    n_read: int = 1


class Script:
    """Messages in the order of their offsets, and the good ticks among them."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self.messages: list[Sent] = []
        self.good: list[tuple[str, float, int]] = []
        self._random = np.random.default_rng(5)
        self._prices = dict(zip((*SYMBOLS, LEAVER), (60_000.0, 2_500.0, 80.0, 9.0), strict=True))

    def time_ns(self, row: int, part: float) -> int:
        """Give a time within a row."""
        return self.start_ns + row * SECOND_NS + int(part * SECOND_NS)

    def tick(self, symbol: str, row: int, part: float) -> tuple[str, float, int]:
        """Make a good tick, as the next of the random walk."""
        self._prices[symbol] *= float(np.exp(0.001 * self._random.standard_normal() + 1e-4))
        good = (symbol, self._prices[symbol], self.time_ns(row, part))
        self.good.append(good)
        return good

    def send(self, value: bytes, *refused: tuple[int | None, str], n_read: int = 1) -> None:
        """Note a message."""
        self.messages.append(Sent(value, refused, n_read))

    def row(self, row: int) -> None:
        """Send a good row, out of order, in each of the formats."""
        first, second, third = SYMBOLS
        late_half = self.tick(first, row, 0.8)
        early_half = self.tick(first, row, 0.2)
        self.send(encode_json(*late_half))
        self.send(encode_json(*early_half))
        ticks = [self.tick(second, row, 0.5), self.tick(third, row, 0.4)]
        if row < 15:
            ticks.append(self.tick(LEAVER, row, 0.3))
        names = [tick[0] for tick in ticks]
        prices, times = [tick[1] for tick in ticks], [tick[2] for tick in ticks]
        if row % 3 == 0:
            self.send(encode_packed(names, range(len(ticks)), prices, times), n_read=len(ticks))
        elif row % 3 == 1:
            rows = [json.loads(encode_json(*tick)) for tick in ticks]
            self.send(json.dumps(rows).encode(), n_read=len(ticks))
        else:
            # The prototype's date in nanoseconds, as a number.
            rows = [{"asset": name, "price": p, "date": t} for name, p, t in ticks]
            self.send(json.dumps(rows).encode(), n_read=len(ticks))


def bad_messages(script: Script) -> None:
    """Send one of each kind of bad input, good neighbours beside them."""
    packed = encode_packed([SYMBOLS[0]], [0], [1.0], [script.start_ns])
    script.send(b"{not json", (None, "not_json"))
    script.send(b"", (None, "not_json"))
    script.send(packed[:-9], (None, "truncated"))
    script.send(packed[:40] + bytes([packed[40] ^ 1]) + packed[41:], (None, "crc"))
    script.send(packed[:4] + b"\x63\x00" + packed[6:], (None, "version"))
    script.send(b'{"symbol": "BTCUSDT", "price": 1.0}', (0, "missing_field"))
    good = script.tick(SYMBOLS[0], 10, 0.9)
    prices = (float("nan"), float("inf"), 0.0, -3.0, 1e308)
    values = [good[1], *prices]
    names, ids = [SYMBOLS[0]], [0] * len(values)
    refused = [(place, "price") for place in range(1, len(values))]
    script.send(encode_packed(names, ids, values, [good[2]] * 6), *refused, n_read=6)
    for symbol in ("btcusdt", "", "A" * 33, "BTC USDT", "BTC\u00c4"):
        tick = {"symbol": symbol, "price": 1.0, "event_time_ns": good[2]}
        script.send(json.dumps(tick).encode(), (0, "symbol"))
    script.send(encode_json(SYMBOLS[0], 1.0, -1), (0, "event_time_past"))
    beyond = time.time_ns() + 75 * SECOND_NS
    script.send(encode_json(SYMBOLS[0], 1.0, beyond), (0, "event_time_future"))
    neighbour = script.tick(SYMBOLS[1], 10, 0.95)
    rows = [{"symbol": SYMBOLS[0]}, json.loads(encode_json(*neighbour)), 17]
    script.send(json.dumps(rows).encode(), (0, "missing_field"), (2, "missing_field"), n_read=3)


def write_script() -> Script:
    """Forty rows that ended a moment ago, with everything bad in their midst."""
    rows = 40
    begin_ns = (time.time_ns() // SECOND_NS - rows - 2) * SECOND_NS
    script = Script(begin_ns)
    for row in range(10):
        script.row(row)
    script.row(10)
    bad_messages(script)
    for row in range(11, 20):
        script.row(row)
    # The limit is four symbols, all of which are there.
    script.send(encode_json("FIFTH", 1.0, script.time_ns(19, 0.95)), (0, "symbol_limit"))
    # Row 5 ended long ago.
    script.send(encode_json(SYMBOLS[0], 1.0, script.time_ns(5, 0.5)))
    trade = script.tick(SYMBOLS[2], 19, 0.97)
    script.send(encode_json(*trade, 77))
    script.send(encode_json(trade[0], 1.0, trade[2], 77))
    script.send(encode_json(trade[0], 1.0, trade[2], 76))
    for row in range(20, rows):
        script.row(row)
    return script


class Told(NamedTuple):
    """What the run has said about a script."""

    script: Script
    broker: str
    status: Status
    decision: Decision
    rejections: list[dict[str, object]]
    run: Running


def newest_status(consumer: TopicConsumer) -> Status | None:
    payloads = consumer.last("status")
    return decode_status(payloads[-1]) if payloads else None


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    script = write_script()
    n_read = sum(message.n_read for message in script.messages)
    settings = {
        "window__rows": WINDOW,
        "window__min_observations": 5,
        "window__stale_after": STALE_AFTER,
        "ticks__max_symbols": 4,
        "optimize__method": "exact",
        "engine__order": "local",
        "kafka__fetch_wait_max_ms": 2,
    }
    with EmbeddedBroker() as broker, TopicProducer(broker.address) as producer:
        for message in script.messages:
            producer.send("ticks", message.value)
        producer.flush(30)
        folder = tmp_path_factory.mktemp("bad")
        with (
            Running(folder, "run", kafka__bootstrap=broker.address, **settings) as run,
            TopicConsumer(broker.address, ["decisions"], fetch_wait_max_ms=5) as reader,
        ):

            def is_read() -> bool:
                status = newest_status(reader)
                return status is not None and status.ticks_read >= n_read

            run.until(is_read, "all ticks to be read")
            status = newest_status(reader)
            assert status is not None
            decision = decode_decision(reader.last("decisions")[-1])
            payloads = reader.last("ticks.rejected", 1_000)
            rejections = [json.loads(payload) for payload in payloads]
            yield Told(script, broker.address, status, decision, rejections, run)


def test_each_refused_row_is_told_with_its_place_and_reason(told: Told) -> None:
    wanted = [
        ("ticks", 0, offset, index, reason)
        for offset, message in enumerate(told.script.messages)
        for index, reason in message.refused
    ]
    places = ("topic", "partition", "offset", "index", "reason")
    found = [tuple(rejection[place] for place in places) for rejection in told.rejections]
    assert found == wanted


def test_refusals_are_counted_by_reason(told: Told) -> None:
    wanted = Counter(reason for message in told.script.messages for _, reason in message.refused)
    assert len(wanted) == 10
    assert told.status.rejected == dict(wanted)
    assert told.status.last_rejection == told.rejections[-1]["message"]


def test_a_refusal_says_what_and_where_and_keeps_what_was_sent(told: Told) -> None:
    for rejection in told.rejections:
        sent = told.script.messages[int(str(rejection["offset"]))]
        payload = base64.b64decode(str(rejection["payload"]))
        if rejection["index"] is None:
            assert payload == sent.value
        else:
            assert json.loads(payload) is not None
        assert f"ticks[0]@{rejection['offset']}" in str(rejection["message"])
        assert str(rejection["message"]).endswith("sent to ticks.rejected")
    by_reason = {str(told["reason"]): str(told["message"]) for told in told.rejections}
    assert "ticks.max_symbols" in by_reason["symbol_limit"]
    assert "FIFTH" in by_reason["symbol_limit"]
    assert "ticks.future_tolerance_s" in by_reason["event_time_future"]
    assert "price=1e+308 for BTCUSDT" in by_reason["price"]


def test_late_and_repeated_ticks_are_counted_and_not_used(told: Told) -> None:
    status, script = told.status, told.script
    assert status.ticks_late == 1
    assert status.ticks_duplicate == 2
    assert status.ticks_used == len(script.good)
    refused = sum(len(message.refused) for message in script.messages)
    assert status.ticks_read == len(script.good) + refused + 1 + 2
    assert status.lost_offsets == 0


def test_nothing_else_is_lost(told: Told) -> None:
    """The statistics are those of the good ticks alone, in whatever order they came."""
    decision = told.decision
    last_row = told.script.start_ns // SECOND_NS + 38  # row 39 stands open
    assert decision.row == last_row
    ticks = pd.DataFrame(told.script.good, columns=["symbol", "price", "time_ns"])
    closed = ticks[ticks["time_ns"] <= (last_row + 1) * SECOND_NS]
    expected = oracle.expect(closed, SECOND_NS, window=WINDOW, stale_after=STALE_AFTER)
    assert sorted(decision.symbols) == sorted(expected.symbols) == sorted(SYMBOLS)
    own = list(decision.symbols)
    np.testing.assert_allclose(decision.prices, expected.prices[own], rtol=1e-15)
    np.testing.assert_allclose(decision.mean, expected.mean[own], rtol=0, atol=1e-15)
    for field in ("volatility", "skewness", "kurtosis"):
        found, wanted = getattr(decision, field), getattr(expected, field)[own]
        np.testing.assert_allclose(found, wanted, rtol=1e-9)


def test_a_symbol_that_goes_silent_leaves_with_the_reason(told: Told) -> None:
    states = {asset.symbol: asset for asset in told.status.assets}
    assert set(states) == {*SYMBOLS, LEAVER}
    assert states[LEAVER].state == "stale"
    # Its last tick is in row 14; row 38 is the last closed one.
    assert states[LEAVER].reason == f"no tick for 24 rows; it leaves after {STALE_AFTER}"
    assert LEAVER not in told.decision.symbols
    assert {states[symbol].state for symbol in SYMBOLS} == {"member"}


def test_when_all_go_silent_the_last_decision_stays_marked_stale(told: Told) -> None:
    with (
        TopicConsumer(told.broker, ["decisions"], fetch_wait_max_ms=5) as reader,
        TopicProducer(told.broker) as producer,
    ):

        def status() -> Status:
            found = newest_status(reader)
            assert found is not None
            return found

        told.run.until(lambda: status().state == "stale", "the state to be stale")
        assert status().reason.startswith("the last decision stands: no tick for ")
        assert status().last_decision_id == told.decision.id
        assert decode_decision(reader.last("decisions")[-1]).id == told.decision.id
        # What comes next is a row of now; those between had no tick.
        now_ns = time.time_ns()
        for symbol in SYMBOLS:
            producer.send("ticks", encode_json(symbol, 100.0, now_ns))
        producer.send("ticks", encode_json(SYMBOLS[0], 101.0, now_ns + SECOND_NS))
        producer.flush(30)
        told.run.until(lambda: status().state == "deciding", "decisions to go on")
        assert status().last_decision_id > told.decision.id


def test_garbage_without_end_does_not_end_the_run(told: Told) -> None:
    random = np.random.default_rng(1)
    with (
        TopicConsumer(told.broker, ["decisions"], fetch_wait_max_ms=5) as reader,
        TopicProducer(told.broker) as producer,
    ):
        before = newest_status(reader)
        assert before is not None
        for _ in range(300):
            producer.send("ticks", random.bytes(int(random.integers(1, 200))))
        producer.flush(30)

        def n_refused() -> int:
            status = newest_status(reader)
            assert status is not None
            return sum(status.rejected.values()) - sum(before.rejected.values())

        told.run.until(lambda: n_refused() >= 300, "the garbage to be refused")
        assert told.run.process.poll() is None
        rejections = [json.loads(p) for p in reader.last("ticks.rejected", 10)]
        assert all(msgspec.json.encode(rejection) for rejection in rejections)
    assert until(lambda: "Traceback" not in told.run.output(), "a clean log") >= 0
