"""Ticks read in batches against the reader of everything, byte by byte."""

import copy
import json
from typing import Any

import numpy as np
import pytest
from confluent_kafka import Producer
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.codec import Decoded, decode, encode_json, encode_packed
from ingest.native import librdkafka
from ingest.native.decoding import BatchDecoder
from ingest.native.json_kernels import PADDING
from ingest.native.pairs import PAIRS
from ingest.payloads import Payloads

SPACES = st.sampled_from(["", "", "", " ", "\n\t", "  \r"])
NAMES = st.sampled_from(
    ["BTC", "ETH/USDT", "A" * 32, "A" * 33, "", "btc", "\\u0041", "É", "X-1._/"]
)
PRICES = st.one_of(
    st.floats(1e-8, 1e9).map(lambda x: repr(round(x, 2))),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(0, 2**70).map(str),
    st.sampled_from(
        ["1e22", "1e23", "1E+2", "1.5e-22", "0.1e-22", "9007199254740992", "9007199254740993",
         "0", "0.0", "-0.0", "-1", "01", "1.", ".5", "1e", "1e+", "1.e5", "null", "NaN", '"1"',
         "123456789.12345678", "0." + "0" * 30 + "1", "1" * 400, "1e999", "1e0001"]
    ),
)  # fmt: skip
INTEGERS = st.one_of(
    st.integers(0, 2**63 - 1).map(str),
    st.sampled_from(["0", "00", "-1", "1.0", "1e3", "9223372036854775808", "", "null", "x"]),
    st.integers(0, 10**40).map(str),
)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    members = [("symbol", f'"{draw(NAMES)}"'), ("price", draw(PRICES)),
               ("event_time_ns", draw(INTEGERS)), ("trade_id", draw(INTEGERS)),
               ("side", '"buy"')]  # fmt: skip
    chosen = draw(st.sampled_from([3, 3, 3, 4, 5, 2]))
    members = draw(st.permutations(members[:chosen]))
    if draw(st.integers(0, 9)) == 0:
        members.append(members[0])
    gap = draw(SPACES)
    text = ",".join(f'{gap}"{key}"{gap}:{gap}{value}{gap}' for key, value in members)
    return f"{gap}{{{text}}}{gap}".encode()


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    message = bytearray(draw(messages()))
    place = draw(st.integers(0, max(len(message) - 1, 0)))
    kind = draw(st.sampled_from(["cut", "replace", "insert", "twice", "keep"]))
    if kind == "cut":
        return bytes(message[:place])
    if kind == "replace":
        message[place] = draw(st.integers(0, 255))
    if kind == "insert":
        message.insert(place, draw(st.integers(0, 255)))
    return bytes(message * 2 if kind == "twice" else message)


def batch(values: list[bytes]) -> Payloads:
    content = np.frombuffer(b"".join(values) + bytes(PADDING), np.uint8).copy()
    return Payloads(content, np.cumsum([0, *map(len, values)]))


def told(rows: Decoded) -> dict[str, Any]:
    """Give all that a reader found, whatever table its names stand in."""
    trade_ids = rows.trade_ids
    return {
        "counts": rows.counts,
        "names": [rows.names[place] for place in rows.name_ids.tolist()],
        "prices": rows.prices.view(np.int64).tolist(),
        "times": rows.event_time_ns.tolist(),
        "trades": [-1] * len(rows.prices) if trade_ids is None else trade_ids.tolist(),
        "faults": (rows.row_faults, rows.message_faults),
        "clocks": rows.clocks,
    }


@settings(max_examples=600, deadline=None)
@given(st.lists(messages() | mutations(), min_size=1, max_size=12))
@example([b'{"symbol":"A","price":1e0,"event_time_ns":12345678901234567}'])
@example([b'{"symbol":"A","price":1,"event_time_ns":1}', b"", b"[", b'{"clock_ns":5}'])
@example([b'{"symbol":"A","price":1,"event_time_ns":1', b'},{"symbol":"B","price":2}'])
def test_a_batch_is_read_as_its_messages_one_by_one(values: list[bytes]) -> None:
    decoder = BatchDecoder()
    expected = told(decode(values))
    for _ in range(2):  # again with symbols that it knows
        assert told(decoder.decode(batch(values))) == expected


def test_what_a_feed_writes_needs_no_other_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    values = [
        encode_json(f"S{k % 70}/USDT", round(float(rng.lognormal(5, 3)), 4), 10**18 + k, k % 3 - 1)
        for k in range(2000)
    ]
    values += [json.dumps(json.loads(value)).encode() for value in values]  # with spaces
    expected = told(decode(values))
    monkeypatch.setattr("ingest.codec.RowReader.read", None)
    assert told(BatchDecoder().decode(batch(values))) == expected


def test_a_buffer_that_ends_with_its_messages_is_read_no_further() -> None:
    values = [encode_json("B", 2.5, 7), encode_json("C" * 32, 1e-3, 8)]
    whole = batch(values)
    bare = Payloads(whole.buffer[: whole.bounds[-1]].copy(), whole.bounds)
    assert told(BatchDecoder().decode(bare)) == told(decode(values))


def test_packed_and_plain_messages_mix() -> None:
    plain = encode_json("B", 2.5, 7, 9)
    values = [plain, encode_packed(["A", "B"], [0, 1, 0], [1.0, 2.0, 3.0], [1, 2, 3]), plain]
    assert told(BatchDecoder().decode(batch(values))) == told(decode(values))


def test_a_full_table_of_symbols_costs_time_not_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.native.decoding._MOST_NAMES", 4)
    values = [encode_json(f"S{k % 9}", 1.0 + k, 5 + k) for k in range(40)]
    assert told(BatchDecoder().decode(batch(values))) == told(decode(values))


@given(st.lists(st.binary(max_size=9), max_size=6), st.integers(-8, 8))
def test_payloads_are_the_messages(values: list[bytes], place: int) -> None:
    payloads = batch(values)
    assert list(payloads) == values
    assert payloads[1:4] == values[1:4]
    if -len(values) <= place < len(values):
        assert payloads[place] == values[place]
    else:
        with pytest.raises(IndexError, match=f"message {place} of {len(values)}"):
            payloads[place]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
@pytest.mark.parametrize(("seed", "size"), [(1, 1), (2, 7), (3, 31), (4, 200)])
def test_a_kernel_has_the_bits_of_its_plain_twin(pair: Any, seed: int, size: int) -> None:
    fast = pair.make_arguments(seed, size)
    slow = copy.deepcopy(fast)
    (count, names), (expected_count, expected_names) = pair.kernel(*fast), pair.twin(*slow)
    assert count == expected_count > 0
    for a, b in zip((names, *fast), (expected_names, *slow), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_client_that_is_no_consumer_is_refused() -> None:
    library = librdkafka.open_library()
    producer = Producer({"bootstrap.servers": "127.0.0.1:1"})
    with pytest.raises(librdkafka.NativeError, match="not that of a consumer"):
        librdkafka.find_handle(library, producer)


def test_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(librdkafka, "version", lambda _: "3.1.0")
    with pytest.raises(librdkafka.NativeError, match=r"confluent-kafka is 3\.1\.0"):
        librdkafka.open_library()
