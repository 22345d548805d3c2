"""Every kind of bad input: it is refused by itself, and what is told names place and remedy."""

import base64
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.codec import encode_json, encode_packed
from ingest.rejection import REASONS, encode_rejection
from tests.ingest.admitting import NOW_NS, TOLERANCE_NS, admission, raw, used_rows


def test_a_rejection_says_what_where_and_what_becomes_of_it() -> None:
    tick = encode_json("BTCUSDT", -3.0, 5)
    (rejection,) = admission().step(raw(tick, first_offset=5012)).rejections
    assert rejection.message == (
        "price=-3.0 for BTCUSDT at ticks[2]@5012: must be > 0; row sent to ticks.rejected"
    )
    assert (rejection.reason, rejection.index, rejection.payload) == ("price", 0, tick)


BAD_MESSAGES = [
    (b"{", "not_json"),
    (b"", "empty"),
    (b"[]", "empty"),
    (b" [ ]\n", "empty"),
    (encode_packed([], [], [], []), "empty"),
    (encode_packed(["A"], [], [], [], []), "empty"),
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
    assert admitted.n_read == 3
    assert used_rows(admitted, machine.symbols) == [("BTC", 2.0, 5)] * 2
    assert admitted.batch.offsets.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("value", "what"), [(b"", "message without content"), (b"[]", "array without rows"),
                        (encode_packed([], [], [], []), "packed batch without rows")],
)  # fmt: skip
def test_a_message_that_holds_nothing_is_told_in_plain_words(value: bytes, what: str) -> None:
    (rejection,) = admission().step(raw(value, first_offset=7)).rejections
    told = f"{what} at ticks[2]@7: must hold a tick; message sent to ticks.rejected"
    assert rejection.message == told


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
