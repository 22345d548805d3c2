"""Jumps of all free assets: the weights still sum to one where rounding is at its worst."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimize import solve
from optimize.subspace import keep_sum


@given(
    st.lists(st.floats(0.0, 0.3), min_size=2, max_size=40),
    st.floats(-1e-9, 1e-9),
)
def test_what_rounding_took_is_given_back_within_the_bounds(
    free_weights: list[float], drift: float
) -> None:
    weights = np.array([0.25, *free_weights, 0.125])
    free = np.arange(1, len(free_weights) + 1)
    before = math.fsum(free_weights) + drift
    keep_sum(weights, free, 0.3, before)
    assert (weights[0], weights[-1]) == (0.25, 0.125)  # not free
    assert ((weights >= 0) & (weights <= 0.3)).all()
    room = max(0.3 - min(free_weights), 0) if drift > 0 else max(free_weights)
    if room > 1e-8:
        assert math.fsum(weights[free]) == pytest.approx(before, abs=1e-14)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("spread", [1e-6, 1e-9, 1e-12])
def test_assets_that_move_nearly_together_still_sum_to_one(seed: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    n = 21
    market = rng.normal(size=(400, 1)) * np.ones(n)
    returns = market + spread * rng.normal(size=(400, n))
    covariance = np.cov(returns, rowvar=False) + 1e-18 * np.eye(n)
    mean = 1e-3 + spread * rng.normal(size=n)
    for objective in ("max_sharpe", "min_variance"):
        solution = solve(mean=mean, covariance=covariance, objective=objective, max_weight=0.2)
        assert math.fsum(solution.weights) == pytest.approx(1.0, abs=1e-12)
        assert (solution.weights >= 0).all()
        assert (solution.weights <= 0.2).all()
