"""What a window of rows is read by: front and prefix merged, the newest block's rows added.

The prefix is stored with what a read adds to it. Where reads come row by row, the fronts of the
next rows are stored at once: fewer multiplications, the same bits.
"""

import numpy as np

from stats.comoments import (
    HALF,
    add_products,
    add_products_stepwise,
    add_to_mean,
    merge_means,
    padded_columns,
    triangle_size,
)
from stats.compiled import FloatArray, IntArray, inlined, kernel
from stats.covariance import gather_triangle, write_covariance
from stats.row_blocks import (
    BLOCK_ROWS,
    HEADER,
    IN_PREFIX,
    MEAN,
    MERGER_Y,
    MIDDLE,
    N_MIDDLES,
    N_SPANS,
    N_STORED,
    N_SYMBOLS,
    NEWEST_ROW,
    OPEN_MEAN,
    OPEN_X,
    OPEN_Y,
    READ_ROW,
    SPAN_BLOCKS,
    STORED_ROW,
    STORED_STOP,
    WINDOW,
    block_bounds,
    copy_vector,
    find_front,
    front_places,
)

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


@kernel
def store_fronts(
    block_row: int,
    front: int,
    lacking: Rows,
    triangles: FloatArray,
    vectors: FloatArray,
    state: IntArray,
) -> int:
    """Store the front, and those that the next rows are read by, unless it is; give its place.

    ``front`` is the front behind the block and ``lacking`` what it lacks; ``block_row`` is the
    number of the row in the block's first slot.
    """
    first, stop = lacking
    if first == stop:
        return front
    place = N_MIDDLES + state[N_SPANS] + state[SPAN_BLOCKS] - 1
    stored = max(first, state[STORED_STOP] - N_STORED)
    if state[STORED_ROW] != block_row or not stored < stop <= state[STORED_STOP]:
        stored = max(first, stop - N_STORED)
        add_products_stepwise(
            vectors, first, stored, stop, state[N_SYMBOLS], triangles, front, place
        )
        state[STORED_ROW], state[STORED_STOP] = block_row, stop
    last: int = place + stop - stored - 1
    return last


@kernel
def write_members(
    triangles: FloatArray,
    front: int,
    prefix: int,
    ids: IntArray,
    vectors: FloatArray,
    is_open: bool,
    scale: float,
    covariance: FloatArray,
) -> None:
    """Write the covariance of some symbols where the triangles lack no closed row."""
    n = len(ids)
    members, rows = np.zeros((2, triangle_size(n))), np.zeros((2, padded_columns(n)))
    gather_triangle(triangles, front, ids, members[0])
    gather_triangle(triangles, prefix, ids, members[1])
    for a in range(n):
        rows[0, a], rows[1, a] = vectors[OPEN_Y, ids[a]], vectors[MERGER_Y, ids[a]]
    parts = 0, 0, 0, 0, (0 if is_open else -1), 1
    write_covariance(members, 0, 1, rows, parts, False, scale, covariance)


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
    n, n_symbols, newest = len(ids), state[N_SYMBOLS], state[NEWEST_ROW] + open_rows
    is_first = n > 0 and ids[n - 1] == n - 1
    is_all = is_first and (n + HALF - 1) // HALF == (n_symbols + HALF - 1) // HALF
    columns = padded_columns(n if is_first else n_symbols)
    front, prefix, count, of_front, of_prefix = merge_parts(
        open_rows, open_values, columns, vectors, state
    )
    is_dense = is_all and 0 <= newest - state[READ_ROW] <= 1
    state[READ_ROW] = newest
    if is_dense or not is_first:
        slot = newest % state[WINDOW]
        block_row = newest - slot + block_bounds(slot, state)[3]
        front = store_fronts(block_row, front, of_front, triangles, vectors, state)
        of_front = (0, 0)
    first, stop = of_prefix
    if is_all or not is_first:
        state[IN_PREFIX] += stop - first
    scale = 1.0 / (count - 1)
    if is_first:
        places = len(vectors)
        opened = places + OPEN_Y if open_rows == 1 else -1
        parts = of_front[0], of_front[1], first, stop, opened, places + MERGER_Y
        write_covariance(triangles, front, prefix, vectors, parts, is_all, scale, covariance)
    else:
        if first < stop:
            add_products(vectors, first, stop, n_symbols, triangles, prefix, prefix)
        write_members(triangles, front, prefix, ids, vectors, open_rows == 1, scale, covariance)
    for a in range(n):
        mean[a], volatility[a] = vectors[MEAN, ids[a]], covariance[a, a]
    for a in range(n):
        volatility[a] = np.sqrt(volatility[a])
    return count
