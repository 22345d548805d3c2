"""Moments of a window of ticks around a pivot: the kernels of the tick window.

A window is split at one of its ticks, the pivot. ``prefix`` is the aggregate from the pivot on,
to which ticks are added as they come; the suffix of each older tick, that is the aggregate from
it to the pivot, is made from newest to oldest when the pivot is new. A read merges the suffix of
the window's oldest tick and the prefix, in this order, whenever it is and whatever was read
before. Only the suffix at each 32nd tick is kept, and those within the 32 that are leaving:
3 kB a symbol instead of 48 at 1000 ticks, for one more addition a tick, and it is no slower.

The pivot is the tick whose event time has the smallest hash. A row number is absolute, but how
many ticks a symbol had before a restart is not known; spans counted from the start of a
process would give other last bits after a restart. This pivot is a function of the ticks in the
window, so all bits are. It moves twice in N ticks on average, each time at the cost of one pass
over the window, and at another tick for each symbol.
"""

import math

import numpy as np

from stats.aggregates import (
    Aggregate,
    add_tick,
    load_aggregate,
    merge_aggregates,
    no_ticks,
    store_aggregate,
)
from stats.compiled import FloatArray, IntArray, inlined, lean_kernel
from stats.tick_rings import (
    BUILT,
    COUNT,
    LARGEST_HASH,
    OPENED,
    PIVOT,
    PIVOT_HASH,
    SLOT,
    SUMMED,
    mix_time,
)

BLOCK = 32
# Rows of a symbol's sums: the prefix up to ticks of even and of odd number, for the newest
# tick's price may still be replaced; suffixes of 0, 32, 64 ... ticks; those of the open block.
SUFFIXES = 2


def n_sums(window: int) -> int:
    """Give the rows that a symbol's sums take."""
    return SUFFIXES + -(-window // BLOCK) + BLOCK


@lean_kernel
def find_pivot(s: int, times: IntArray, ticks_i: IntArray) -> None:
    """Find the tick of smallest hash in the window of a symbol that has ticks."""
    window, count = times.shape[1], ticks_i[s, COUNT]
    least = LARGEST_HASH
    for slot in range(min(window, count)):  # looking for the place as well takes 5 times as long
        least = min(least, mix_time(times[s, slot]))
    at = 0
    while mix_time(times[s, at]) != least:  # no two times have one hash
        at += 1
    ticks_i[s, PIVOT_HASH] = least
    ticks_i[s, PIVOT] = count - 1 - (ticks_i[s, SLOT] - at) % window


@inlined
def slot_of(s: int, tick: int, window: int, ticks_i: IntArray) -> int:
    """Give the slot of a tick in the window, or of the one before it."""
    slot: int = ticks_i[s, SLOT] - (ticks_i[s, COUNT] - 1 - tick)
    return slot + window if slot < 0 else slot


@lean_kernel
def build_suffixes(
    s: int, length: int, ring: FloatArray, ticks_i: IntArray, sums: FloatArray, inverses: FloatArray
) -> None:
    """Make each 32nd suffix of the ``length`` ticks before a new pivot, and an empty prefix."""
    window, pivot = ring.shape[1], ticks_i[s, PIVOT]
    ticks_i[s, BUILT], ticks_i[s, SUMMED], ticks_i[s, OPENED] = pivot, pivot, -1
    suffix = no_ticks()
    store_aggregate(sums, s, pivot & 1, suffix)
    store_aggregate(sums, s, SUFFIXES, suffix)
    slot = slot_of(s, pivot, window, ticks_i)
    for block in range((length - 1) // BLOCK):
        for n in range(block * BLOCK + 1, block * BLOCK + BLOCK + 1):
            slot = slot - 1 if slot > 0 else window - 1
            suffix = add_tick(suffix, ring[s, slot, 0], ring[s, slot, 1], inverses[n])
        store_aggregate(sums, s, SUFFIXES + 1 + block, suffix)


@lean_kernel
def open_block(
    s: int, length: int, ring: FloatArray, ticks_i: IntArray, sums: FloatArray, inverses: FloatArray
) -> None:
    """Make the suffix of each tick of the block that holds the oldest of ``length``."""
    window, block = ring.shape[1], (length - 1) // BLOCK
    ticks_i[s, OPENED] = block
    first, row = block * BLOCK, sums.shape[1] - BLOCK
    suffix = load_aggregate(sums, s, SUFFIXES + block, first)
    slot = slot_of(s, ticks_i[s, PIVOT] - first, window, ticks_i)
    for n in range(first + 1, min(length, first + BLOCK) + 1):
        slot = slot - 1 if slot > 0 else window - 1
        suffix = add_tick(suffix, ring[s, slot, 0], ring[s, slot, 1], inverses[n])
        store_aggregate(sums, s, row, suffix)
        row += 1


@inlined
def sum_prefix(
    s: int, ring: FloatArray, ticks_i: IntArray, sums: FloatArray, inverses: FloatArray
) -> Aggregate:
    """Aggregate a symbol's ticks from the pivot on, adding those that have come since."""
    window, count = ring.shape[1], ticks_i[s, COUNT]
    pivot, summed = ticks_i[s, PIVOT], ticks_i[s, SUMMED]
    prefix = load_aggregate(sums, s, summed & 1, summed - pivot)
    if summed == count:
        return prefix
    slot = slot_of(s, summed, window, ticks_i)
    if summed < count - 1:
        for n in range(summed - pivot + 1, count - pivot):
            prefix = add_tick(prefix, ring[s, slot, 0], ring[s, slot, 1], inverses[n])
            slot = slot + 1 if slot + 1 < window else 0
        store_aggregate(sums, s, (count - 1) & 1, prefix)
    prefix = add_tick(prefix, ring[s, slot, 0], ring[s, slot, 1], inverses[count - pivot])
    store_aggregate(sums, s, count & 1, prefix)
    ticks_i[s, SUMMED] = count
    return prefix


@inlined
def window_aggregate(
    s: int,
    ring: FloatArray,
    times: IntArray,
    ticks_i: IntArray,
    sums: FloatArray,
    inverses: FloatArray,
) -> Aggregate:
    """Aggregate the window of a symbol that has ticks."""
    oldest = max(0, ticks_i[s, COUNT] - ring.shape[1])
    if ticks_i[s, PIVOT] < oldest:
        find_pivot(s, times, ticks_i)
    length = ticks_i[s, PIVOT] - oldest
    if ticks_i[s, PIVOT] != ticks_i[s, BUILT]:
        build_suffixes(s, length, ring, ticks_i, sums, inverses)
    prefix = sum_prefix(s, ring, ticks_i, sums, inverses)
    if length == 0:
        return prefix
    block = (length - 1) // BLOCK
    if block != ticks_i[s, OPENED]:
        open_block(s, length, ring, ticks_i, sums, inverses)
    row = sums.shape[1] - BLOCK + length - 1 - block * BLOCK
    suffix = load_aggregate(sums, s, row, length)
    return merge_aggregates(suffix, prefix, inverses[ticks_i[s, COUNT] - oldest])


@inlined
def read_tick(
    s: int,
    out: FloatArray,
    place: int,
    ring: FloatArray,
    times: IntArray,
    ticks_i: IntArray,
    sums: FloatArray,
    inverses: FloatArray,
) -> None:
    """Write a symbol's statistics to ``out[:, place]``."""
    if ticks_i[s, COUNT] == 0:
        out[0, place] = 0.0
        for row in range(1, 7):
            out[row, place] = np.nan
        return
    count, mean, m2, m3, m4, slope_mean, slope_m2 = window_aggregate(
        s, ring, times, ticks_i, sums, inverses
    )
    inverse = 1.0 / m2
    fewer = inverses[min(ticks_i[s, COUNT], ring.shape[1]) - 1]
    out[0, place], out[1, place] = count, mean
    out[2, place] = m2 * fewer if count > 1.0 else np.nan
    out[3, place] = m3 * inverse * math.sqrt(count * inverse) if m2 > 0.0 else np.nan
    out[4, place] = count * m4 * inverse * inverse - 3.0 if m2 > 0.0 else np.nan
    out[5, place] = slope_mean
    out[6, place] = slope_m2 * fewer if count > 1.0 else np.nan


@lean_kernel
def read_ticks(
    ids: IntArray,
    out: FloatArray,
    ring: FloatArray,
    times: IntArray,
    ticks_i: IntArray,
    sums: FloatArray,
    inverses: FloatArray,
) -> None:
    """Write each symbol's statistics.

    Parameters
    ----------
    out
        float64[7, len(ids)]: count, mean, variance, skewness, excess kurtosis, mean and
        variance of the slope; NaN where not defined.
    """
    for place in range(len(ids)):
        read_tick(ids[place], out, place, ring, times, ticks_i, sums, inverses)
