"""Resampled portfolios (Michaud): solve every draw from the posterior, average the weights."""

import numpy as np

from optimize.factor import factorise
from optimize.few_held import holds_few, optimise_few
from optimize.pair_exchange import solve_estimates
from optimize.posterior import draw_posterior
from optimize.product import fill_covariance
from optimize.start import expect, optimise
from stats.compiled import FloatArray, kernel


@kernel
def resample_block(
    sharpe: bool,
    mean: FloatArray,
    covariance: FloatArray,
    n_observations: int,
    max_weight: float,
    start_weights: FloatArray,
    seed: int,
    round_: int,
    first: int,
    count: int,
    weight_mean: FloatArray,
    weight_m2: FloatArray,
) -> tuple[float, float, int]:
    """Solve draws ``first`` to ``first + count - 1``; fill the mean of their weights and its M2.

    Every draw starts from the exact optimum of the estimates, which is near the draw's own.

    Returns
    -------
    sharpe_mean, sharpe_m2, exchanges
        Of the draws' own Sharpe ratios; NaN if a portfolio has no volatility.
    """
    n = mean.shape[0]
    cap = max(max_weight, 1.0 / n)
    start = start_weights.copy()
    _, exchanges, _, _ = solve_estimates(sharpe, mean, covariance, max_weight, start)
    factor, drawn, sigma = np.empty((n, n)), np.empty((n, n)), np.empty((n, n))
    mu, weights, work = np.empty(n), np.empty(n), np.empty((2, n))
    few, room = holds_few(start), sigma.reshape(n * n)
    factorise(covariance, factor)
    ratio_mean, ratio_m2 = 0.0, 0.0
    for d in range(count):
        draw_posterior(mean, factor, n_observations, seed, round_, first + d, mu, drawn)
        found, steps, variance = False, 0, 0.0
        if few:
            weights[:] = start
            found, steps, variance = optimise_few(sharpe, mu, drawn, cap, weights, room)
            exchanges += steps
        if not found:
            fill_covariance(drawn, sigma)
            weights[:] = start
            _, steps = optimise(sharpe, mu, sigma, cap, weights, work)
            variance = expect(work[0], weights)
            exchanges += steps
        # Welford: one draw at a time, in order.
        ratio = expect(mu, weights) / np.sqrt(max(variance, 0.0))
        delta = ratio - ratio_mean
        ratio_mean += delta / (d + 1)
        ratio_m2 += delta * (ratio - ratio_mean)
        for k in range(n):
            delta = weights[k] - weight_mean[k]
            weight_mean[k] += delta / (d + 1)
            weight_m2[k] += delta * (weights[k] - weight_mean[k])
    return ratio_mean, ratio_m2, exchanges
