"""Return and volatility of random long-only portfolios: the cloud of the risk-return picture.

What the portfolios are says `optimize.simplex`. They stand in panels of 8: of each asset the
weights of 8 draws side by side. A panel's weights are left as they were drawn: return and
volatility are divided by their sum.
"""

import numpy as np

from optimize.lane_code import ROWS
from optimize.philox import CLOUD, fill_stream
from optimize.simplex import (
    FEW,
    PERIOD,
    RUN,
    AssetArray,
    choose,
    count_sharing,
    count_steps,
    count_words,
    cut_panel,
    draw_run,
    fill_order,
    fill_sizes,
    find_turns,
)
from optimize.tiles import add_quadratic, add_two_quadratics, weigh_twice
from stats.compiled import FloatArray, kernel, lean_kernel

_BLOCK_ROWS, _BLOCK_COLUMNS = 32, 256  # of covariances gathered at a time: 64 kB


@lean_kernel
def gather(
    covariance: FloatArray,
    assets: AssetArray,
    top: int,
    left: int,
    width: int,
    at: int,
    rows: FloatArray,
) -> None:
    """Fill 4 rows of the held assets' covariances: lower triangle with half the diagonal.

    From row ``top`` and column ``left`` on, as many columns as are read; 0 right of the
    diagonal, and below the last held asset. Row r stands from at + r * width on.
    """
    bottom = assets.shape[0] - 1
    below = min(top - left, width)
    for r in range(ROWS):
        own, columns = covariance[assets[min(top + r, bottom)]], assets[left : left + below]
        row = rows[at + r * width : at + r * width + below]
        for j in range(below):
            row[j] = own[columns[j]]
    for r in range(ROWS):
        for j in range(below, min(below + ROWS, width)):
            value, x = 0.0, top + j - below
            if x < top + r <= bottom:
                value = covariance[assets[top + r], assets[x]]
            elif x == top + r <= bottom:
                value = 0.5 * covariance[assets[x], assets[x]]
            rows[at + r * width + j] = value


@lean_kernel
def add_variances(
    covariance: FloatArray,
    assets: AssetArray,
    runs: int,
    panels: FloatArray,
    rows: FloatArray,
    found: FloatArray,
) -> None:
    """Fill half of w'Sigma w of panels in the second 8 of each run's 24 of ``found``."""
    width, padded = rows.shape[0] // _BLOCK_ROWS, (assets.shape[0] + ROWS - 1) // ROWS * ROWS
    size, step = panels.shape[1], found.shape[1]
    found[:, RUN : 2 * RUN] = 0.0
    for top in range(0, padded, _BLOCK_ROWS):
        bottom = min(top + _BLOCK_ROWS, padded)
        for left in range(0, bottom, width):
            start = max(top, left)
            for own in range(start, bottom, ROWS):
                gather(covariance, assets, own, left, width, (own - top) * width, rows)
            for run in range(0, runs - 1, 2):
                for own in range(start, bottom, ROWS):
                    add_two_quadratics(
                        rows, (own - top) * width, width, panels,
                        run * size + RUN * left, run * size + RUN * own, size,
                        min(own + ROWS - left, width), found, run * step + RUN, step,
                    )  # fmt: skip
            for run in range(runs // 2 * 2, runs):
                for own in range(start, bottom, ROWS):
                    add_quadratic(
                        rows, (own - top) * width, width, panels,
                        run * size + RUN * left, run * size + RUN * own, size,
                        min(own + ROWS - left, width), found, run * step + RUN, step,
                    )  # fmt: skip


@lean_kernel
def measure_one(
    mean: FloatArray,
    covariance: FloatArray,
    assets: AssetArray,
    panel: FloatArray,
    lane: int,
    weights: FloatArray,
) -> tuple[float, float, float]:
    """Give mean'w, half of w'Sigma w and sum of w of one draw of a panel of few held assets."""
    total, expected, half = 0.0, 0.0, 0.0
    for i in range(assets.shape[0]):
        w, own = panel[RUN * i + lane], assets[i]
        weights[i] = w
        below = 0.0
        for j in range(i):
            below += covariance[own, assets[j]] * weights[j]
        half += w * (below + 0.5 * covariance[own, own] * w)
        expected += mean[own] * w
        total += w
    return expected, half, total


@kernel
def fill_few(
    mean: FloatArray,
    covariance: FloatArray,
    cap: float,
    seed: int,
    round_: int,
    held: int,
    kind: int,
    kinds: int,
    first: int,
    sums: FloatArray,
) -> None:
    """Fill what a block has of the draws of one kind that hold few assets, each its own."""
    n, steps, period = mean.shape[0], count_steps(mean.shape[0], held), -1
    words = np.empty((2, count_words(held)), np.uint64)
    panel, order = np.empty(4 * (words.shape[1] - RUN)), np.empty(n, np.uint32)
    assets, weights = np.empty(held, np.uint32), np.empty(held)
    begin, end = find_turns(first, sums.shape[1], kind, kinds)
    for turn in range(begin, end):
        if turn // PERIOD != period:
            period = turn // PERIOD
            fill_order(seed, round_, period, order)
        run = turn * kinds + kind
        draw_run(seed, round_, run, words, panel)
        if cap < 1.0:
            cut_panel(cap, held, panel)
        for lane in range(RUN):
            d = run * RUN + lane - first
            if 0 <= d < sums.shape[1]:
                choose(words[0, lane], words[1, lane], steps, order, assets)
                sums[0, d], sums[1, d], sums[2, d] = measure_one(
                    mean, covariance, assets, panel, lane, weights
                )


@kernel
def fill_many(
    mean: FloatArray,
    covariance: FloatArray,
    cap: float,
    seed: int,
    round_: int,
    held: int,
    kind: int,
    kinds: int,
    first: int,
    sums: FloatArray,
) -> None:
    """Fill what a block has of the draws of one kind that share many held assets."""
    n, sharing = mean.shape[0], count_sharing(mean.shape[0], held)
    order, assets = np.empty(n, np.uint32), np.empty(held, np.uint32)
    words, choice = np.empty((2, count_words(held)), np.uint64), np.empty((2, RUN), np.uint64)
    begin, end = find_turns(first, sums.shape[1], kind, kinds)
    panels = np.empty((min(sharing, max(end - begin, 0)), 4 * (words.shape[1] - RUN)))
    weights = np.ones(2 * held)  # means, then ones
    rows = np.empty(_BLOCK_ROWS * min(_BLOCK_COLUMNS, held + ROWS))
    found, period = np.empty((PERIOD, 3 * RUN)), -1
    while begin < end:
        leader, run = begin // sharing * sharing, begin * kinds + kind
        runs = min(leader + sharing, end) - begin
        if leader // PERIOD != period:
            period = leader // PERIOD
            fill_order(seed, round_, period, order)
        fill_stream(seed, round_, leader * kinds + kind, CLOUD, 0, 0, choice[0], choice[1])
        choose(choice[0, 0], choice[1, 0], count_steps(n, held), order, assets)
        for i in range(held):
            assets[i] = i if held == n else assets[i]  # in order, to read the covariance so
            weights[i] = mean[assets[i]]
        for b in range(runs):
            draw_run(seed, round_, run + b * kinds, words, panels[b])
            panels[b, RUN * held :] = 0.0
            if cap < 1.0:
                cut_panel(cap, held, panels[b])
            at = b * panels.shape[1]
            weigh_twice(weights, panels, at, held, found, 3 * RUN * b)
        add_variances(covariance, assets, runs, panels, rows, found)
        for b in range(runs):
            store(found[b], (run + b * kinds) * RUN - first, sums)
        begin += runs


@lean_kernel
def store(found: FloatArray, place: int, sums: FloatArray) -> None:
    """Copy a run's sums, float64[3 * 8], to where the block has them, as far as it has."""
    for row in range(3):
        for lane in range(max(0, -place), min(RUN, sums.shape[1] - place)):
            sums[row, place + lane] = found[RUN * row + lane]


@kernel
def cloud_block(
    mean: FloatArray,
    covariance: FloatArray,
    max_weight: float,
    seed: int,
    round_: int,
    first: int,
    returns: FloatArray,
    volatilities: FloatArray,
) -> None:
    """Fill return and volatility of random portfolios ``first`` and following."""
    n, count = mean.shape[0], returns.shape[0]
    cap = max(max_weight, 1.0 / n)
    sizes, sums = np.empty(64, np.int64), np.empty((3, count))
    kinds = fill_sizes(n, cap, sizes)
    for kind in range(kinds):
        held = sizes[kind]
        if held <= FEW:
            fill_few(mean, covariance, cap, seed, round_, held, kind, kinds, first, sums)
        else:
            fill_many(mean, covariance, cap, seed, round_, held, kind, kinds, first, sums)
    for d in range(count):
        returns[d] = sums[0, d] / sums[2, d]
        volatilities[d] = np.sqrt(max(2.0 * sums[1, d], 0.0)) / sums[2, d]
