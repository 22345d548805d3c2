"""The bytes between pipeline and peers: every message round trips, garbage is refused."""

import math
import struct
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from optimize.engines import messages
from optimize.engines.wire import WireError, decode, encode
from optimize.job import BlockResult, DrawJob

FLOATS = st.floats(width=64)  # NaN, infinities, -0 and denormals among them
IDS = st.integers(0, 2**64 - 1)
BLOCKS = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=40).map(tuple)
COUNTS = st.integers(0, 2**62)


@st.composite
def jobs(draw: st.DrawFn) -> DrawJob:
    n = draw(st.integers(1, 12))
    return DrawJob(
        draw(st.sampled_from(["exact", "resample", "cloud", "frontier"])),
        draw(arrays(np.float64, n, elements=FLOATS)),
        draw(arrays(np.float64, (n, n), elements=FLOATS)),
        draw(COUNTS),
        draw(st.sampled_from(["max_sharpe", "min_variance"])),
        draw(FLOATS),
        draw(arrays(np.float64, n, elements=FLOATS)),
        draw(COUNTS),
        draw(st.integers(1, 2**62)),
        draw(IDS),
        draw(IDS),
    )


@st.composite
def results(draw: st.DrawFn) -> BlockResult:
    n, points = draw(st.integers(1, 12)), draw(st.integers(0, 40))
    vectors = [draw(arrays(np.float64, size, elements=FLOATS)) for size in (n, n, points, points)]
    return BlockResult(
        draw(st.integers(0, 2**32 - 1)),
        draw(st.integers(0, 2**32 - 1)),
        vectors[0],
        vectors[1],
        draw(FLOATS),
        draw(FLOATS),
        vectors[2],
        vectors[3],
        draw(COUNTS),
    )


def bits(value: object) -> object:
    """Turn a dataclass into what compares bit by bit."""
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    if isinstance(value, float):
        return struct.pack("<d", value)
    if hasattr(value, "__slots__"):
        return {name: bits(getattr(value, name)) for name in value.__slots__}
    return value


MESSAGES = st.one_of(
    st.builds(
        messages.Hello, st.text(max_size=40), st.text(max_size=40), st.integers(0, 2**32 - 1)
    ),
    st.builds(messages.Job, IDS, jobs()),
    st.builds(messages.Blocks, IDS, BLOCKS),
    st.builds(messages.Result, IDS, results(), COUNTS, st.text(max_size=20)),
    st.builds(messages.Failed, IDS, BLOCKS, st.text(max_size=80)),
    st.builds(messages.Cancel, IDS),
    st.builds(messages.Ping, IDS),
    st.builds(messages.Pong, IDS),
    st.builds(messages.Stop, st.text(max_size=80)),
)


@given(MESSAGES)
def test_every_message_keeps_every_bit(message: messages.Message) -> None:
    read = decode(encode(message))
    assert type(read) is type(message)
    assert bits(read) == bits(message)


@given(jobs())
def test_arrays_are_read_in_place_aligned_and_read_only(job: DrawJob) -> None:
    read = decode(encode(messages.Job(1, job)))
    assert isinstance(read, messages.Job)
    for array in (read.job.mean, read.job.covariance, read.job.start_weights):
        assert not array.flags.writeable
        assert array.flags.aligned
        assert array.flags.c_contiguous


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(frame: bytes) -> None:
    with pytest.raises(WireError):
        decode(frame)


@given(MESSAGES, st.data())
def test_damaged_message_is_refused_or_read_never_anything_else(
    message: messages.Message, data: st.DataObject
) -> None:
    frame = bytearray(encode(message))
    for _ in range(data.draw(st.integers(1, 3))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = decode(bytes(frame))
    except WireError:
        return
    assert isinstance(read, get_args(messages.Message))


@given(MESSAGES, st.integers(1, 60))
def test_short_and_long_messages_are_refused(message: messages.Message, by: int) -> None:
    frame = encode(message)
    with pytest.raises(WireError):
        decode(frame[: max(0, len(frame) - by)])
    with pytest.raises(WireError, match="the header says"):
        decode(frame + b"\0" * by)


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (b"", "a header alone has 24"),
        (b"\x80\x05}q\x00" + b"\0" * 40, "must be b'SBEP'"),  # a pickle
        (struct.pack("<4sHHQQ", b"SBEP", 2, 7, 0, 0), "version 2: this side speaks 1"),
        (struct.pack("<4sHHQQ", b"SBEP", 1, 44, 0, 0), "message kind 44"),
        (struct.pack("<4sHHQQI", b"SBEP", 1, 6, 0, 4, 1), "must be empty"),
        (struct.pack("<4sHHQQ", b"SBEP", 1, 3, 0, 0), "0 blocks"),
        (struct.pack("<4sHHQQI", b"SBEP", 1, 5, 0, 4, 2**32 - 1), "4294967295 blocks in 0 bytes"),
    ],
)
def test_refusal_says_what_is_wrong(frame: bytes, says: str) -> None:
    with pytest.raises(WireError, match=says):
        decode(frame)


def test_job_that_claims_more_assets_than_it_carries_is_refused_before_any_allocation() -> None:
    job = DrawJob(
        "exact", np.ones(2), np.eye(2), 9, "max_sharpe", 1.0, np.zeros(2), 1, 1, 1, 1
    )  # fmt: skip
    frame = bytearray(encode(messages.Job(1, job)))
    struct.pack_into("<I", frame, 24 + 4, 2**32 - 1)
    with pytest.raises(WireError, match=r"arrays of 64 bytes: must be"):
        decode(bytes(frame))


def test_job_of_unknown_kind_is_refused() -> None:
    job = DrawJob(
        "cloud", np.ones(2), np.eye(2), 9, "max_sharpe", math.nan, np.zeros(2), 1, 1, 1, 1
    )  # fmt: skip
    frame = bytearray(encode(messages.Job(1, job)))
    frame[24] = 9
    with pytest.raises(WireError, match="job of kind 9"):
        decode(bytes(frame))
