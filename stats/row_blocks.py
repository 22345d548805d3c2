"""A window of rows in spans and blocks: how its groups are kept and merged.

Row k has slot k mod W. The slots are cut into spans, a span into blocks; the last of each may be
short. With the newest row at slot s of a span the window is two groups,

    front: the span's rows behind s, as they were one turn of W rows ago, each added to what is
        newer of the span, and the newest of them to the middle: all other spans, the oldest first
    prefix: the span's rows up to s, added as they came

merged in this order always. So a result is a function of the absolute row number and the rows
in the window: no drift, no residue of what left, the same bits after a restart once W rows are
in. A row that stands open is read by the same rule, hence with the bits it will have closed.

Rows are added to a triangle block by block, and at a read those of the newest row's block again.
What it adds is kept for later reads, see ``row_reads``: fewer multiplications, the same bits.
"""

import numpy as np

from stats.comoments import (
    add_groups,
    add_products,
    add_to_mean,
    merge_means,
    padded_columns,
    triangle_size,
)
from stats.compiled import FloatArray, IntArray, inlined, kernel

# Places in ``state``. Behind them stand the numbers of rows: of the two middles, of each span,
# and of the front with each row of the newest span, from its newest on.
WINDOW, BLOCK_ROWS, SPAN_BLOCKS, N_SPANS, FIRST_ROW, NEWEST_ROW, N_SYMBOLS = range(7)
# Which middle is of the newest row's span: the other is of the next one, from that span's last
# row on. Rows of the newest block in the prefix's triangle. The block whose front is kept, by the
# number of the row that begins it, and how many of the block's newest rows are in it. The row up to
# which was read last.
MIDDLE, IN_PREFIX, KEPT_BLOCK, KEPT_ROWS, READ_ROW, HEADER = range(7, 13)
# ``triangles`` has the two middles, the spans (the newest one's is the prefix), the fronts behind
# each block but a span's last, and the kept front. ``vectors`` has the means of middles and spans,
# the means and then the rows y of the fronts with each row, the rows y of the newest block in the
# prefix, and five for a read.
N_MIDDLES, N_SCRATCH = 2, 5
OPEN_X, OPEN_Y, OPEN_MEAN, MEAN, MERGER_Y = range(-N_SCRATCH, 0)


@inlined
def copy_vector(source: FloatArray, out: FloatArray) -> None:
    """Copy as many numbers as there is room for."""
    for i in range(len(out)):
        out[i] = source[i]


@inlined
def forget_front(state: IntArray) -> None:
    """Keep none: no read lacks as many rows as a block has."""
    state[KEPT_ROWS] = state[BLOCK_ROWS]


@inlined
def block_bounds(slot: int, state: IntArray) -> tuple[int, int, int, int, int]:
    """Give a slot's span, where that begins and ends, and where its block begins and ends."""
    size, span_rows = state[BLOCK_ROWS], state[BLOCK_ROWS] * state[SPAN_BLOCKS]
    span = slot // span_rows
    span_start = span * span_rows
    span_stop = min(span_start + span_rows, state[WINDOW])
    start = slot - (slot - span_start) % size
    return span, span_start, span_stop, start, min(start + size, span_stop)


@inlined
def front_places(state: IntArray) -> tuple[int, int, int]:
    """Give where in ``vectors`` fronts' means, their rows, and the prefix's rows begin."""
    means, span_rows = N_MIDDLES + state[N_SPANS], state[BLOCK_ROWS] * state[SPAN_BLOCKS]
    return means, means + span_rows, means + 2 * span_rows


@inlined
def find_front(behind: int, block: int, middle: int, state: IntArray) -> tuple[int, int, int]:
    """Give the front's triangle behind a block, its mean's place and its rows.

    Parameters
    ----------
    behind
        Rows of the span behind the block.
    block
        The block's number in its span.
    """
    counts, places = state[HEADER:], N_MIDDLES + state[N_SPANS]
    if behind == 0:
        return (middle if counts[middle] > 0 else -1), middle, counts[middle]
    count = counts[places + behind - 1]
    return (places + block if count > 0 else -1), places + behind - 1, count


@kernel
def merge_middle(
    span: int, n: int, triangles: FloatArray, vectors: FloatArray, state: IntArray
) -> None:
    """Merge all spans but one, which follows the newest row."""
    middle, n_spans, counts = 1 - state[MIDDLE], state[N_SPANS], state[HEADER:]
    columns = padded_columns(n)
    rows, places = np.empty((n_spans, columns)), np.empty(n_spans, np.int64)
    count = n_groups = 0
    mean = vectors[middle, :columns]
    for j in range(1, n_spans):
        place = N_MIDDLES + (span + j) % n_spans
        if counts[place] > 0:
            count = merge_means(count, mean, counts[place], vectors[place], rows[n_groups])
            places[n_groups] = place
            n_groups += 1
    counts[middle] = count
    if n_groups > 0:
        add_groups(rows, n, triangles, places[:n_groups], middle)


@kernel
def turn_span(
    span: int,
    n: int,
    returns: FloatArray,
    triangles: FloatArray,
    vectors: FloatArray,
    state: IntArray,
) -> None:
    """Write the middle and the fronts of the span that follows the newest row."""
    merge_middle(span, n, triangles, vectors, state)
    counts, middle, size = state[HEADER:], 1 - state[MIDDLE], state[BLOCK_ROWS]
    start = span * size * state[SPAN_BLOCKS]
    stop = min(start + size * state[SPAN_BLOCKS], state[WINDOW])
    oldest = state[NEWEST_ROW] - state[WINDOW] + 1
    columns, (means, rows, _) = padded_columns(n), front_places(state)
    count, mean = counts[middle], vectors[middle, :columns]
    for behind in range(stop - start - 1):
        slot = stop - 1 - behind
        y, grown = vectors[rows + behind, :columns], vectors[means + behind, :columns]
        copy_vector(mean, grown)
        if oldest + slot - start >= state[FIRST_ROW]:
            count = add_to_mean(count, grown, returns[slot], y)
        else:
            for i in range(columns):
                y[i] = 0.0
        counts[means + behind], mean = count, grown
    for block in range((stop - start - 1) // size, 0, -1):
        end = min(start + block * size + size, stop)
        source, _, _ = find_front(stop - end, block, middle, state)
        first, last = rows + stop - end, rows + stop - start - block * size
        add_products(vectors, first, last, n, triangles, source, means + block - 1)


@inlined
def append_row(
    row: int,
    values: FloatArray,
    n: int,
    returns: FloatArray,
    triangles: FloatArray,
    vectors: FloatArray,
    state: IntArray,
) -> bool:
    """Put the row after the newest in the ring and in the prefix's mean; tell a block's last."""
    counts, columns = state[HEADER:], padded_columns(n)
    slot = row % state[WINDOW]
    span, span_start, _, start, stop = block_bounds(slot, state)
    prefix, (_, _, rows) = N_MIDDLES + span, front_places(state)
    if slot == span_start and row > state[FIRST_ROW]:
        state[MIDDLE] = 1 - state[MIDDLE]
    if slot == span_start or row == state[FIRST_ROW]:
        counts[prefix] = 0
        for place in range(triangle_size(n)):
            triangles[prefix, place] = 0.0
    if slot == start or row == state[FIRST_ROW]:
        state[IN_PREFIX] = slot - start
    line = returns[slot]
    for i in range(n):
        line[i] = values[i]
    if n != state[N_SYMBOLS]:
        forget_front(state)
    state[NEWEST_ROW], state[N_SYMBOLS] = row, n
    y = vectors[rows + slot - start, :columns]
    counts[prefix] = add_to_mean(counts[prefix], vectors[prefix], line, y)
    return bool(slot == stop - 1)


@kernel
def push_row(
    row: int,
    values: FloatArray,
    n: int,
    returns: FloatArray,
    triangles: FloatArray,
    vectors: FloatArray,
    state: IntArray,
) -> None:
    """Put the row after the newest in the ring and the prefix; make fronts where a span ends."""
    if not append_row(row, values, n, returns, triangles, vectors, state):
        return
    span, _, span_stop, start, stop = block_bounds(row % state[WINDOW], state)
    prefix, (_, _, rows) = N_MIDDLES + span, front_places(state)
    first, last = rows + state[IN_PREFIX], rows + stop - start
    add_products(vectors, first, last, n, triangles, prefix, prefix)
    state[IN_PREFIX] = stop - start
    if stop == span_stop:
        turn_span((span + 1) % state[N_SPANS], n, returns, triangles, vectors, state)
