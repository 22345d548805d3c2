"""Plain-numpy twins of the kernels of the efficient frontier."""

import numpy as np

from optimize import plain
from optimize.exchange import UTILITY
from stats.compiled import FloatArray


def _solve_utility(
    tau: float, mean: FloatArray, covariance: FloatArray, cap: float, weights: FloatArray
) -> float:
    plain.exchange(UTILITY, tau, mean, covariance, cap, weights)
    return float(np.cumsum(weights * mean)[-1])


def _seek_return(
    target: float,
    close: float,
    low: float,
    step: float,
    mean: FloatArray,
    covariance: FloatArray,
    cap: float,
    weights: FloatArray,
) -> float:
    gap_low = float(np.cumsum(weights * mean)[-1]) - target
    if gap_low + target >= target - close:
        return low
    high = low + step
    m = _solve_utility(high, mean, covariance, cap, weights)
    for _ in range(60):
        if m >= target - close:
            break
        low, gap_low, step = high, m - target, step * 2.0
        high += step
        m = _solve_utility(high, mean, covariance, cap, weights)
    if m < target - close:
        return high
    tau, gap_high, last = high, m - target, None
    for _ in range(40):
        if abs(m - target) <= close:
            break
        tau = low - gap_low * (high - low) / (gap_high - gap_low)
        m = _solve_utility(tau, mean, covariance, cap, weights)
        below = m < target
        if below:
            low, gap_low = tau, m - target
            gap_high *= 0.5 if last is True else 1.0
        else:
            high, gap_high = tau, m - target
            gap_low *= 0.5 if last is False else 1.0
        last = below
    return tau


def trace_frontier(
    mean: FloatArray, covariance: FloatArray, max_weight: float, points: FloatArray
) -> None:
    """Twin of ``frontier.trace_frontier``."""
    n_points, n = points.shape
    cap = max(max_weight, 1.0 / n)
    weights, best = np.zeros(n), np.zeros(n)
    _, _, lowest, variance = plain.solve_estimates(False, mean, covariance, max_weight, weights)
    points[0] = weights
    plain.fill_by_preference(mean, cap, best)
    spacing = (float(np.cumsum(best * mean)[-1]) - lowest) / (n_points - 1)
    largest, tau = float(covariance.diagonal().max()), 0.0
    rounding = 2.0**-52 * n * float(np.abs(mean).max())
    for p in range(1, n_points):
        if spacing > rounding and largest > 0.0:
            step = tau / p if tau > 0.0 else max(variance, 1e-6 * largest) / spacing * 0.1
            close = spacing * (0.02 if p < n_points - 1 else 1e-9)
            target = lowest + spacing * p
            tau = _seek_return(target, close, tau, step, mean, covariance, cap, weights)
        points[p] = weights
