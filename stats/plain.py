"""The kernels of returns and estimators again, in plain numpy: the same result, slower.

They are what the tests hold the compiled code against, and what the benchmark sets beside it.
"""

import numpy as np

from stats.compiled import FloatArray


def far_log_return(price: FloatArray, previous: FloatArray) -> FloatArray:
    """As ``returns.far_log_return``, of arrays."""
    scaled, exponent = price.copy(), np.zeros_like(price)
    root = 1.4142135623730951
    while True:
        high = scaled > previous * root
        low = scaled * root < previous
        if not (high | low).any():
            break
        scaled = np.where(high, scaled * 0.5, np.where(low, scaled * 2.0, scaled))
        exponent += np.where(high, 1.0, np.where(low, -1.0, 0.0))
    s = (scaled - previous) / (scaled + previous)
    z = s * s
    series = np.full_like(z, 1.0 / 23.0)
    for odd in range(21, 0, -2):
        series = 1.0 / odd + z * series
    return exponent * 0.6931471803691238 + (exponent * 1.9082149292705877e-10 + 2.0 * s * series)


def log_returns(prices: FloatArray, previous: FloatArray, out: FloatArray) -> None:
    """As ``returns.log_returns``."""
    s = (prices - previous) / (prices + previous)
    z = s * s
    series = np.full_like(z, 1.0 / 13.0)
    for odd in range(11, 0, -2):
        series = 1.0 / odd + z * series
    out[:] = 2.0 * s * series
    far = ~(z < 0.0025)
    out[far] = far_log_return(prices[far], previous[far])


def bayes_stein_means(
    mean: FloatArray, covariance: FloatArray, n_observations: int, out: FloatArray
) -> float:
    """As ``estimators.bayes_stein_means``, for a covariance of full rank."""
    n, t = len(mean), n_observations
    solved = np.linalg.solve(covariance, np.column_stack((np.ones(n), mean)))
    target = solved[:, 1].sum() / solved[:, 0].sum()
    distance = (mean - target) @ np.linalg.solve(covariance, mean - target)
    distance *= max(0.0, t - n - 2.0) / (t - 1.0)
    shrinkage = float((n + 2.0) / (n + 2.0 + t * distance))
    out[:] = (1.0 - shrinkage) * mean + shrinkage * target
    return shrinkage


def oas_covariance(covariance: FloatArray, n_observations: int, out: FloatArray) -> float:
    """As ``estimators.oas_covariance``."""
    n = len(covariance)
    squares, average = float(np.mean(covariance**2)), float(np.trace(covariance)) / n
    numerator = squares + average**2
    denominator = (n_observations + 1.0) * (squares - average**2 / n)
    shrinkage = 1.0 if denominator <= numerator else numerator / denominator
    if n == 1:
        shrinkage = 0.0
    out[:] = (1.0 - shrinkage) * covariance + shrinkage * average * np.eye(n)
    return shrinkage


def estimate_both(
    mean: FloatArray,
    covariance: FloatArray,
    n_observations: int,
    estimated_mean: FloatArray,
    estimated_covariance: FloatArray,
) -> tuple[float, float]:
    """As ``estimators.estimate_both``."""
    of_covariance = oas_covariance(covariance, n_observations, estimated_covariance)
    of_means = bayes_stein_means(mean, estimated_covariance, n_observations, estimated_mean)
    return of_covariance, of_means
