"""Blocks of a job and what they add up to: all that an engine runs, and pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from optimize.job import BlockResult, DrawJob
from optimize.pair_exchange import (
    describe,
    freeze,
    measure_portfolio,
    sharpe_ratio,
    solve_estimates,
)
from stats.compiled import FloatArray, kernel

_EMPTY = freeze(np.empty(0))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job's blocks add up to; arrays are read-only.

    Attributes
    ----------
    weights, weight_stddev
        float64[n]: mean of the draws' weights and their standard deviation (ddof 1; zeros
        without draws). A ``cloud`` has the exact optimum's weights.
    expected_return, volatility, sharpe
        Of ``weights`` under the job's estimates; sharpe is None without volatility.
    sharpe_stddev
        Standard deviation of the draws' own Sharpe ratios; None without draws or where a
        draw's portfolio has no volatility.
    optimality_gap
        What the portfolio misses of the exact optimum of the same estimates and constraints:
        (S* - S) / S*, and for minimum variance (vol - vol*) / vol*.
    cloud_return, cloud_volatility
        float64[n_draws] of a ``cloud``, else empty.
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


def evaluate_block(job: DrawJob, block: int) -> BlockResult:
    """Evaluate one block of a job: a pure function, the only thing an engine runs.

    Raises
    ------
    ValueError
        The job has no such block.
    """
    if not 0 <= block < job.n_blocks:
        raise ValueError(f"block={block}: the job has blocks 0 to {job.n_blocks - 1}")
    if job.kind != "exact":
        raise ValueError(f"kind={job.kind!r}: only exact is there yet")
    return _exact_block(job, block)


def _exact_block(job: DrawJob, block: int) -> BlockResult:
    weights = job.start_weights.copy()
    sharpe = job.objective == "max_sharpe"
    _, exchanges, expected, variance = solve_estimates(
        sharpe, job.mean, job.covariance, job.max_weight, weights
    )
    return BlockResult(
        block=block,
        count=1,
        weight_mean=freeze(weights),
        weight_m2=freeze(np.zeros(job.n_assets)),
        sharpe_mean=expected / math.sqrt(variance) if variance > 0.0 else math.nan,
        sharpe_m2=0.0,
        cloud_return=_EMPTY,
        cloud_volatility=_EMPTY,
        exchanges=exchanges,
    )


@kernel
def merge_draws(
    counts: np.ndarray, means: FloatArray, m2s: FloatArray, mean: FloatArray, m2: FloatArray
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
    n = job.n_assets
    mean, m2 = np.zeros(n + 1), np.zeros(n + 1)
    total = merge_draws(
        np.array([result.count for result in blocks]),
        np.array([[*result.weight_mean, result.sharpe_mean] for result in blocks]),
        np.array([[*result.weight_m2, result.sharpe_m2] for result in blocks]),
        mean,
        m2,
    )
    return _outcome(job, blocks, mean, m2, total)


def _outcome(
    job: DrawJob, blocks: list[BlockResult], mean: FloatArray, m2: FloatArray, total: int
) -> Outcome:
    best = mean[:-1].copy() if job.kind == "exact" else job.start_weights.copy()
    flags, _, best_return, best_variance = solve_estimates(
        job.objective == "max_sharpe", job.mean, job.covariance, job.max_weight, best
    )
    weights = best if job.kind == "cloud" else mean[:-1].copy()
    expected, variance = measure_portfolio(job.mean, job.covariance, weights)
    volatility = math.sqrt(variance)
    best_volatility = math.sqrt(best_variance)
    by_sharpe = job.objective == "max_sharpe" and best_return > 0.0
    spread = math.sqrt(m2[-1] / (total - 1)) if total > 1 else math.nan
    return Outcome(
        weights=freeze(weights),
        weight_stddev=freeze(np.sqrt(m2[:-1] / max(total - 1, 1))),
        expected_return=expected,
        volatility=volatility,
        sharpe=sharpe_ratio(expected, volatility),
        sharpe_stddev=spread if math.isfinite(spread) else None,
        optimality_gap=optimality_gap(
            by_sharpe, expected, volatility, best_return, best_volatility
        ),
        cloud_return=freeze(np.concatenate([result.cloud_return for result in blocks])),
        cloud_volatility=freeze(np.concatenate([result.cloud_volatility for result in blocks])),
        status=describe(flags),
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


def warm_kernels() -> None:
    """Compile, or load from the cache, every kernel that a job's blocks use."""
    mean, covariance = np.array([0.001, 0.002, -0.001]), np.diag([1e-4, 2e-4, 3e-4])
    for objective in ("max_sharpe", "min_variance"):
        job = DrawJob(
            kind="exact",
            mean=freeze(mean),
            covariance=freeze(covariance),
            n_observations=30,
            objective=objective,
            max_weight=0.5,
            start_weights=freeze(np.zeros(3)),
            n_draws=1,
            block_size=1,
            seed=1,
            round=0,
        )
        merge_blocks(job, [evaluate_block(job, block) for block in range(job.n_blocks)])
