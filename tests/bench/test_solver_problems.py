"""What the solver's contenders are asked, and how closely their answers are looked at."""

import numpy as np
import pytest

from bench.contest import Contender, WrongResultError, check_case
from bench.kernels import solver_peers
from bench.kernels.solver_cases import job_case, solve_case
from bench.kernels.solver_goals import DENSE, SPARSE, WARM
from bench.kernels.solver_problems import make_family, make_job, row_before, rows_of
from optimize import solve


@pytest.mark.parametrize("family", [SPARSE, DENSE])
@pytest.mark.parametrize("n", [10, 50])
def test_one_row_moves_means_and_covariances_by_as_much_as_a_row_does(family: str, n: int):
    mean, covariance = make_family(family, n)
    old_mean, old_covariance = row_before(mean, covariance)
    deviations = np.sqrt(np.diag(covariance))
    moved = np.abs(mean - old_mean) / deviations
    assert 0.0 < moved.max() < 8.0 / rows_of(n)
    moved = np.abs(covariance - old_covariance) / np.outer(deviations, deviations)
    assert 0.0 < moved.max() < 30.0 / rows_of(n)
    np.linalg.cholesky(old_covariance)


def test_of_two_rows_the_later_is_the_problem_and_the_earlier_is_where_both_start():
    mean, covariance = make_family(SPARSE, 20)
    old_mean, old_covariance = row_before(mean, covariance)
    job = make_job(mean, covariance, 1.0, warm=True)
    assert job.covariance is covariance
    start = solve(mean=old_mean, covariance=old_covariance).weights
    np.testing.assert_array_equal(job.start_weights, start)
    daqp = next(one for one in job_case(20, SPARSE, WARM).contenders if one.subject == "daqp")
    _, given_mean, given_covariance = daqp.make_arguments()
    np.testing.assert_array_equal(given_mean, mean)
    np.testing.assert_array_equal(given_covariance, covariance)


@pytest.mark.parametrize("cap", [1.0, 0.2])
def test_a_model_that_goes_on_finds_what_one_from_nothing_does(cap: float):
    problem = make_family(DENSE, 20)
    bounds = solver_peers.daqp_bounds(20, cap)
    model = solver_peers.daqp_model(*row_before(*problem), bounds)
    later = solver_peers.daqp_next(model, *problem)
    fresh = solver_peers.daqp_max_sharpe(*problem, bounds)
    np.testing.assert_allclose(later, fresh, rtol=0.0, atol=1e-14)
    assert later.max() <= cap + 1e-14


def test_means_of_one_give_the_portfolio_of_minimum_variance():
    _, covariance = make_family(SPARSE, 20)
    ours = solve(mean=np.zeros(20), covariance=covariance, objective="min_variance").weights
    found = solver_peers.daqp_max_sharpe(np.ones(20), covariance, solver_peers.daqp_bounds(20))
    np.testing.assert_allclose(found, ours, rtol=0.0, atol=1e-13)


@pytest.mark.parametrize(("subject", "passes"), [("scipy NNLS", False), ("PyPortfolioOpt", True)])
def test_active_sets_are_held_to_rounding_and_interior_points_to_their_tolerance(
    subject: str, passes: bool
):
    case = solve_case(10)
    ours = case.contenders[0]

    def nearly(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
        weights = solver_peers.nnls_max_sharpe(mean, covariance)
        return (1.0 - 1e-9) * weights + 1e-9 / len(weights)

    own = next(one for one in case.contenders if one.subject == subject).judge
    near = Contender(subject, nearly, ours.make_arguments, lambda found, _: found, judge=own)
    case = type(case)(case.name, case.unit, (ours, near), case.judge)
    if passes:
        check_case(case)
    else:
        with pytest.raises(WrongResultError, match="scipy NNLS"):
            check_case(case)
