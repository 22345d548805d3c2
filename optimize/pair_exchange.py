"""The exact optimum of one set of estimates: maximum Sharpe ratio or minimum variance."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from optimize.columns import weigh_columns
from optimize.exchange import (
    CAP_RAISED,
    FEW_ROWS,
    NO_POSITIVE_RETURN,
    NO_VARIANCE_AT_ALL,
    NOT_CONVERGED,
    ONE_ASSET,
    SINGULAR,
    TWINS,
    ZERO_VARIANCE,
)
from optimize.factor import has_full_rank
from optimize.inputs import check_constraints, check_estimates, check_start
from optimize.job import Objective
from optimize.start import expect, optimise
from optimize.writable import as_writable
from stats.compiled import FloatArray, kernel, lean_kernel

_REASONS = (
    (ONE_ASSET, "one asset: it takes all"),
    (CAP_RAISED, "the cap times the number of assets is below 1: cap raised to 1/n"),
    (NO_VARIANCE_AT_ALL, "no asset has any variance: equal weights"),
    (NO_POSITIVE_RETURN, "no portfolio has a positive expected return: minimum variance instead"),
    (ZERO_VARIANCE, "the portfolio's variance is zero: it has no Sharpe ratio"),
    (SINGULAR, "the covariance is singular: the optimum follows noise and may not be unique"),
    (FEW_ROWS, "no more rows than assets: the sample covariance is singular"),
    (TWINS, "two assets move together exactly: the split between them is arbitrary"),
    (NOT_CONVERGED, "the bound on exchanges was reached before the optimum"),
)


@dataclass(frozen=True, slots=True)
class Solution:
    """An exact portfolio.

    Attributes
    ----------
    weights
        float64[n], read-only: >= 0, <= the cap, sum 1 to rounding.
    expected_return, volatility
        Of the portfolio under the estimates, in their units.
    sharpe
        Their ratio (risk-free 0), or None where the volatility is zero.
    status
        ``optimal``, or the plain reasons why the portfolio is what it is.
    exchanges
        Pair exchanges made.
    """

    weights: FloatArray
    expected_return: float
    volatility: float
    sharpe: float | None
    status: str
    exchanges: int


@lean_kernel
def has_twin(i: int, mean: FloatArray, covariance: FloatArray, variances: FloatArray) -> bool:
    """Tell whether another asset has the same mean, and differs by what has no variance."""
    row, own = covariance[i], variances[i]
    near = 0
    # Without a branch: eight assets at a time. An asset is near to itself.
    for j in range(row.shape[0]):
        size = own + variances[j]
        near += abs(size - 2.0 * row[j]) <= 1e-14 * size
    if near < 2:
        return False
    for j in range(row.shape[0]):
        size = own + variances[j]
        gap = abs(mean[i] - mean[j])
        close = abs(size - 2.0 * row[j]) <= 1e-14 * size and j != i
        if close and size > 0.0 and gap <= 1e-14 * (abs(mean[i]) + abs(mean[j])):
            return True
    return False


@lean_kernel
def find_twin(
    mean: FloatArray, covariance: FloatArray, weights: FloatArray, variances: FloatArray
) -> bool:
    """Tell whether a held asset has a twin: the same mean, and a difference without variance.

    ``variances`` is filled: a diagonal is read quicker in one row.
    """
    n = mean.shape[0]
    for j in range(n):
        variances[j] = covariance[j, j]
    found = False
    for i in range(n):
        found = found or (weights[i] > 0.0 and has_twin(i, mean, covariance, variances))
    return found


@kernel
def solve_estimates(
    sharpe: bool,
    mean: FloatArray,
    covariance: FloatArray,
    max_weight: float,
    weights: FloatArray,
) -> tuple[int, int, float, float]:
    """Solve from the start in ``weights`` (zeros: cold), in place.

    Returns
    -------
    flags, exchanges, expected_return, variance
    """
    n = mean.shape[0]
    flags, exchanges, cap = 0, 0, max_weight
    if n * cap < 1.0:
        flags |= CAP_RAISED if n * cap < 1.0 - 1e-12 else 0
        cap = 1.0 / n
    largest, best = 0.0, -np.inf
    for k in range(n):
        largest = max(largest, covariance[k, k])
        best = max(best, mean[k])
    if n == 1:
        weights[0] = 1.0
        flags |= ONE_ASSET
        flags |= NO_POSITIVE_RETURN if sharpe and best <= 0.0 else 0
        flags |= ZERO_VARIANCE if largest == 0.0 else 0
    elif largest == 0.0 and (best <= 0.0 or not sharpe):
        weights[:] = 1.0 / n
        flags |= NO_VARIANCE_AT_ALL
    else:
        # Estimates are read-only, draws are not, and numba compiles each apart. Nothing writes
        # to them; a copy would take 43 us at 500 assets.
        work = np.empty((2, n))
        more, exchanges = optimise(
            sharpe, as_writable(mean), as_writable(covariance), cap, weights, work
        )
        flags |= more
        flags |= TWINS if find_twin(mean, covariance, weights, work[1]) else 0
        return flags, exchanges, expect(mean, weights), max(expect(work[0], weights), 0.0)
    expected, variance = measure_portfolio(mean, covariance, weights)
    return flags, exchanges, expected, variance


@kernel
def measure_portfolio(
    mean: FloatArray, covariance: FloatArray, weights: FloatArray
) -> tuple[float, float]:
    """Return a portfolio's expected return and variance, summed asset by asset in order."""
    gradient = np.empty(mean.shape[0])
    weigh_columns(as_writable(covariance), weights, gradient)
    return expect(mean, weights), max(expect(gradient, weights), 0.0)


def describe(flags: int) -> str:
    """Say in words why a portfolio is what it is; ``optimal`` if nothing is to be said."""
    if flags == 0:
        return "optimal"
    return "; ".join(text for bit, text in _REASONS if flags & bit)


def sharpe_ratio(expected_return: float, volatility: float) -> float | None:
    """Divide expected return by volatility; None where there is no volatility."""
    return expected_return / volatility if volatility > 0.0 else None


def freeze(array: FloatArray) -> FloatArray:
    """Make an array read-only and return it."""
    array.setflags(False)  # type: ignore[call-arg]  # as a keyword it takes twice as long
    return array


def solve(
    *,
    mean: Any,
    covariance: Any,
    objective: Objective = "max_sharpe",
    max_weight: float = 1.0,
    start_weights: Any = None,
) -> Solution:
    """Find the long-only portfolio of maximum Sharpe ratio or minimum variance, exactly.

    Parameters
    ----------
    mean, covariance
        float64[n] and float64[n, n], per any one interval.
    objective
        ``max_sharpe`` (risk-free 0) or ``min_variance``.
    max_weight
        Cap of each weight in (0, 1]; raised to 1/n, with the reason, where n caps miss 1.
    start_weights
        Where to begin, say yesterday's weights: the optimum is the same, found sooner.

    Returns
    -------
    Solution
        Always a valid portfolio. What kept it from being the optimum asked for is its status.

    Raises
    ------
    ValueError
        A shape, a value, the objective or the cap is wrong.
    """
    mu, sigma = check_estimates(mean, covariance)
    cap = check_constraints(objective, max_weight)
    weights = check_start(start_weights, len(mu)).copy()
    mu, sigma = freeze(mu.view()), freeze(sigma.view())
    flags, exchanges, expected, variance = solve_estimates(
        objective == "max_sharpe", mu, sigma, cap, weights
    )
    if len(mu) > 1 and not has_full_rank(sigma):
        flags |= SINGULAR
    volatility = math.sqrt(variance)
    return Solution(
        weights=freeze(weights),
        expected_return=expected,
        volatility=volatility,
        sharpe=sharpe_ratio(expected, volatility),
        status=describe(flags),
        exchanges=exchanges,
    )
