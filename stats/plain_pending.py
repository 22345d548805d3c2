"""The kernels of ticks that wait for their row again, in plain Python and numpy."""

import numpy as np

from stats import pending
from stats.compiled import FloatArray, IntArray
from stats.plain import log_returns


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
