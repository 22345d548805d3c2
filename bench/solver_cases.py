"""The solver beside what people use for its job."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench import peers
from bench.contest import Case, Contender, returned
from bench.report import OURS
from optimize.evaluate import evaluate_block
from optimize.job import DrawJob
from optimize.pair_exchange import freeze, solve
from stats.compiled import FloatArray

_OBSERVATIONS = 300


def make_problem(
    n_assets: int, seed: int = 1, rows: int = _OBSERVATIONS
) -> tuple[FloatArray, FloatArray]:
    """Make estimates of correlated assets, several of which the optimum holds.

    Returns
    -------
    mean, covariance : FloatArray
        float64[n], float64[n, n]; of that many rows of a factor model.
    """
    generator = np.random.default_rng([seed, n_assets])
    factor = generator.standard_normal((rows, 1))
    own = generator.standard_normal((rows, n_assets))
    returns = 1e-3 * (0.6 * factor * generator.uniform(0.5, 1.5, n_assets) + own)
    returns += generator.uniform(5e-5, 2.5e-4, n_assets)
    mean = freeze(returns.mean(axis=0))
    return mean, freeze(np.cov(returns, rowvar=False))


def _sharpe(mean: FloatArray, covariance: FloatArray, weights: FloatArray) -> float:
    return float(mean @ weights / np.sqrt(weights @ covariance @ weights))


def _judge_portfolios(mean: FloatArray, covariance: FloatArray) -> Callable[[Any, Any], str]:
    def judge(first: FloatArray, other: FloatArray) -> str:
        best, found = (_sharpe(mean, covariance, weights) for weights in (first, other))
        gap = float(np.abs(first - other).max())
        # PyPortfolioOpt's solver lets weights of -1e-6 pass, which gain it 1e-5 of the ratio.
        if abs(found / best - 1.0) <= 2e-5 and gap <= 2e-3:
            return ""
        return f"Sharpe ratio {found!r} instead of {best!r}, weights off by {gap:.3g}"

    return judge


def _solve_contenders(mean: FloatArray, covariance: FloatArray) -> tuple[Contender, Contender]:
    return (
        Contender("scipy NNLS", peers.nnls_max_sharpe, lambda: (mean, covariance), returned),
        Contender("PyPortfolioOpt", peers.pypfopt_max_sharpe, lambda: (mean, covariance), returned),
    )


def solve_case(n_assets: int) -> Case:
    """Maximum Sharpe ratio, long only, by the call of a notebook."""
    mean, covariance = make_problem(n_assets)

    def ours() -> FloatArray:
        return solve(mean=mean, covariance=covariance).weights

    return Case(
        name=f"maximum Sharpe ratio of {n_assets} assets",
        unit="us a solve",
        contenders=(
            Contender(OURS, ours, tuple, returned),
            *_solve_contenders(mean, covariance),
        ),
        judge=_judge_portfolios(mean, covariance),
    )


def next_row_case(n_assets: int) -> Case:
    """Make the same as `run` does at each decision: from the weights of the row before."""
    mean, covariance = make_problem(n_assets)
    # One row of 300 moves the means by about a three-hundredth of a deviation.
    shift = np.sqrt(np.diag(covariance)) / _OBSERVATIONS
    noise = np.random.default_rng(n_assets).standard_normal(n_assets)
    job = DrawJob(
        kind="exact",
        mean=mean,
        covariance=covariance,
        n_observations=_OBSERVATIONS,
        objective="max_sharpe",
        max_weight=1.0,
        start_weights=solve(mean=mean + shift * noise, covariance=covariance).weights,
        n_draws=1,
        block_size=1,
        seed=1,
        round=0,
    )
    return Case(
        name=f"maximum Sharpe ratio of {n_assets} assets, one row later",
        unit="us a solve",
        contenders=(
            Contender(OURS, evaluate_block, lambda: (job, 0), lambda found, _: found.weight_mean),
            *_solve_contenders(mean, covariance),
        ),
        judge=_judge_portfolios(mean, covariance),
    )


SOLVER_CASES: tuple[Callable[[], Case], ...] = (
    *(partial(make, n) for n in (10, 50, 100) for make in (solve_case, next_row_case)),
)
