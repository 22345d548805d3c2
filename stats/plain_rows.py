"""The kernels of the grid window again, in plain numpy: see ``plain_comoments``."""

import numpy as np

from stats import plain_comoments as plain
from stats import row_blocks as at
from stats.comoments import padded_columns, triangle_size
from stats.compiled import FloatArray, IntArray
from stats.tile_strips import STRIP


def _bounds(slot: int, state: IntArray) -> tuple[int, int, int, int, int]:
    size, span_rows = int(state[at.BLOCK_ROWS]), int(state[at.BLOCK_ROWS] * state[at.SPAN_BLOCKS])
    span = slot // span_rows
    span_start = span * span_rows
    span_stop = min(span_start + span_rows, int(state[at.WINDOW]))
    start = slot - (slot - span_start) % size
    return span, span_start, span_stop, start, min(start + size, span_stop)


def _front(behind: int, block: int, middle: int, state: IntArray) -> tuple[int, int, int]:
    counts, places = state[at.HEADER :], at.N_MIDDLES + int(state[at.N_SPANS])
    mean = middle if behind == 0 else places + behind - 1
    triangle = middle if behind == 0 else places + block
    return (triangle if counts[mean] else -1), mean, int(counts[mean])


def merge_middle(
    span: int, n: int, triangles: FloatArray, vectors: FloatArray, state: IntArray
) -> None:
    """As ``row_blocks.merge_middle``."""
    middle, n_spans, counts = 1 - state[at.MIDDLE], int(state[at.N_SPANS]), state[at.HEADER :]
    others = [at.N_MIDDLES + (span + j) % n_spans for j in range(1, n_spans)]
    groups = [place for place in others if counts[place]]
    columns, count = padded_columns(n), 0
    rows = np.zeros((len(groups), columns))
    for y, place in zip(rows, groups, strict=True):
        count = plain.merge_means(count, vectors[middle], int(counts[place]), vectors[place], y)
    counts[middle] = count
    if groups:
        plain.add_groups(rows, n, triangles, np.array(groups), middle)


def turn_span(
    span: int,
    n: int,
    returns: FloatArray,
    triangles: FloatArray,
    vectors: FloatArray,
    state: IntArray,
) -> None:
    """As ``row_blocks.turn_span``."""
    merge_middle(span, n, triangles, vectors, state)
    window, size, span_blocks = state[[at.WINDOW, at.BLOCK_ROWS, at.SPAN_BLOCKS]].tolist()
    counts, middle, columns = state[at.HEADER :], int(1 - state[at.MIDDLE]), padded_columns(n)
    start = span * size * span_blocks
    stop = min(start + size * span_blocks, window)
    means = at.N_MIDDLES + int(state[at.N_SPANS])
    rows = means + size * span_blocks
    count, mean = int(counts[middle]), vectors[middle, :columns]
    for behind in range(stop - start - 1):
        slot = stop - 1 - behind
        y, grown = vectors[rows + behind, :columns], vectors[means + behind, :columns]
        y[:], grown[:] = 0.0, mean
        if state[at.NEWEST_ROW] - window + 1 + slot - start >= state[at.FIRST_ROW]:
            count = plain.add_to_mean(count, grown, returns[slot], y)
        counts[means + behind], mean = count, grown
    for block in range((stop - start - 1) // size, 0, -1):
        end = min(start + block * size + size, stop)
        source, _, _ = _front(stop - end, block, middle, state)
        first, last = rows + stop - end, rows + stop - start - block * size
        plain.add_products(vectors, first, last, n, triangles, source, means + block - 1)


def push_row(
    row: int,
    values: FloatArray,
    n: int,
    returns: FloatArray,
    triangles: FloatArray,
    vectors: FloatArray,
    state: IntArray,
) -> None:
    """As ``row_blocks.push_row``."""
    counts, slot, is_first = (
        state[at.HEADER :],
        row % int(state[at.WINDOW]),
        row == state[at.FIRST_ROW],
    )
    span, span_start, span_stop, start, stop = _bounds(slot, state)
    prefix = at.N_MIDDLES + span
    if slot == span_start and not is_first:
        state[at.MIDDLE] = 1 - state[at.MIDDLE]
    if slot == span_start or is_first:
        counts[prefix] = 0
        triangles[prefix, : triangle_size(n)] = 0.0
    if slot == start or is_first:
        state[at.IN_PREFIX] = slot - start
    returns[slot, :n] = values[:n]
    if n != state[at.N_SYMBOLS]:
        state[at.KEPT_ROWS] = state[at.BLOCK_ROWS]
    state[at.NEWEST_ROW], state[at.N_SYMBOLS] = row, n
    rows = at.N_MIDDLES + int(state[at.N_SPANS] + 2 * state[at.BLOCK_ROWS] * state[at.SPAN_BLOCKS])
    y = vectors[rows + slot - start, : padded_columns(n)]
    counts[prefix] = plain.add_to_mean(int(counts[prefix]), vectors[prefix], returns[slot], y)
    if slot < stop - 1:
        return
    first, last = rows + int(state[at.IN_PREFIX]), rows + stop - start
    plain.add_products(vectors, first, last, n, triangles, prefix, prefix)
    state[at.IN_PREFIX] = stop - start
    if stop == span_stop:
        turn_span((span + 1) % int(state[at.N_SPANS]), n, returns, triangles, vectors, state)


def _merge_parts(
    open_rows: int, open_values: FloatArray, columns: int, vectors: FloatArray, state: IntArray
) -> tuple[int, int, int, tuple[int, int, int, int, int, int, int]]:
    counts, slot = state[at.HEADER :], int(state[at.NEWEST_ROW] + open_rows) % int(state[at.WINDOW])
    span, span_start, span_stop, start, stop = _bounds(slot, state)
    begins_span = open_rows == 1 and slot == span_start
    middle = int(1 - state[at.MIDDLE] if begins_span else state[at.MIDDLE])
    block, behind = (start - span_start) // int(state[at.BLOCK_ROWS]), span_stop - stop
    front, _, _ = _front(behind, block, middle, state)
    _, front_mean, count_front = _front(span_stop - 1 - slot, block, middle, state)
    prefix = -1 if begins_span else at.N_MIDDLES + span
    count, mean = 0 if begins_span else int(counts[prefix]), vectors[prefix, :columns]
    if open_rows:
        vectors[at.OPEN_X, :columns] = np.nan
        known = min(columns, len(open_values))
        vectors[at.OPEN_X, :known] = open_values[:known]
        vectors[at.OPEN_MEAN, :columns], mean = mean, vectors[at.OPEN_MEAN, :columns]
        y = vectors[at.OPEN_Y, :columns]
        count = plain.add_to_mean(count, mean, vectors[at.OPEN_X], y)
    merged = vectors[at.MEAN, :columns]
    merged[:] = vectors[front_mean, :columns]
    count = plain.merge_means(count_front, merged, count, mean, vectors[at.MERGER_Y, :columns])
    fronts = at.N_MIDDLES + int(state[at.N_SPANS] + state[at.BLOCK_ROWS] * state[at.SPAN_BLOCKS])
    rows = fronts + int(state[at.BLOCK_ROWS] * state[at.SPAN_BLOCKS])
    stop = rows + slot - start + 1 - open_rows
    begins_block = open_rows == 1 and slot == start
    parts = (
        fronts + behind,
        fronts + behind,
        fronts + (span_stop - 1 - slot if count_front else behind),
        stop if begins_block else rows + int(state[at.IN_PREFIX]),
        stop,
        len(vectors) + at.OPEN_Y if open_rows else -1,
        len(vectors) + at.MERGER_Y,
    )
    return front, prefix, count, parts


def _keep_front(
    open_rows: int, is_all: bool, front: int, first: int, stop: int, state: IntArray
) -> tuple[int, int, int]:
    row, half = int(state[at.NEWEST_ROW]) + open_rows, int(state[at.BLOCK_ROWS]) // 2
    slot = row % int(state[at.WINDOW])
    block, kept_rows = row - (slot - _bounds(slot, state)[3]), int(state[at.KEPT_ROWS])
    if state[at.KEPT_BLOCK] == block and kept_rows <= stop - first:
        kept = at.N_MIDDLES + int(state[at.N_SPANS] + state[at.SPAN_BLOCKS]) - 1
        return kept, first + kept_rows, first + kept_rows
    if is_all and stop - first > half and row <= state[at.READ_ROW] + 1:
        state[at.KEPT_BLOCK], state[at.KEPT_ROWS] = block, half
        return front, first, first + half
    return front, first, first


def _write_members(
    triangles: FloatArray,
    front: int,
    prefix: int,
    ids: IntArray,
    vectors: FloatArray,
    parts: tuple[int, int, int, int, int, int, int],
    scale: float,
    covariance: FloatArray,
) -> None:
    n, (front_first, _, front_stop, first, stop, more, merger) = len(ids), parts
    of_front = front_stop - front_first
    of_both = of_front + stop - first
    places = [*range(front_first, front_stop), *range(first, stop), more, merger]
    members, rows = np.zeros((2, triangle_size(n))), np.zeros((len(places), padded_columns(n)))
    plain.gather_triangle(triangles, front, ids, members[0])
    plain.gather_triangle(triangles, prefix, ids, members[1])
    rows[:, :n] = vectors[np.ix_(places, ids)]
    parts = 0, 0, of_front, of_front, of_both, (of_both if more >= 0 else -1), of_both + 1
    plain.write_covariance(members, 0, 1, rows, parts, False, scale, covariance)


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
    """As ``row_reads.read_window``."""
    n, n_symbols = len(ids), int(state[at.N_SYMBOLS])
    is_first = n > 0 and ids[-1] == n - 1
    is_all = bool(is_first and -(-n // STRIP) == -(-n_symbols // STRIP))
    columns = padded_columns(n if is_first else n_symbols)
    front, prefix, count, parts = _merge_parts(open_rows, open_values, columns, vectors, state)
    kept = _keep_front(open_rows, is_all, front, parts[0], parts[2], state)
    front, parts = kept[0], (*kept[1:], *parts[2:])
    scale = 1.0 / (count - 1)
    if is_first:
        plain.write_covariance(triangles, front, prefix, vectors, parts, is_all, scale, covariance)
    else:
        _write_members(triangles, front, prefix, ids, vectors, parts, scale, covariance)
    if is_all:
        state[at.IN_PREFIX] += parts[4] - parts[3]
        state[at.READ_ROW] = state[at.NEWEST_ROW] + open_rows
    mean[:] = vectors[at.MEAN, ids]
    volatility[:] = np.sqrt(covariance.diagonal())
    return count
