"""Bounds of optimality gaps: never below the true gap, and nothing at the optimum."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.kernels import solver_gaps
from bench.kernels.solver_gaps import gap_bound, measure_gaps
from bench.kernels.solver_goals import GAP_CASES, GAP_UNITS, GOALS, gap_name
from bench.rows import OURS
from optimize import solve
from tests.optimize.problems import FAMILIES, daqp_optimum, sharpe


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(FAMILIES)),
    st.integers(0, 10**6),
    st.integers(4, 40),
    st.sampled_from([1.0, 0.3]),
    st.floats(1e-6, 0.5),
)
def test_the_bound_is_above_the_true_gap_and_nothing_at_the_optimum(
    family: str, seed: int, n: int, cap: float, share: float
) -> None:
    mean, covariance = FAMILIES[family](seed, n)
    best = daqp_optimum(mean, covariance, cap)
    off = (1.0 - share) * best + share / n
    true = sharpe(best, mean, covariance) / sharpe(off, mean, covariance) - 1.0
    assert gap_bound(off, mean, covariance, cap) >= true - 1e-12
    found = solve(mean=mean, covariance=covariance, max_weight=cap).weights
    assert gap_bound(found, mean, covariance, cap) < 1e-9


def test_a_known_gap_is_bounded_closely() -> None:
    # Two uncorrelated assets: S* = sqrt(2), of one alone 1, off by 41 %.
    bound = gap_bound(np.array([1.0, 0.0]), np.ones(2), np.eye(2), 1.0)
    assert bound == pytest.approx(np.sqrt(2.0) - 1.0)


def test_of_minimum_variance_the_gap_is_that_of_the_volatility() -> None:
    mean, covariance = FAMILIES[min(FAMILIES)](3, 12)
    best = daqp_optimum(np.ones(12), covariance, 1.0)
    off = 0.9 * best + 0.1 / 12
    true = np.sqrt((off @ covariance @ off) / (best @ covariance @ best)) - 1.0
    assert gap_bound(off, np.ones(12), covariance, 1.0) >= true - 1e-12
    found = solve(mean=mean, covariance=covariance, objective="min_variance").weights
    assert gap_bound(found, np.ones(12), covariance, 1.0) < 1e-9


def test_every_gap_that_is_a_goal_is_measured(monkeypatch) -> None:
    monkeypatch.setattr(solver_gaps, "SIZES", (8, 12))
    rows = {(row.case, row.unit) for row in measure_gaps() if row.subject == OURS}
    assert rows == {
        (gap_name(family, capped, objective), GAP_UNITS[objective])
        for objective, family, capped in GAP_CASES
    }
    assert {case for case, _ in rows} <= {goal.over.case for goal in GOALS}
