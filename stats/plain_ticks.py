"""The kernels of ticks again, in plain Python and numpy: the same result, slower."""

import math

import numpy as np

from stats import pending, tick_blocks
from stats.aggregates import Aggregate
from stats.compiled import FloatArray, IntArray
from stats.plain import log_returns

_EMPTY: Aggregate = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
_WORD = 2**64 - 1


def _log_return(price: float, previous: float) -> float:
    out = np.empty(1)
    log_returns(np.array([price]), np.array([previous]), out)
    return float(out[0])


def _sum(values: FloatArray) -> float:
    # A running sum adds one after the other; numpy.sum adds in pairs.
    return float(np.cumsum(values)[-1])


def seal_group(returns: FloatArray, slopes: FloatArray, first: int, length: int) -> Aggregate:
    """As ``aggregates.seal_group``."""
    if length == 0:
        return _EMPTY
    at = (first + np.arange(length)) % len(returns)
    r, s = returns[at], slopes[at]
    mean = float(r[0]) + _sum(r - r[0]) / length
    slope_mean = float(s[0]) + _sum(s - s[0]) / length
    square = (r - mean) * (r - mean)
    slope_m2 = _sum((s - slope_mean) * (s - slope_mean))
    m2, m3, m4 = _sum(square), _sum(square * (r - mean)), _sum(square * square)
    return float(length), mean, m2, m3, m4, slope_mean, slope_m2


def merge_aggregates(a: Aggregate, b: Aggregate) -> Aggregate:
    """As ``aggregates.merge_aggregates``."""
    if a[0] == 0.0 or b[0] == 0.0:
        return b if a[0] == 0.0 else a
    count = a[0] + b[0]
    fa, fb = a[0] / count, b[0] / count
    e, slope_e, c2 = b[1] - a[1], b[5] - a[5], a[0] * fb
    between = e * e * c2
    inner = between * (fa * fa - fa * fb + fb * fb) + 6.0 * (fa * fa * b[2] + fb * fb * a[2])
    return (
        count,
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
    returns: FloatArray,
    slopes: FloatArray,
    times: IntArray,
    ticks_i: IntArray,
) -> None:
    """As ``tick_blocks.push_ticks``."""
    for i in range(start, stop):
        s, time, price = int(inbox_i[0, i]), int(inbox_i[1, i]), float(inbox_f[i])
        if s < 0 or time < ticks_i[s, tick_blocks.NEWEST_TIME]:
            continue
        known, prices = ticks_i[s], ticks_f[s]
        if time > known[tick_blocks.NEWEST_TIME]:
            prices[tick_blocks.PREVIOUS] = prices[tick_blocks.PRICE]
            known[tick_blocks.PREVIOUS_TIME] = known[tick_blocks.NEWEST_TIME]
            known[tick_blocks.NEWEST_TIME] = time
            if known[tick_blocks.PREVIOUS_TIME] != tick_blocks.NO_TIME:
                known[tick_blocks.COUNT] += 1
                if mix_time(time) < known[tick_blocks.PIVOT_HASH]:
                    known[tick_blocks.PIVOT_HASH] = mix_time(time)
                    known[tick_blocks.PIVOT] = known[tick_blocks.COUNT] - 1
        prices[tick_blocks.PRICE] = price
        if known[tick_blocks.COUNT] > 0:
            slot = (known[tick_blocks.COUNT] - 1) % returns.shape[1]
            previous = float(prices[tick_blocks.PREVIOUS])
            returns[s, slot] = _log_return(price, previous)
            seconds = 1e-9 * int(time - known[tick_blocks.PREVIOUS_TIME])
            slopes[s, slot] = (price - previous) / seconds
            times[s, slot] = time


def _window_aggregate(
    returns: FloatArray,
    slopes: FloatArray,
    times: IntArray,
    known: IntArray,
    suffix: FloatArray,
    prefix: FloatArray,
) -> Aggregate:
    size = tick_blocks.BLOCK
    count = int(known[tick_blocks.COUNT])
    if count == 0:
        return _EMPTY
    oldest = max(0, count - len(returns))
    if known[tick_blocks.PIVOT] < oldest:
        hashes = [mix_time(int(times[q % len(returns)])) for q in range(oldest, count)]
        known[tick_blocks.PIVOT_HASH] = min(hashes)
        known[tick_blocks.PIVOT] = oldest + hashes.index(min(hashes))
    pivot = int(known[tick_blocks.PIVOT])
    back = (pivot - oldest) // size
    if pivot != known[tick_blocks.BUILT]:
        known[tick_blocks.BUILT], known[tick_blocks.BLOCKS_ON] = pivot, 0
        merged = _EMPTY
        for b in range(back):
            block = seal_group(returns, slopes, pivot - size * (b + 1), size)
            suffix[b] = merged = merge_aggregates(block, merged)
    newer: Aggregate = tuple(prefix.tolist()) if known[tick_blocks.BLOCKS_ON] else _EMPTY
    on = int(known[tick_blocks.BLOCKS_ON])
    while size * (on + 1) < count - pivot:
        block = seal_group(returns, slopes, pivot + size * on, size)
        prefix[:] = newer = merge_aggregates(newer, block)
        on += 1
    known[tick_blocks.BLOCKS_ON] = on
    older = seal_group(returns, slopes, oldest, (pivot - oldest) % size)
    if back:
        older = merge_aggregates(older, tuple(suffix[back - 1].tolist()))
    end = seal_group(returns, slopes, pivot + size * on, count - pivot - size * on)
    return merge_aggregates(merge_aggregates(older, newer), end)


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
    """As ``tick_blocks.read_ticks``."""
    out[:] = math.nan
    for a, s in enumerate(ids.tolist()):
        count, mean, m2, m3, m4, slope_mean, slope_m2 = _window_aggregate(
            returns[s], slopes[s], times[s], ticks_i[s], suffixes[s], prefixes[s]
        )
        out[0, a] = count
        if count > 0:
            out[1, a], out[5, a] = mean, slope_mean
        if count > 1:
            out[2, a], out[6, a] = m2 / (count - 1.0), slope_m2 / (count - 1.0)
        if m2 > 0:
            out[3, a] = math.sqrt(count) * m3 / (m2 * math.sqrt(m2))
            out[4, a] = count * m4 / (m2 * m2) - 3.0


def admit_ticks(
    start: int,
    count: int,
    inbox_i: IntArray,
    inbox_f: FloatArray,
    marks: IntArray,
    pool_i: IntArray,
    pool_f: FloatArray,
    rows: IntArray,
    symbol_i: IntArray,
    symbol_f: FloatArray,
    state: IntArray,
) -> int:
    """As ``pending.admit_ticks``, for a batch that fits and that admission has passed."""
    interval, lateness = int(state[pending.INTERVAL]), int(state[pending.LATENESS])
    state[pending.STOPPED_FOR] = pending.BATCH_DONE
    for i in range(start, count):
        symbol, time, partition, offset = (int(value) for value in inbox_i[:, i])
        row, newest = (time - 1) // interval, int(marks[partition, pending.NEWEST])
        marks[partition, pending.NEWEST_OFFSET] = offset
        is_late = (row + 1) * interval < newest - lateness or row <= state[pending.LAST_ROW]
        if is_late and symbol != pending.CLOCK:
            state[pending.N_LATE] += 1
            inbox_i[pending.SYMBOL, i] = pending.CLOCK
            continue
        marks[partition, pending.NEWEST] = max(time, newest)
        watermark = int(marks[:, pending.NEWEST].min())
        passed = (watermark - lateness - 1) // interval - 1
        if watermark != pending.NONE and passed > state[pending.PASSED_ROW]:
            state[pending.PASSED_ROW] = passed
            state[pending.STOPPED_FOR] = pending.ROW_TO_CLOSE
            return i
        if symbol == pending.CLOCK:
            continue
        first, n = int(state[pending.FIRST_WAITING]), int(state[pending.N_WAITING])
        at = first + int(np.searchsorted(rows[first : first + n, 0], row))
        if at == first + n or rows[at, 0] != row:
            rows[at + 1 : first + n + 1] = rows[at : first + n].copy()
            rows[at], rows[at, 0] = -1, row
            state[pending.N_WAITING] += 1
        node = int(state[pending.FREE_NODE])
        state[pending.FREE_NODE] = pool_i[pending.NEXT, node]
        pool_i[:, node], pool_f[node] = (symbol, time, -1, offset), inbox_f[i]
        head, tail = 1 + 2 * partition, 2 + 2 * partition
        if rows[at, head] < 0:
            rows[at, head] = node
        else:
            pool_i[pending.NEXT, rows[at, tail]] = node
        rows[at, tail] = node
        if time >= symbol_i[pending.NEWEST_TIME, symbol]:
            symbol_i[pending.NEWEST_TIME, symbol] = time
            symbol_f[pending.NEWEST_PRICE, symbol] = inbox_f[i]
        state[pending.N_USED] += 1
        state[pending.N_SYMBOLS] = max(state[pending.N_SYMBOLS], symbol + 1)
        state[pending.NEWEST_USED_TIME] = max(state[pending.NEWEST_USED_TIME], time)
    return count


def close_row(
    row: int,
    ordered_i: IntArray,
    ordered_f: FloatArray,
    marks: IntArray,
    pool_i: IntArray,
    pool_f: FloatArray,
    rows: IntArray,
    symbol_i: IntArray,
    symbol_f: FloatArray,
    state: IntArray,
) -> int:
    """As ``pending.close_row``."""
    known = slice(int(state[pending.N_SYMBOLS]))
    symbol_f[pending.PREVIOUS, known] = symbol_f[pending.PRICE, known]
    nodes: list[int] = []
    first = int(state[pending.FIRST_WAITING])
    if state[pending.N_WAITING] > 0 and rows[first, 0] == row:
        for partition, node in enumerate(rows[first, 1::2].tolist()):
            mark = marks[partition]
            while node >= 0:
                nodes.append(node)
                offset = pool_i[pending.OFFSET, node]
                mark[pending.CLOSED_OFFSET] = max(mark[pending.CLOSED_OFFSET], offset)
                node = int(pool_i[pending.NEXT, node])  # noqa: PLW2901 - a walk along a list
        state[pending.FIRST_WAITING] += 1
        state[pending.N_WAITING] -= 1
        state[pending.LAST_TICK_ROW] = row
    for n, node in enumerate(nodes):
        symbol, time = pool_i[:2, node].tolist()
        ordered_i[:, n], ordered_f[n] = (symbol, time), pool_f[node]
        if time >= symbol_i[pending.PRICE_TIME, symbol]:
            symbol_i[pending.PRICE_TIME, symbol] = time
            symbol_f[pending.PRICE, symbol] = pool_f[node]
        if symbol_i[pending.FIRST_ROW, symbol] == pending.NONE:
            symbol_i[pending.FIRST_ROW, symbol] = row
        symbol_i[pending.TICK_ROW, symbol] = row
        state[pending.NEWEST_CLOSED_TIME] = max(state[pending.NEWEST_CLOSED_TIME], time)
        pool_i[pending.NEXT, node] = state[pending.FREE_NODE]
        state[pending.FREE_NODE] = node
    out = np.empty(int(state[pending.N_SYMBOLS]))
    log_returns(symbol_f[pending.PRICE, known], symbol_f[pending.PREVIOUS, known], out)
    symbol_f[pending.RETURN, known] = out
    state[pending.LAST_ROW] = row
    return len(nodes)
