"""The solver, the posterior draws and the cloud beside what people use for them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench import peers
from bench.contest import Case, Contender, returned
from bench.report import OURS
from optimize.cloud import cloud_block, count_concentrations
from optimize.draws import resample_block
from optimize.evaluate import evaluate_block
from optimize.job import DrawJob
from optimize.pair_exchange import freeze, solve
from stats.compiled import FloatArray

_OBSERVATIONS = 300
_DRAWS = 256
_PORTFOLIOS = 4000
_N_ASSETS = 50
# Two averages of independent draws differ by more than this many standard errors once in
# 5e8 comparisons.
_STANDARD_ERRORS = 6.0


def make_problem(n_assets: int, seed: int = 1) -> tuple[FloatArray, FloatArray]:
    """Make estimates of correlated assets, several of which the optimum holds.

    Returns
    -------
    mean, covariance : FloatArray
        float64[n], float64[n, n]; of 300 rows of a factor model.
    """
    generator = np.random.default_rng([seed, n_assets])
    factor = generator.standard_normal((_OBSERVATIONS, 1))
    own = generator.standard_normal((_OBSERVATIONS, n_assets))
    rows = 1e-3 * (0.6 * factor * generator.uniform(0.5, 1.5, n_assets) + own)
    rows += generator.uniform(5e-5, 2.5e-4, n_assets)
    mean = freeze(rows.mean(axis=0))
    return mean, freeze(np.cov(rows, rowvar=False))


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


def _judge_averages(first: Any, other: Any) -> str:
    """Compare averages of independent draws: (mean, deviation, number of draws) each."""
    for place, (ours, theirs) in enumerate(zip(first, other, strict=True)):
        error = np.sqrt(ours[1] ** 2 / ours[2] + theirs[1] ** 2 / theirs[2]) + 1e-12
        scores = np.abs(ours[0] - theirs[0]) / error
        if not (scores <= _STANDARD_ERRORS).all():
            return f"average {place} is off by {np.max(scores):.1f} standard errors"
    return ""


def resample_case() -> Case:
    """Optimal portfolios of posterior draws."""
    mean, covariance = make_problem(_N_ASSETS)
    zeros = freeze(np.zeros(_N_ASSETS))

    def fresh() -> tuple[Any, ...]:
        problem = (True, mean, covariance, _OBSERVATIONS, 1.0, zeros, 1, 0, 0, _DRAWS)
        return *problem, np.zeros(_N_ASSETS), np.zeros(_N_ASSETS)

    def ours(_: Any, arguments: tuple[Any, ...]) -> Any:
        return [(arguments[-2], np.sqrt(arguments[-1] / (_DRAWS - 1)), _DRAWS)]

    def theirs(found: FloatArray, _: Any) -> Any:
        return [(found.mean(axis=0), found.std(axis=0, ddof=1), _DRAWS)]

    return Case(
        name=f"draw and solve from the posterior of {_N_ASSETS} assets",
        unit="us a draw",
        contenders=(
            Contender(OURS, resample_block, fresh, ours, _DRAWS),
            Contender(
                "scipy invwishart and NNLS",
                peers.scipy_resample,
                lambda: (mean, covariance, _OBSERVATIONS, _DRAWS, 1),
                theirs,
                _DRAWS,
            ),
        ),
        judge=_judge_averages,
    )


def cloud_case() -> Case:
    """Return and volatility of random portfolios."""
    mean, covariance = make_problem(_N_ASSETS)
    kinds = count_concentrations(_N_ASSETS)

    def fresh() -> tuple[Any, ...]:
        out = np.empty(_PORTFOLIOS), np.empty(_PORTFOLIOS)
        return mean, covariance, 1.0, 1, 0, 0, *out

    def summed(returns: FloatArray, volatilities: FloatArray) -> Any:
        parts = [values[k::kinds] for values in (returns, volatilities) for k in range(kinds)]
        return [(part.mean(), part.std(ddof=1), len(part)) for part in parts]

    return Case(
        name=f"cloud of {_PORTFOLIOS} portfolios of {_N_ASSETS} assets",
        unit="ns a portfolio",
        contenders=(
            Contender(
                OURS, cloud_block, fresh, lambda _, made: summed(made[-2], made[-1]), _PORTFOLIOS
            ),
            Contender(
                "numpy Dirichlet and GEMM",
                peers.numpy_cloud,
                lambda: (mean, covariance, _PORTFOLIOS, 1, kinds),
                lambda found, _: summed(*found),
                _PORTFOLIOS,
            ),
        ),
        judge=_judge_averages,
    )


SOLVER_CASES: tuple[Callable[[], Case], ...] = (
    *(partial(make, n) for n in (10, 50, 100) for make in (solve_case, next_row_case)),
    resample_case,
    cloud_case,
)
