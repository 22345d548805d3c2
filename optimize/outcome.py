"""What a job's blocks add up to."""

import math
from collections.abc import Iterable
from functools import cache

import msgspec
import numpy as np
from msgspec.structs import replace

from optimize.exchange import FEW_ROWS
from optimize.job import CURVES, BlockResult, DrawJob
from optimize.pair_exchange import (
    describe,
    freeze,
    measure_portfolio,
    sharpe_ratio,
    solve_estimates,
)
from stats.compiled import FloatArray, IntArray, kernel

EMPTY = freeze(np.empty(0))


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What a job's blocks add up to; arrays are read-only.

    Attributes
    ----------
    weights, weight_stddev
        float64[n]: mean of the draws' weights and their standard deviation (ddof 1; zeros
        without draws). A ``cloud`` and a ``frontier`` have the exact optimum's weights.
    expected_return, volatility, sharpe
        Of ``weights`` under the job's estimates; sharpe is None without volatility.
    sharpe_stddev
        Standard deviation of the draws' own Sharpe ratios; None without draws or where a
        draw's portfolio has no volatility.
    optimality_gap
        What the portfolio misses of the exact optimum of the same estimates and constraints:
        (S* - S) / S*, and for minimum variance (vol - vol*) / vol*.
    cloud_return, cloud_volatility
        float64[n_draws] of the portfolios of a ``cloud`` or ``frontier``, else empty.
    status
        ``optimal``, or the plain reasons why the portfolio is what it is.
    exchanges
        Pair exchanges made by all blocks.
    """

    weights: FloatArray
    weight_stddev: FloatArray
    expected_return: float
    volatility: float
    sharpe: float | None
    sharpe_stddev: float | None
    optimality_gap: float
    cloud_return: FloatArray
    cloud_volatility: FloatArray
    status: str
    exchanges: int


@kernel
def merge_draws(
    counts: IntArray, means: FloatArray, m2s: FloatArray, mean: FloatArray, m2: FloatArray
) -> int:
    """Merge blocks in order (Chan, Golub and LeVeque 1979): float64[blocks, k] into float64[k]."""
    total = 0
    for block in range(counts.shape[0]):
        count = counts[block]
        share = count / (total + count)
        spread = total * share
        for k in range(mean.shape[0]):
            delta = means[block, k] - mean[k]
            mean[k] += delta * share
            m2[k] += m2s[block, k] + delta * delta * spread
        total += count
    return total


def merge_blocks(job: DrawJob, results: Iterable[BlockResult]) -> Outcome:
    """Add up a job's blocks, in block order whatever order they come in.

    Raises
    ------
    ValueError
        A block is missing or there twice.
    """
    blocks = sorted(results, key=lambda result: result.block)
    found = [result.block for result in blocks]
    if found != list(range(job.n_blocks)):
        raise ValueError(f"blocks {found} of a job of {job.n_blocks}: give each of them once")
    if job.kind == "exact":
        return _merge_exact(job, blocks[0])
    # One block alone is its own merger, to the bit.
    total, weights, weight_m2, ratio_m2 = (
        _single(blocks[0]) if len(blocks) == 1 else _merge_draws(job.n_assets, blocks)
    )
    spread = math.sqrt(ratio_m2 / (total - 1)) if total > 1 else math.nan
    # Averages round, so the cap may be passed by a last digit.
    cap = max(job.max_weight, 1.0 / job.n_assets)
    return _outcome(
        job,
        blocks,
        np.minimum(weights, cap),
        np.sqrt(weight_m2 / max(total - 1, 1)),
        spread if math.isfinite(spread) else None,
    )


@cache
def zeros(n_assets: int) -> FloatArray:
    """Give zeros, read-only and so the same array each time: what has no draws has no spread."""
    return freeze(np.zeros(n_assets))


def exact_outcome(job: DrawJob) -> Outcome:
    """Solve an exact job, in one go what its block and the merger of it give."""
    weights = job.start_weights.copy()
    flags, exchanges, expected, variance = solve_estimates(
        job.objective == "max_sharpe", job.mean, job.covariance, job.max_weight, weights
    )
    volatility = math.sqrt(variance)
    return Outcome(
        weights=freeze(weights),
        weight_stddev=zeros(len(weights)),
        expected_return=expected,
        volatility=volatility,
        sharpe=sharpe_ratio(expected, volatility),
        sharpe_stddev=None,
        optimality_gap=0.0,
        cloud_return=EMPTY,
        cloud_volatility=EMPTY,
        status=describe(flags | _few_rows(job)),
        exchanges=exchanges,
    )


def _merge_exact(job: DrawJob, block: BlockResult) -> Outcome:
    """Say of a block's portfolio why it is what it is: a block has no room for that.

    Solved again from an optimum it stays as it is, at once. Where it does not, or exchanges had to
    help (which may have ended at their bound), only the same solve from the same start knows.
    """
    if block.exchanges == 0:
        again = exact_outcome(replace(job, start_weights=block.weight_mean))
        if np.array_equal(again.weights, block.weight_mean):
            return again
    return exact_outcome(job)


def _few_rows(job: DrawJob) -> int:
    return FEW_ROWS if job.n_observations <= job.n_assets else 0


def _single(block: BlockResult) -> tuple[int, FloatArray, FloatArray, float]:
    return block.count, block.weight_mean, block.weight_m2, block.sharpe_m2


def _merge_draws(n: int, blocks: list[BlockResult]) -> tuple[int, FloatArray, FloatArray, float]:
    """Give draws in all, mean of weights, and sums of squared deviations of weights and ratio."""
    counts = np.array([result.count for result in blocks])
    weights, weight_m2, ratio, ratio_m2 = np.zeros(n), np.zeros(n), np.zeros(1), np.zeros(1)
    total = merge_draws(
        counts,
        np.array([result.weight_mean for result in blocks]),
        np.array([result.weight_m2 for result in blocks]),
        weights,
        weight_m2,
    )
    merge_draws(
        counts,
        np.array([[result.sharpe_mean] for result in blocks]),
        np.array([[result.sharpe_m2] for result in blocks]),
        ratio,
        ratio_m2,
    )
    return total, weights, weight_m2, float(ratio_m2[0])


def _joined(parts: list[FloatArray]) -> FloatArray:
    return parts[0].copy() if len(parts) == 1 else np.concatenate(parts)


def _outcome(
    job: DrawJob,
    blocks: list[BlockResult],
    weights: FloatArray,
    weight_stddev: FloatArray,
    sharpe_stddev: float | None,
) -> Outcome:
    best = job.start_weights.copy()
    flags, _, best_return, best_variance = solve_estimates(
        job.objective == "max_sharpe", job.mean, job.covariance, job.max_weight, best
    )
    if job.kind in CURVES:
        weights = best
    expected, variance = measure_portfolio(job.mean, job.covariance, weights)
    volatility = math.sqrt(variance)
    best_volatility = math.sqrt(best_variance)
    by_sharpe = job.objective == "max_sharpe" and best_return > 0.0
    return Outcome(
        weights=freeze(weights),
        weight_stddev=freeze(weight_stddev),
        expected_return=expected,
        volatility=volatility,
        sharpe=sharpe_ratio(expected, volatility),
        sharpe_stddev=sharpe_stddev,
        optimality_gap=optimality_gap(
            by_sharpe, expected, volatility, best_return, best_volatility
        ),
        cloud_return=freeze(_joined([result.cloud_return for result in blocks])),
        cloud_volatility=freeze(_joined([result.cloud_volatility for result in blocks])),
        status=describe(flags | _few_rows(job)),
        exchanges=sum(result.exchanges for result in blocks),
    )


def optimality_gap(
    by_sharpe: bool,
    expected_return: float,
    volatility: float,
    best_return: float,
    best_volatility: float,
) -> float:
    """Tell what share of the optimum a portfolio misses, >= 0.

    (S* - S) / S* by the Sharpe ratio, else (vol - vol*) / vol*. Where the optimum has no
    volatility no such share exists: 0 for a portfolio without volatility, else 1.
    """
    if best_volatility == 0.0:
        return 0.0 if volatility == 0.0 else 1.0
    if not by_sharpe:
        return max(volatility / best_volatility - 1.0, 0.0)
    if volatility == 0.0:
        return 0.0 if expected_return > 0.0 else 1.0
    return max(1.0 - (expected_return / volatility) / (best_return / best_volatility), 0.0)
