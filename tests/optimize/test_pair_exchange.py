import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypfopt import EfficientFrontier

from optimize import solve
from optimize.exchange import TOLERANCE
from tests.optimize.problems import (
    FAMILIES,
    daqp_optimum,
    estimates,
    family_problems,
    nnls_optimum,
    problems,
    returns,
    sharpe,
    volatility,
)

# The stopping rule is a slope of 1e-6; what is missed is second order in it. Seen: 3e-12.
GAP = 1e-9


def assert_valid(solution, cap):
    w = solution.weights
    assert (w >= 0.0).all()
    assert (w <= max(cap, 1 / len(w))).all()
    assert abs(w.sum() - 1.0) < 1e-12
    assert math.isfinite(solution.expected_return)
    assert math.isfinite(solution.volatility)
    assert not w.flags.writeable


def assert_optimal(weights, slope, cap, scale):
    """Karush-Kuhn-Tucker: no asset below its cap has a higher slope than a held one."""
    rising = slope[weights < cap]
    if len(rising):
        assert rising.max() - slope[weights > 0].min() <= 1.01 * TOLERANCE * scale


@settings(max_examples=150, deadline=None)
@given(problems())
def test_maximum_sharpe_is_the_non_negative_least_squares_optimum(problem):
    mean, covariance, _ = problem
    found = solve(mean=mean, covariance=covariance)
    assert_valid(found, 1.0)
    if mean.max() <= 0.0:
        assert "no portfolio has a positive expected return" in found.status
        return
    best = nnls_optimum(mean, covariance)
    assert found.status == "optimal"
    assert found.sharpe == pytest.approx(sharpe(found.weights, mean, covariance), rel=1e-12)
    assert abs(found.sharpe / sharpe(best, mean, covariance) - 1.0) < GAP


@settings(max_examples=150, deadline=None)
@given(problems())
def test_minimum_variance_is_the_non_negative_least_squares_optimum(problem):
    mean, covariance, _ = problem
    found = solve(mean=mean, covariance=covariance, objective="min_variance")
    assert_valid(found, 1.0)
    best = nnls_optimum(np.ones(len(mean)), covariance)
    assert found.status == "optimal"
    assert found.volatility == pytest.approx(volatility(found.weights, covariance), rel=1e-12)
    assert abs(found.volatility / volatility(best, covariance) - 1.0) < GAP


def pypfopt_weights(mean, covariance, cap, objective):
    # Scaled: the solver's tolerances are absolute.
    options = {"tol_gap_abs": 1e-12, "tol_gap_rel": 1e-12, "tol_feas": 1e-12}
    frontier = EfficientFrontier(
        mean / np.abs(mean).max(),
        covariance / covariance.diagonal().max(),
        weight_bounds=(0, cap),
        solver="CLARABEL",
        solver_options=options,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if objective == "max_sharpe":
            frontier.max_sharpe(risk_free_rate=0.0)
        else:
            frontier.min_volatility()
    weights = np.clip(frontier.weights, 0.0, cap)
    return weights / weights.sum()


@settings(max_examples=40, deadline=None)
@given(problems(), st.sampled_from(["max_sharpe", "min_variance"]))
def test_no_portfolio_of_pypfopt_is_better_and_ours_is_no_better_than_optimal(problem, objective):
    mean, covariance, cap = problem
    found = solve(mean=mean, covariance=covariance, objective=objective, max_weight=cap)
    assert_valid(found, cap)
    if objective == "max_sharpe":
        if "no portfolio" in found.status or found.expected_return < 1e-3 * np.abs(mean).max():
            return
        other = sharpe(pypfopt_weights(mean, covariance, cap, objective), mean, covariance)
        ratio = found.sharpe / other
    else:
        other = volatility(pypfopt_weights(mean, covariance, cap, objective), covariance)
        ratio = other / found.volatility
    # An interior point ends short of the optimum, hence the wider upper side.
    assert -GAP < ratio - 1.0 < 1e-5


@settings(max_examples=150, deadline=None)
@given(family_problems(), st.sampled_from(["max_sharpe", "min_variance"]), st.booleans())
def test_the_optimum_of_many_and_of_few_assets_is_daqp_s_capped_or_not(problem, objective, warm):
    mean, covariance, cap, start = problem
    found = solve(
        mean=mean,
        covariance=covariance,
        objective=objective,
        max_weight=cap,
        start_weights=start if warm else None,
    )
    assert_valid(found, cap)
    assert found.status == "optimal"
    best = daqp_optimum(mean if objective == "max_sharpe" else np.ones_like(mean), covariance, cap)
    if objective == "max_sharpe":
        assert abs(found.sharpe / sharpe(best, mean, covariance) - 1.0) < GAP
    else:
        assert abs(found.volatility / volatility(best, covariance) - 1.0) < GAP


@pytest.mark.parametrize(("family", "least", "most"), [("sparse", 10, 150), ("dense", 150, 300)])
@pytest.mark.parametrize("cap", [1.0, 0.02])
def test_three_hundred_assets_need_no_exchange(family, least, most, cap):
    mean, covariance = FAMILIES[family](3, 300)
    found = solve(mean=mean, covariance=covariance, max_weight=cap)
    assert_valid(found, cap)
    assert found.exchanges == 0
    assert least <= (found.weights > 0.0).sum() <= most
    best = daqp_optimum(mean, covariance, cap)
    assert abs(found.sharpe / sharpe(best, mean, covariance) - 1.0) < GAP


@pytest.mark.parametrize("start", [[0.3, 0.67, 0.03], [0.155, 0.031, 0.814], [0.5, 0.5, 0.0]])
def test_what_a_start_lacks_is_filled_up_to_a_raised_cap_and_no_last_digit_further(start):
    mean, covariance = estimates(3, 3, 40)
    found = solve(mean=mean, covariance=covariance, max_weight=0.1, start_weights=start)
    assert "cap raised to 1/n" in found.status
    assert found.weights.max() <= 1 / 3
    assert_valid(found, 0.1)


def test_an_optimal_start_stays_as_it_is():
    for family in FAMILIES.values():
        mean, covariance = family(5, 40)
        for cap in (1.0, 0.1):
            first = solve(mean=mean, covariance=covariance, max_weight=cap)
            again = solve(
                mean=mean, covariance=covariance, max_weight=cap, start_weights=first.weights
            )
            assert again.weights.tobytes() == first.weights.tobytes()


@settings(max_examples=200, deadline=None)
@given(problems(), st.sampled_from(["max_sharpe", "min_variance"]))
def test_portfolios_satisfy_the_conditions_of_optimality(problem, objective):
    mean, covariance, cap = problem
    found = solve(mean=mean, covariance=covariance, objective=objective, max_weight=cap)
    w = found.weights
    assert_valid(found, cap)
    gradient, v = covariance @ w, w @ covariance @ w
    if found.status == "optimal" and objective == "max_sharpe":
        m = w @ mean
        assert_optimal(w, mean - m / v * gradient, cap, m)
    else:
        assert_optimal(w, -gradient, cap, v)


@settings(max_examples=100, deadline=None)
@given(problems(), st.integers(0, 10**6), st.sampled_from(["max_sharpe", "min_variance"]))
def test_any_start_ends_at_the_same_optimum(problem, seed, objective):
    mean, covariance, cap = problem
    ask = {"mean": mean, "covariance": covariance, "objective": objective, "max_weight": cap}
    cold = solve(**ask)
    rng = np.random.default_rng(seed)
    for start in (rng.dirichlet(np.ones(len(mean))), 3 * rng.random(len(mean)), cold.weights):
        warm = solve(**ask, start_weights=start)
        assert_valid(warm, cap)
        assert warm.status == cold.status
        if cold.status == "optimal" and objective == "max_sharpe":
            assert warm.sharpe == pytest.approx(cold.sharpe, rel=GAP)
        else:
            assert warm.volatility == pytest.approx(cold.volatility, rel=GAP)
    assert warm.exchanges == 0


@settings(max_examples=60, deadline=None)
@given(problems(most=30), st.floats(1e-12, 1e12), st.floats(1e-12, 1e12))
def test_the_optimum_does_not_depend_on_units(problem, mean_unit, variance_unit):
    mean, covariance, cap = problem
    one = solve(mean=mean, covariance=covariance, max_weight=cap)
    other = solve(mean=mean * mean_unit, covariance=covariance * variance_unit, max_weight=cap)
    assert other.status == one.status
    np.testing.assert_allclose(other.weights, one.weights, atol=1e-3)


def test_near_means_give_near_weights():
    mean, covariance = estimates(12, 50, 500)
    mean = mean + 0.001
    base = solve(mean=mean, covariance=covariance)
    moved = solve(mean=mean * (1 + 0.001 * np.sin(np.arange(50))), covariance=covariance)
    turnover = np.abs(base.weights - moved.weights).sum() / 2
    assert 0.0 < turnover < 0.02


@settings(max_examples=60, deadline=None)
@given(st.integers(5, 40), st.integers(2, 30), st.integers(0, 10**6), st.sampled_from([1.0, 0.2]))
def test_fewer_rows_than_assets_still_give_a_valid_portfolio_and_the_reason(n, rows, seed, cap):
    rows = min(rows, n - 3)
    sample = returns(seed, n, rows)
    covariance = np.cov(sample, rowvar=False)
    for objective in ("max_sharpe", "min_variance"):
        found = solve(
            mean=sample.mean(axis=0), covariance=covariance, objective=objective, max_weight=cap
        )
        assert_valid(found, cap)
        assert "singular" in found.status
        equal = np.full(n, 1 / n)
        if objective == "min_variance":
            assert found.volatility <= volatility(equal, covariance) * (1 + 1e-9)


@settings(max_examples=40, deadline=None)
@given(problems(most=25), st.integers(0, 10**6))
def test_hard_covariances_end_within_the_bound(problem, seed):
    # Condition numbers to 1e12: near-copies of assets, and scales twelve decades apart.
    mean, covariance, cap = problem
    rng = np.random.default_rng(seed)
    n = len(mean)
    mixing = np.eye(n) + 1e-6 * rng.normal(size=(n, n))
    mixing[:, : n // 2] = mixing[:, [0]] + 1e-5 * rng.normal(size=(n, n // 2))
    hard = mixing.T @ covariance @ mixing
    scales = 10 ** rng.uniform(-6, 0, n)
    for sigma in ((hard + hard.T) / 2, covariance * np.outer(scales, scales)):
        for objective in ("max_sharpe", "min_variance"):
            found = solve(mean=mean, covariance=sigma, objective=objective, max_weight=cap)
            assert_valid(found, cap)
            assert found.exchanges <= 1000 + 200 * n
            # At a cap of 1/n both are one portfolio, its variance summed in another order.
            equal = volatility(np.full(n, 1 / n), sigma) * (1 + 1e-12)
            assert found.volatility <= equal or objective == "max_sharpe"


FLAT = np.zeros((3, 3))
UNIT = np.diag([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("mean", "covariance", "objective", "cap", "reason", "weights"),
    [
        ([0, 0, 0], FLAT, "max_sharpe", 1.0, "no asset has any variance", [1 / 3] * 3),
        ([1, 2, 3], FLAT, "min_variance", 0.5, "no asset has any variance", [1 / 3] * 3),
        ([1, 2, 3], FLAT, "max_sharpe", 0.5, "variance is zero", [0, 0.5, 0.5]),
        ([0.1], [[2.0]], "max_sharpe", 1.0, "one asset", [1.0]),
        ([0.0], [[0.0]], "min_variance", 0.5, "one asset", [1.0]),
        ([1, 1], [[1, 1], [1, 1]], "max_sharpe", 0.5, "move together", [0.5, 0.5]),
        ([-1, -2, -3], UNIT, "max_sharpe", 1.0, "no portfolio has a positive", [6, 3, 2]),
        ([1, 2, 3], UNIT, "max_sharpe", 0.2, "raised to 1/n", [1, 1, 1]),
        ([1, 2, 3], np.diag([0.0, 1, 1]), "max_sharpe", 1.0, "variance is zero", [1, 0, 0]),
        ([0, 2, 2], np.diag([0.0, 1, 1]), "max_sharpe", 1.0, "singular", [0, 1, 1]),
        ([0, 2, 2], np.diag([0.0, 1, 1]), "min_variance", 1.0, "variance is zero", [1, 0, 0]),
        ([2, -9, -9], UNIT, "max_sharpe", 0.4, "no portfolio has a positive", [0.4, 0.36, 0.24]),
    ],
)
def test_degenerate_inputs_give_a_portfolio_and_the_reason(
    mean, covariance, objective, cap, reason, weights
):
    found = solve(mean=mean, covariance=covariance, objective=objective, max_weight=cap)
    assert_valid(found, cap)
    assert reason in found.status
    np.testing.assert_allclose(found.weights, np.array(weights) / np.sum(weights), atol=1e-6)
    assert (found.sharpe is None) == (found.volatility == 0.0)


def test_a_cap_of_exactly_one_nth_holds_every_asset_equally():
    mean, covariance = estimates(3, 7, 50)
    found = solve(mean=np.abs(mean), covariance=covariance, max_weight=1 / 7)
    assert found.status == "optimal"
    np.testing.assert_allclose(found.weights, 1 / 7, rtol=1e-12)


def test_two_copies_of_an_asset_share_what_the_asset_alone_would_get():
    mean, covariance = estimates(21, 6, 100)
    mean = np.abs(mean)
    alone = solve(mean=mean, covariance=covariance)
    held = int(np.argmax(alone.weights))
    both = [*range(6), held]
    doubled = solve(mean=mean[both], covariance=covariance[np.ix_(both, both)])
    assert "move together" in doubled.status
    together = doubled.weights[held] + doubled.weights[6]
    assert together == pytest.approx(alone.weights[held], abs=1e-4)
    assert doubled.sharpe == pytest.approx(alone.sharpe, rel=GAP)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": []}, "mean is empty"),
        ({"mean": [[1.0, 2.0]]}, "mean has shape"),
        ({"mean": [1.0, math.nan]}, r"mean\[1\]=nan"),
        ({"covariance": np.eye(3)}, r"shape \(3, 3\) for 2 means"),
        ({"covariance": [[1.0, math.inf], [0.0, 1.0]]}, r"covariance\[0, 1\]=inf"),
        ({"covariance": [[1.0, 0.5], [0.4, 1.0]]}, "must be symmetric"),
        ({"covariance": [[-1.0, 0.0], [0.0, 1.0]]}, "a variance must be >= 0"),
        ({"objective": "sharpe"}, "choose one of max_sharpe, min_variance"),
        ({"max_weight": 0.0}, r"must be in \(0, 1\]"),
        ({"max_weight": math.nan}, r"must be in \(0, 1\]"),
        ({"start_weights": [1.0]}, "start_weights has 1 values for 2 assets"),
        ({"start_weights": [1.0, -0.5]}, "long-only"),
    ],
)
def test_wrong_arguments_are_refused_with_the_remedy(change, message):
    ask = {"mean": [1.0, 2.0], "covariance": np.eye(2)} | change
    with pytest.raises(ValueError, match=message):
        solve(**ask)


def test_the_arguments_are_left_as_they_were():
    mean, covariance = estimates(2, 5, 40)
    start = np.full(5, 0.2)
    kept = mean.copy(), covariance.copy(), start.copy()
    solve(mean=mean, covariance=covariance, start_weights=start)
    for now, then in zip((mean, covariance, start), kept, strict=True):
        np.testing.assert_array_equal(now, then)
        assert now.flags.writeable
