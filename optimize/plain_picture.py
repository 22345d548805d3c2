"""Plain-numpy twins of the kernels behind the risk-return picture: cloud and frontier."""

import numpy as np

from optimize import plain
from optimize.exchange import UTILITY
from optimize.philox import CLOUD, CLOUD_POWERS
from optimize.plain_draws import centred_uniforms, fill_gammas, fill_words
from stats.compiled import FloatArray


def draw_dirichlet(seed: int, round_: int, draw: int, weights: FloatArray) -> None:
    """Twin of ``cloud.draw_dirichlet``."""
    n, kinds = len(weights), (4 * len(weights)).bit_length() + 1
    squarings = draw % kinds
    fill_gammas(seed, round_, draw, CLOUD, np.full(n, 1.0 + 0.5**squarings), weights)
    words = np.empty((2, n), np.uint64)
    fill_words(seed, 0, draw, round_, CLOUD_POWERS * 65536, words[0], words[1])
    power = centred_uniforms(words[0]) + 0.5
    for _ in range(squarings):
        power *= power
    weights *= np.where(power > 1e-200, power, 0.0)
    total = np.cumsum(weights)[-1]
    if total > 0.0:
        weights /= total
    else:
        weights[draw // kinds % n] = 1.0


def cloud_block(
    mean: FloatArray,
    covariance: FloatArray,
    max_weight: float,
    seed: int,
    round_: int,
    first: int,
    returns: FloatArray,
    volatilities: FloatArray,
) -> None:
    """Twin of ``cloud.cloud_block``."""
    n, cap = len(mean), max(max_weight, 1.0 / len(mean))
    for d in range(len(returns)):
        weights = np.empty(n)
        draw_dirichlet(seed, round_, first + d, weights)
        over = weights > cap
        if over.any():
            surplus = np.cumsum(np.where(over, weights - cap, 0.0))[-1]
            weights = np.minimum(weights, cap)
            room = np.cumsum(np.where(over, 0.0, cap - weights))[-1]
            if room > 0.0:
                weights += (cap - weights) * min(surplus / room, 1.0)
                weights = np.minimum(weights, cap)
        returns[d] = np.cumsum(weights * mean)[-1]
        volatilities[d] = np.sqrt(max(_variance(covariance, weights), 0.0))


def _variance(covariance: FloatArray, weights: FloatArray) -> float:
    total = 0.0
    for i, own in enumerate(weights):
        terms = covariance[i, :i] * weights[:i]
        below, whole = 0.0, i // 4 * 4
        for j in range(0, whole, 4):
            below += (terms[j] + terms[j + 1]) + (terms[j + 2] + terms[j + 3])
        for term in terms[whole:]:
            below += term
        total += own * (2.0 * below + covariance[i, i] * own)
    return total


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
    for p in range(1, n_points):
        if spacing > 0.0 and largest > 0.0:
            step = tau / p if tau > 0.0 else max(variance, 1e-6 * largest) / spacing * 0.1
            close = spacing * (0.02 if p < n_points - 1 else 1e-9)
            target = lowest + spacing * p
            tau = _seek_return(target, close, tau, step, mean, covariance, cap, weights)
        points[p] = weights
