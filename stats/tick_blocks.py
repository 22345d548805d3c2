"""Blocks of tick returns around a pivot: the kernels of the tick window.

A window is split at one of its ticks, the pivot. Before it, whole blocks of 20 ticks are
counted backwards from the pivot and merged from the newest to the oldest (``suffix``); from it
on, whole blocks are sealed and merged as they fill (``prefix``). Both ragged ends, at most 19
and 20 ticks, are aggregated when read. Then oldest end, suffix, prefix and newest end merge in
this order.

The pivot is the tick whose event time has the smallest hash. A row number is absolute, but how
many ticks a symbol had before a restart is not known; spans counted from the start of a
process would give other last bits after a restart. This pivot is a function of the ticks in the
window, so all bits are. It moves twice in N ticks on average, each time at the cost of one pass
over the window, and at another tick for each symbol.
"""

import numpy as np

from stats import pending
from stats.aggregates import Aggregate, merge_aggregates, seal_group
from stats.compiled import FloatArray, IntArray, kernel
from stats.returns import log_return

BLOCK = 20
# ticks_i: returns so far, event time of the newest tick and of the one before, pivot and its
# hash, the pivot that suffix and prefix stand on, blocks in the prefix.
COUNT, NEWEST_TIME, PREVIOUS_TIME, PIVOT, PIVOT_HASH, BUILT, BLOCKS_ON = range(7)
PRICE, PREVIOUS = 0, 1
NO_TIME = -(2**62)
LARGEST_HASH = 2**63 - 1


@kernel
def mix_time(time: int) -> int:
    """Hash an event time: two rounds of multiply and xor-shift, wrapping at 64 bits."""
    h = time * -7046029254386353131
    h ^= (h >> 32) & 0xFFFFFFFF
    h *= -4658895280553007687
    return h ^ ((h >> 29) & 0x7FFFFFFFF)


@kernel
def push_ticks(
    start: int,
    stop: int,
    inbox_i: IntArray,
    inbox_f: FloatArray,
    ticks_f: FloatArray,
    returns: FloatArray,
    slopes: FloatArray,
    times: IntArray,
    ticks_i: IntArray,
) -> None:
    """Append ticks; symbol -1 is passed over.

    A tick earlier than its symbol's newest is not used; one at the same instant replaces that
    one's price.
    """
    window = returns.shape[1]
    for i in range(start, stop):
        s, time, price = inbox_i[pending.SYMBOL, i], inbox_i[pending.TIME, i], inbox_f[i]
        if s < 0 or time < ticks_i[s, NEWEST_TIME]:
            continue
        if time > ticks_i[s, NEWEST_TIME]:
            ticks_f[s, PREVIOUS] = ticks_f[s, PRICE]
            ticks_i[s, PREVIOUS_TIME] = ticks_i[s, NEWEST_TIME]
            ticks_i[s, NEWEST_TIME] = time
            if ticks_i[s, PREVIOUS_TIME] != NO_TIME:
                ticks_i[s, COUNT] += 1
                hashed = mix_time(time)
                if hashed < ticks_i[s, PIVOT_HASH]:
                    ticks_i[s, PIVOT_HASH] = hashed
                    ticks_i[s, PIVOT] = ticks_i[s, COUNT] - 1
        ticks_f[s, PRICE] = price
        if ticks_i[s, COUNT] > 0:
            slot = (ticks_i[s, COUNT] - 1) % window
            previous = ticks_f[s, PREVIOUS]
            returns[s, slot] = log_return(price, previous)
            seconds = 1e-9 * (ticks_i[s, NEWEST_TIME] - ticks_i[s, PREVIOUS_TIME])
            slopes[s, slot] = (price - previous) / seconds
            times[s, slot] = ticks_i[s, NEWEST_TIME]


@kernel
def renew_pivot(
    oldest: int,
    count: int,
    returns: FloatArray,
    slopes: FloatArray,
    times: IntArray,
    symbol_i: IntArray,
    suffix: FloatArray,
) -> None:
    """Find the pivot where the old one has left; merge the blocks before a new one."""
    window = len(returns)
    if symbol_i[PIVOT] < oldest:
        symbol_i[PIVOT_HASH] = LARGEST_HASH
        for q in range(oldest, count):
            hashed = mix_time(times[q % window])
            if hashed < symbol_i[PIVOT_HASH]:
                symbol_i[PIVOT_HASH], symbol_i[PIVOT] = hashed, q
    pivot = symbol_i[PIVOT]
    if pivot == symbol_i[BUILT]:
        return
    symbol_i[BUILT] = pivot
    symbol_i[BLOCKS_ON] = 0
    blocks = (pivot - oldest) // BLOCK
    merged = seal_group(returns, slopes, 0, 0)
    for b in range(blocks):
        block = seal_group(returns, slopes, pivot - BLOCK * (b + 1), BLOCK)
        merged = merge_aggregates(block, merged)
        store_aggregate(suffix[b], merged)


@kernel
def store_aggregate(row: FloatArray, aggregate: Aggregate) -> None:
    """Write an aggregate to a row of seven."""
    row[0], row[1], row[2], row[3] = aggregate[0], aggregate[1], aggregate[2], aggregate[3]
    row[4], row[5], row[6] = aggregate[4], aggregate[5], aggregate[6]


@kernel
def load_aggregate(row: FloatArray) -> Aggregate:
    """Read an aggregate from a row of seven."""
    return row[0], row[1], row[2], row[3], row[4], row[5], row[6]


@kernel
def window_aggregate(
    returns: FloatArray,
    slopes: FloatArray,
    times: IntArray,
    symbol_i: IntArray,
    suffix: FloatArray,
    prefix: FloatArray,
) -> Aggregate:
    """Aggregate a symbol's window, sealing the blocks that have filled since the last read.

    The newest tick is never sealed: its price may still be replaced.
    """
    window = len(returns)
    count = symbol_i[COUNT]
    oldest = max(0, count - window)
    if count == 0:
        return seal_group(returns, slopes, 0, 0)
    renew_pivot(oldest, count, returns, slopes, times, symbol_i, suffix)
    pivot = symbol_i[PIVOT]
    newer = seal_group(returns, slopes, 0, 0)
    if symbol_i[BLOCKS_ON] > 0:
        newer = load_aggregate(prefix)
    while BLOCK * (symbol_i[BLOCKS_ON] + 1) < count - pivot:
        block = seal_group(returns, slopes, pivot + BLOCK * symbol_i[BLOCKS_ON], BLOCK)
        newer = merge_aggregates(newer, block)
        symbol_i[BLOCKS_ON] += 1
        store_aggregate(prefix, newer)
    sealed_back = (pivot - oldest) // BLOCK
    older = seal_group(returns, slopes, oldest, (pivot - oldest) % BLOCK)
    if sealed_back > 0:
        older = merge_aggregates(older, load_aggregate(suffix[sealed_back - 1]))
    first = pivot + BLOCK * symbol_i[BLOCKS_ON]
    newest = seal_group(returns, slopes, first, count - first)
    return merge_aggregates(merge_aggregates(older, newer), newest)


@kernel
def read_ticks(
    ids: IntArray,
    out: FloatArray,
    returns: FloatArray,
    slopes: FloatArray,
    times: IntArray,
    ticks_i: IntArray,
    suffixes: FloatArray,
    prefixes: FloatArray,
) -> None:
    """Write each symbol's statistics.

    Parameters
    ----------
    out
        float64[7, len(ids)]: count, mean, variance, skewness, excess kurtosis, mean and
        variance of the slope; NaN where not defined.
    """
    for a in range(len(ids)):
        s = ids[a]
        count, mean, m2, m3, m4, slope_mean, slope_m2 = window_aggregate(
            returns[s], slopes[s], times[s], ticks_i[s], suffixes[s], prefixes[s]
        )
        out[0, a] = count
        out[1, a] = mean if count > 0.0 else np.nan
        out[2, a] = m2 / (count - 1.0) if count > 1.0 else np.nan
        out[3, a] = np.sqrt(count) * m3 / (m2 * np.sqrt(m2)) if m2 > 0.0 else np.nan
        out[4, a] = count * m4 / (m2 * m2) - 3.0 if m2 > 0.0 else np.nan
        out[5, a] = slope_mean if count > 0.0 else np.nan
        out[6, a] = slope_m2 / (count - 1.0) if count > 1.0 else np.nan
