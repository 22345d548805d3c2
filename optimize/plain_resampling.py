"""Plain-numpy twins of the kernels that solve draws from the posterior."""

import numpy as np

from optimize import exchange as flag
from optimize import plain_draws
from optimize.few_held import holds_few, is_small_part
from optimize.plain import feasible_start, optimise, solve_estimates
from optimize.plain_columns import add_in_order, weigh_columns
from optimize.plain_factor import factorise
from optimize.plain_fused import fused
from stats.compiled import FloatArray


def optimise_few(
    sharpe: bool,
    mean: FloatArray,
    factor: FloatArray,
    cap: float,
    weights: FloatArray,
) -> tuple[bool, int, float]:
    """Twin of ``few_held.optimise_few``, which needs room besides."""
    objective, warm = feasible_start(sharpe, mean, cap, weights)
    by_sharpe, exchanges = objective == flag.SHARPE, 0
    members = weights > 0.0
    while warm and is_small_part(members.sum(), len(mean)):
        part, rows = weights[members], factor[:, members]
        covariance = np.empty((len(part), len(part)))
        plain_draws.fill_covariance(rows, covariance)
        flags, made = optimise(by_sharpe, mean[members], covariance, cap, part)
        weights[members] = part
        exchanges += made
        if flags != 0:
            break
        gain = add_in_order(mean[members] * part)
        variance = add_in_order(weigh_columns(covariance, part) * part)
        scale = -gain / variance if by_sharpe else -1.0
        across, slope = np.zeros(len(mean)), np.zeros(len(mean))
        for weight, row in zip(part, rows.T, strict=True):
            across += scale * weight * row
        for weight, column in zip(across, factor, strict=True):
            slope = fused(weight, column, slope)
        slope += mean if by_sharpe else 0.0
        close = flag.TOLERANCE * (gain if by_sharpe else variance)
        rising = ~members & (slope - slope[weights > 0.0].min() > close)
        if not rising.any():
            return True, exchanges, variance
        members |= rising
    return False, exchanges, 0.0


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
    """Twin of ``draws.resample_block``."""
    n, cap = len(mean), max(max_weight, 1.0 / len(mean))
    start = start_weights.copy()
    _, exchanges, _, _ = solve_estimates(sharpe, mean, covariance, max_weight, start)
    factor, drawn, mu = np.empty((n, n)), np.empty((n, n)), np.empty(n)
    factorise(covariance, factor)
    ratio_mean, ratio_m2 = 0.0, 0.0
    for d in range(count):
        plain_draws.draw_posterior(mean, factor, n_observations, seed, round_, first + d, mu, drawn)
        weights, found = start.copy(), False
        if holds_few(start):
            found, made, variance = optimise_few(sharpe, mu, drawn, cap, weights)
            exchanges += made
        if not found:
            sigma, weights = np.empty((n, n)), start.copy()
            plain_draws.fill_covariance(drawn, sigma)
            _, made = optimise(sharpe, mu, sigma, cap, weights)
            exchanges += made
            variance = add_in_order(weigh_columns(sigma, weights) * weights)
        ratio = add_in_order(mu * weights) / np.sqrt(max(variance, 0.0))
        delta = ratio - ratio_mean
        ratio_mean += delta / (d + 1)
        ratio_m2 += delta * (ratio - ratio_mean)
        deltas = weights - weight_mean
        weight_mean += deltas / (d + 1)
        weight_m2 += deltas * (weights - weight_mean)
    return ratio_mean, ratio_m2, exchanges
