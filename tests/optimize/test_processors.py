"""Draws, clouds and optima have the same bits on a processor without fused operations or AVX2."""

import numpy as np

from optimize.cloud import cloud_block
from optimize.draws import resample_block
from optimize.few_held import holds_few
from optimize.pair_exchange import freeze, solve_estimates
from tests.processors import compute_on_an_old_processor

N = 41  # two panels of 16, one of 8, one asset over


FEW = 201  # of which the estimates' optimum holds few: parts of the assets


def draw_many(n: int) -> bytes:
    rows = np.random.default_rng(6).normal(0.1, 1.0, (2 * n, n))
    rows += np.random.default_rng(7).normal(0.0, 1.0, (2 * n, 1)) * np.linspace(0.5, 1.5, n)
    mean, covariance = freeze(rows.mean(axis=0)), freeze(np.cov(rows, rowvar=False))
    weights, average, squares = np.zeros(n), np.zeros(n), np.zeros(n)
    solve_estimates(True, mean, covariance, 1.0, weights)
    assert holds_few(weights)
    start = freeze(np.zeros(n))
    resample_block(True, mean, covariance, 2 * n, 1.0, start, 3, 0, 0, 4, average, squares)
    return average.tobytes() + squares.tobytes()


def compute() -> bytes:
    rows = np.random.default_rng(5).normal(0.1, 1.0, (2 * N, N))
    mean, covariance = freeze(rows.mean(axis=0)), freeze(np.cov(rows, rowvar=False))
    weights, average, squares = np.zeros(N), np.zeros(N), np.zeros(N)
    solve_estimates(True, mean, covariance, 1.0, weights)
    start = freeze(np.zeros(N))
    resample_block(True, mean, covariance, 2 * N, 1.0, start, 3, 0, 0, 40, average, squares)
    cloud = np.empty((2, 900))
    cloud_block(mean, covariance, 1.0, 3, 0, 0, cloud[0], cloud[1])
    return b"".join(found.tobytes() for found in (weights, average, squares, cloud)) + draw_many(
        FEW
    )


def test_bits_do_not_depend_on_the_processor():
    assert compute_on_an_old_processor(__name__) == compute()
