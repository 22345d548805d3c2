"""The comparison's report: the benchmarks' form, with distributions, stages and starts beside."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np

from bench.engines.latency_schedule import predict_stalled
from bench.engines.measure import Measured, Times, control_stall_ns
from bench.engines.run import Kept
from bench.engines.stages import STAGES, Stages, middle, values
from bench.latency_figures import Latency, control_fault, summarise
from bench.report import Report
from bench.rows import Row, make_row
from bench.run_error import RunError
from stats.compiled import FloatArray


class Detail(msgspec.Struct, frozen=True, kw_only=True):
    """One subject with so many workers at one job.

    Attributes
    ----------
    latency
        From intended times, ms.
    medians
        Median latency of each repetition, ms: ratios are taken within repetitions.
    rate
        Offered, requests a second; the median over repetitions.
    cpu_ms
        Processor time a decision, all processes; the median over repetitions.
    sustained
        Highest rate that it kept up with, a second; 0: not searched for, or none was found.
    """

    subject: str
    workers: int
    job: str
    latency: Latency
    medians: dict[int, float]
    rate: float
    cpu_ms: float
    stages: Stages
    sustained: float


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """A subject's starts (s) and memory (MiB), medians over repetitions."""

    subject: str
    workers: int
    ready_s: float
    first_s: float
    warm_s: float
    peak_mib: float


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """Empty blocks with some that stall for 200 ms: what the report shows of them."""

    subject: str
    requests: int
    stalled: int
    touched: int
    latency: Latency


class EngineReport(Report, frozen=True, kw_only=True):
    """The project's form of a benchmark's result, with what `bench engines` has beside it."""

    details: tuple[Detail, ...]
    starts: tuple[Start, ...]
    controls: tuple[Control, ...]
    left_out: dict[str, str]


def build_report(
    kept: Sequence[Kept], machine: Mapping[str, str], versions: Mapping[str, str],
    left_out: Mapping[str, str],
) -> EngineReport:  # fmt: skip
    """Put the turns together.

    Raises
    ------
    RunError
        No turn gave figures, or an injected stall does not show where it must.
    """
    if not kept:
        raise RunError("no subject gave figures; the reasons stand above")
    details = tuple(_details(kept))
    return EngineReport(
        bench="engines",
        machine=dict(machine),
        versions=dict(versions),
        rows=(*_rows(kept, details), *_start_rows(kept)),
        details=details,
        starts=tuple(_starts(kept)),
        controls=tuple(_controls(kept)),
        left_out=dict(left_out),
    )


def case_name(job: str, workers: int) -> str:
    """Name a job with so many workers, as cases are called."""
    return f"{job}, {workers} worker{'s' if workers > 1 else ''}"


def _latencies(times: Times) -> FloatArray:
    return np.asarray(times.done, np.float64) - np.asarray(times.due, np.float64)


_Key = tuple[str, int, str]


def _gather(kept: Sequence[Kept]) -> dict[_Key, dict[int, Measured]]:
    found: dict[_Key, dict[int, Measured]] = defaultdict(dict)
    for one in kept:
        for job, measured in one.answer.measured.items():
            found[one.spec.subject, one.spec.workers, job][one.spec.repetition] = measured
    return found


def _details(kept: Sequence[Kept]) -> Iterable[Detail]:
    for (subject, workers, job), turns in _gather(kept).items():
        latencies = {k: _latencies(one.times) for k, one in sorted(turns.items())}
        yield Detail(
            subject=subject,
            workers=workers,
            job=job,
            latency=summarise(list(latencies.values())),
            medians={k: float(np.median(one)) / 1e6 for k, one in latencies.items()},
            rate=float(np.median([one.rate for one in turns.values()])),
            cpu_ms=float(np.median([one.cpu_s for one in turns.values()])) * 1e3,
            stages=middle([one.stages for one in turns.values()]),
            sustained=max(one.sustained for one in turns.values()),
        )


def _rows(kept: Sequence[Kept], details: Sequence[Detail]) -> Iterable[Row]:
    gathered = _gather(kept)
    for detail in sorted(details, key=lambda one: (one.job, -one.workers)):
        case, subject = case_name(detail.job, detail.workers), detail.subject
        turns = gathered[subject, detail.workers, detail.job]
        ordered = [one for _, one in sorted(turns.items())]
        latencies = [_latencies(one.times) / 1e6 for one in ordered]
        yield make_row(f"{case}, latency", subject, "ms", latencies)
        yield make_row(f"{case}, processor time", subject, "ms a decision",
                       [[one.cpu_s * 1e3] for one in ordered])  # fmt: skip
        for name in STAGES:
            shown = [[values(one.stages)[name]] for one in ordered]
            yield make_row(f"{case}, {name}", subject, "ms", shown)
        if detail.sustained:
            yield make_row(f"{case}, sustained", subject, "a second", [[detail.sustained]])


def _group_starts(kept: Sequence[Kept]) -> dict[tuple[str, int], list[Kept]]:
    found: dict[tuple[str, int], list[Kept]] = defaultdict(list)
    for one in kept:
        found[one.spec.subject, one.spec.workers].append(one)
    return found


def _figures(turns: Sequence[Kept]) -> dict[str, list[float]]:
    answers = [one.answer for one in turns]
    return {
        "ready_s": [one.ready_s for one in answers],
        "first_s": [one.first_s for one in answers],
        "warm_s": [one.warm_s for one in answers],
        "peak_mib": [one.peak_mib for one in turns],
    }


def _starts(kept: Sequence[Kept]) -> Iterable[Start]:
    for (subject, workers), turns in _group_starts(kept).items():
        middles = {name: float(np.median(found)) for name, found in _figures(turns).items()}
        yield Start(subject=subject, workers=workers, **middles)


def _start_rows(kept: Sequence[Kept]) -> Iterable[Row]:
    names = {
        "ready_s": ("process start to ready", "s"),
        "first_s": ("cold start, process start to first decision", "s"),
        "warm_s": ("warm start, ready to first decision", "s"),
        "peak_mib": ("peak memory of all processes", "MiB"),
    }
    grouped = _group_starts(kept)
    for figure, (case, unit) in names.items():
        for (subject, workers), turns in grouped.items():
            shown = [[value] for value in _figures(turns)[figure]]
            plural = "s" if workers > 1 else ""
            yield make_row(f"{case}, {workers} worker{plural}", subject, unit, shown)


def _controls(kept: Sequence[Kept]) -> Iterable[Control]:
    for one in kept:
        if one.answer.control is None:
            continue
        subject = f"{one.spec.subject}, {one.spec.workers} workers"
        yield judge_control(subject, one.answer.control, one.answer.stalled)


def judge_control(subject: str, times: Times, stalled: Sequence[int]) -> Control:
    """See that known stalls show in the report as they must.

    Raises
    ------
    RunError
        They do not: no figure of this benchmark would be worth anything.
    """
    due, begun, done = (np.asarray(one, np.int64) for one in (times.due, times.begun, times.done))
    places = np.asarray(stalled, np.int64)
    touched, predicted = predict_stalled(due, begun, done, places, control_stall_ns())
    latencies = _latencies(times)
    fault = control_fault(latencies, predicted, len(places), touched, control_stall_ns())
    if fault:
        raise RunError(f"negative control of {subject}: {fault}")
    return Control(
        subject=subject, requests=len(due), stalled=len(places), touched=touched,
        latency=summarise([latencies]),
    )  # fmt: skip
