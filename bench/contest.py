"""Contenders for one job: their results compared first, then their times, in turn."""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.rows import Row, make_row

# A sample shorter than this is mostly the clock's own 300 ns and the call of Python.
_LEAST_SAMPLE_NS = 50_000
_MOST_CALLS = 64
Clock = Callable[[], int]
Judge = Callable[[Any, Any], str]
"""(first result, other) to what is wrong with the other, or an empty string."""


class WrongResultError(AssertionError):
    """A contender does not do the job it is timed for."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to do the job.

    Attributes
    ----------
    subject
        ``silverbullet`` or a peer's name.
    call
        What is timed.
    make_arguments
        Gives each call its own arguments, outside the time: a call may write to them.
    result
        (returned, arguments) to the result as the judge of the case takes it.
    per_call
        How much one call does of what the case's unit counts.
    judge
        Of its result, where it is held to less than the others of its case.
    """

    subject: str
    call: Callable[..., Any]
    make_arguments: Callable[[], tuple[Any, ...]]
    result: Callable[[Any, tuple[Any, ...]], Any]
    per_call: int = 1
    judge: Judge | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One job and who contends for it.

    Attributes
    ----------
    name, unit
        ``unit`` is a time (``ns``, ``us`` or ``ms``) by what it is counted: ``ns a tick``.
    contenders
        The first is what the others' results are compared with.
    judge
        Of all results but the first; None where contenders do different jobs, as sizes do.
    """

    name: str
    unit: str
    contenders: tuple[Contender, ...]
    judge: Judge | None


def returned(value: Any, _: tuple[Any, ...]) -> Any:
    """Take what a contender returned as its result."""
    return value


def differ(first: Any, other: Any, tolerance: float) -> str:
    """Say where arrays differ by more than a tolerance relative to the largest, or nothing.

    Parameters
    ----------
    first, other
        Sequences of arrays or numbers; None in ``other``: not among its results.
    tolerance
        0: the same bits (NaN equals NaN).
    """
    if len(first) != len(other):
        return f"{len(other)} results instead of {len(first)}"
    for place, (expected, found) in enumerate(zip(first, other, strict=True)):
        if found is None:
            continue
        a, b = np.asarray(expected, np.float64), np.asarray(found, np.float64)
        if a.shape != b.shape:
            return f"result {place} has shape {b.shape} instead of {a.shape}"
        known = np.isfinite(a)
        if not np.array_equal(a[~known], b[~known], equal_nan=True):
            return f"result {place} differs where it is not finite"
        gap = float(np.abs(a[known] - b[known]).max(initial=0.0))
        limit = tolerance * float(np.abs(a[known]).max(initial=0.0))
        if not gap <= limit:
            return f"result {place} is off by {gap:.3g}, allowed are {limit:.3g}"
    return ""


def check_case(case: Case) -> None:
    """Run every contender once, which compiles it, and compare results where there is a judge.

    Raises
    ------
    WrongResultError
        One differs: timing it would say nothing.
    """
    first, *others = case.contenders
    expected = _run(first)
    for other in others:
        result, judge = _run(other), other.judge or case.judge
        wrong = judge(expected, result) if judge else ""
        if wrong:
            raise WrongResultError(
                f"{case.name}: {other.subject} does not do what {first.subject} does: {wrong}"
            )


def _run(contender: Contender) -> Any:
    arguments = contender.make_arguments()
    return contender.result(contender.call(*arguments), arguments)


def measure_case(
    case: Case, seconds: float, repetitions: int, clock_ns: Clock = time.process_time_ns
) -> list[Row]:
    """Time all contenders in turn.

    Processor time, of all threads of the process: on a shared machine neighbours interrupt a
    slow contender often and a quick one hardly ever, which by the wall clock made
    PyPortfolioOpt look four times as slow as on a quiet one.

    Parameters
    ----------
    seconds
        Least length of one contender's turn; each turn has one sample at least.
    repetitions
        Turns of each; who begins changes from one to the next.
    clock_ns
        What times are read from.
    """
    check_case(case)
    with _only_new_garbage():
        samples = _take_turns(case.contenders, seconds, repetitions, clock_ns)
    unit_ns = {"ns": 1.0, "us": 1e3, "ms": 1e6}[case.unit.split()[0]]
    return [
        make_row(
            case.name,
            contender.subject,
            case.unit,
            [np.asarray(turn) / (unit_ns * contender.per_call) for turn in samples[place]],
        )
        for place, contender in enumerate(case.contenders)
    ]


@contextmanager
def _only_new_garbage() -> Iterator[None]:
    """Leave what is there out of garbage collection, as `run` does.

    A pass over the 240 000 objects of the libraries and contenders takes 82 to 94 ms, and falls to
    whoever happens to allocate.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _take_turns(
    contenders: Sequence[Contender], seconds: float, repetitions: int, clock_ns: Clock
) -> list[list[list[float]]]:
    """Give each contender's turns, each a list of ns a call."""
    calls = [_calls_a_sample(contender, clock_ns) for contender in contenders]
    samples: list[list[list[float]]] = [[] for _ in contenders]
    places = list(range(len(contenders)))
    for _ in range(repetitions):
        for place in places:
            turn = _take_turn(contenders[place], calls[place], seconds, clock_ns)
            samples[place].append(turn)
        places = [*places[1:], places[0]]
    return samples


def _calls_a_sample(contender: Contender, clock_ns: Clock) -> int:
    once_ns = _sample(contender, 1, clock_ns)
    if once_ns < _LEAST_SAMPLE_NS:  # the first may be slow for its cold caches alone
        once_ns = min(_sample(contender, 1, clock_ns) for _ in range(3))
    return min(_MOST_CALLS, 1 + int(_LEAST_SAMPLE_NS / max(once_ns, 1.0)))


def _take_turn(contender: Contender, calls: int, seconds: float, clock_ns: Clock) -> list[float]:
    samples: list[float] = []
    until_ns = time.perf_counter_ns() + seconds * 1e9
    while not samples or time.perf_counter_ns() < until_ns:
        samples.append(_sample(contender, calls, clock_ns))
    return samples


def _sample(contender: Contender, calls: int, clock_ns: Clock) -> float:
    """Time some calls; gives ns a call."""
    prepared: Sequence[tuple[Any, ...]] = [contender.make_arguments() for _ in range(calls)]
    call = contender.call
    started_ns = clock_ns()
    for arguments in prepared:
        call(*arguments)
    return (clock_ns() - started_ns) / calls
