"""The gate of speed: a kernel that lost half its lead over a steady peer fails here.

A ratio is of the least processor time of either side: a neighbour on the machine can only add to
a time. What each lead usually is was measured on two noisy cores; a fall below half of it is no
noise. For what changed less, see ``silverbullet bench compare``.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from bench.contest import Case, Contender, check_case
from bench.kernels.covariance_cases import covariance_case
from bench.kernels.draw_cases import cloud_case, resample_case
from bench.kernels.pair_cases import pair_cases
from bench.kernels.solver_cases import job_case, solve_case
from bench.kernels.solver_goals import COLD, DENSE, SPARSE, WARM
from bench.kernels.tick_cases import on_demand_case
from bench.machine import single_thread
from bench.rows import OURS


def pair_case(name: str) -> Case:
    return next(case for case in pair_cases() if case.name.startswith(f"{name},"))


REPETITIONS = 9
SAMPLE_NS = 2_000_000
SHARE = 0.5
"""Of the usual ratio, below which the gate is shut."""
LEADS: tuple[tuple[Callable[[], Case], str, float], ...] = (
    (on_demand_case, "numpy, four moments", 8.0),
    (partial(covariance_case, 50, 10), "numpy.cov", 45.0),
    (partial(solve_case, 50), "scipy NNLS", 3.0),
    (partial(job_case, 50, SPARSE, WARM), "scipy NNLS", 15.0),
    (partial(job_case, 50, DENSE, COLD), "scipy NNLS", 11.0),
    (partial(job_case, 50, DENSE, WARM), "scipy NNLS", 13.0),
    (partial(job_case, 50, DENSE, WARM, capped=True), "daqp", 7.0),  # NNLS knows no cap
    (partial(pair_case, "push_row"), "numpy twin", 38.0),
    (partial(pair_case, "read_window"), "numpy twin", 30.0),  # 24 to 64 seen, the least under load
    (partial(pair_case, "oas_covariance"), "numpy twin", 14.0),
    (partial(pair_case, "solve_estimates"), "numpy twin", 100.0),
    (partial(pair_case, "draw_posterior"), "numpy twin", 230.0),
    (partial(cloud_case, 50), "numpy, the same mixture, float32", 9.0),
    (partial(resample_case, 50), "scipy invwishart and NNLS", 10.0),
    (partial(pair_case, "read_plain_ticks"), "numpy twin", 25.0),
    (partial(pair_case, "read_packed_heads"), "numpy twin", 48.0),
    (partial(pair_case, "take_packed_rows"), "numpy twin", 48.0),
)


def least_ns(contender: Contender, calls: int) -> float:
    prepared = [contender.make_arguments() for _ in range(calls)]
    begun_ns = time.process_time_ns()
    for arguments in prepared:
        contender.call(*arguments)
    return (time.process_time_ns() - begun_ns) / calls / contender.per_call


def measure_lead(case: Case, peer: str) -> float:
    """Give how many times our least time the peer's least time is."""
    sides = [next(one for one in case.contenders if one.subject == name) for name in (OURS, peer)]
    with single_thread():
        check_case(replace(case, contenders=tuple(sides)))  # compiles, and compares the results
        once = [max(least_ns(side, 1) * side.per_call, 1.0) for side in sides]
        calls = [min(64, 1 + int(SAMPLE_NS / one)) for one in once]
        times: list[list[float]] = [[], []]
        for _ in range(REPETITIONS):
            for place, side in enumerate(sides):
                times[place].append(least_ns(side, calls[place]))
    return min(times[1]) / min(times[0])


def judge_lead(lead: float, usual: float) -> str:
    """Say what is wrong with a lead, or nothing."""
    if lead >= SHARE * usual:
        return ""
    return f"{lead:.2f}x the peer's time instead of the usual {usual:g}x: slower by half or more"


@pytest.mark.parametrize(("make", "peer", "usual"), LEADS)
def test_no_kernel_has_lost_half_its_lead(make: Callable[[], Case], peer: str, usual: float):
    case = make()
    assert not judge_lead(measure_lead(case, peer), usual), case.name


def test_the_gate_shuts_for_a_kernel_that_takes_three_times_as_long():
    make, peer, _ = LEADS[2]
    case = make()
    usual = measure_lead(case, peer)
    ours = next(one for one in case.contenders if one.subject == OURS)

    def slowed(*arguments: object) -> object:
        for _ in range(2):
            ours.call(*arguments)
        return ours.call(*arguments)

    others = [one for one in case.contenders if one.subject != OURS]
    slow = replace(case, contenders=(replace(ours, call=slowed), *others))
    assert "slower by half" in judge_lead(measure_lead(slow, peer), usual)
