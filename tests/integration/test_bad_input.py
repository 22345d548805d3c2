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
from ingest.codec import encode_json
from ingest.consumer import TopicConsumer
from ingest.producer import TopicProducer
from optimize.decision import Decision, decode_decision
from storage.records import Status, decode_status
from tests.integration import oracle
from tests.integration.bad_ticks import LEAVER, SECOND_NS, SYMBOLS, Script, write_script
from tests.integration.commands import Running, until

STALE_AFTER = 12
WINDOW = 25


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
    assert len(wanted) == 11
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
    assert states[LEAVER].reason == f"no tick for 24 rows; left out after {STALE_AFTER}"
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
        told.run.until(
            lambda: (
                (now := status()).state == "deciding" and now.last_decision_id > told.decision.id
            ),
            "decisions to go on",
        )


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
