"""Formats of messages: what is written is read back, and nothing read ever raises."""

import json
import math
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.codec import Decoded, decode, encode_json, encode_packed
from ingest.packed import MAGIC

INT64 = st.integers(-(2**63), 2**63 - 1)
ANY_FLOAT = st.floats(allow_nan=True, allow_infinity=True)
SYMBOLS = st.text("ABCXYZ0189._/-", min_size=1, max_size=32)


def rows_of(decoded: Decoded) -> list[tuple[str, float, int, int]]:
    """Give the rows as plain tuples."""
    trade_ids = decoded.trade_ids
    if trade_ids is None:
        trade_ids = np.full(len(decoded.prices), -1)
    return [
        (decoded.names[name], price, time_ns, trade_id)
        for name, price, time_ns, trade_id in zip(
            decoded.name_ids.tolist(),
            decoded.prices.tolist(),
            decoded.event_time_ns.tolist(),
            trade_ids.tolist(),
            strict=True,
        )
    ]


def same(left: object, right: object) -> bool:
    return left == right or (
        isinstance(left, float)
        and isinstance(right, float)
        and math.isnan(left)
        and math.isnan(right)
    )


packed_batches = st.lists(SYMBOLS, min_size=1, max_size=5, unique=True).flatmap(
    lambda symbols: st.tuples(
        st.just(symbols),
        st.lists(
            st.tuples(
                st.integers(0, len(symbols) - 1), ANY_FLOAT, INT64, st.integers(-1, 2**63 - 1)
            ),
            min_size=1,
            max_size=20,
        ),
        st.booleans(),
    )
)


@given(packed_batches)
def test_a_packed_batch_comes_back_bit_for_bit(
    batch: tuple[list[str], list[tuple[int, float, int, int]], bool],
) -> None:
    symbols, rows, with_ids = batch
    ids, prices, times, trades = ([row[column] for row in rows] for column in range(4))
    value = encode_packed(symbols, ids, prices, times, trades if with_ids else None)
    decoded = decode([value])
    assert decoded.counts == [len(rows)]
    assert not decoded.row_faults
    assert not decoded.message_faults
    wanted = [(symbols[row[0]], *row[1:3], row[3] if with_ids else -1) for row in rows]
    for got, want in zip(rows_of(decoded), wanted, strict=True):
        assert all(same(*pair) for pair in zip(got, want, strict=True))


def test_the_packed_layout_is_the_one_documented() -> None:
    table = b"BTC\nETH"
    body = struct.pack("<2q2d2q2H", 10, 20, 1.5, 2.5, -1, 7, 1, 0) + table
    head = struct.pack("<4sHHIII", b"\xabSBT", 1, 1, 2, len(table), 2)
    by_hand = head + struct.pack("<I", zlib.crc32(head + body)) + body
    assert encode_packed(["BTC", "ETH"], [1, 0], [1.5, 2.5], [10, 20], [-1, 7]) == by_hand
    assert rows_of(decode([by_hand])) == [("ETH", 1.5, 10, -1), ("BTC", 2.5, 20, 7)]


def test_a_packed_batch_without_trade_ids_takes_18_bytes_a_row() -> None:
    arrays = np.zeros(1000, np.int64), np.ones(1000), np.arange(1000)
    assert len(encode_packed(["BTC"], *arrays)) == 24 + 18 * 1000 + 3
    assert encode_packed(["BTC"], *arrays, np.full(1000, -1)) == encode_packed(["BTC"], *arrays)


@pytest.mark.parametrize(
    ("symbols", "ids", "prices", "times", "trades"),
    [
        (["A"], [0, 0], [1.0], [1, 2], None),
        (["A"], [0], [1.0], [1, 2], None),
        (["A"], [0], [1.0], [1], [1, 2]),
        (["A"], [0], [1.0], [1], [-1, -1]),
        (["A"], [1], [1.0], [1], None),
        (["A"], [-1], [1.0], [1], None),
        (["A\nB"], [0], [1.0], [1], None),
        ([str(i) for i in range(65_537)], [0], [1.0], [1], None),
    ],
)
def test_what_cannot_be_packed_is_refused(
    symbols: list[str], ids: list[int], prices: list[float], times: list[int], trades: object
) -> None:
    with pytest.raises(ValueError, match=r"symbol|rows|trade"):
        encode_packed(symbols, ids, prices, times, trades)  # type: ignore[arg-type]


def test_a_place_outside_the_symbol_table_costs_its_row_alone() -> None:
    body = struct.pack("<2q2d2H", 10, 20, 1.5, 2.5, 9, 0) + b"BTC"
    head = struct.pack("<4sHHIII", MAGIC, 1, 0, 2, 3, 1)
    value = head + struct.pack("<I", zlib.crc32(head + body)) + body
    assert rows_of(decode([value])) == [("#9", 1.5, 10, -1), ("BTC", 2.5, 20, -1)]


ticks = st.tuples(
    SYMBOLS,
    st.floats(allow_nan=False, allow_infinity=False),
    INT64,
    st.integers(-1, 2**63 - 1),
)


@given(st.lists(ticks, min_size=1, max_size=20), st.booleans())
def test_json_comes_back_alone_and_in_an_array(
    rows: list[tuple[str, float, int, int]], as_array: bool
) -> None:
    values = [encode_json(*row) for row in rows]
    decoded = decode([b"[" + b",".join(values) + b"]"] if as_array else values)
    assert decoded.counts == ([len(rows)] if as_array else [1] * len(rows))
    assert rows_of(decoded) == rows


@given(st.lists(st.tuples(st.sampled_from(["json", "packed", "array"]), ticks), max_size=12))
def test_formats_mix_in_one_wake_up_without_changing_the_order(
    rows: list[tuple[str, tuple[str, float, int, int]]],
) -> None:
    values = []
    for kind, (symbol, price, time_ns, trade_id) in rows:
        tick = encode_json(symbol, price, time_ns, trade_id)
        packed = encode_packed([symbol], [0], [price], [time_ns], [trade_id])
        values.append({"json": tick, "array": b" [" + tick + b"]", "packed": packed}[kind])
    assert rows_of(decode(values)) == [row for _, row in rows]


@pytest.mark.parametrize(
    ("date", "time_ns"),
    [
        ("2019-05-01 12:00:00", 1_556_712_000_000_000_000),
        ("2019-05-01T12:00:00.123456Z", 1_556_712_000_123_456_000),
        ("2019-05-01T14:00:00+02:00", 1_556_712_000_000_000_000),
        ("2019-05-01", 1_556_668_800_000_000_000),
        ("1969-12-31 23:59:59", -1_000_000_000),
        (1_556_712_000, 1_556_712_000_000_000_000),
        (1_556_712_000.5, 1_556_712_000_500_000_000),
        (1_556_712_000_123, 1_556_712_000_123_000_000),
        (1_556_712_000_123_456, 1_556_712_000_123_456_000),
        (1_556_712_000_123_456_789, 1_556_712_000_123_456_789),
    ],
)
def test_the_prototypes_rows_are_read(date: str | float, time_ns: int) -> None:
    value = json.dumps([{"asset": "BTC", "price": 5300.5, "date": date}]).encode()
    assert rows_of(decode([value])) == [("BTC", 5300.5, time_ns, -1)]


@pytest.mark.parametrize("date", ["yesterday", "", True, None, [1], 1e25, float("nan")])
def test_a_date_that_is_none_costs_its_row_alone(date: object) -> None:
    rows = [{"asset": "A", "price": 1, "date": d} for d in (date, 5)]
    decoded = decode([json.dumps(rows).encode()])
    assert decoded.counts == [2]
    assert decoded.row_faults[0].reason == "missing_field"
    assert rows_of(decoded)[1] == ("A", 1.0, 5_000_000_000, -1)


@pytest.mark.parametrize(
    ("trade_id", "number"),
    [("123", 123), (123, 123), ("4f2a-9b", -1), (None, -1), (-5, -1), (2**63, -1), (1.0, -1),
     (True, -1), ("9" * 5000, -1), ("٣", -1)],
)  # fmt: skip
def test_a_trade_id_counts_where_it_is_a_number(trade_id: object, number: int) -> None:
    row = {"symbol": "A", "price": 1.0, "event_time_ns": 5, "trade_id": trade_id}
    plain = {"symbol": "A", "price": 1.0, "event_time_ns": 6, "trade_id": 7}
    decoded = decode([json.dumps([row, plain]).encode()])
    assert rows_of(decoded) == [("A", 1.0, 5, number), ("A", 1.0, 6, 7)]


def test_not_a_number_in_json_costs_its_row_alone() -> None:
    values = [float("nan"), float("inf"), float("-inf"), 1.5]
    rows = [{"symbol": "A", "price": price, "event_time_ns": 5} for price in values]
    decoded = decode([json.dumps(rows).encode()])
    assert not decoded.message_faults
    for got, want in zip(decoded.prices.tolist(), values, strict=True):
        assert same(got, want)


@pytest.mark.parametrize("price", [b"1" + b"0" * 350, b"9" * 5000, b"1e999"])
def test_a_price_beyond_floating_point_costs_its_row_alone(price: bytes) -> None:
    row = b'{"symbol":"A","price":%b,"event_time_ns":5}'
    decoded = decode([b"[" + row % price + b"," + row % b"2" + b"]"])
    assert decoded.prices.tolist() == [math.inf, 2.0]


def test_bytes_that_are_no_text_cost_their_row_alone() -> None:
    row = b'{"symbol":"%b","price":1,"event_time_ns":5}'
    decoded = decode([b"[" + row % b"A\xff" + b"," + row % b"B" + b"]"])
    assert [row[0] for row in rows_of(decoded)] == ["A\ufffd", "B"]


@given(st.binary(max_size=60))
def test_random_bytes_never_raise_and_never_harm_the_next_message(value: bytes) -> None:
    tick = encode_json("BTC", 1.5, 5)
    decoded = decode([tick, value, tick])
    rows = rows_of(decoded)
    assert rows[0] == rows[-1] == ("BTC", 1.5, 5, -1)
    assert len(rows) == sum(decoded.counts)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["symbol", "price", "event_time_ns", "trade_id", "asset", "date"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_json_is_read_or_refused_row_by_row(content: object) -> None:
    decoded = decode([json.dumps(content).encode()])
    assert decoded.counts == [len(content) if isinstance(content, list) else 1]
    faults = {place: fault.reason for place, fault in decoded.message_faults.items()}
    assert faults == ({0: "empty"} if content == [] else {})


def test_json_nested_without_end_is_refused() -> None:
    tick = b'{"symbol":"BTCUSDT","price":1.5,"event_time_ns":1600000000000000000'
    depths = (b"[" * 100_000, b'{"asset":' * 5000, b"[" + tick + b',"x":' + b"[" * 5000)
    for deep in (*depths, tick + b',"x":' + b"[" * 5000 + b"]" * 5000 + b"}"):
        decoded = decode([tick + b"}", deep, tick + b"}"])
        assert decoded.counts == [1, 0, 1]
        assert decoded.message_faults[1].reason == "not_json"


@given(st.binary(max_size=200), st.sampled_from([b"", b"{", b"[", b"[{", MAGIC]))
def test_no_bytes_stop_the_reader(tail: bytes, head: bytes) -> None:
    decoded = decode([head + tail])
    assert len(decoded.counts) == 1
    assert not decoded.message_faults or decoded.counts == [0]
