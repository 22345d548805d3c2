"""Which ticks are used: the arrays against a plain loop over rows."""

import json
import math
import re
import zlib
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.codec import RawMessages, encode_json, encode_packed
from ingest.ticks import FEW
from tests.ingest.admitting import (
    KAFKA_MS,
    NOW_NS,
    TOLERANCE_NS,
    admission,
    in_batch,
    raw,
    used_rows,
)

Row = tuple[str, float, int, int]


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
@given(
    messages,
    st.integers(1, 3),
    # In a few batches, or message by message, as a live feed's come.
    st.lists(st.integers(0, 40), max_size=3) | st.just(list(range(64))),
    st.booleans(),
)
def test_any_mixture_is_judged_as_a_plain_loop_judges_it(
    content: list[tuple[str, list[Row]]], limit: int, cuts: list[int], as_batch: bool
) -> None:
    rules = Oracle(limit)
    values: list[bytes] = []
    expected: list[tuple[str, Row | None]] = []
    for kind, rows_of_message in content:
        values += encode(kind, rows_of_message)
        if kind == "broken":
            expected.append(("not_json", None))
        elif kind != "single" and not rows_of_message:
            expected.append(("empty", None))
        else:
            expected += [(rules.judge(*row), row) for row in rows_of_message]
    machine = admission(limit)
    got: list[tuple[str, float, int]] = []
    reasons: list[str] = []
    n_read = n_duplicate = 0
    bounds = sorted({0, len(values), *(min(cut, len(values)) for cut in cuts)})
    for start, end in pairwise(bounds):
        messages = raw(*values[start:end], first_offset=start)
        admitted = machine.step(in_batch(messages) if as_batch else messages)
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


packed_rows = st.lists(
    st.tuples(st.sampled_from(["BTC", "ETH"]), st.just(2.0), st.just(5), st.integers(-1, 60))
    | good_rows.filter(lambda row: row[0] != "SOL"),
    min_size=1,
    max_size=5,
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.lists(packed_rows, min_size=1, max_size=4), min_size=1, max_size=3),
    rows | good_rows,
    st.integers(0, 40),
    st.integers(0, 400) | st.just(-1),
    st.booleans(),
)
def test_packed_batches_are_admitted_as_their_messages_one_by_one(
    batches: list[list[list[Row]]], odd: Row, odd_at: int, changed_byte: int, rising: bool
) -> None:
    trade = 0
    machines = admission(3), admission(3)
    for batch in batches:
        values = []
        for message in batch:
            content = list(message)
            if rising:
                content = [(*row[:3], trade + k) for k, row in enumerate(message)]
                trade += len(content)
            if 0 <= odd_at < len(content):
                content[odd_at] = odd
            values += encode("packed", content)
            odd_at -= len(content)
        if 0 <= changed_byte < len(values[0]):
            changed = bytearray(values[0])
            changed[changed_byte] ^= 1
            values[0] = bytes(changed)
        whole = machines[0].step(in_batch(raw(*values, first_offset=7)))
        single = machines[1].step(raw(*values, first_offset=7))
        assert whole.rejections == single.rejections
        assert (whole.n_read, whole.n_duplicate) == (single.n_read, single.n_duplicate)
        for name in ("symbol_ids", "prices", "event_time_ns", "partitions", "offsets"):
            one, other = getattr(whole.batch, name), getattr(single.batch, name)
            assert one.dtype == other.dtype
            assert one.tolist() == other.tolist()
            assert not one.flags.writeable
        assert whole.batch.message_time_ns == single.batch.message_time_ns
        assert machines[0].trade_ids.tolist() == machines[1].trade_ids.tolist()
    assert machines[0].symbols.symbols == machines[1].symbols.symbols


def test_known_symbols_in_packed_batches_need_no_other_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = [("BTC", 2.0, 5, 3), ("ETH", 3.0, 6, -1)]
    values = [*encode("packed", good), *encode("packed", good[1:]), *encode("packed", good[:1])]
    values[2] = encode_packed(["BTC"], [0], [4.0], [7], [4])
    machine = admission()
    machine.step(raw(*encode("packed", [(*row[:3], -1) for row in good])))
    monkeypatch.setattr(machine, "_decode", None)
    admitted = machine.step(in_batch(raw(*values)))
    expected = [("BTC", 2.0, 5), ("ETH", 3.0, 6), ("ETH", 3.0, 6), ("BTC", 4.0, 7)]
    assert used_rows(admitted, machine.symbols) == expected
    assert machine.trade_ids[:2].tolist() == [4, -1]


def checked(value: bytes, place: int, changed: bytes) -> bytes:
    """Change a packed message as a sender would that is wrong itself: its check sum is right."""
    value = value[:place] + changed + value[place + len(changed) :]
    crc = zlib.crc32(value[24:], zlib.crc32(value[:20]))
    return value[:20] + crc.to_bytes(4, "little") + value[24:]


@pytest.mark.parametrize("first", [0, 1], ids=["alone", "behind another"])
@pytest.mark.parametrize(
    ("place", "changed", "n_used"),
    [
        (16, (0).to_bytes(4, "little"), 0),  # symbols in the table
        (16, (1).to_bytes(4, "little"), 1),
        (16, (3).to_bytes(4, "little"), 2),
        (16, (2**32 - 1).to_bytes(4, "little"), 2),
        (56, (2).to_bytes(2, "little"), 1),  # the first row's place in it
        (56, (2**16 - 1).to_bytes(2, "little"), 1),
        (60, b"BTC\n\xff\xfe\xfd", 1),  # the table
    ],
)
def test_a_packed_message_that_points_beyond_its_table_is_read_no_further(
    place: int, changed: bytes, n_used: int, first: int
) -> None:
    good = encode_packed(["BTC", "ETH"], [0, 1], [2.0, 3.0], [5, 6])
    values = [good] * first + [checked(good, place, changed)]
    machines = admission(), admission()
    for machine in machines:
        machine.step(raw(good))
    whole, single = machines[0].step(in_batch(raw(*values))), machines[1].step(raw(*values))
    assert len(whole.batch) == 2 * first + n_used
    assert used_rows(whole, machines[0].symbols) == used_rows(single, machines[1].symbols)
    assert whole.rejections == single.rejections
    assert len(whole.rejections) == 2 - n_used


few_messages = st.lists(
    st.tuples(
        st.sampled_from(["BTC", "ETH"]),
        st.sampled_from([2.0, 3.0, 0.0]),
        st.sampled_from([0, TOLERANCE_NS, TOLERANCE_NS + 10**6, TOLERANCE_NS + 2 * 10**6]),
        st.integers(-1, 9),
        st.integers(0, 2),  # ms that its Kafka timestamp is behind the first's
    ),
    min_size=1,
    max_size=FEW,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(few_messages, min_size=1, max_size=3))
def test_a_few_messages_have_each_its_own_limit_of_time(batches: list[list[Any]]) -> None:
    machine, rules = admission(), Oracle(2, ["BTC", "ETH"])
    for symbol in rules.symbols:
        machine.symbols.intern(symbol)
    for batch in batches:
        used, faults = [], []
        for symbol, price, ahead_ns, trade_id, later_ms in batch:
            time_ns = NOW_NS + ahead_ns
            fault = rules.fault(symbol, price, min(time_ns, NOW_NS))
            if not fault and ahead_ns > TOLERANCE_NS + later_ms * 10**6:
                fault = "event_time_future"
            outcome = fault or rules.know(symbol, trade_id)
            used += [(symbol, price, time_ns)] * (outcome == "used")
            faults += [outcome] * (outcome not in {"used", "duplicate"})
        values = [
            json.dumps(as_json((symbol, price, NOW_NS + ahead_ns, trade_id))).encode()
            for symbol, price, ahead_ns, trade_id, _ in batch
        ]
        messages = msgspec.structs.replace(
            raw(*values), timestamps_ms=[KAFKA_MS + later_ms for *_, later_ms in batch]
        )
        admitted = machine.step(messages)
        assert used_rows(admitted, machine.symbols) == used
        assert [one.reason for one in admitted.rejections] == faults
        assert admitted.n_duplicate == len(batch) - len(used) - len(faults)
        assert admitted.batch.message_time_ns == max(messages.timestamps_ms) * 10**6


def test_a_few_ticks_of_known_symbols_need_no_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = admission()
    machine.step(raw(encode_json("BTC", 2.0, 5), encode_json("ETH", 2.0, 5)))
    monkeypatch.setattr(machine, "_judge", None)
    names = ["BTC", "ETH"] * (FEW // 2)
    values = [encode_json(name, 2.0 + k, k, k) for k, name in enumerate(names)]
    admitted = machine.step(raw(*values, first_offset=9))
    expected = [(name, 2.0 + k, k) for k, name in enumerate(names)]
    assert used_rows(admitted, machine.symbols) == expected
    assert list(admitted.batch.offsets) == list(range(9, 9 + FEW))
    assert list(admitted.batch.partitions) == [2] * FEW
    assert machine.trade_ids[:2].tolist() == [FEW - 2, FEW - 1]


def test_one_seen_before_among_a_few_takes_none_of_the_others_with_it() -> None:
    machine = admission()
    machine.step(raw(encode_json("BTC", 2.0, 5)))
    values = [encode_json("BTC", 2.0, 5, trade_id) for trade_id in (3, 4, 4)]
    admitted = machine.step(raw(*values))
    assert (len(admitted.batch), admitted.n_duplicate) == (2, 1)


def test_quotes_that_share_time_and_price_are_no_duplicates() -> None:
    admitted = admission().step(raw(*[encode_json("BTC", 2.0, 5)] * 3))
    assert (len(admitted.batch), admitted.n_duplicate) == (3, 0)


def test_without_a_kafka_timestamp_the_time_of_receipt_counts() -> None:
    edge = NOW_NS + 5 + TOLERANCE_NS
    values = [encode_json("BTC", 2.0, edge), encode_json("BTC", 2.0, edge + 1)]
    machine = admission()
    for part in (values, values[:1], values[1:]):
        admitted = machine.step(raw(*part, timestamp_ms=-1))
        assert list(admitted.batch.event_time_ns) == [edge] * (values[0] in part)


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
