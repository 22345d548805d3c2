"""The kernels of the tick window again, in plain Python and numpy: the same result, slower."""

import math
from collections.abc import Iterator

import numpy as np

from stats import tick_blocks, tick_rings
from stats.aggregates import Aggregate
from stats.compiled import FloatArray, IntArray
from stats.plain import log_returns

_EMPTY: Aggregate = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
_WORD = 2**64 - 1


def _log_return(price: float, previous: float) -> float:
    out = np.empty(1)
    log_returns(np.array([price]), np.array([previous]), out)
    return float(out[0])


def add_tick(group: Aggregate, value: float, slope: float, inverse: float) -> Aggregate:
    """As ``aggregates.add_tick``."""
    count, mean, m2, m3, m4, slope_mean, slope_m2 = group
    more, step, slope_step = count + 1.0, (value - mean) * inverse, (slope - slope_mean) * inverse
    square = (value - mean) * step * count
    quartic = square * (more * more - 3.0 * more + 3.0) + 6.0 * m2
    return (
        more,
        mean + step,
        m2 + square,
        m3 + step * (square * (more - 2.0) - 3.0 * m2),
        m4 + step * (step * quartic - 4.0 * m3),
        slope_mean + slope_step,
        slope_m2 + (slope - slope_mean) * slope_step * count,
    )


def merge_aggregates(a: Aggregate, b: Aggregate, inverse: float) -> Aggregate:
    """As ``aggregates.merge_aggregates``."""
    fa, fb = a[0] * inverse, b[0] * inverse
    e, slope_e, c2 = b[1] - a[1], b[5] - a[5], a[0] * fb
    between = e * e * c2
    inner = between * (fa * fa - fa * fb + fb * fb) + 6.0 * (fa * fa * b[2] + fb * fb * a[2])
    return (
        a[0] + b[0],
        a[1] + e * fb,
        a[2] + b[2] + between,
        a[3] + b[3] + e * (between * (fa - fb) + 3.0 * (fa * b[2] - fb * a[2])),
        a[4] + b[4] + e * (e * inner + 4.0 * (fa * b[3] - fb * a[3])),
        a[5] + slope_e * fb,
        a[6] + b[6] + slope_e * slope_e * c2,
    )


def mix_time(time: int) -> int:
    """As ``tick_blocks.mix_time``."""
    h = time * -7046029254386353131 & _WORD
    h ^= h >> 32
    h = h * -4658895280553007687 & _WORD
    h ^= h >> 29
    return h - 2**64 if h >= 2**63 else h


def push_ticks(
    start: int,
    stop: int,
    inbox_i: IntArray,
    inbox_f: FloatArray,
    ticks_f: FloatArray,
    ring: FloatArray,
    times: IntArray,
    ticks_i: IntArray,
) -> None:
    """As ``tick_rings.push_ticks``."""
    for i in range(start, stop):
        s, time, price = int(inbox_i[0, i]), int(inbox_i[1, i]), float(inbox_f[i])
        if s < 0 or time < ticks_i[s, tick_rings.NEWEST_TIME]:
            continue
        known, prices = ticks_i[s], ticks_f[s]
        if time > known[tick_rings.NEWEST_TIME]:
            prices[tick_rings.PREVIOUS] = prices[tick_rings.PRICE]
            known[tick_rings.PREVIOUS_TIME] = known[tick_rings.NEWEST_TIME]
            known[tick_rings.NEWEST_TIME] = time
            if known[tick_rings.PREVIOUS_TIME] != tick_rings.NO_TIME:
                known[tick_rings.SLOT] = known[tick_rings.COUNT] % ring.shape[1]
                known[tick_rings.COUNT] += 1
                if mix_time(time) < known[tick_rings.PIVOT_HASH]:
                    known[tick_rings.PIVOT_HASH] = mix_time(time)
                    known[tick_rings.PIVOT] = known[tick_rings.COUNT] - 1
        elif known[tick_rings.SUMMED] == known[tick_rings.COUNT]:
            known[tick_rings.SUMMED] -= 1
        prices[tick_rings.PRICE] = price
        if known[tick_rings.COUNT] > 0:
            slot, previous = int(known[tick_rings.SLOT]), float(prices[tick_rings.PREVIOUS])
            seconds = 1e-9 * int(time - known[tick_rings.PREVIOUS_TIME])
            ring[s, slot] = _log_return(price, previous), (price - previous) / seconds
            times[s, slot] = time


def _find_pivot(times: IntArray, known: IntArray) -> None:
    count = int(known[tick_rings.COUNT])
    oldest = max(0, count - len(times))
    if known[tick_rings.PIVOT] < oldest:
        hashes = [mix_time(int(times[q % len(times)])) for q in range(oldest, count)]
        known[tick_rings.PIVOT_HASH] = min(hashes)
        known[tick_rings.PIVOT] = oldest + hashes.index(min(hashes))


def _add_ticks(
    group: Aggregate, ticks: range, ring: FloatArray, inverses: FloatArray
) -> Iterator[Aggregate]:
    for tick in ticks:
        value, slope = ring[tick % len(ring)].tolist()
        group = add_tick(group, value, slope, float(inverses[int(group[0]) + 1]))
        yield group


def _load(sums: FloatArray, row: int, count: int) -> Aggregate:
    mean, m2, m3, m4, slope_mean, slope_m2 = sums[row].tolist()
    return float(count), mean, m2, m3, m4, slope_mean, slope_m2


def _window_aggregate(
    ring: FloatArray, times: IntArray, known: IntArray, sums: FloatArray, inverses: FloatArray
) -> Aggregate:
    size, first = tick_blocks.BLOCK, tick_blocks.SUFFIXES
    count = int(known[tick_rings.COUNT])
    _find_pivot(times, known)
    pivot, oldest = int(known[tick_rings.PIVOT]), max(0, count - len(ring))
    length = pivot - oldest
    if pivot != known[tick_rings.BUILT]:
        known[[tick_rings.BUILT, tick_rings.SUMMED, tick_rings.OPENED]] = pivot, pivot, -1
        sums[pivot & 1] = sums[first] = 0.0
        back = range(pivot - 1, pivot - 1 - (length - 1) // size * size, -1)
        for suffix in _add_ticks(_EMPTY, back, ring, inverses):
            if suffix[0] % size == 0:
                sums[first + int(suffix[0]) // size] = suffix[1:]
    summed = int(known[tick_rings.SUMMED])
    prefix = _load(sums, summed & 1, summed - pivot)
    for tick, prefix in enumerate(  # noqa: B020 - goes on from the one before
        _add_ticks(prefix, range(summed, count), ring, inverses), summed + 1
    ):
        if tick >= count - 1:
            sums[tick & 1] = prefix[1:]
    known[tick_rings.SUMMED] = count
    if length == 0:
        return prefix
    block = (length - 1) // size
    if block != known[tick_rings.OPENED]:
        known[tick_rings.OPENED] = block
        suffix = _load(sums, first + block, block * size)
        end = min(length, block * size + size)
        back = range(pivot - 1 - block * size, pivot - 1 - end, -1)
        for row, suffix in enumerate(_add_ticks(suffix, back, ring, inverses), len(sums) - size):  # noqa: B020
            sums[row] = suffix[1:]
    suffix = _load(sums, len(sums) - size + length - 1 - block * size, length)
    return merge_aggregates(suffix, prefix, float(inverses[count - oldest]))


def read_ticks(
    ids: IntArray,
    out: FloatArray,
    ring: FloatArray,
    times: IntArray,
    ticks_i: IntArray,
    sums: FloatArray,
    inverses: FloatArray,
) -> None:
    """As ``tick_blocks.read_ticks``."""
    out[:] = math.nan
    for a, s in enumerate(ids.tolist()):
        if ticks_i[s, tick_rings.COUNT] == 0:
            out[0, a] = 0.0
            continue
        count, mean, m2, m3, m4, slope_mean, slope_m2 = _window_aggregate(
            ring[s], times[s], ticks_i[s], sums[s], inverses
        )
        out[0, a], out[1, a], out[5, a] = count, mean, slope_mean
        if count > 1:
            fewer = float(inverses[int(count) - 1])
            out[2, a], out[6, a] = m2 * fewer, slope_m2 * fewer
        if m2 > 0:
            inverse = 1.0 / m2
            out[3, a] = m3 * inverse * math.sqrt(count * inverse)
            out[4, a] = count * m4 * inverse * inverse - 3.0
