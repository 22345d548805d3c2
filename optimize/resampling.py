"""Resampled portfolios for a notebook: one call, all draws in this thread."""

from dataclasses import dataclass
from typing import Any

from optimize.evaluate import evaluate_job
from optimize.inputs import check_constraints, check_count, check_estimates, check_start
from optimize.job import DrawJob, Objective
from optimize.pair_exchange import freeze
from stats.compiled import FloatArray

# Part of every decision's bits: another block size rounds the averages differently.
BLOCK_SIZE = 32


@dataclass(frozen=True, slots=True)
class Resampled:
    """The average of the optimal portfolios of draws from the posterior.

    Attributes
    ----------
    weights, weight_stddev
        float64[n], read-only: mean and standard deviation (ddof 1) of the draws' weights.
    expected_return, volatility, sharpe
        Of ``weights`` under the estimates; sharpe is None without volatility.
    sharpe_stddev
        Standard deviation of the draws' own Sharpe ratios; None where one has no volatility.
    optimality_gap
        What the portfolio misses of the exact optimum of the estimates: the price of
        robustness, as a share of it.
    status
        ``optimal``, or the plain reasons that hold for the exact optimum.
    n_draws
        Draws averaged.
    """

    weights: FloatArray
    weight_stddev: FloatArray
    expected_return: float
    volatility: float
    sharpe: float | None
    sharpe_stddev: float | None
    optimality_gap: float
    status: str
    n_draws: int


def resample(
    *,
    mean: Any,
    covariance: Any,
    n_observations: int,
    objective: Objective = "max_sharpe",
    max_weight: float = 1.0,
    start_weights: Any = None,
    n_draws: int = 1024,
    seed: int = 1,
) -> Resampled:
    """Average the optimal portfolios of draws of (mean, covariance) from their posterior.

    Parameters
    ----------
    mean, covariance
        float64[n] and float64[n, n], estimated from ``n_observations`` rows.
    n_observations
        Rows behind the estimates, >= 2: the fewer, the wider the draws.
    objective, max_weight, start_weights
        As of ``solve``.
    n_draws, seed
        How many draws, and which: equal seeds give equal draws, so near estimates give near
        portfolios.

    Raises
    ------
    ValueError
        An argument has a wrong shape or value.
    """
    mu, sigma = check_estimates(mean, covariance)
    job = DrawJob(
        kind="resample",
        mean=freeze(mu.view()),
        covariance=freeze(sigma.view()),
        n_observations=check_count(n_observations, "n_observations", least=2),
        objective=objective,
        max_weight=check_constraints(objective, max_weight),
        start_weights=freeze(check_start(start_weights, len(mu)).view()),
        n_draws=check_count(n_draws, "n_draws", least=1),
        block_size=BLOCK_SIZE,
        seed=check_count(seed, "seed", least=0),
        round=0,
    )
    found = evaluate_job(job)
    return Resampled(
        weights=found.weights,
        weight_stddev=found.weight_stddev,
        expected_return=found.expected_return,
        volatility=found.volatility,
        sharpe=found.sharpe,
        sharpe_stddev=found.sharpe_stddev,
        optimality_gap=found.optimality_gap,
        status=found.status,
        n_draws=n_draws,
    )
