"""Each kernel beside its plain-numpy twin: one table for the tests and for the benchmark.

It names the kernels that Python calls and the arithmetic inside them; a kernel that only moves
data within one of these is compared through it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from stats import (
    aggregates,
    comoments,
    estimators,
    pending,
    plain,
    plain_pending,
    plain_ticks,
    returns,
    row_blocks,
    tick_blocks,
    tick_rings,
)
from stats.compiled import FloatArray, IntArray
from stats.grid import Grid
from stats.grid_window import GridWindow
from stats.tick_window import TickWindow

_START_NS = 1_700_000_000 * 10**9
_WINDOW_ROWS = 310
_WINDOW_TICKS = 230


@dataclass(frozen=True, slots=True)
class KernelPair:
    """A kernel and what it must agree with.

    Attributes
    ----------
    name
        Unique in its table.
    kernel, twin
        Called with the same arguments; either may write to them, so each call needs its own.
        Results are the returned value and every array among the arguments.
    make_arguments
        (seed, size) to arguments: equal for equal input; ``size`` is the number of assets, of
        rows of them or of ticks a hundredth, as the kernel has it.
    tolerance
        Largest difference allowed, relative to the largest absolute value of an array; 0: the
        same bits.
    """

    name: str
    kernel: Callable[..., Any]
    twin: Callable[..., Any]
    make_arguments: Callable[[int, int], tuple[Any, ...]]
    tolerance: float


def uniforms(seed: int, count: int) -> FloatArray:
    """Make numbers in (0, 1) that look random and are the same everywhere (splitmix64)."""
    word = np.uint64
    h = (np.arange(1, count + 1, dtype=word) + word(seed) * word(count)) * word(0x9E3779B97F4A7C15)
    h = (h ^ (h >> word(30))) * word(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> word(27))) * word(0x94D049BB133111EB)
    h ^= h >> word(31)
    return ((h >> word(11)).astype(np.float64) + 0.5) * 2.0**-53


def _returns(seed: int, rows: int, n: int) -> FloatArray:
    # Four uniforms are near enough to a bell; a common part correlates the assets.
    draws = uniforms(seed, 4 * rows * (n + 1)).reshape(4, rows, n + 1).sum(axis=0) - 2.0
    out: FloatArray = 1e-3 * (draws[:, :n] + 0.5 * draws[:, n:])
    return out


def _inbox(seed: int, n: int, count: int) -> tuple[IntArray, FloatArray]:
    draws = uniforms(seed, 3 * count).reshape(3, count)
    inbox_i = np.zeros((4, count), np.int64)
    inbox_i[pending.SYMBOL] = (draws[0] * n).astype(np.int64)
    inbox_i[pending.SYMBOL, 40::41] = pending.CLOCK
    # Steps of 20 to 100 ms, one in five back by up to 40: some ticks are out of order.
    steps = np.where(draws[1] < 0.2, -200.0, 100.0) * draws[1]
    inbox_i[pending.TIME] = _START_NS + np.cumsum(steps.astype(np.int64)) * 1_000_000
    inbox_i[pending.OFFSET] = np.arange(count)
    return inbox_i, 100.0 + np.round(draws[2], 2)


def _log_returns(seed: int, size: int) -> tuple[Any, ...]:
    previous = 100.0 * uniforms(seed, size)
    ratios = 1.0 + 0.01 * (uniforms(seed + 1, size) - 0.5)
    ratios[::7] = 10.0 ** (8.0 * uniforms(seed + 2, size)[::7] - 4.0)
    return previous * ratios, previous, np.zeros(size)


def _rows(seed: int, size: int) -> tuple[Any, ...]:
    return _returns(seed, 20, size), 20, size, np.zeros(size)


def _outer(seed: int, size: int) -> tuple[Any, ...]:
    return _returns(seed, 19, size), 19, size, np.zeros(size * (size + 1) // 2)


def _group(seed: int, n: int) -> tuple[int, FloatArray, FloatArray]:
    rows, mean = _returns(seed, 20, n), np.zeros(n)
    comoment = np.zeros(n * (n + 1) // 2)
    plain.centre_rows(rows, 20, n, mean)
    plain.add_outer(rows, 20, n, comoment)
    return 20, mean, comoment


def _groups(seed: int, size: int) -> tuple[Any, ...]:
    out = np.zeros(size), np.zeros(size * (size + 1) // 2), np.zeros(size)
    return *_group(seed, size), *_group(seed + 1, size), size, *out


def _filled_window(seed: int, size: int, last_row: int) -> tuple[GridWindow, FloatArray]:
    window = GridWindow(_WINDOW_ROWS)
    rows = _returns(seed, _WINDOW_ROWS + 1, size)
    for k, row in enumerate(rows[:-1]):
        window.push(last_row - _WINDOW_ROWS + 1 + k, row, size)
    return window, rows[-1]


def _pushed_row(seed: int, size: int) -> tuple[Any, ...]:
    # The next row is the last of a span: it seals a block and turns the span.
    row = 7 * _WINDOW_ROWS - 1
    window, values = _filled_window(seed, size, row - 1)
    return row, values, size, np.zeros((21, size)), *window.arrays


def _read_window(seed: int, size: int) -> tuple[Any, ...]:
    window, values = _filled_window(seed, size, 7 * _WINDOW_ROWS + 132)
    ids = np.flatnonzero(uniforms(seed, size) < 0.9)
    n = len(ids)
    out = np.zeros(n), np.zeros((n, n)), np.zeros(n)
    return seed % 2, ids, values, *out, *window.arrays


def _aggregate(seed: int, size: int) -> aggregates.Aggregate:
    group: aggregates.Aggregate = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    for n, (value, slope) in enumerate(_returns(seed, size, 2).tolist()):
        group = plain_ticks.add_tick(group, value, 1e3 * slope, 1.0 / (n + 1))
    return group


def _added_tick(seed: int, size: int) -> tuple[Any, ...]:
    value, slope = _returns(seed + 1, 1, 2)[0].tolist()
    return _aggregate(seed, size), value, 1e3 * slope, 1.0 / (size + 1)


def _aggregates(seed: int, size: int) -> tuple[Any, ...]:
    return _aggregate(seed, size), _aggregate(seed + 1, 2 * size), 1.0 / (3 * size)


def _pushed_ticks(seed: int, size: int) -> tuple[Any, ...]:
    window = TickWindow(_WINDOW_TICKS)
    window.reserve(size)
    return 0, 100 * size, *_inbox(seed, size, 100 * size), *window.arrays[:4]


def _read_ticks(seed: int, size: int) -> tuple[Any, ...]:
    window = TickWindow(_WINDOW_TICKS)
    window.reserve(size)
    window.push(*_inbox(seed, size, 500 * size), 0, 500 * size)
    return np.arange(size), np.zeros((7, size)), *window.arrays[1:]


def _grid(seed: int, size: int) -> tuple[Grid, int]:
    count = 100 * size
    # About two rows a batch: steps are 44 ms on average.
    grid = Grid(
        sample_interval_ns=count * 20_000_000,
        allowed_lateness_ns=10**8,
        quiet_rows=100,
        partitions=(0, 1),
    )
    inbox_i, inbox_f = _inbox(seed, size, count)
    partitions = inbox_i[pending.SYMBOL] % 2
    grid.load(inbox_i[0], inbox_f, inbox_i[1], partitions, inbox_i[3])
    grid.reserve(count, size)
    return grid, count


def _admitted_ticks(seed: int, size: int) -> tuple[Any, ...]:
    grid, count = _grid(seed, size)
    # The first call ends at once, at the first tick: no row before its own was passed yet.
    start = grid.admit(0)
    return start, count, grid.inbox_i, grid.inbox_f, grid.marks, *grid.arrays


def _closed_row(seed: int, size: int) -> tuple[Any, ...]:
    grid, count = _grid(seed, size)
    start, row = grid.admit(0), None
    while row is None and start < count:
        start = grid.admit(start)
        row = grid.next_row()
    return row, grid.ordered_i, grid.ordered_f, grid.marks, *grid.arrays


def _estimates(seed: int, size: int) -> tuple[Any, ...]:
    rows = _returns(seed, 2 * size + 10, size)
    mean = rows.mean(axis=0)
    covariance = (rows - mean).T @ (rows - mean) / (len(rows) - 1)
    return mean, np.ascontiguousarray(covariance), len(rows), np.zeros(size)


def _covariance(seed: int, size: int) -> tuple[Any, ...]:
    _, covariance, count, _ = _estimates(seed, size)
    return covariance, count, np.zeros((size, size))


PAIRS: tuple[KernelPair, ...] = (
    KernelPair("log_returns", returns.log_returns, plain.log_returns, _log_returns, 0.0),
    KernelPair("centre_rows", comoments.centre_rows, plain.centre_rows, _rows, 0.0),
    KernelPair("add_outer", comoments.add_outer, plain.add_outer, _outer, 0.0),
    KernelPair("merge_groups", comoments.merge_groups, plain.merge_groups, _groups, 0.0),
    KernelPair("push_row", row_blocks.push_row, plain.push_row, _pushed_row, 0.0),
    KernelPair("read_window", row_blocks.read_window, plain.read_window, _read_window, 0.0),
    KernelPair("add_tick", aggregates.add_tick, plain_ticks.add_tick, _added_tick, 0.0),
    KernelPair(
        "merge_aggregates",
        aggregates.merge_aggregates,
        plain_ticks.merge_aggregates,
        _aggregates,
        0.0,
    ),
    KernelPair("push_ticks", tick_rings.push_ticks, plain_ticks.push_ticks, _pushed_ticks, 0.0),
    KernelPair("read_ticks", tick_blocks.read_ticks, plain_ticks.read_ticks, _read_ticks, 0.0),
    KernelPair("admit_ticks", pending.admit_ticks, plain_pending.admit_ticks, _admitted_ticks, 0.0),
    KernelPair("close_row", pending.close_row, plain_pending.close_row, _closed_row, 0.0),
    # The twins of these use LAPACK and pairwise sums: other orders of addition.
    KernelPair(
        "bayes_stein_means",
        estimators.bayes_stein_means,
        plain.bayes_stein_means,
        _estimates,
        1e-11,
    ),
    KernelPair(
        "oas_covariance", estimators.oas_covariance, plain.oas_covariance, _covariance, 1e-13
    ),
)
