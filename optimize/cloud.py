"""Return and volatility of random long-only portfolios: the cloud of the risk-return picture.

What the portfolios are says `optimize.simplex`. They stand in panels of 8: of each asset the
weights of 8 draws side by side. A panel's weights are left as they were drawn: return and
volatility are divided by their sum.

Where draws share many held assets, variances are made of floats, twice as many at a time: of
1000 assets they are within 2e-6 of what the gross of all covariances makes, and so is the
volatility of what is not hedged. Returns are of doubles throughout, as are draws of few assets.
"""

import numpy as np

from optimize.cloud_tiles import (
    add_quadratic,
    add_two_quadratics,
    gather_corner,
    gather_rows,
    measure_eight,
    pack_two,
)
from optimize.lane_code import ROWS, SINGLES
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
from stats.compiled import FloatArray, SingleArray, kernel, lean_kernel

_BLOCK_ROWS, _BLOCK_COLUMNS = 32, 256  # of covariances gathered at a time: 32 kB


@lean_kernel
def add_variances(
    covariance: FloatArray,
    assets: AssetArray,
    pairs: int,
    panels: SingleArray,
    rows: SingleArray,
    halves: SingleArray,
) -> None:
    """Fill half of w'Sigma w of panels of two runs, side by side, into float32[pairs, 16].

    ``assets`` are a multiple of 4: the last held one repeated, whose weights in panels are 0.
    """
    n, width, held = covariance.shape[0], rows.shape[0] // _BLOCK_ROWS, assets.shape[0]
    size, step = panels.shape[1], halves.shape[1]
    halves[:pairs] = 0.0
    for top in range(0, held, _BLOCK_ROWS):
        bottom = min(top + _BLOCK_ROWS, held)
        for left in range(0, bottom, width):
            start = max(top, left)
            for own in range(start, bottom, ROWS):
                below, at = min(own - left, width), (own - top) * width
                gather_rows(covariance, n, assets, own, left, below, rows, at, width)
                if below < width:
                    gather_corner(covariance, n, assets, own, own, ROWS, rows, at + below, width)
            for pair in range(0, pairs - 1, 2):
                for own in range(start, bottom, ROWS):
                    add_two_quadratics(
                        rows, (own - top) * width, width, panels,
                        pair * size + SINGLES * left, pair * size + SINGLES * own, size,
                        min(own + ROWS - left, width), halves, pair * step, step,
                    )  # fmt: skip
            if pairs % 2 == 1:
                last = (pairs - 1) * size
                for own in range(start, bottom, ROWS):
                    add_quadratic(
                        rows, (own - top) * width, width, panels,
                        last + SINGLES * left, last + SINGLES * own, size,
                        min(own + ROWS - left, width), halves, (pairs - 1) * step, step,
                    )  # fmt: skip


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
    orders: AssetArray,
    oldest: int,
    first: int,
    sums: FloatArray,
) -> None:
    """Fill what a block has of the draws of one kind that hold few assets, each its own."""
    steps = count_steps(mean.shape[0], held)
    words = np.empty((2, count_words(held)), np.uint64)
    panel = np.empty(4 * (words.shape[1] - RUN))
    assets, found = np.empty(RUN * held, np.uint32), np.empty(3 * RUN)
    begin, end = find_turns(first, sums.shape[1], kind, kinds)
    for turn in range(begin, end):
        order, run = orders[turn // PERIOD - oldest], turn * kinds + kind
        draw_run(seed, round_, run, 0, words, panel)
        if cap < 1.0:
            cut_panel(cap, held, panel)
        for lane in range(RUN):
            choose(words[0, lane], words[1, lane], steps, order, assets[lane::RUN])
        measure_eight(mean, covariance, mean.shape[0], assets, held, panel, found)
        store(found[:RUN], found[RUN : 2 * RUN], found[2 * RUN :], run * RUN - first, sums)


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
    orders: AssetArray,
    oldest: int,
    first: int,
    sums: FloatArray,
) -> None:
    """Fill what a block has of the draws of one kind that share many held assets."""
    n, sharing = mean.shape[0], count_sharing(mean.shape[0], held)
    padded = (held + ROWS - 1) // ROWS * ROWS
    assets, own_means = np.empty(padded, np.uint32), np.empty(held)
    words = np.empty((2, count_words(held)), np.uint64)
    drawn = np.empty((2, 4 * (words.shape[1] - RUN)))
    begin, end = find_turns(first, sums.shape[1], kind, kinds)
    most = min(sharing, max(end - begin, 0))
    panels = np.zeros(((most + 1) // 2, SINGLES * padded), np.float32)
    rows = np.empty(_BLOCK_ROWS * min(_BLOCK_COLUMNS, held + ROWS), np.float32)
    halves = np.empty((PERIOD // 2, SINGLES), np.float32)
    found = np.empty((PERIOD // 2, 2 * SINGLES))
    while begin < end:
        leader, run = begin // sharing * sharing, begin * kinds + kind
        runs = min(leader + sharing, end) - begin
        order = orders[leader // PERIOD - oldest]
        draw_run(seed, round_, run, 0, words, drawn[0])
        if leader < begin:
            choice = words[:, :RUN]
            fill_stream(seed, round_, leader * kinds + kind, CLOUD, 0, 0, choice[0], choice[1])
        choose(words[0, 0], words[1, 0], count_steps(n, held), order, assets[:held])
        assets[held:] = assets[held - 1]
        for i in range(held):
            assets[i] = i if held == n else assets[i]  # in order, to read the covariance so
            own_means[i] = mean[assets[i]]
        for b in range(runs):
            half = b % 2
            if b > 0:
                draw_run(seed, round_, run + b * kinds, RUN, words, drawn[half])
            if cap < 1.0:
                cut_panel(cap, held, drawn[half])
            if half == 1 or b == runs - 1:  # a last one alone takes both places
                at = b // 2
                pack_two(
                    own_means, drawn[0], drawn[half], held, panels, at * panels.shape[1],
                    found, at * found.shape[1],
                )  # fmt: skip
        add_variances(covariance, assets, (runs + 1) // 2, panels, rows, halves)
        for b in range(runs):
            own, half, left = found[b // 2], halves[b // 2], b % 2 * RUN
            right = left + RUN
            place = (run + b * kinds) * RUN - first
            store(own[left:right], half[left:right], own[SINGLES + left :], place, sums)
        begin += runs


@lean_kernel
def store(
    expected: FloatArray,
    halves: FloatArray | SingleArray,
    totals: FloatArray,
    place: int,
    sums: FloatArray,
) -> None:
    """Copy a run's sums to where the block has them, as far as it has."""
    for lane in range(max(0, -place), min(RUN, sums.shape[1] - place)):
        sums[0, place + lane] = expected[lane]
        sums[1, place + lane] = halves[lane]
        sums[2, place + lane] = totals[lane]


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
    turn, last = first // RUN // kinds, (first + count - 1) // RUN // kinds
    oldest = max(turn - PERIOD + 1, 0) // PERIOD  # that of a first run's leader
    orders = np.empty((last // PERIOD + 1 - oldest, n), np.uint32)
    for period in range(orders.shape[0]):
        fill_order(seed, round_, oldest + period, orders[period])
    for kind in range(kinds):
        held = sizes[kind]
        if held <= FEW:
            fill_few(
                mean, covariance, cap, seed, round_, held, kind, kinds, orders, oldest, first, sums
            )
        else:
            fill_many(
                mean, covariance, cap, seed, round_, held, kind, kinds, orders, oldest, first, sums
            )
    for d in range(count):
        returns[d] = sums[0, d] / sums[2, d]
        volatilities[d] = np.sqrt(max(2.0 * sums[1, d], 0.0)) / sums[2, d]
