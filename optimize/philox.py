"""Counter-based random words: Philox4x32-10 of Salmon, Moraes, Dror and Shaw (SC 2011).

A word is a pure function of where it stands, so any draw can be made anywhere, in any order,
and again. Key: the seed's low and high 32 bits. Counter, four words of 32 bits: position in
the stream, draw index, round, and 65536 times the stream plus the attempt (what a rejection
takes next).
"""

import numpy as np
from numpy.typing import NDArray

from optimize.lane_code import LANES
from optimize.philox_lanes import INCREMENTS, MULTIPLIERS, ROUNDS, fill_eight
from stats.compiled import lean_kernel

WordArray = NDArray[np.uint64]

# Streams: what a word is used for. Numbers are part of every recorded decision's bits.
NORMALS = 1
CHI_SQUARES = 2
CLOUD = 3
CLOUD_ORDER = 4

_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_M0, _M1 = (np.uint64(multiplier) for multiplier in MULTIPLIERS)
_W0, _W1 = (np.uint64(increment) for increment in INCREMENTS)


@lean_kernel
def fill_words(
    key: int,
    position: int,
    counter_1: int,
    counter_2: int,
    counter_3: int,
    first: WordArray,
    second: WordArray,
) -> None:
    """Fill two uint64[k] with Philox4x32-10 of k positions from ``position`` on.

    Of the four output words of position + b, x0 and x1 stand in ``first[b]``, x2 and x3 in
    ``second[b]``, the first of each pair in the upper half.
    """
    whole = first.shape[0] // LANES * LANES
    for b in range(0, whole, LANES):
        fill_eight(
            np.uint64(key), np.uint64(position + b), np.uint64(counter_1), np.uint64(counter_2),
            np.uint64(counter_3), first, second, b,
        )  # fmt: skip
    for b in range(whole, first.shape[0]):
        first[b], second[b] = make_words(key, position + b, counter_1, counter_2, counter_3)


@lean_kernel
def make_words(
    key: int, position: int, counter_1: int, counter_2: int, counter_3: int
) -> tuple[int, int]:
    """Give the two words of one position."""
    k0, k1 = np.uint64(key) & _LOW, np.uint64(key) >> _32
    c0, c1 = np.uint64(position) & _LOW, np.uint64(counter_1) & _LOW
    c2, c3 = np.uint64(counter_2) & _LOW, np.uint64(counter_3) & _LOW
    for _ in range(ROUNDS):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1 = (p1 >> _32) ^ c1 ^ k0, p1 & _LOW
        c2, c3 = (p0 >> _32) ^ c3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return (c0 << _32) | c1, (c2 << _32) | c3  # type: ignore[return-value]


@lean_kernel
def fill_stream(
    seed: int,
    round_: int,
    draw: int,
    stream: int,
    attempt: int,
    position: int,
    first: WordArray,
    second: WordArray,
) -> None:
    """Fill two uint64[k] with the words of a draw's stream from ``position`` on."""
    fill_words(seed, position, draw, round_, stream * 65536 + attempt, first, second)
