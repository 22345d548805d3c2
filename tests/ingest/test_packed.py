"""A packed batch that was damaged, cut or made by another version is refused as such."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.codec import decode, encode_packed
from ingest.native.packed_batches import PackedReader
from ingest.packed import PackedError, decode_packed
from ingest.payloads import Payloads

GOOD = encode_packed(["BTC", "ETH"], [0, 1, 0], [1.0, 2.0, 3.0], [1, 2, 3], [4, 5, 6])


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_no_changed_byte_of_a_packed_batch_passes(place: int, change: int) -> None:
    value = bytearray(GOOD)
    value[place] ^= change
    decoded = decode([bytes(value), GOOD])
    assert decoded.counts == [0, 3]
    assert set(decoded.message_faults) == {0}
    assert decoded.message_faults[0].reason in {"crc", "version", "truncated", "not_json"}


@given(st.integers(1, len(GOOD) - 1))
def test_a_packed_batch_cut_short_is_told_as_such(size: int) -> None:
    with pytest.raises(PackedError) as caught:
        decode_packed(GOOD[:size])
    assert caught.value.reason == "truncated"
    assert decode([GOOD[:size]]).message_faults[0].reason == "truncated"


def test_too_long_a_packed_batch_is_refused() -> None:
    assert decode([GOOD + b"\0"]).message_faults[0].reason == "truncated"


def with_version(version: int) -> bytes:
    head = GOOD[:4] + struct.pack("<H", version) + GOOD[6:20]
    return head + struct.pack("<I", zlib.crc32(head + GOOD[24:])) + GOOD[24:]


def test_an_unknown_version_is_named_though_its_crc_is_right() -> None:
    assert decode([with_version(1)]).message_faults == {}
    fault = decode([with_version(2)]).message_faults[0]
    assert fault.reason == "version"
    assert "version 2" in fault.what
    assert "version 1" in fault.rule


@pytest.mark.parametrize(("n_symbols", "is_kept"), [(1000, True), (4000, False)])
def test_only_tables_of_a_usual_size_are_remembered(n_symbols: int, is_kept: bool) -> None:
    names = tuple(f"S{number:05d}" for number in range(n_symbols))
    values = [encode_packed(names, [0], [1.0], [time]) for time in (1, 2)]
    first, second = (decode_packed(value).names for value in values)
    assert first == second == names
    assert (first is second) == is_kept
    reader = PackedReader({name: place for place, name in enumerate(names)}.get, 1e-15, 1e15)
    assert reader.read(whole(values), 9, [0, 0], [0, 1], np.full(n_symbols, -1)) is not None
    assert len(reader._known) == is_kept


def whole(values: list[bytes]) -> Payloads:
    bounds = np.cumsum([0, *map(len, values)])
    return Payloads(np.frombuffer(b"".join(values), np.uint8).copy(), bounds)
