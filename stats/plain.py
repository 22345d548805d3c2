"""The kernels of returns, rows and estimators again, in plain numpy: the same result, slower.

They are what the tests hold the compiled code against, and what the benchmark sets beside it.
"""

import numpy as np
from numpy.typing import NDArray

from stats import row_blocks
from stats.compiled import FloatArray, IntArray

Triangle = tuple[NDArray[np.intp], NDArray[np.intp]]


def far_log_return(price: FloatArray, previous: FloatArray) -> FloatArray:
    """As ``returns.far_log_return``, of arrays."""
    scaled, exponent = price.copy(), np.zeros_like(price)
    root = 1.4142135623730951
    while True:
        high = scaled > previous * root
        low = scaled * root < previous
        if not (high | low).any():
            break
        scaled = np.where(high, scaled * 0.5, np.where(low, scaled * 2.0, scaled))
        exponent += np.where(high, 1.0, np.where(low, -1.0, 0.0))
    s = (scaled - previous) / (scaled + previous)
    z = s * s
    series = np.full_like(z, 1.0 / 23.0)
    for odd in range(21, 0, -2):
        series = 1.0 / odd + z * series
    return exponent * 0.6931471803691238 + (exponent * 1.9082149292705877e-10 + 2.0 * s * series)


def log_returns(prices: FloatArray, previous: FloatArray, out: FloatArray) -> None:
    """As ``returns.log_returns``."""
    s = (prices - previous) / (prices + previous)
    z = s * s
    series = np.full_like(z, 1.0 / 13.0)
    for odd in range(11, 0, -2):
        series = 1.0 / odd + z * series
    out[:] = 2.0 * s * series
    far = ~(z < 0.0025)
    out[far] = far_log_return(prices[far], previous[far])


def centre_rows(rows: FloatArray, n_rows: int, n: int, mean: FloatArray) -> None:
    """As ``comoments.centre_rows``."""
    used = rows[:n_rows, :n]
    total = np.zeros(n)
    for row in used[1:]:
        total += row - used[0]
    mean[:n] = used[0] + total / n_rows
    used -= mean[:n]


def add_outer(rows: FloatArray, n_rows: int, n: int, out: FloatArray) -> None:
    """As ``comoments.add_outer``."""
    i, k = np.tril_indices(n)
    for row in rows[:n_rows, :n]:
        out[: len(i)] += row[i] * row[k]


def merge_means(
    count_a: int,
    mean_a: FloatArray,
    count_b: int,
    mean_b: FloatArray,
    n: int,
    mean: FloatArray,
    y: FloatArray,
) -> int:
    """As ``comoments.merge_means``."""
    count = count_a + count_b
    if count_a == 0 or count_b == 0:
        mean[:n] = mean_b[:n] if count_a == 0 else mean_a[:n]
        y[:n] = 0.0
        return count
    share = count_b / count
    difference = mean_b[:n] - mean_a[:n]
    y[:n] = np.sqrt(count_a * share) * difference
    mean[:n] = mean_a[:n] + difference * share
    return count


def merge_groups(
    count_a: int,
    mean_a: FloatArray,
    comoment_a: FloatArray,
    count_b: int,
    mean_b: FloatArray,
    comoment_b: FloatArray,
    n: int,
    mean: FloatArray,
    comoment: FloatArray,
    y: FloatArray,
) -> int:
    """As ``comoments.merge_groups``."""
    count = merge_means(count_a, mean_a, count_b, mean_b, n, mean, y)
    i, k = np.tril_indices(n)
    size = len(i)
    if count_a == 0 or count_b == 0:
        comoment[:size] = comoment_b[:size] if count_a == 0 else comoment_a[:size]
    else:
        comoment[:size] = (comoment_a[:size] + comoment_b[:size]) + y[i] * y[k]
    return count


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
    """As ``row_blocks.push_row``."""
    window, size = int(state[row_blocks.WINDOW]), int(state[row_blocks.BLOCK_ROWS])
    slot = row % window
    b = slot // size
    start, stop = b * size, min(b * size + size, window)
    if slot == start and row > state[row_blocks.FIRST_ROW]:
        state[row_blocks.BEFORE] = 1 - state[row_blocks.BEFORE]
    before, after = state[row_blocks.BEFORE], 1 - state[row_blocks.BEFORE]
    returns[slot, :n] = values[:n]
    state[row_blocks.NEWEST_ROW] = row
    if slot < stop - 1:
        return
    start = max(start, int(slot - (row - state[row_blocks.FIRST_ROW])))
    counts[b] = count = stop - start
    scratch[:count, :n] = returns[start:stop, :n]
    y = scratch[-1]
    centre_rows(scratch, count, n, block_means[b])
    blocks[b, : n * (n + 1) // 2] = 0.0
    add_outer(scratch, count, n, blocks[b])
    group_b = (count, block_means[b], blocks[b])
    group_a = (int(prefix_counts[before]), prefix_means[before], prefixes[before])
    prefix_counts[after] = merge_groups(
        *group_a, *group_b, n, prefix_means[after], prefixes[after], y
    )
    if slot == window - 1:
        prefix_counts[after] = 0
        for b in reversed(range(len(counts) - 1)):
            older = (int(counts[b]), block_means[b], blocks[b])
            newer = (int(counts[b + 1]), block_means[b + 1], blocks[b + 1])
            counts[b] = merge_groups(*older, *newer, n, block_means[b], blocks[b], y)


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
    """As ``row_blocks.read_window``."""
    window, size = int(state[row_blocks.WINDOW]), int(state[row_blocks.BLOCK_ROWS])
    newest, n = int(state[row_blocks.NEWEST_ROW]) + open_rows, len(ids)
    slot = newest % window
    block = slot // size
    slots = np.arange(block * size, min(block * size + size, window))
    rows = newest - slot + slots - np.where(slots > slot, window, 0)
    group = returns[slots][:, ids]
    if open_rows:
        group[slots == slot] = open_values[ids]
    group = group[rows >= state[row_blocks.FIRST_ROW]]
    turned = open_rows == 1 and slot == slots[0]
    before = 1 - state[row_blocks.BEFORE] if turned else state[row_blocks.BEFORE]
    means, y = np.zeros((3, n)), np.zeros((2, n))
    centre_rows(group, len(group), n, means[1])
    i, k = np.tril_indices(n)
    at = ids[i] * (ids[i] + 1) // 2 + ids[k]
    total = np.zeros(len(i))
    add_outer(group, len(group), n, total)
    n_suffix = int(counts[block + 1]) if block + 1 < len(counts) else 0
    n_prefix = int(prefix_counts[before])
    if n_suffix:
        means[0] = block_means[block + 1, ids]
        total = blocks[block + 1, at] + total
    if n_prefix:
        means[2] = prefix_means[before, ids]
        total = total + prefixes[before, at]
    count = merge_means(n_suffix, means[0], len(group), means[1], n, mean, y[0])
    count = merge_means(count, mean, n_prefix, means[2], n, mean, y[1])
    total = ((total + y[0][i] * y[0][k]) + y[1][i] * y[1][k]) / (count - 1)
    covariance[i, k] = covariance[k, i] = total
    volatility[:] = np.sqrt(covariance.diagonal())
    return count


def bayes_stein_means(
    mean: FloatArray, covariance: FloatArray, n_observations: int, out: FloatArray
) -> float:
    """As ``estimators.bayes_stein_means``, for a covariance of full rank."""
    n, t = len(mean), n_observations
    solved = np.linalg.solve(covariance, np.column_stack((np.ones(n), mean)))
    target = solved[:, 1].sum() / solved[:, 0].sum()
    distance = (mean - target) @ np.linalg.solve(covariance, mean - target)
    distance *= max(0.0, t - n - 2.0) / (t - 1.0)
    shrinkage = float((n + 2.0) / (n + 2.0 + t * distance))
    out[:] = (1.0 - shrinkage) * mean + shrinkage * target
    return shrinkage


def oas_covariance(covariance: FloatArray, n_observations: int, out: FloatArray) -> float:
    """As ``estimators.oas_covariance``."""
    n = len(covariance)
    squares, average = float(np.mean(covariance**2)), float(np.trace(covariance)) / n
    numerator = squares + average**2
    denominator = (n_observations + 1.0) * (squares - average**2 / n)
    shrinkage = 1.0 if denominator <= numerator else numerator / denominator
    if n == 1:
        shrinkage = 0.0
    out[:] = (1.0 - shrinkage) * covariance + shrinkage * average * np.eye(n)
    return shrinkage
