"""Draws whose optimum holds few of many assets, of which only a part's covariance is formed."""

import numpy as np
import pytest

from optimize import plain_resampling
from optimize.draws import resample_block
from optimize.factor import factorise
from optimize.few_held import holds_few, optimise_few
from optimize.pair_exchange import freeze, solve
from optimize.posterior import draw_posterior
from tests.optimize.problems import (
    daqp_optimum,
    dense,
    estimates,
    make_job,
    nnls_optimum,
    run,
    sparse,
)

N = 209  # thirteen panels of 16 columns and an asset over
ROWS = 420


def draw(mean, covariance, number):
    factor, drawn_mean, drawn = np.empty((N, N)), np.empty(N), np.empty((N, N))
    factorise(covariance, factor)
    draw_posterior(mean, factor, ROWS, 5, 0, number, drawn_mean, drawn)
    return drawn_mean, drawn


def block_of(mean, covariance, first, count, cap=1.0, resample=resample_block, rows=ROWS):
    found = np.zeros(N), np.zeros(N)
    told = (rows, cap, freeze(np.zeros(N)), 5, 0, first, count)
    ratios = resample(True, freeze(mean), freeze(covariance), *told, *found)
    return *found, ratios


@pytest.mark.parametrize("cap", [1.0, 0.06])
@pytest.mark.parametrize("objective", ["max_sharpe", "min_variance"])
@pytest.mark.parametrize("seed", range(4))
def test_a_part_has_the_optimum_of_all_assets(seed, objective, cap):
    estimated = sparse(seed, N)
    mean, drawn = draw(*estimated, seed)
    covariance = drawn.T @ drawn
    start = solve(
        mean=estimated[0], covariance=estimated[1], objective=objective, max_weight=cap
    ).weights
    weights = start.copy()
    found, _, variance = optimise_few(
        objective == "max_sharpe", mean, drawn, cap, weights, np.empty(N * N)
    )
    target = mean if objective == "max_sharpe" else np.ones(N)
    best = nnls_optimum(target, covariance) if cap == 1.0 else daqp_optimum(target, covariance, cap)
    assert found
    np.testing.assert_allclose(weights, best, rtol=0.0, atol=1e-10)
    assert variance == pytest.approx(weights @ covariance @ weights, rel=1e-12)
    assert ((weights > 0.0) & (start == 0.0)).any()  # who was let in


def test_what_is_no_small_part_is_left_to_all_assets():
    mean, drawn = draw(*dense(1, N), 0)
    weights = np.eye(N)[0]
    assert not optimise_few(False, mean, drawn, 1.0, weights, np.empty(N * N))[0]


@pytest.mark.parametrize(
    ("cap", "few", "rows"),
    # Draws from 2 rows are so wide that no small part suffices.
    [(1.0, True, ROWS), (0.05, True, ROWS), (0.01, False, ROWS), (0.05, True, 2)],
)
def test_a_block_has_the_bits_of_its_plain_twin(cap, few, rows):
    mean, covariance = sparse(2, N)
    weights = solve(mean=mean, covariance=covariance, max_weight=cap).weights
    assert holds_few(weights.copy()) == few
    got = block_of(mean, covariance, 3, 2, cap, rows=rows)
    expected = block_of(mean, covariance, 3, 2, cap, plain_resampling.resample_block, rows)
    np.testing.assert_array_equal(got[0], expected[0])
    np.testing.assert_array_equal(got[1], expected[1])
    assert got[2] == expected[2]


def test_a_draw_does_not_depend_on_those_before_it_in_its_block():
    problem = sparse(3, N)
    average = np.zeros(N)
    for d in range(6):
        average += (block_of(*problem, d, 1)[0] - average) / (d + 1)
    np.testing.assert_array_equal(block_of(*problem, 0, 6)[0], average)


def test_any_order_of_blocks_gives_the_same_bits():
    job = make_job(*sparse(4, N), n_draws=20, block_size=4, n_observations=ROWS)
    one, other = run(job), run(job, [3, 0, 4, 2, 1])
    np.testing.assert_array_equal(one.weights, other.weights)
    assert one.sharpe_stddev == other.sharpe_stddev


def test_fewer_rows_than_assets_still_give_portfolios():
    weights, _, (ratio, _, _) = block_of(*estimates(7, N, 100), 0, 4)
    assert (weights >= 0.0).all()
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert np.isfinite(ratio)
