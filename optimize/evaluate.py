"""Blocks of a job: all that an engine runs, and pure."""

import math

import numpy as np

from optimize.cloud import cloud_block
from optimize.draws import resample_block
from optimize.frontier import efficient_frontier
from optimize.job import BlockResult, DrawJob, Kind, Objective
from optimize.outcome import EMPTY, Outcome, exact_outcome, merge_blocks, zeros
from optimize.pair_exchange import freeze, solve_estimates
from stats.compiled import FloatArray

__all__ = ["Outcome", "evaluate_block", "evaluate_job", "merge_blocks", "warm_kernels"]


def evaluate_block(job: DrawJob, block: int) -> BlockResult:
    """Evaluate one block of a job: a pure function, the only thing an engine runs.

    Raises
    ------
    ValueError
        The job has no such block.
    """
    if block != 0 and not 0 < block < job.n_blocks:
        raise ValueError(f"block={block}: the job has blocks 0 to {job.n_blocks - 1}")
    if job.kind != "exact":
        return _drawn_block(job, block)
    weights = job.start_weights.copy()
    _, exchanges, expected, variance = solve_estimates(
        job.objective == "max_sharpe", job.mean, job.covariance, job.max_weight, weights
    )
    sharpe = expected / math.sqrt(variance) if variance > 0.0 else math.nan
    spread = zeros(len(weights))
    return BlockResult(block, 1, freeze(weights), spread, sharpe, 0.0, EMPTY, EMPTY, exchanges)


def evaluate_job(job: DrawJob) -> Outcome:
    """Evaluate all of a job here: the bits of its blocks, merged."""
    if job.kind == "exact":
        return exact_outcome(job)
    return merge_blocks(job, [evaluate_block(job, block) for block in range(job.n_blocks)])


def _drawn_block(job: DrawJob, block: int) -> BlockResult:
    first = block * job.block_size
    count = min(job.block_size, job.n_draws - first)
    if job.kind == "cloud":
        return _cloud_block(job, block, first, count)
    if job.kind == "frontier":
        return _frontier_block(job, block)
    return _resample_block(job, block, first, count)


def _resample_block(job: DrawJob, block: int, first: int, count: int) -> BlockResult:
    weight_mean, weight_m2 = np.zeros(job.n_assets), np.zeros(job.n_assets)
    sharpe_mean, sharpe_m2, exchanges = resample_block(
        job.objective == "max_sharpe",
        job.mean,
        job.covariance,
        job.n_observations,
        job.max_weight,
        job.start_weights,
        job.seed,
        job.round,
        first,
        count,
        weight_mean,
        weight_m2,
    )
    return BlockResult(
        block=block,
        count=count,
        weight_mean=freeze(weight_mean),
        weight_m2=freeze(weight_m2),
        sharpe_mean=sharpe_mean,
        sharpe_m2=sharpe_m2,
        cloud_return=EMPTY,
        cloud_volatility=EMPTY,
        exchanges=exchanges,
    )


def _cloud_block(job: DrawJob, block: int, first: int, count: int) -> BlockResult:
    returns, volatilities = np.empty(count), np.empty(count)
    cloud_block(
        job.mean,
        job.covariance,
        job.max_weight,
        job.seed,
        job.round,
        first,
        returns,
        volatilities,
    )
    return _curve_block(job, block, freeze(returns), freeze(volatilities))


def _frontier_block(job: DrawJob, block: int) -> BlockResult:
    if job.n_blocks != 1:  # the place of a point depends on those before it
        raise ValueError(f"a frontier of {job.n_blocks} blocks: it is traced in one")
    frontier = efficient_frontier(
        mean=job.mean,
        covariance=job.covariance,
        max_weight=job.max_weight,
        n_points=job.n_draws,
    )
    return _curve_block(job, block, frontier.expected_return, frontier.volatility)


def _curve_block(
    job: DrawJob, block: int, expected_return: FloatArray, volatility: FloatArray
) -> BlockResult:
    no_weights = zeros(job.n_assets)
    return BlockResult(
        block=block,
        count=len(expected_return),
        weight_mean=no_weights,
        weight_m2=no_weights,
        sharpe_mean=math.nan,
        sharpe_m2=math.nan,
        cloud_return=expected_return,
        cloud_volatility=volatility,
        exchanges=0,
    )


def warm_kernels() -> None:
    """Compile, or load from the cache, every kernel that a decision uses."""
    mean = freeze(np.array([0.001, 0.002, -0.001]))
    covariance = freeze(np.diag([1e-4, 2e-4, 3e-4]))
    kinds: tuple[Kind, ...] = ("exact", "resample", "cloud", "frontier")
    objectives: tuple[Objective, ...] = ("max_sharpe", "min_variance")
    for kind in kinds:
        for objective in objectives:
            job = DrawJob(
                kind=kind,
                mean=mean,
                covariance=covariance,
                n_observations=30,
                objective=objective,
                max_weight=0.5,
                start_weights=freeze(np.zeros(3)),
                n_draws=2,
                block_size=2,
                seed=1,
                round=0,
            )
            merge_blocks(job, [evaluate_block(job, 0)])
