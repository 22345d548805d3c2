"""What a window of rows is read by: front and prefix merged, the newest block's rows added.

The prefix is stored with what a read adds to it. From the front each newer row takes one away, but
they are added newest first: where rows are read one by one, it is kept with the newer half of the
block's rows, and the reads of the older half add 4.5 rows on average instead of 11.5.
"""

import numpy as np

from stats.comoments import (
    add_to_mean,
    merge_means,
    padded_columns,
    triangle_size,
)
from stats.compiled import FloatArray, IntArray, inlined, kernel
from stats.covariance import Parts, gather_triangle, write_covariance
from stats.row_blocks import (
    BLOCK_ROWS,
    HEADER,
    IN_PREFIX,
    KEPT_BLOCK,
    KEPT_ROWS,
    MEAN,
    MERGER_Y,
    MIDDLE,
    N_MIDDLES,
    N_SPANS,
    N_SYMBOLS,
    NEWEST_ROW,
    OPEN_MEAN,
    OPEN_X,
    OPEN_Y,
    READ_ROW,
    SPAN_BLOCKS,
    WINDOW,
    block_bounds,
    copy_vector,
    find_front,
    front_places,
)
from stats.tile_strips import STRIP

# Which rows y, by place in ``vectors``, triangles lack: first and stop.
Rows = tuple[int, int]


@inlined
def add_open_row(count: int, mean: FloatArray, open_values: FloatArray, vectors: FloatArray) -> int:
    """Add the open row to the prefix's mean, in place, and write its y; give the rows with it."""
    x, columns = vectors[OPEN_X], len(mean)
    for i in range(columns):
        x[i] = open_values[i] if i < len(open_values) else np.nan
    return add_to_mean(count, mean, x, vectors[OPEN_Y, :columns])


@inlined
def merge_parts(
    open_rows: int,
    open_values: FloatArray,
    columns: int,
    vectors: FloatArray,
    state: IntArray,
) -> tuple[int, int, int, Rows, Rows]:
    """Merge the means of front and prefix, and say of which triangles and rows they consist.

    Returns
    -------
    int, int, int
        Places of the front's and the prefix's triangles, -1: none, and the rows in the window.
    Rows, Rows
        What the front's triangle lacks, and the prefix's but for an open row.
    """
    counts, slot = state[HEADER:], (state[NEWEST_ROW] + open_rows) % state[WINDOW]
    span, span_start, span_stop, start, stop = block_bounds(slot, state)
    begins_span, begins_block = slot < span_start + open_rows, slot < start + open_rows
    middle = 1 - state[MIDDLE] if begins_span else state[MIDDLE]
    block, behind, old = (
        (start - span_start) // state[BLOCK_ROWS],
        span_stop - stop,
        span_stop - slot - 1,
    )
    front, _, _ = find_front(behind, block, middle, state)
    _, front_mean, count_front = find_front(old, block, middle, state)
    prefix = -1 if begins_span else N_MIDDLES + span
    count, mean = 0 if begins_span else counts[prefix], vectors[prefix]
    if open_rows == 1:
        mean = vectors[OPEN_MEAN, :columns]
        copy_vector(vectors[prefix], mean)
        count = add_open_row(count, mean, open_values, vectors)
    merged = vectors[MEAN, :columns]
    copy_vector(vectors[front_mean], merged)
    count = merge_means(count_front, merged, count, mean, vectors[MERGER_Y, :columns])
    _, front_rows, rows = front_places(state)
    of_front = front_rows + behind, front_rows + (old if count_front > 0 else behind)
    last = rows + slot - start + 1 - open_rows
    return front, prefix, count, of_front, (last if begins_block else rows + state[IN_PREFIX], last)


@inlined
def keep_front(
    open_rows: int, is_all: bool, front: int, of_front: Rows, state: IntArray
) -> tuple[int, Rows, int]:
    """Take the kept front where it serves, or say with which rows this read keeps it.

    Returns
    -------
    int, Rows
        Place of the front's triangle and what that lacks.
    int
        Stop of the rows with which it is to be kept, their first: it is not.
    """
    row, (first, stop) = state[NEWEST_ROW] + open_rows, of_front
    slot = row % state[WINDOW]
    _, _, _, start, _ = block_bounds(slot, state)
    block, half = row - (slot - start), state[BLOCK_ROWS] // 2
    if state[KEPT_BLOCK] == block and state[KEPT_ROWS] <= stop - first:
        first += state[KEPT_ROWS]
        return N_MIDDLES + state[N_SPANS] + state[SPAN_BLOCKS] - 1, (first, stop), first
    # With reads ten rows apart none would take it.
    if not is_all or stop - first <= half or row > state[READ_ROW] + 1:
        return front, of_front, first
    state[KEPT_BLOCK], state[KEPT_ROWS] = block, half
    return front, of_front, first + half


@inlined
def gather_row(row: FloatArray, ids: IntArray, out: FloatArray) -> None:
    """Write the members' entries."""
    for a in range(len(ids)):
        out[a] = row[ids[a]]


@kernel
def write_members(
    triangles: FloatArray,
    front: int,
    prefix: int,
    ids: IntArray,
    rows: FloatArray,
    parts: Parts,
    scale: float,
    covariance: FloatArray,
) -> None:
    """Write the covariance of some symbols: as `write_covariance` would if there were no others."""
    n, (front_first, _, front_stop, first, stop, more, merger) = len(ids), parts
    of_front, of_both = front_stop - front_first, front_stop - front_first + stop - first
    members, own = np.zeros((2, triangle_size(n))), np.zeros((of_both + 2, padded_columns(n)))
    gather_triangle(triangles, front, ids, members[0])
    gather_triangle(triangles, prefix, ids, members[1])
    for r in range(of_front):
        gather_row(rows[front_first + r], ids, own[r])
    for r in range(first, stop):
        gather_row(rows[r], ids, own[of_front + r - first])
    if more >= 0:
        gather_row(rows[more], ids, own[of_both])
    gather_row(rows[merger], ids, own[of_both + 1])
    places = 0, 0, of_front, of_front, of_both, (of_both if more >= 0 else -1), of_both + 1
    write_covariance(members, 0, 1, own, places, False, scale, covariance)


@kernel
def read_window(
    open_rows: int,
    ids: IntArray,
    open_values: FloatArray,
    mean: FloatArray,
    covariance: FloatArray,
    volatility: FloatArray,
    triangles: FloatArray,
    vectors: FloatArray,
    state: IntArray,
) -> int:
    """Write the members' mean, covariance (ddof 1) and its diagonal's roots.

    ``open_rows`` is 1 where ``open_values`` stands as the row after the newest, else 0.

    Returns
    -------
    int
        Rows in the window.
    """
    n, n_symbols = len(ids), state[N_SYMBOLS]
    is_first = n > 0 and ids[n - 1] == n - 1
    is_all = is_first and (n + STRIP - 1) // STRIP == (n_symbols + STRIP - 1) // STRIP
    columns = padded_columns(n if is_first else n_symbols)
    front, prefix, count, of_front, of_prefix = merge_parts(
        open_rows, open_values, columns, vectors, state
    )
    scale, places = 1.0 / (count - 1), len(vectors)
    opened = places + OPEN_Y if open_rows == 1 else -1
    front, of_front, kept_stop = keep_front(open_rows, is_all, front, of_front, state)
    parts = of_front[0], kept_stop, of_front[1], *of_prefix, opened, places + MERGER_Y
    if is_first:
        write_covariance(triangles, front, prefix, vectors, parts, is_all, scale, covariance)
    else:
        write_members(triangles, front, prefix, ids, vectors, parts, scale, covariance)
    if is_all:
        state[IN_PREFIX] += of_prefix[1] - of_prefix[0]
        state[READ_ROW] = state[NEWEST_ROW] + open_rows
    for a in range(n):
        mean[a], volatility[a] = vectors[MEAN, ids[a]], covariance[a, a]
    for a in range(n):
        volatility[a] = np.sqrt(volatility[a])
    return count
