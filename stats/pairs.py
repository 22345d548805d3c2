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
    covariance,
    estimators,
    member_reads,
    pending,
    plain,
    plain_comoments,
    plain_inputs,
    plain_members,
    plain_pending,
    plain_rows,
    plain_ticks,
    returns,
    row_blocks,
    row_reads,
    tick_blocks,
    tick_rings,
)
from stats.compiled import FloatArray, IntArray
from stats.grid import Grid
from stats.plain_inputs import make_returns, uniforms
from stats.tick_window import TickWindow

_START_NS = 1_700_000_000 * 10**9
_WINDOW_TICKS = 230
_FUSED = 4e-15


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


def _aggregate(seed: int, size: int) -> aggregates.Aggregate:
    group: aggregates.Aggregate = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    for n, (value, slope) in enumerate(make_returns(seed, size, 2).tolist()):
        group = plain_ticks.add_tick(group, value, 1e3 * slope, 1.0 / (n + 1))
    return group


def _added_tick(seed: int, size: int) -> tuple[Any, ...]:
    value, slope = make_returns(seed + 1, 1, 2)[0].tolist()
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


def _read_members(seed: int, size: int) -> tuple[Any, ...]:
    open_rows, ids, _, _, covariance, _, *window = plain_inputs.read_window(seed, size)
    symbol_f = 100.0 + uniforms(seed, 4 * size).reshape(4, size)
    table, ticks = np.zeros((member_reads.N_COLUMNS, len(ids))), _read_ticks(seed, size)[2:]
    return open_rows, ids, symbol_f, table, covariance, *window, *ticks


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
    rows = make_returns(seed, 2 * size + 10, size)
    mean = rows.mean(axis=0)
    covariance = (rows - mean).T @ (rows - mean) / (len(rows) - 1)
    return mean, np.ascontiguousarray(covariance), len(rows), np.zeros(size)


def _both_estimates(seed: int, size: int) -> tuple[Any, ...]:
    mean, covariance, count, out = _estimates(seed, size)
    return mean, covariance, count, out, np.zeros((size, size))


def _covariance(seed: int, size: int) -> tuple[Any, ...]:
    _, covariance, count, _ = _estimates(seed, size)
    return covariance, count, np.zeros((size, size))


PAIRS: tuple[KernelPair, ...] = (
    KernelPair("log_returns", returns.log_returns, plain.log_returns, _log_returns, 0.0),
    KernelPair(
        "add_to_mean",
        comoments.add_to_mean,
        plain_comoments.add_to_mean,
        plain_inputs.mean_and_row,
        0.0,
    ),
    KernelPair(
        "merge_means",
        comoments.merge_means,
        plain_comoments.merge_means,
        plain_inputs.two_means,
        0.0,
    ),
    # The twins of these round products before they add them.
    KernelPair(
        "add_products",
        comoments.add_products,
        plain_comoments.add_products,
        plain_inputs.products,
        _FUSED,
    ),
    KernelPair(
        "add_groups",
        comoments.add_groups,
        plain_comoments.add_groups,
        plain_inputs.merged_groups,
        _FUSED,
    ),
    KernelPair(
        "write_covariance",
        covariance.write_covariance,
        plain_comoments.write_covariance,
        plain_inputs.written_covariance,
        _FUSED,
    ),
    KernelPair(
        "push_row", row_blocks.push_row, plain_rows.push_row, plain_inputs.pushed_row, _FUSED
    ),
    KernelPair(
        "read_window",
        row_reads.read_window,
        plain_rows.read_window,
        plain_inputs.read_window,
        _FUSED,
    ),
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
    KernelPair(
        "read_members",
        member_reads.read_members,
        plain_members.read_members,
        _read_members,
        _FUSED,
    ),
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
        "estimate_both", estimators.estimate_both, plain.estimate_both, _both_estimates, 1e-11
    ),
    KernelPair(
        "oas_covariance", estimators.oas_covariance, plain.oas_covariance, _covariance, 1e-13
    ),
)
