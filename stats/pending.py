"""Ticks that wait for their row to close: the late rule, the closing rule, the row itself.

Layout of the arrays, all of which belong to ``grid.Grid``:

``inbox_i`` int64[4, n], ``inbox_f`` float64[n]
    The batch: symbol, event time, partition, offset; price. Of a clock message, which moves its
    partition's watermark as a tick does and is none, the symbol is ``CLOCK``.
``pool_i`` int64[4, n], ``pool_f`` float64[n]
    Waiting ticks as linked lists: symbol, event time, next node, offset; price.
``rows`` int64[n, 1 + 2 P]
    Rows with waiting ticks, ascending: number, then first and last node for each of the P
    partitions. A list for each partition, so that a row is taken in one order whatever the
    interleaving of partitions was.
``marks`` int64[P, 3]
    Newest event time and newest offset of each partition, and the newest offset of a tick in a
    closed row.
``symbol_i`` int64[4, S], ``symbol_f`` float64[4, S]
    What is known of each symbol, by the names below.
``state`` int64[...]
    By the names below.
"""

from stats.compiled import FloatArray, IntArray, kernel
from stats.returns import log_return

NONE = -(2**62)
CLOCK = -1

SYMBOL, TIME, PARTITION, OFFSET = 0, 1, 2, 3
NEXT = 2
NEWEST, NEWEST_OFFSET, CLOSED_OFFSET = 0, 1, 2
# symbol_i: event time of the price its row ended with, row of its first price, last row with a
# tick, newest event time. symbol_f: price its last closed row ended with, the one before, their
# log return, newest price.
PRICE_TIME, FIRST_ROW, TICK_ROW, NEWEST_TIME = 0, 1, 2, 3
PRICE, PREVIOUS, RETURN, NEWEST_PRICE = 0, 1, 2, 3

(
    INTERVAL,
    LATENESS,
    N_SYMBOLS,
    N_USED,
    N_LATE,
    LAST_ROW,
    LAST_TICK_ROW,
    PASSED_ROW,
    NEWEST_CLOSED_TIME,
    NEWEST_USED_TIME,
    FREE_NODE,
    FIRST_WAITING,
    N_WAITING,
    STOPPED_FOR,
    N_STATE,
) = range(15)

(
    BATCH_DONE,
    ROW_TO_CLOSE,
    POOL_FULL,
    ROWS_FULL,
    SYMBOL_NEW,
    PRICE_BAD,
    PARTITION_BAD,
    SYMBOL_BAD,
) = range(8)


@kernel
def passed_row(marks: IntArray, interval: int, lateness: int) -> int:
    """Give the newest row whose end lies before every partition's watermark."""
    watermark = marks[0, NEWEST]
    for p in range(1, len(marks)):
        watermark = min(watermark, marks[p, NEWEST])
    if watermark == NONE:
        return NONE
    # Row k ends at (k + 1) * interval; passed means end < watermark.
    return int((watermark - lateness - 1) // interval - 1)


@kernel
def next_passing(passed: int, interval: int, lateness: int) -> int:
    """Give the least watermark by which the row after ``passed`` would have passed too."""
    if passed == NONE:
        return NONE
    return int((passed + 2) * interval + lateness + 1)


@kernel
def find_waiting(row: int, rows: IntArray, state: IntArray) -> int:
    """Find or insert a waiting row; its position, or -1 where ``rows`` is full."""
    first = int(state[FIRST_WAITING])
    end = first + int(state[N_WAITING])
    at = end
    while at > first and rows[at - 1, 0] > row:
        at -= 1
    if at > first and rows[at - 1, 0] == row:
        return at - 1
    if end == len(rows):
        return -1
    for i in range(end, at, -1):
        rows[i] = rows[i - 1]
    rows[at] = -1
    rows[at, 0] = row
    state[N_WAITING] += 1
    return at


@kernel
def check_tick(symbol: int, partition: int, price: float, n_partitions: int, n_symbols: int) -> int:
    """Say why a tick or a clock message cannot be taken, or ``BATCH_DONE`` where it can."""
    if not 0 <= partition < n_partitions:
        return PARTITION_BAD
    if symbol == CLOCK:
        return BATCH_DONE
    if not 0.0 < price < 1.7976931348623157e308:
        return PRICE_BAD
    if symbol < 0:
        return SYMBOL_BAD
    return SYMBOL_NEW if symbol >= n_symbols else BATCH_DONE


@kernel
def append_tick(head: int, node: int, at: int, pool_i: IntArray, rows: IntArray) -> None:
    """Put a node at the end of a row's list of one partition."""
    pool_i[NEXT, node] = -1
    if rows[at, head] < 0:
        rows[at, head] = node
    else:
        pool_i[NEXT, rows[at, head + 1]] = node
    rows[at, head + 1] = node


@kernel
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
    """Take ticks until the batch ends or one of them lets a row close.

    A late tick's symbol becomes ``CLOCK`` in the inbox. What lets a row close, tick or clock
    message, has moved its partition's watermark but waits itself: the next call begins with it.

    What changes at each tick is held in variables and written back at the end: in ``state`` it
    would be stored and loaded again, 65 ns a tick instead of 7. The row is divided for where it
    changes, and the watermark where it may have passed another row.

    Returns
    -------
    int
        The first tick not taken; ``state[STOPPED_FOR]`` says why.
    """
    interval, lateness, last_row = state[INTERVAL], state[LATENESS], state[LAST_ROW]
    passes_at = next_passing(state[PASSED_ROW], interval, lateness)
    n_used, n_late, n_symbols = state[N_USED], state[N_LATE], state[N_SYMBOLS]
    newest_used, free = state[NEWEST_USED_TIME], state[FREE_NODE]
    row, row_begin, row_end, at = 0, 0, 0, -1
    i, reason = start, BATCH_DONE
    while i < count:
        symbol, time, partition = inbox_i[SYMBOL, i], inbox_i[TIME, i], inbox_i[PARTITION, i]
        reason = check_tick(symbol, partition, inbox_f[i], len(marks), symbol_i.shape[1])
        if reason != BATCH_DONE:
            break
        if not row_begin < time <= row_end:
            row, at = (time - 1) // interval, -1
            row_begin, row_end = row * interval, (row + 1) * interval
        newest = marks[partition, NEWEST]
        marks[partition, NEWEST_OFFSET] = inbox_i[OFFSET, i]
        late = newest != NONE and row_end < newest - lateness
        if symbol != CLOCK and (late or row <= last_row):
            n_late += 1
            inbox_i[SYMBOL, i] = symbol = CLOCK
        elif time > newest:
            marks[partition, NEWEST] = time
            if time >= passes_at:
                passed = passed_row(marks, interval, lateness)
                if passed > state[PASSED_ROW]:
                    state[PASSED_ROW] = passed
                    reason = ROW_TO_CLOSE
                    break
        if symbol != CLOCK:
            if at < 0 and free >= 0:
                at = find_waiting(row, rows, state)
            if free < 0 or at < 0:
                reason = POOL_FULL if free < 0 else ROWS_FULL
                break
            node, free = free, pool_i[NEXT, free]
            pool_i[SYMBOL, node], pool_i[TIME, node] = symbol, time
            pool_i[OFFSET, node], pool_f[node] = inbox_i[OFFSET, i], inbox_f[i]
            append_tick(1 + 2 * partition, node, at, pool_i, rows)
            if time >= symbol_i[NEWEST_TIME, symbol]:
                symbol_i[NEWEST_TIME, symbol] = time
                symbol_f[NEWEST_PRICE, symbol] = inbox_f[i]
            n_symbols, newest_used = max(n_symbols, symbol + 1), max(newest_used, time)
            n_used += 1
        i += 1
    state[N_USED], state[N_LATE], state[N_SYMBOLS] = n_used, n_late, n_symbols
    state[NEWEST_USED_TIME], state[FREE_NODE], state[STOPPED_FOR] = newest_used, free, reason
    return i


@kernel
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
    """Close a row: each symbol's price at its end and the log return of the row.

    The price with the greatest event time wins, ties to the later arrival; without a tick the
    price stays. The row's ticks are copied to ``ordered``, partition by partition in the order
    of arrival, and leave the pool.

    Returns
    -------
    int
        Ticks in the row.
    """
    n_symbols = state[N_SYMBOLS]
    for s in range(n_symbols):
        symbol_f[PREVIOUS, s] = symbol_f[PRICE, s]
    n = 0
    first = state[FIRST_WAITING]
    if state[N_WAITING] > 0 and rows[first, 0] == row:
        for partition in range(len(marks)):
            node = rows[first, 1 + 2 * partition]
            while node >= 0:
                symbol, time = pool_i[SYMBOL, node], pool_i[TIME, node]
                newest = max(marks[partition, CLOSED_OFFSET], pool_i[OFFSET, node])
                marks[partition, CLOSED_OFFSET] = newest
                ordered_i[SYMBOL, n], ordered_i[TIME, n], ordered_f[n] = symbol, time, pool_f[node]
                n += 1
                if time >= symbol_i[PRICE_TIME, symbol]:
                    symbol_i[PRICE_TIME, symbol], symbol_f[PRICE, symbol] = time, pool_f[node]
                if symbol_i[FIRST_ROW, symbol] == NONE:
                    symbol_i[FIRST_ROW, symbol] = row
                symbol_i[TICK_ROW, symbol] = row
                state[NEWEST_CLOSED_TIME] = max(state[NEWEST_CLOSED_TIME], time)
                following = pool_i[NEXT, node]
                pool_i[NEXT, node] = state[FREE_NODE]
                state[FREE_NODE] = node
                node = following
        state[FIRST_WAITING] += 1
        state[N_WAITING] -= 1
        state[LAST_TICK_ROW] = row
    for s in range(n_symbols):
        symbol_f[RETURN, s] = log_return(symbol_f[PRICE, s], symbol_f[PREVIOUS, s])
    state[LAST_ROW] = row
    return n
