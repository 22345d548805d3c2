"""Each kernel of this package beside its plain-numpy twin."""

from typing import Any

import numpy as np

from optimize import (
    cloud,
    conjugate,
    draws,
    factor,
    few_held,
    frontier,
    gamma,
    normal,
    outcome,
    pair_exchange,
    philox,
    plain,
    plain_active_set,
    plain_cloud,
    plain_columns,
    plain_coordinates,
    plain_draws,
    plain_factor,
    plain_frontier,
    plain_resampling,
    posterior,
    product,
    start,
)
from optimize.pair_exchange import freeze
from optimize.philox import WordArray
from stats.compiled import FloatArray
from stats.pairs import KernelPair
from stats.plain_inputs import uniforms


def _estimates(seed: int, size: int) -> tuple[FloatArray, FloatArray]:
    rows = 2 * size + 20
    spread = uniforms(seed, rows * (size + 1)).reshape(rows, size + 1) - 0.5
    returns = 0.01 * (spread[:, :size] * (1.0 + uniforms(seed + 1, size)) + spread[:, size:])
    # Read-only as in a job: the same compiled code then serves both.
    mean = freeze(returns.mean(axis=0) + 1e-4)
    return mean, freeze(np.cov(returns, rowvar=False).reshape(size, size))


def _factor(seed: int, size: int) -> FloatArray:
    columns = np.empty((size, size))
    plain_factor.factorise(_estimates(seed, size)[1], columns)
    return columns


def _word_arrays(seed: int, size: int) -> tuple[Any, ...]:
    return seed << 40 | 5, 3, seed, 2, 7, np.zeros(size, np.uint64), np.zeros(size, np.uint64)


def _words(seed: int, size: int) -> tuple[WordArray, FloatArray]:
    # Some hundred, and both ends of both halves.
    first, second = np.zeros(128 * size, np.uint64), np.zeros(128 * size, np.uint64)
    plain_draws.fill_words(seed, 0, 0, 0, 0, first, second)
    first[:3] = np.array([0, 2**64 - 1, 2**31], np.uint64)
    return first, np.zeros(256 * size)


def _normals(seed: int, size: int) -> tuple[Any, ...]:
    return seed, 0, 17, np.zeros(160 * size)


def _gammas(seed: int, size: int) -> tuple[Any, ...]:
    shapes = 1.0 + 10.0 ** (4.0 * uniforms(seed, 100 * size) - 1.0)
    shapes[::3] = 1.0
    return seed, 0, 4, 2, shapes, np.zeros(100 * size)


def _covariance(seed: int, size: int) -> tuple[Any, ...]:
    return _estimates(seed, size)[1], np.zeros((size, size))


def _rank(seed: int, size: int) -> tuple[Any, ...]:
    covariance = _estimates(seed, size)[1].copy()
    if seed % 2 and size > 1:
        covariance[-1], covariance[:, -1] = covariance[0], covariance[:, 0]
    return (freeze(covariance),)


def _bartlett(seed: int, size: int) -> tuple[Any, ...]:
    normals = uniforms(seed, size * (size + 1) // 2) - 0.5
    return _factor(seed, size), 3.0, 5.0 + uniforms(seed, size), normals, np.zeros((size, size))


def _posterior(seed: int, size: int) -> tuple[Any, ...]:
    mean, _ = _estimates(seed, size)
    out = np.zeros(size), np.zeros((size, size))
    return mean, _factor(seed, size), 2 * size + 20, seed, 0, 9, *out


def _product(seed: int, size: int) -> tuple[Any, ...]:
    return _factor(seed, size), np.zeros((size, size))


def _preference(seed: int, size: int) -> tuple[Any, ...]:
    return uniforms(seed, size), 0.3 if size > 3 else 1.0, 0.5 / size * uniforms(seed + 1, size)


def _problem(seed: int, size: int) -> tuple[Any, ...]:
    mean, covariance = _estimates(seed, size)
    return seed % 2 == 1, mean, covariance, 0.4 if seed % 3 else 1.0, np.zeros(size)


def _together(seed: int, size: int) -> tuple[Any, ...]:
    mean, covariance = (one.copy() for one in _estimates(seed, size))
    scaled = np.maximum(uniforms(seed + 2, size) - 0.3, 0.0) * 40.0
    gradient, places = plain_columns.weigh_columns(covariance, scaled), (scaled > 0.0).astype("u1")
    limit = 20.0 if seed % 2 else np.inf
    variances = covariance.diagonal()
    bounds = 1e-4, limit, 1.0 / variances
    return mean, *bounds, covariance, scaled, gradient, places, np.zeros((2, size))


def _portfolio(seed: int, size: int) -> tuple[Any, ...]:
    return *_estimates(seed, size), uniforms(seed, size) / size


def _twins(seed: int, size: int) -> tuple[Any, ...]:
    return *_portfolio(seed, size), np.zeros(size)


def _few(seed: int, size: int) -> tuple[Any, ...]:
    n = 2 * size + 70
    mean, covariance = _estimates(seed, n)
    sharpe, cap = seed % 4 > 0, 0.3 if seed % 2 else 1.0
    weights, drawn, factor = np.zeros(n), np.zeros(n), np.zeros((n, n))
    pair_exchange.solve_estimates(sharpe, mean, covariance, cap, weights)
    plain_draws.draw_posterior(mean, _factor(seed, n), 2 * n + 20, seed, 0, 9, drawn, factor)
    return sharpe, drawn, factor, cap, weights


def _optimise_few(*problem: Any) -> tuple[bool, int, float]:
    """Give the kernel its room, of which nothing is to be compared."""
    return few_held.optimise_few(*(*problem, np.empty(problem[2].size)))


def _block(seed: int, size: int) -> tuple[Any, ...]:
    problem, out = _problem(seed, size), (np.zeros(size), np.zeros(size))
    start_weights = freeze(problem[4])
    return *problem[:3], 2 * size + 20, problem[3], start_weights, seed, 0, 4, 4, *out


def _cloud(seed: int, size: int) -> tuple[Any, ...]:
    # Some of each size of portfolio, the first and last run in part; runs that share assets.
    cap = 1.0 if seed % 2 else 0.3
    return *_estimates(seed, size), cap, seed, 1, 1203, np.zeros(99), np.zeros(99)


def _frontier(seed: int, size: int) -> tuple[Any, ...]:
    return *_estimates(seed, size), 0.5, np.zeros((7, size))


def _results(seed: int, size: int) -> tuple[Any, ...]:
    counts = np.array([32, 32, 5])
    means = uniforms(seed, 3 * size).reshape(3, size)
    return counts, means, means[::-1].copy(), np.zeros(size), np.zeros(size)


PAIRS: tuple[KernelPair, ...] = (
    KernelPair("fill_words", philox.fill_words, plain_draws.fill_words, _word_arrays, 0.0),
    KernelPair("turn_words", normal.turn_words, plain_draws.turn_words, _words, 0.0),
    KernelPair("fill_normals", normal.fill_normals, plain_draws.fill_normals, _normals, 0.0),
    KernelPair("fill_gammas", gamma.fill_gammas, plain_draws.fill_gammas, _gammas, 0.0),
    KernelPair("factorise", factor.factorise, plain_factor.factorise, _covariance, 0.0),
    KernelPair("has_full_rank", factor.has_full_rank, plain_active_set.has_full_rank, _rank, 0.0),
    KernelPair(
        "solve_bartlett", posterior.solve_bartlett, plain_draws.solve_bartlett, _bartlett, 0.0
    ),
    KernelPair(
        "draw_posterior", posterior.draw_posterior, plain_draws.draw_posterior, _posterior, 0.0
    ),
    KernelPair(
        "fill_covariance", product.fill_covariance, plain_draws.fill_covariance, _product, 0.0
    ),
    KernelPair(
        "fill_by_preference", start.fill_by_preference, plain.fill_by_preference, _preference, 0.0
    ),
    KernelPair(
        "step_together", conjugate.step_together, plain_coordinates.step_together, _together, 0.0
    ),
    KernelPair("find_twin", pair_exchange.find_twin, plain.find_twin, _twins, 0.0),
    KernelPair(
        "measure_portfolio",
        pair_exchange.measure_portfolio,
        plain_columns.measure_portfolio,
        _portfolio,
        0.0,
    ),
    KernelPair(
        "solve_estimates", pair_exchange.solve_estimates, plain.solve_estimates, _problem, 0.0
    ),
    KernelPair("optimise_few", _optimise_few, plain_resampling.optimise_few, _few, 0.0),
    KernelPair(
        "resample_block", draws.resample_block, plain_resampling.resample_block, _block, 0.0
    ),
    KernelPair("cloud_block", cloud.cloud_block, plain_cloud.cloud_block, _cloud, 0.0),
    KernelPair(
        "trace_frontier", frontier.trace_frontier, plain_frontier.trace_frontier, _frontier, 0.0
    ),
    KernelPair("merge_draws", outcome.merge_draws, plain.merge_draws, _results, 0.0),
)
