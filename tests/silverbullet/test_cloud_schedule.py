from types import SimpleNamespace

import numpy as np
import pytest

from optimize import efficient_frontier
from optimize.evaluate import evaluate_job
from silverbullet.cloud_schedule import CloudSchedule
from silverbullet.events import Evaluate, JobDone
from silverbullet.portfolio import Basis, Provenance
from silverbullet.sections import Optimize
from tests.optimize.problems import estimates, make_job

SECOND_NS = 1_000_000_000
PLACE = Provenance("local", (), False, False, "", 0, 0)
JOB = make_job(*estimates(5, 8, 100), n_draws=256)


def ask(schedule: CloudSchedule, number: int, time_ns: int) -> list[Evaluate]:
    basis = Basis(SimpleNamespace(row=number), JOB, 0, 0)
    return schedule.ask(basis, (-2 * number, -2 * number - 1), time_ns)


def answer(schedule: CloudSchedule, asked: Evaluate) -> bool:
    return schedule.keep(JobDone(asked.tag, evaluate_job(asked.job), PLACE))


@pytest.mark.parametrize("first", [0, 1])
def test_curves_are_given_once_when_both_are_there_whichever_came_first(first: int) -> None:
    schedule = CloudSchedule(Optimize(cloud_points=64))
    asked = ask(schedule, 7, SECOND_NS)
    assert [one.job.kind for one in asked] == ["cloud", "frontier"]
    assert answer(schedule, asked[first])
    assert schedule.take() is None
    assert answer(schedule, asked[1 - first])
    cloud, frontier = schedule.take()
    assert schedule.take() is None
    assert cloud.row == frontier.row == 7
    assert len(cloud.volatility) == 64
    wanted = efficient_frontier(mean=JOB.mean, covariance=JOB.covariance)
    np.testing.assert_allclose(frontier.volatility, wanted.volatility, rtol=1e-5)
    np.testing.assert_allclose(frontier.expected_return, wanted.expected_return, rtol=1e-5)


def test_no_curve_is_asked_for_before_the_interval_is_over_or_while_one_is_on_its_way() -> None:
    schedule = CloudSchedule(Optimize(cloud_interval_s=5.0))
    asked = ask(schedule, 1, SECOND_NS)
    for one in asked:
        assert ask(schedule, 2, 20 * SECOND_NS) == []
        answer(schedule, one)
    assert ask(schedule, 2, 5 * SECOND_NS) == []
    assert len(ask(schedule, 2, 6 * SECOND_NS)) == 2


@pytest.mark.parametrize("lost", [0, 1])
def test_one_curve_that_cannot_be_made_is_no_picture_and_the_next_are_whole(lost: int) -> None:
    schedule = CloudSchedule(Optimize(cloud_interval_s=1.0))
    asked = ask(schedule, 1, SECOND_NS)
    assert schedule.drop(asked[lost].tag)
    assert answer(schedule, asked[1 - lost])
    assert schedule.take() is None
    for one in ask(schedule, 2, 3 * SECOND_NS):
        assert answer(schedule, one)
    assert {curve.row for curve in schedule.take()} == {2}


def test_jobs_of_others_are_not_taken() -> None:
    schedule = CloudSchedule(Optimize())
    asked = ask(schedule, 1, SECOND_NS)
    assert not schedule.keep(JobDone(1, evaluate_job(asked[1].job), PLACE))
    assert not schedule.drop(1)


def test_no_points_are_no_curves() -> None:
    assert ask(CloudSchedule(Optimize(cloud_points=0)), 1, SECOND_NS) == []
