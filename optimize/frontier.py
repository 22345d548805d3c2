"""The efficient frontier: least volatility for each expected return, long-only, capped."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from optimize.exchange import UTILITY, exchange
from optimize.inputs import check_constraints, check_estimates
from optimize.pair_exchange import freeze, measure_portfolio, solve_estimates
from optimize.start import expect, fill_by_preference
from optimize.writable import as_variable
from stats.compiled import FloatArray, kernel

# A step in tau is refined until the return is within this share of the points' distance.
_CLOSE = 0.02
# Equal expected returns weighted in two ways differ by half of this an asset: no way to go.
_ROUNDING = 2.0**-52


@dataclass(frozen=True, slots=True)
class Frontier:
    """Points from minimum variance to maximum expected return; arrays are read-only.

    Attributes
    ----------
    volatility, expected_return
        float64[n_points], per the estimates' interval, both ascending.
    weights
        float64[n_points, n].
    """

    volatility: FloatArray
    expected_return: FloatArray
    weights: FloatArray


@kernel
def solve_utility(
    tau: float,
    mean: FloatArray,
    covariance: FloatArray,
    cap: float,
    weights: FloatArray,
) -> float:
    """Maximise tau m - v / 2 from the feasible weights given, in place; return m."""
    work = np.empty((2, mean.shape[0]))
    exchange(as_variable(UTILITY), tau, mean, covariance, cap, weights, work)
    return expect(mean, weights)


@kernel
def seek_return(
    target: float,
    close: float,
    low: float,
    step: float,
    mean: FloatArray,
    covariance: FloatArray,
    cap: float,
    weights: FloatArray,
) -> float:
    """Move along the frontier from tau = ``low`` up to an expected return; return the new tau.

    m(tau) rises and is piecewise linear, so false position with halving (Illinois) needs few
    steps. Whatever tau it ends with, the portfolio is exactly on the frontier.
    """
    m_low = expect(mean, weights)
    if m_low >= target - close:
        return low
    high = low + step
    m_high = solve_utility(high, mean, covariance, cap, weights)
    for _ in range(60):
        if m_high >= target - close:
            break
        low, m_low = high, m_high
        step *= 2.0
        high += step
        m_high = solve_utility(high, mean, covariance, cap, weights)
    if m_high < target - close:
        return high  # what is left is less than the target's rounding
    tau, m, side = high, m_high, 0
    gap_low, gap_high = m_low - target, m_high - target
    for _ in range(40):
        if abs(m - target) <= close:
            break
        tau = low - gap_low * (high - low) / (gap_high - gap_low)
        m = solve_utility(tau, mean, covariance, cap, weights)
        if m < target:
            low, gap_low = tau, m - target
            gap_high *= 0.5 if side == -1 else 1.0
            side = -1
        else:
            high, gap_high = tau, m - target
            gap_low *= 0.5 if side == 1 else 1.0
            side = 1
    return tau


@kernel
def trace_frontier(
    mean: FloatArray, covariance: FloatArray, max_weight: float, points: FloatArray
) -> None:
    """Fill float64[n_points, n] with frontier portfolios, about evenly spaced in return."""
    n_points, n = points.shape
    mu, sigma = mean.copy(), covariance.copy()
    cap = max(max_weight, 1.0 / n)
    weights, best = np.zeros(n), np.zeros(n)
    sharpe = as_variable(False)
    _, _, lowest, variance = solve_estimates(sharpe, mean, covariance, max_weight, weights)
    points[0] = weights
    fill_by_preference(mu, cap, best)
    spacing = (expect(mu, best) - lowest) / (n_points - 1)
    largest, scale = 0.0, 0.0
    for k in range(n):
        largest = max(largest, sigma[k, k])
        scale = max(scale, abs(mu[k]))
    tau = 0.0
    for p in range(1, n_points):
        if spacing > _ROUNDING * n * scale and largest > 0.0:
            step = tau / p if tau > 0.0 else max(variance, 1e-6 * largest) / spacing * 0.1
            target = lowest + spacing * p
            close = spacing * (_CLOSE if p < n_points - 1 else 1e-9)
            tau = seek_return(target, close, tau, step, mu, sigma, cap, weights)
        points[p] = weights


def efficient_frontier(
    *, mean: Any, covariance: Any, max_weight: float = 1.0, n_points: int = 24
) -> Frontier:
    """Trace the efficient frontier from minimum variance to maximum expected return.

    Each point is solved exactly, by pair exchanges on the utility tau m - v / 2; tau is chosen
    so that the points are evenly spaced in return to 2 % of their distance.

    Raises
    ------
    ValueError
        A shape, a value or the cap is wrong, or there are fewer than two points.
    """
    mu, sigma = check_estimates(mean, covariance)
    cap = check_constraints("min_variance", max_weight)
    if n_points < 2:
        raise ValueError(f"n_points={n_points}: a frontier has at least its two ends")
    mu, sigma = freeze(mu.view()), freeze(sigma.view())
    points = np.empty((n_points, len(mu)))
    trace_frontier(mu, sigma, cap, points)
    measured = np.array([measure_portfolio(mu, sigma, row) for row in points])
    return Frontier(
        volatility=freeze(np.sqrt(measured[:, 1])),
        expected_return=freeze(measured[:, 0].copy()),
        weights=freeze(points),
    )
