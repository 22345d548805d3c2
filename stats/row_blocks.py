"""Blocks of rows in spans of W: the kernels of the grid window.

Row k has slot k mod W; spans are aligned at absolute multiples of W and cut into blocks of
``block_rows``, the last of which may be short. With the newest row in block b the window is

    suffix[b + 1], blocks of the span before, merged from the newest to the oldest when it ended
    the open group: all rows that the ring holds in block b, new ones and old ones not evicted
    prefix, blocks before b of this span, merged as they were sealed

merged in this order always. So a result is a function of the absolute row number and the rows
in the window: no drift, no residue of what left, the same bits after a restart once W rows are
in. A row that stands open is read by the same rule, hence with the bits it will have closed.
"""

import numpy as np

from stats.comoments import add_outer, centre_rows, merge_groups, merge_means
from stats.compiled import FloatArray, IntArray, kernel

WINDOW, BLOCK_ROWS, FIRST_ROW, NEWEST_ROW, BEFORE = range(5)


@kernel
def span_position(row: int, state: IntArray) -> tuple[int, int, int, int]:
    """Give a row's slot and block, and the slots where that block begins and ends."""
    window, size = state[WINDOW], state[BLOCK_ROWS]
    slot = row % window
    block = slot // size
    return slot, block, block * size, min(block * size + size, window)


@kernel
def push_row(
    row: int,
    values: FloatArray,
    n: int,
    scratch: FloatArray,
    returns: FloatArray,
    blocks: FloatArray,
    block_means: FloatArray,
    counts: IntArray,
    prefixes: FloatArray,
    prefix_means: FloatArray,
    prefix_counts: IntArray,
    state: IntArray,
) -> None:
    """Put the row after the newest in the ring; seal its block where it is the block's last.

    There are two prefixes: of the blocks before the newest row's, and with that block where it
    is complete; sealing writes the second, the next row makes it the first.
    """
    slot, block, start, stop = span_position(row, state)
    if slot == start and row > state[FIRST_ROW]:
        state[BEFORE] = 1 - state[BEFORE]
    before, after = state[BEFORE], 1 - state[BEFORE]
    for i in range(n):
        returns[slot, i] = values[i]
    state[NEWEST_ROW] = row
    if slot != stop - 1:
        return
    start = max(start, slot - (row - state[FIRST_ROW]))
    count, y = stop - start, scratch[-1]
    for r in range(count):
        for i in range(n):
            scratch[r, i] = returns[start + r, i]
    centre_rows(scratch, count, n, block_means[block])
    blocks[block, : n * (n + 1) // 2] = 0.0
    add_outer(scratch, count, n, blocks[block])
    counts[block] = count
    prefix_counts[after] = merge_groups(
        prefix_counts[before], prefix_means[before], prefixes[before],
        count, block_means[block], blocks[block],
        n, prefix_means[after], prefixes[after], y,
    )  # fmt: skip
    if slot == state[WINDOW] - 1:
        prefix_counts[after] = 0
        for b in range(len(counts) - 2, -1, -1):
            counts[b] = merge_groups(
                counts[b], block_means[b], blocks[b],
                counts[b + 1], block_means[b + 1], blocks[b + 1],
                n, block_means[b], blocks[b], y,
            )  # fmt: skip


@kernel
def gather_open_group(
    newest: int,
    ids: IntArray,
    open_values: FloatArray,
    returns: FloatArray,
    state: IntArray,
    out: FloatArray,
) -> int:
    """Copy the members' columns of the rows in the newest row's block; give their number."""
    slot, _, start, stop = span_position(newest, state)
    count = 0
    for s in range(start, stop):
        row = newest - slot + s
        if s > slot:
            row -= state[WINDOW]
        if row < state[FIRST_ROW]:
            continue
        source = open_values if row > state[NEWEST_ROW] else returns[s]
        for a in range(len(ids)):
            out[count, a] = source[ids[a]]
        count += 1
    return count


@kernel
def read_window(
    open_rows: int,
    ids: IntArray,
    open_values: FloatArray,
    mean: FloatArray,
    covariance: FloatArray,
    volatility: FloatArray,
    returns: FloatArray,
    blocks: FloatArray,
    block_means: FloatArray,
    counts: IntArray,
    prefixes: FloatArray,
    prefix_means: FloatArray,
    prefix_counts: IntArray,
    state: IntArray,
) -> int:
    """Write the members' mean, covariance (ddof 1) and its diagonal's roots.

    ``open_rows`` is 1 where ``open_values`` stands as the row after the newest, else 0.

    Returns
    -------
    int
        Rows in the window.
    """
    n = len(ids)
    newest = state[NEWEST_ROW] + open_rows
    slot, block, start, _ = span_position(newest, state)
    before = 1 - state[BEFORE] if open_rows == 1 and slot == start else state[BEFORE]
    group = np.empty((state[BLOCK_ROWS], n))
    n_group = gather_open_group(newest, ids, open_values, returns, state, group)
    vectors = np.zeros((5, n))
    group_mean, suffix_mean, prefix_mean, y, z = vectors
    centre_rows(group, n_group, n, group_mean)
    triangle = np.zeros(n * (n + 1) // 2)
    add_outer(group, n_group, n, triangle)
    has_suffix = block + 1 < len(counts)
    n_suffix = counts[block + 1] if has_suffix else 0
    n_prefix = prefix_counts[before]
    for a in range(n):
        if n_suffix > 0:
            suffix_mean[a] = block_means[block + 1, ids[a]]
        if n_prefix > 0:
            prefix_mean[a] = prefix_means[before, ids[a]]
    count = merge_means(n_suffix, suffix_mean, n_group, group_mean, n, mean, y)
    count = merge_means(count, mean, n_prefix, prefix_mean, n, mean, z)
    for a in range(n):
        out, row, first = covariance[a], a * (a + 1) // 2, ids[a] * (ids[a] + 1) // 2
        for b in range(a + 1):
            out[b] = triangle[row + b]
        if n_suffix > 0:
            for b in range(a + 1):
                out[b] = blocks[block + 1, first + ids[b]] + out[b]
        if n_prefix > 0:
            for b in range(a + 1):
                out[b] += prefixes[before, first + ids[b]]
        for b in range(a + 1):
            out[b] = ((out[b] + y[a] * y[b]) + z[a] * z[b]) / (count - 1)
        for b in range(a):
            covariance[b, a] = out[b]
        volatility[a] = np.sqrt(out[a])
    return count
