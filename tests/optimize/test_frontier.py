import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypfopt import EfficientFrontier

from optimize import efficient_frontier, solve
from optimize.cloud import cloud_block
from tests.optimize.problems import estimates, problems


def best_return(mean, cap):
    share, left = 0.0, 1.0
    for value in sorted(mean, reverse=True):
        step = min(cap, left)
        share, left = share + step * value, left - step
    return share


@settings(max_examples=60, deadline=None)
@given(problems(most=40), st.integers(2, 30))
def test_a_frontier_runs_evenly_from_least_variance_to_most_return(problem, n_points):
    mean, covariance, cap = problem
    found = efficient_frontier(mean=mean, covariance=covariance, max_weight=cap, n_points=n_points)
    least = solve(mean=mean, covariance=covariance, objective="min_variance", max_weight=cap)
    assert found.volatility[0] == pytest.approx(least.volatility, rel=1e-9)
    assert found.expected_return[-1] == pytest.approx(best_return(mean, cap), rel=1e-6, abs=1e-12)
    span = found.expected_return[-1] - found.expected_return[0]
    spacing = np.diff(found.expected_return)
    assert (spacing >= 0.0).all()
    np.testing.assert_allclose(spacing, span / (n_points - 1), atol=0.05 * span / (n_points - 1))
    assert (np.diff(found.volatility) >= -1e-9 * found.volatility[:-1]).all()
    assert (found.weights >= 0.0).all()
    assert (found.weights <= cap).all()
    np.testing.assert_allclose(found.weights.sum(axis=1), 1.0, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.weights @ mean, found.expected_return, rtol=1e-9, atol=1e-15)


@settings(max_examples=15, deadline=None)
@given(problems(most=25))
def test_no_portfolio_of_pypfopt_has_less_risk_for_a_point_s_return(problem):
    mean, covariance, cap = problem
    unit, size = np.abs(mean).max(), covariance.diagonal().max()
    options = {"tol_gap_abs": 1e-11, "tol_gap_rel": 1e-11, "tol_feas": 1e-11}
    found = efficient_frontier(mean=mean, covariance=covariance, max_weight=cap, n_points=6)
    if np.ptp(found.expected_return) < 1e-9 * unit:  # all assets at their caps: one portfolio
        return
    for m, v in zip(found.expected_return[1:-1], found.volatility[1:-1], strict=True):
        other = EfficientFrontier(
            mean / unit, covariance / size, (0, cap), solver="CLARABEL", solver_options=options
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            other.efficient_return(m / unit)
        w = np.clip(other.weights, 0.0, cap)
        risk = np.sqrt(w @ covariance @ w)
        assert v == pytest.approx(risk, rel=1e-5)


@settings(max_examples=30, deadline=None)
@given(problems(most=30), st.integers(0, 1000))
def test_no_portfolio_of_the_cloud_dominates_the_frontier(problem, seed):
    mean, covariance, cap = problem
    found = efficient_frontier(mean=mean, covariance=covariance, max_weight=cap)
    returns, risks = np.empty(400), np.empty(400)
    mean.setflags(write=False)
    covariance.setflags(write=False)
    cloud_block(mean, covariance, cap, seed, 0, 0, returns, risks)
    above = returns[:, None] >= found.expected_return
    assert (risks[:, None] >= found.volatility * (1 - 1e-9))[above].all()
    assert risks.min() >= found.volatility[0] * (1 - 1e-9)
    assert returns.max() <= found.expected_return[-1] + 1e-9 * np.abs(mean).max()


def test_the_maximum_sharpe_portfolio_lies_on_the_frontier():
    mean, covariance = estimates(9, 20, 200)
    mean = mean + 0.001
    best = solve(mean=mean, covariance=covariance)
    found = efficient_frontier(mean=mean, covariance=covariance, n_points=400)
    ratios = found.expected_return / found.volatility
    assert best.sharpe * (1 - 1e-4) < ratios.max() <= best.sharpe * (1 + 1e-9)


@pytest.mark.parametrize(
    ("mean", "covariance"),
    [
        ([1.0], [[1.0]]),
        ([1.0, 1.0, 1.0], np.eye(3)),
        ([0.0, 0.0], np.zeros((2, 2))),
        ([1.0, 2.0], np.zeros((2, 2))),
        ([1.0, 0.0], np.diag([1.0, 0.0])),
        ([1.0, 0.0], np.diag([0.0, 1.0])),
        ([1.0, 1.0, 0.0], [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        # The last point's target lies within the rounding of the means.
        ([0.05, 0.05 + 5e-9, 0.05 + 3e-9], [[4.0, 1.0, 0.0], [1.0, 9.0, 2.0], [0.0, 2.0, 5.0]]),
        ([0.05, 0.05 + 1e-15, 0.05], np.diag([1e-4, 2e-4, 3e-4])),
        # Weighted in two ways, equal means differ by rounding.
        ([0.01] * 12, np.cov(np.random.default_rng(1).normal(size=(5, 12)), rowvar=False)),
    ],
)
def test_degenerate_estimates_give_a_finite_frontier(mean, covariance):
    found = efficient_frontier(mean=mean, covariance=covariance, n_points=5)
    assert np.isfinite(found.volatility).all()
    assert (np.diff(found.volatility) >= 0.0).all()
    np.testing.assert_allclose(found.weights.sum(axis=1), 1.0, atol=1e-12)


def test_a_frontier_of_one_point_is_refused():
    with pytest.raises(ValueError, match="n_points=1"):
        efficient_frontier(mean=[1.0, 2.0], covariance=np.eye(2), n_points=1)
