"""Problems for the solver: estimates of two families, and those of the row before."""

from typing import Final

import numpy as np

from bench.kernels.solver_goals import SPARSE
from optimize.job import DrawJob, Objective
from optimize.pair_exchange import freeze, solve
from stats.compiled import FloatArray

_OBSERVATIONS: Final = 300


def rows_of(n_assets: int) -> int:
    """Give the rows behind the estimates: 300, or twice as many as assets."""
    return max(_OBSERVATIONS, 2 * n_assets)


def cap_of(n_assets: int) -> float:
    """Give the cap of a case: 0.3 of 10 assets, 0.1 of 50, 5 / n of more."""
    return 0.3 if n_assets <= 10 else 5.0 / n_assets


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


def make_family(family: str, n_assets: int, seed: int = 1) -> tuple[FloatArray, FloatArray]:
    """Make estimates of which the optimum holds few assets, or most.

    The dense ones are weakly correlated, with means near Sigma w for a positive w.
    """
    rows = rows_of(n_assets)
    if family == SPARSE:
        return make_problem(n_assets, seed, rows)
    generator = np.random.default_rng([seed, n_assets])
    factor = 0.2 * generator.standard_normal((rows, 1)) * generator.uniform(0.5, 1.5, n_assets)
    own = generator.standard_normal((rows, n_assets)) * generator.uniform(0.5, 1.5, n_assets)
    covariance = np.cov(1e-3 * (factor + own), rowvar=False)
    mean = covariance @ generator.uniform(0.2, 1.8, n_assets) / n_assets
    mean *= 1.0 + 0.05 * generator.standard_normal(n_assets)
    return freeze(mean), freeze(covariance)


def row_before(mean: FloatArray, covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give the estimates of one row before: what has come since is swapped for what has left.

    Both rows are drawn from the estimates; the covariance stays positive definite, as there are
    twice as many rows as assets.
    """
    n = len(mean)
    rows = rows_of(n)
    generator = np.random.default_rng([n, 1])
    came, left = generator.standard_normal((2, n)) @ np.linalg.cholesky(covariance).T
    moved = (np.outer(left, left) - np.outer(came, came)) / (rows - 1)
    return freeze(mean + (left - came) / rows), freeze(covariance + moved)


def make_job(
    mean: FloatArray,
    covariance: FloatArray,
    cap: float,
    warm: bool,
    objective: Objective = "max_sharpe",
) -> DrawJob:
    """Make the job of an exact decision, from zeros or from the weights of the row before."""
    start = np.zeros(len(mean))
    if warm:
        old_mean, old_covariance = row_before(mean, covariance)
        start = solve(
            mean=old_mean, covariance=old_covariance, objective=objective, max_weight=cap
        ).weights
    return DrawJob(
        kind="exact",
        mean=mean,
        covariance=covariance,
        n_observations=rows_of(len(mean)),
        objective=objective,
        max_weight=cap,
        start_weights=freeze(start),
        n_draws=1,
        block_size=1,
        seed=1,
        round=0,
    )
