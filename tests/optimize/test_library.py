"""The library as a notebook uses it: the names, the refusals, and what an import costs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from optimize import resample
from tests.optimize.problems import estimates, make_job, run


def test_the_notebook_call_is_the_job_of_the_pipeline():
    mean, covariance = estimates(31, 12, 150)
    found = resample(mean=mean, covariance=covariance, n_observations=150, n_draws=100, seed=11)
    job = run(make_job(mean, covariance, n_observations=150, n_draws=100))
    np.testing.assert_array_equal(found.weights, job.weights)
    np.testing.assert_array_equal(found.weight_stddev, job.weight_stddev)
    assert (found.sharpe, found.sharpe_stddev) == (job.sharpe, job.sharpe_stddev)
    assert found.optimality_gap == job.optimality_gap > 0.0
    assert found.n_draws == 100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_observations": 1}, "n_observations=1: it must be at least 2"),
        ({"n_draws": 0}, "n_draws=0"),
        ({"n_draws": 2.5}, "give a whole number"),
        ({"seed": -1}, "seed=-1"),
        ({"objective": "best"}, "choose one of"),
        ({"mean": [1.0]}, "covariance has shape"),
    ],
)
def test_wrong_arguments_of_resample_are_refused(change, message):
    ask = {"mean": [1.0, 2.0], "covariance": np.eye(2), "n_observations": 50} | change
    with pytest.raises(ValueError, match=message):
        resample(**ask)


def test_types_alone_load_no_kernel():
    program = (
        "import sys, optimize.job, optimize.decision\n"
        "assert 'optimize.exchange' not in sys.modules, 'kernels loaded'\n"
        "from optimize import solve, resample, efficient_frontier\n"
        "assert all(map(callable, (solve, resample, efficient_frontier)))"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])


def test_an_unknown_name_of_the_library_is_no_attribute():
    import optimize

    with pytest.raises(AttributeError, match="no attribute 'solver'"):
        _ = optimize.solver
