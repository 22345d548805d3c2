"""Which ticks are used: the arrays against a plain loop over rows, and every kind of bad input."""

import base64
import json
import math
import re
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.admission import Admission, Admitted
from ingest.codec import RawMessages, encode_json, encode_packed
from ingest.rejection import REASONS, encode_rejection
from ingest.ticks import SymbolTable

KAFKA_MS = 1_723_075_200_000
NOW_NS = KAFKA_MS * 1_000_000
TOLERANCE_NS = 60 * 10**9
Row = tuple[str, float, int, int]


def raw(*values: bytes, first_offset: int = 0, timestamp_ms: int = KAFKA_MS) -> RawMessages:
    n = len(values)
    return RawMessages(
        topics=["ticks"] * n,
        values=list(values),
        timestamps_ms=[timestamp_ms] * n,
        partitions=[2] * n,
        offsets=list(range(first_offset, first_offset + n)),
        receive_time_ns=NOW_NS + 5,
    )


def admission(limit: int = 512) -> Admission:
    return Admission(SymbolTable(limit), TOLERANCE_NS)


def used_rows(admitted: Admitted, symbols: SymbolTable) -> list[tuple[str, float, int]]:
    batch = admitted.batch
    return [
        (symbols.symbols[symbol], price, time_ns)
        for symbol, price, time_ns in zip(
            batch.symbol_ids.tolist(),
            batch.prices.tolist(),
            batch.event_time_ns.tolist(),
            strict=True,
        )
    ]


@dataclass
class Oracle:
    """The rules once more, one row at a time."""

    limit: int
    symbols: list[str] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=dict)

    def judge(self, symbol: str, price: float, time_ns: int, trade_id: int) -> str:
        return self.fault(symbol, price, time_ns) or self.know(symbol, trade_id)

    def fault(self, symbol: str, price: float, time_ns: int) -> str:
        if re.match(r"^[A-Z0-9._/-]{1,32}\Z", symbol) is None:
            return "symbol"
        if math.isnan(price) or price < 1e-15 or price > 1e15:
            return "price"
        if time_ns < 0:
            return "event_time_past"
        if time_ns > NOW_NS + TOLERANCE_NS:
            return "event_time_future"
        return ""

    def know(self, symbol: str, trade_id: int) -> str:
        if symbol not in self.symbols:
            if len(self.symbols) == self.limit:
                return "symbol_limit"
            self.symbols.append(symbol)
        if trade_id >= 0:
            if trade_id <= self.last.get(symbol, -1):
                return "duplicate"
            self.last[symbol] = trade_id
        return "used"


rows = st.tuples(
    st.sampled_from(["BTC", "ETH", "X/Y-1.0_", "SOL", "btc", "", "A" * 33, "BTC\t", "É"]),
    st.sampled_from([1.5, 2.0, 64000.0, 1e-15, 1e15])
    | st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, -3.0, 1e308, 5e-324, 1.1e15]),
    st.sampled_from([0, NOW_NS, NOW_NS + TOLERANCE_NS])
    | st.sampled_from([-1, -(2**63), NOW_NS + TOLERANCE_NS + 1, 2**63 - 1]),
    st.integers(-1, 6),
)
good_rows = st.tuples(
    st.sampled_from(["BTC", "ETH", "SOL"]), st.just(2.0), st.just(5), st.integers(-1, 9)
)
messages = st.lists(
    st.tuples(
        st.sampled_from(["packed", "array", "single", "broken"]),
        st.lists(rows | good_rows, max_size=6),
    ),
    max_size=8,
)


def as_json(row: Row) -> dict[str, object]:
    tick: dict[str, object] = dict(zip(("symbol", "price", "event_time_ns"), row[:3], strict=True))
    return tick | ({"trade_id": row[3]} if row[3] >= 0 else {})


def encode(kind: str, content: list[Row]) -> list[bytes]:
    if kind == "broken":
        return [b"no tick"]
    if kind == "single":
        return [json.dumps(as_json(row)).encode() for row in content]
    if kind == "array":
        return [json.dumps([as_json(row) for row in content]).encode()]
    names = list(dict.fromkeys(row[0] for row in content))
    columns = [[row[column] for row in content] for column in (1, 2, 3)]
    return [encode_packed(names, [names.index(row[0]) for row in content], *columns)]


@settings(max_examples=300, deadline=None)
@given(messages, st.integers(1, 3), st.lists(st.integers(0, 40), max_size=3))
def test_any_mixture_is_judged_as_a_plain_loop_judges_it(
    content: list[tuple[str, list[Row]]], limit: int, cuts: list[int]
) -> None:
    rules = Oracle(limit)
    values: list[bytes] = []
    expected: list[tuple[str, Row | None]] = []
    for kind, rows_of_message in content:
        values += encode(kind, rows_of_message)
        if kind == "broken":
            expected.append(("not_json", None))
        else:
            expected += [(rules.judge(*row), row) for row in rows_of_message]
    machine = admission(limit)
    got: list[tuple[str, float, int]] = []
    reasons: list[str] = []
    n_read = n_duplicate = 0
    bounds = sorted({0, len(values), *(min(cut, len(values)) for cut in cuts)})
    for start, end in pairwise(bounds):
        admitted = machine.step(raw(*values[start:end], first_offset=start))
        got += used_rows(admitted, machine.symbols)
        reasons += [rejection.reason for rejection in admitted.rejections]
        n_read += admitted.n_read
        n_duplicate += admitted.n_duplicate
        assert admitted.n_read == (
            len(admitted.batch) + len(admitted.rejections) + admitted.n_duplicate
        )
    assert got == [row[:3] for outcome, row in expected if outcome == "used" and row is not None]
    assert reasons == [o for o, _ in expected if o not in {"used", "duplicate"}]
    assert n_read == len(expected)
    assert n_duplicate == sum(outcome == "duplicate" for outcome, _ in expected)
    assert list(machine.symbols.symbols) == rules.symbols


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 300)), min_size=49, max_size=400),
    st.booleans(),
)
def test_duplicates_in_large_batches(ids: list[tuple[int, int]], rising: bool) -> None:
    if rising:
        ids = [(symbol, place) for place, (symbol, _) in enumerate(ids)]
    names = [f"S{number}" for number in range(6)]
    rules, machine = Oracle(6), admission(6)
    for start in (0, 3):  # the second batch meets what the first one left
        part = ids[start:]
        value = encode_packed(
            names,
            [symbol for symbol, _ in part],
            np.ones(len(part)),
            np.arange(len(part)),
            [trade_id for _, trade_id in part],
        )
        admitted = machine.step(raw(value))
        outcomes = [rules.judge(names[s], 1.0, 5, trade_id) for s, trade_id in part]
        kept = [place for place, outcome in enumerate(outcomes) if outcome == "used"]
        assert admitted.batch.event_time_ns.tolist() == kept
        assert admitted.n_duplicate == len(part) - len(kept)


def test_a_rejection_says_what_where_and_what_becomes_of_it() -> None:
    tick = encode_json("BTCUSDT", -3.0, 5)
    (rejection,) = admission().step(raw(tick, first_offset=5012)).rejections
    assert rejection.message == (
        "price=-3.0 for BTCUSDT at ticks[2]@5012: must be > 0; row sent to ticks.rejected"
    )
    assert (rejection.reason, rejection.index, rejection.payload) == ("price", 0, tick)


BAD_MESSAGES = [
    (b"{", "not_json"),
    (b"", "not_json"),
    (b"\xab", "truncated"),
    (encode_packed(["A"], [0], [1.0], [1])[:-1], "truncated"),
    (encode_packed(["A"], [0], [1.0], [1])[:-1] + b"B", "crc"),
    (b"\xabSBT\x07\x00" + bytes(30), "version"),
]
BAD_ROWS: list[tuple[object, str, str]] = [
    ({"price": 1.0, "event_time_ns": 1}, "missing_field", "lacks symbol"),
    ({"symbol": "A", "event_time_ns": 1}, "missing_field", "lacks price"),
    ({"symbol": "A", "price": 1.0}, "missing_field", "lacks event_time_ns"),
    ({"asset": "A"}, "missing_field", "lacks price, date"),
    ({"symbol": "A", "price": 1.0, "event_time_ns": "1"}, "missing_field", "integer"),
    ({"symbol": "A", "price": 1.0, "event_time_ns": 1.5}, "missing_field", "integer"),
    (7, "missing_field", "JSON object"),
    ({"symbol": "A", "price": "12", "event_time_ns": 1}, "price", "number"),
    ({"symbol": "A", "price": None, "event_time_ns": 1}, "price", "number"),
    ({"symbol": "A", "price": True, "event_time_ns": 1}, "price", "number"),
    ({"symbol": "A", "price": math.nan, "event_time_ns": 1}, "price", "1e+15"),
    ({"symbol": "A", "price": math.inf, "event_time_ns": 1}, "price", "1e+15"),
    ({"symbol": "A", "price": 0, "event_time_ns": 1}, "price", "> 0"),
    ({"symbol": "A", "price": -3, "event_time_ns": 1}, "price", "> 0"),
    ({"symbol": "A", "price": 1e308, "event_time_ns": 1}, "price", "1e+15"),
    ({"symbol": "A", "price": 10**400, "event_time_ns": 1}, "price", "1e+15"),
    ({"symbol": "btc", "price": 1, "event_time_ns": 1}, "symbol", "A-Z0-9"),
    ({"symbol": "A\n", "price": 1, "event_time_ns": 1}, "symbol", "A-Z0-9"),
    ({"symbol": "A" * 33, "price": 1, "event_time_ns": 1}, "symbol", "1,32"),
    ({"symbol": "\ud800", "price": 1, "event_time_ns": 1}, "symbol", "A-Z0-9"),
    ({"symbol": 5, "price": 1, "event_time_ns": 1}, "symbol", "string"),
    ({"symbol": "A", "price": 1, "event_time_ns": -1}, "event_time_past", "1970"),
    ({"symbol": "A", "price": 1, "event_time_ns": -(2**70)}, "event_time_past", "64 bits"),
    (
        {"symbol": "A", "price": 1, "event_time_ns": NOW_NS + TOLERANCE_NS + 1},
        "event_time_future",
        "ticks.future_tolerance_s",
    ),
    ({"symbol": "A", "price": 1, "event_time_ns": 2**70}, "event_time_future", "64 bits"),
]


@pytest.mark.parametrize(("value", "reason"), BAD_MESSAGES)
def test_a_bad_message_costs_no_other(value: bytes, reason: str) -> None:
    good = encode_json("BTC", 2.0, 5)
    machine = admission()
    admitted = machine.step(raw(good, value, good))
    (rejection,) = admitted.rejections
    assert (rejection.reason, rejection.index, rejection.payload) == (reason, None, value)
    assert rejection.message.endswith("; message sent to ticks.rejected")
    assert " at ticks[2]@1: " in rejection.message
    assert used_rows(admitted, machine.symbols) == [("BTC", 2.0, 5)] * 2
    assert admitted.batch.offsets.tolist() == [0, 2]


@pytest.mark.parametrize(("row", "reason", "hint"), BAD_ROWS)
def test_a_bad_row_costs_no_neighbour(row: object, reason: str, hint: str) -> None:
    good = {"symbol": "BTC", "price": 2.0, "event_time_ns": 5}
    machine = admission()
    value = json.dumps([good, row, good]).encode()
    admitted = machine.step(raw(value, first_offset=7))
    (rejection,) = admitted.rejections
    assert (rejection.reason, rejection.index) == (reason, 1)
    assert reason in REASONS
    assert " at ticks[2]@7 row 1: " in rejection.message
    assert hint in rejection.message
    assert used_rows(admitted, machine.symbols) == [("BTC", 2.0, 5)] * 2
    assert machine.symbols.symbols == ("BTC",)
    # What was refused can be read again, and is refused for the same reason.
    again = admission().step(raw(rejection.payload)).rejections[0]
    assert (again.reason, again.index) == (reason, 0)


def test_a_bad_row_of_a_packed_batch_is_told_as_json() -> None:
    value = encode_packed(["BTC", "eth"], [0, 1, 0], [2.0, 3.0, math.nan], [5, 6, 7], [1, 2, 3])
    admitted = admission().step(raw(value))
    assert [(r.reason, r.index) for r in admitted.rejections] == [("symbol", 1), ("price", 2)]
    assert json.loads(admitted.rejections[0].payload) == {
        "symbol": "eth",
        "price": 3.0,
        "event_time_ns": 6,
        "trade_id": 2,
    }
    assert admitted.batch.prices.tolist() == [2.0]


def test_refused_rows_leave_neither_symbol_nor_trade_id_behind() -> None:
    machine = admission(limit=1)
    poison = [
        {"symbol": f"POISON{number}", "price": -1.0, "event_time_ns": 5} for number in range(600)
    ]
    poison.append({"symbol": "BTC", "price": -1.0, "event_time_ns": 5, "trade_id": 2**62})
    assert len(machine.step(raw(json.dumps(poison).encode())).rejections) == 601
    admitted = machine.step(raw(encode_json("BTC", 2.0, 5, 1)))
    assert used_rows(admitted, machine.symbols) == [("BTC", 2.0, 5)]


def test_one_symbol_too_many_names_the_setting() -> None:
    machine = admission(limit=2)
    admitted = machine.step(raw(*(encode_json(symbol, 2.0, 5) for symbol in ("A", "B", "C", "A"))))
    (rejection,) = admitted.rejections
    assert rejection.reason == "symbol_limit"
    assert "limit of 2 symbols" in rejection.message
    assert "ticks.max_symbols" in rejection.message
    assert [row[0] for row in used_rows(admitted, machine.symbols)] == ["A", "B", "A"]


def test_quotes_that_share_time_and_price_are_no_duplicates() -> None:
    admitted = admission().step(raw(*[encode_json("BTC", 2.0, 5)] * 3))
    assert (len(admitted.batch), admitted.n_duplicate) == (3, 0)


def test_without_a_kafka_timestamp_the_time_of_receipt_counts() -> None:
    edge = NOW_NS + 5 + TOLERANCE_NS
    values = [encode_json("BTC", 2.0, edge), encode_json("BTC", 2.0, edge + 1)]
    machine = admission()
    for part in (values, values[:1], values[1:]):
        admitted = machine.step(raw(*part, timestamp_ms=-1))
        assert admitted.batch.event_time_ns.tolist() == [edge] * (values[0] in part)


def test_an_absurd_kafka_timestamp_does_not_overflow() -> None:
    values = [encode_json("BTC", 2.0, 5)] * 2
    for n in (1, 2):
        assert len(admission().step(raw(*values[:n], timestamp_ms=2**63 - 1)).batch) == n


def test_the_batch_says_where_each_tick_stood() -> None:
    packed = encode_packed(["A"], [0, 0], [1.0, -1.0], [1, 2])
    messages = RawMessages(
        topics=["ticks"] * 3,
        values=[packed, b"?", encode_json("B", 2.0, 3)],
        timestamps_ms=[KAFKA_MS, KAFKA_MS + 7, KAFKA_MS + 3],
        partitions=[0, 1, 2],
        offsets=[10, 20, 30],
        receive_time_ns=NOW_NS + 9,
    )
    batch = admission().step(messages).batch
    assert (batch.partitions.tolist(), batch.offsets.tolist()) == ([0, 2], [10, 30])
    assert batch.receive_time_ns == NOW_NS + 9
    assert batch.message_time_ns == (KAFKA_MS + 7) * 1_000_000
    kinds = [c.dtype for c in (batch.symbol_ids, batch.prices, batch.partitions, batch.offsets)]
    assert kinds == [np.int32, np.float64, np.int32, np.int64]
    with pytest.raises(ValueError, match="read-only"):
        batch.prices[0] = 5.0


def test_nothing_is_a_batch_too() -> None:
    admitted = admission().step(raw())
    assert (len(admitted.batch), admitted.n_read, admitted.rejections) == (0, 0, ())


def test_a_rejection_goes_out_as_json_within_kafkas_limit() -> None:
    value = b"x" * 2_000_000
    (rejection,) = admission().step(raw(value, first_offset=5)).rejections
    encoded = encode_rejection(rejection)
    assert len(encoded) < 1_000_000
    content = json.loads(encoded)
    payload = base64.b64decode(content.pop("payload"))
    assert value.startswith(payload)
    assert len(payload) == 500_000
    assert content.pop("message").startswith("message ")
    assert content == {
        "topic": "ticks",
        "partition": 2,
        "offset": 5,
        "index": None,
        "reason": "not_json",
        "payload_bytes": 2_000_000,
    }


@given(st.binary(max_size=40), st.integers(0, 60), st.integers(1, 255))
def test_no_bytes_make_a_step_fail(noise: bytes, place: int, change: int) -> None:
    mutated = bytearray(encode_packed(["BTC"], [0], [1.0], [1]))
    mutated[place % len(mutated)] ^= change
    mixed = bytearray(json.dumps([{"symbol": "A", "price": 1, "event_time_ns": 1}] * 2).encode())
    mixed[place % len(mixed)] ^= change
    values = [noise, bytes(mutated), bytes(mixed)]
    admitted = admission().step(raw(*values))
    assert admitted.n_read == len(admitted.batch) + len(admitted.rejections) + admitted.n_duplicate
    for rejection in admitted.rejections:
        assert json.loads(encode_rejection(rejection))["reason"] in REASONS
