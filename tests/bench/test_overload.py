"""An overload's rows: quarters of ages, of solves and of memory, and single ages."""

import numpy as np
import pytest

from bench.pipeline.attribution import Arrivals, Latencies, Sent
from bench.pipeline.overload import QUARTERS, find_pace, make_rows
from bench.pipeline.overload_goals import AGE, FACTOR, GOALS, MEDIAN_AGE, MEMORY, SINGLE_AGE
from bench.pipeline.session import Played
from bench.run_error import RunError
from bench.soak.samples import Series

NOTHING = np.empty(0, np.int64)


def rows_of(age_us: np.ndarray, solve_us: np.ndarray, rss: list[float]):
    latencies = Latencies({"made": age_us, "total": age_us + 500.0, "solve": solve_us}, 0)
    played = Played(
        Sent(NOTHING, NOTHING, 0), Arrivals(NOTHING, {}), np.full(80, 2000), seconds=4.0
    )
    memory = Series(list(range(len(rss))), rss)
    return {row.case: row for row in make_rows(latencies, played, memory, rate=240.0)}


def test_quarters_have_their_own_solve_times_and_single_ages_are_kept():
    solve = np.repeat([10_000.0, 20_000.0, 10_000.0, 10_000.0], 5)
    age = 1.5 * solve
    age[7] = 200_000.0  # one of the second quarter, ten of its solves
    rows = rows_of(age, solve, [100.0, 100.0, 101.0, 101.0, 102.0, 102.0, 103.0, 103.0])
    assert rows[AGE].runs == (15.0, 30.0, 15.0, 15.0)
    assert rows[MEDIAN_AGE].runs == pytest.approx((1.5,) * QUARTERS)
    assert rows[MEDIAN_AGE].max == pytest.approx(1.5)
    single = rows[SINGLE_AGE]
    assert single.p50 == pytest.approx(1.5)
    assert single.max == pytest.approx(10.0)
    assert single.histogram is not None
    assert sum(single.histogram.counts) == len(age)
    assert rows[MEMORY].runs == (100.0, 101.0, 102.0, 103.0)
    assert rows["decisions"].p50 == 20.0
    assert rows[FACTOR].p50 == 12.0


def test_the_pace_is_that_of_decisions_after_the_warm_up():
    slow, quick = np.arange(0, 4_000, 100), np.arange(4_000, 8_001, 20)
    arrived_ns = np.concatenate([slow, quick]) * 1_000_000
    assert find_pace(Arrivals(arrived_ns, {"arrived": arrived_ns}), 4.0) == pytest.approx(50.0)
    for few in (NOTHING, arrived_ns[:5]):
        with pytest.raises(RunError, match="too few"):
            find_pace(Arrivals(few, {"arrived": few}), 4.0)


def test_every_goal_of_an_overload_is_measured():
    rows = rows_of(np.full(8, 30_000.0), np.full(8, 20_000.0), [100.0] * 4)
    assert {goal.over.case for goal in GOALS} <= rows.keys()
