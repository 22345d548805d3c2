"""One subject at its jobs: first answers, open loop, stages, highest rate. Reads the clock."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec
import numpy as np
import psutil

from bench.engines.entrants import Entrant
from bench.engines.jobs import STALL_NS, make_job, stalled, trace_of, traced
from bench.engines.judge import check, expected_results, merge
from bench.engines.latency_schedule import even_due_ns, is_sustained, poisson_due_ns
from bench.engines.latency_search import RateSearch
from bench.engines.stages import Stages, middle, split
from optimize.job import DrawJob
from stats.compiled import IntArray

BUSY_SHARE = 0.3
_WARM_S, _WARM_LEAST = 0.5, 3
_TRACES = 5
_SPIN_NS = 300_000  # the kernel wakes a sleeper up to 0.1 ms late; more on a busy machine
_LEAST_DECISIONS = 4
_TRIAL_LEAST = 20
_CONTROL_RATE, _CONTROL_S, _CONTROL_STALLS = 40.0, 5.0, 3


class Times(msgspec.Struct, frozen=True):
    """When requests were due, begun and done: ns from the beginning of the load."""

    due: list[int]
    begun: list[int]
    done: list[int]


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What one subject did with one job.

    Attributes
    ----------
    rate
        Offered, requests a second.
    times
        Of the load, without warm-up.
    cpu_s
        Processor seconds a decision of all its processes, in the load; not the load's own wait.
    stages
        The median decision of some that were traced afterwards.
    sustained
        Highest rate that it kept up with, and 0 where that was not searched.
    trials
        Rates that were tried, and whether it kept up.
    """

    rate: float
    times: Times
    cpu_s: float
    stages: Stages
    sustained: float
    trials: list[tuple[float, bool]]


def decide(entrant: Entrant, name: str, job: DrawJob) -> tuple[int, int, int]:
    """Make a decision and see that it is right; give begin, receipt and end in ns."""
    begun_ns = time.monotonic_ns()
    results = entrant.decide(job)
    received_ns = time.monotonic_ns()
    merge(entrant.mode, name, job, results)
    done_ns = time.monotonic_ns()
    check(entrant.mode, name, results)
    return begun_ns, received_ns, done_ns


def measure(
    entrant: Entrant, name: str, *, seed: int, seconds: float, most_rate: float, search: bool
) -> Measured:
    """Measure one job: warm up, load, trace, and search where that is wanted.

    Raises
    ------
    WrongResultError
        An answer is wrong.
    """
    job = make_job(name)
    service_s = _warm_up(entrant, name, job)
    rate = min(most_rate, BUSY_SHARE / service_s)
    seconds = max(seconds, _LEAST_DECISIONS / rate)
    due_ns = poisson_due_ns(seed, rate, seconds)
    before_s = _cpu_s()
    begun_ns, done_ns, waited_s = play(due_ns, lambda _: decide(entrant, name, job))
    cpu_s = (_cpu_s() - before_s - waited_s) / len(due_ns)
    stages = middle([_trace(entrant, name, job) for _ in range(_TRACES)])
    looking = RateSearch(1.0 / service_s)
    if search:
        _search(looking, entrant, name, job, seconds)
    return Measured(
        rate=rate,
        times=Times(due_ns.tolist(), begun_ns.tolist(), done_ns.tolist()),
        cpu_s=max(0.0, cpu_s),
        stages=stages,
        sustained=looking.highest,
        trials=looking.trials,
    )


def measure_control(entrant: Entrant, seed: int) -> tuple[Times, list[int]]:
    """Load with empty blocks, some of which stall for 200 ms; give times, and places of those."""
    name, job = "empty", make_job("empty")
    due_ns = poisson_due_ns(seed, _CONTROL_RATE, _CONTROL_S)
    places = np.linspace(0, len(due_ns), _CONTROL_STALLS + 2).astype(int)[1:-1].tolist()
    slow = stalled(job)
    begun_ns, done_ns, _ = play(
        due_ns, lambda place: decide(entrant, name, slow if place in places else job)
    )
    return Times(due_ns.tolist(), begun_ns.tolist(), done_ns.tolist()), places


def play(
    due_ns: IntArray, request: Callable[[int], tuple[int, int, int]]
) -> tuple[IntArray, IntArray, float]:
    """Send requests when they are due, one at a time; give begin, end and the wait's CPU seconds.

    As in the pipeline, a decision begins when the one before it is made.
    """
    begun_ns, done_ns = np.empty_like(due_ns), np.empty_like(due_ns)
    waited_s = 0.0
    start_ns = time.monotonic_ns() + 5_000_000
    for place, due in enumerate(due_ns.tolist()):
        before_s = time.thread_time()
        _wait_until(start_ns + due)
        waited_s += time.thread_time() - before_s
        begun, _, done = request(place)
        begun_ns[place], done_ns[place] = begun - start_ns, done - start_ns
    return begun_ns, done_ns, waited_s


def control_stall_ns() -> int:
    """Give the length of the control's stalls."""
    return STALL_NS


def _wait_until(at_ns: int) -> None:
    left_ns = at_ns - time.monotonic_ns()
    if left_ns > _SPIN_NS:
        time.sleep((left_ns - _SPIN_NS) / 1e9)
    while time.monotonic_ns() < at_ns:
        pass


def _warm_up(entrant: Entrant, name: str, job: DrawJob) -> float:
    """Decide for half a second, three times at least; give the last ones' median seconds."""
    expected_results(name)
    took_s: list[float] = []
    until_s = time.monotonic() + _WARM_S
    while len(took_s) < _WARM_LEAST or time.monotonic() < until_s:
        begun, _, done = decide(entrant, name, job)
        took_s.append((done - begun) / 1e9)
    return float(np.median(took_s[len(took_s) // 2 :]))


def _trace(entrant: Entrant, name: str, job: DrawJob) -> Stages:
    begun_ns = time.monotonic_ns()
    results = entrant.decide(traced(job))
    received_ns = time.monotonic_ns()
    merge(entrant.mode, name, job, results)
    merged_ns = time.monotonic_ns()
    out_ns, back_ns = entrant.serialise(job, results)
    return split(
        begun_ns, received_ns, merged_ns, [trace_of(one) for one in results], out_ns, back_ns
    )


def _search(looking: RateSearch, entrant: Entrant, name: str, job: DrawJob, seconds: float) -> None:
    while (rate := looking.next_rate()) is not None:
        due_ns = even_due_ns(rate, max(_TRIAL_LEAST, round(rate * seconds / 4)))
        begun_ns, done_ns, _ = play(due_ns, lambda _: decide(entrant, name, job))
        looking.took(rate, is_sustained(due_ns, begun_ns, done_ns))


def _cpu_s() -> float:
    """Give the processor seconds of this process and all below it."""
    own = os.times()
    total_s = own.user + own.system + own.children_user + own.children_system
    return total_s + sum(map(_spent_s, psutil.Process().children(recursive=True)))


def _spent_s(process: psutil.Process) -> float:
    with suppress(psutil.NoSuchProcess):
        spent: Sequence[float] = process.cpu_times()
        return float(sum(spent[:4]))  # user, system, and of children that ended
    return 0.0
