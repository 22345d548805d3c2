"""Plain sentences from the figures of a comparison of engines; each only where both sides exist."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from bench.engines.report import Control, Detail, EngineReport, Start
from bench.engines.stages import total, values
from bench.engines.targets import Key, index, ratio
from bench.rows import Ratio, format_number

_JOBS = {
    "empty": "an empty block",
    "resample-10": "resampling 10 assets (1024 draws)",
    "resample-50": "resampling 50 assets (1024 draws)",
    "resample-100": "resampling 100 assets (1024 draws)",
    "cloud-100": "a cloud of 1000 portfolios of 100 assets",
}
_OURS = ("local", "ray tasks", "ray resident", "spark tasks", "spark resident")
_PLAIN = (
    "multiprocessing.Pool, numpy", "dask.distributed, numpy", "joblib, numpy",
    "Spark mapPartitions, numpy",
)  # fmt: skip
_MOST_GAIN = 2.2
_EQUAL = 1.1  # medians nearer than this are called equal: neighbours move them more


def describe_job(job: str) -> str:
    """Say what a job is."""
    return _JOBS[job]


def make_findings(report: EngineReport) -> list[str]:
    """Write all findings of a report."""
    known = index(report.details)
    found = [sentence for find in _FINDERS for sentence in find(known)]
    found += _starts(report.starts)
    found += [_control(one) for one in report.controls]
    return found


def _ms(value: float) -> str:
    return f"{format_number(value)} ms"


def _at(known: Mapping[Key, Detail], subject: str, job: str, workers: int = 2) -> Detail | None:
    return known.get((subject, workers, job))


def _jobs(known: Mapping[Key, Detail]) -> list[str]:
    return [job for job in _JOBS if any(key[2] == job for key in known)]


def _fastest(known: Mapping[Key, Detail]) -> Iterator[str]:
    for job in _jobs(known):
        ours = [one for name in _OURS if (one := _at(known, name, job)) is not None]
        if len(ours) < 2:
            continue
        ranked = sorted(ours, key=lambda one: one.latency.p50.value)
        told = ", ".join(f"{one.subject} {_ms(one.latency.p50.value)}" for one in ranked)
        yield f"For {_JOBS[job]} on two workers the medians are: {told}."


def _pairs(
    known: Mapping[Key, Detail], over: str, under: str
) -> Iterator[tuple[str, Detail, Detail, Ratio]]:
    """Give the jobs that two have done, what each took and one's time over the other's."""
    for job in _jobs(known):
        one, two = _at(known, over, job), _at(known, under, job)
        if one is not None and two is not None and (found := ratio(one, two)) is not None:
            yield job, one, two, found


def _ray_or_spark(known: Mapping[Key, Detail]) -> Iterator[str]:
    for dispatch in ("tasks", "resident"):
        for job, _, _, found in _pairs(known, f"spark {dispatch}", f"ray {dispatch}"):
            yield f"With dispatch {dispatch}, Spark takes {_times(found)} for {_JOBS[job]}."


def _times(found: Ratio) -> str:
    if 1.0 / _EQUAL < found.median < _EQUAL:
        return f"about as long as Ray ({format_number(found.median)}x)"
    return f"{format_number(found.median)}x Ray's time{_range(found)}"


def _range(found: Ratio) -> str:
    if found.least == found.greatest:
        return " (one repetition)"
    return f" ({format_number(found.least)}x to {format_number(found.greatest)}x)"


def _resident(known: Mapping[Key, Detail]) -> Iterator[str]:
    for engine in ("ray", "spark"):
        pairs = _pairs(known, f"{engine} tasks", f"{engine} resident")
        for job, tasks, resident, found in pairs:
            yield (
                f"On {engine.capitalize()}, dispatch tasks takes {format_number(found.median)}x "
                f"the time of resident for {_JOBS[job]}: {_ms(tasks.latency.p50.value)} against "
                f"{_ms(resident.latency.p50.value)}."
            )


def _plain(known: Mapping[Key, Detail]) -> Iterator[str]:
    for job in _jobs(known):
        plain = [one for name in _PLAIN if (one := _at(known, name, job)) is not None]
        ours = [one for name in _OURS if (one := _at(known, name, job)) is not None]
        if job == "empty" or not plain or not ours:
            continue
        best = min(plain, key=lambda one: one.latency.p50.value)
        first = min(ours, key=lambda one: one.latency.p50.value)
        if (found := ratio(best, first)) is not None:
            yield (
                f"The quickest that a user would write instead for {_JOBS[job]} is {best.subject} "
                f"({_ms(best.latency.p50.value)}): {format_number(found.median)}x the time of "
                f"{first.subject}."
            )


def _scaling(known: Mapping[Key, Detail]) -> Iterator[str]:
    for name in _OURS:
        for job in _jobs(known):
            one, two = _at(known, name, job, 1), _at(known, name, job)
            if job == "empty" or one is None or two is None:
                continue
            if (found := ratio(one, two)) is not None:
                gain = f"{format_number(found.median)}x as fast at {_JOBS[job]}"
                noise = ", more than it can: the machine was not quiet" * (
                    found.median > _MOST_GAIN
                )
                yield f"A second worker makes {name} {gain}{_range(found)}{noise}."


def _where(known: Mapping[Key, Detail]) -> Iterator[str]:
    for name in _OURS:
        one = _at(known, name, "resample-50")
        if one is None:
            continue
        stages, whole = values(one.stages), total(one.stages)
        largest = max((k for k in stages if k != "evaluate"), key=lambda k: stages[k])
        yield (
            f"Of a decision of {name} on resample-50, {100 * stages['evaluate'] / whole:.0f} % is "
            f"evaluation; most of the rest is {largest} ({_ms(stages[largest])})."
        )


def _sustained(known: Mapping[Key, Detail]) -> Iterator[str]:
    for job in _jobs(known):
        held = [
            one for one in known.values() if (one.workers, one.job) == (2, job) and one.sustained
        ]
        if held:
            told = ", ".join(f"{one.subject} {format_number(one.sustained)}" for one in held)
            yield f"Highest sustained rates for {_JOBS[job]}, decisions a second: {told}."


def _starts(starts: Sequence[Start]) -> list[str]:
    known = {(one.subject, one.workers): one for one in starts}
    ours = [one for name in _OURS if (one := known.get((name, 2))) is not None]
    return [
        f"{one.subject} makes its first decision {one.first_s:.1f} s after its process starts, "
        f"and {_ms(1e3 * one.warm_s)} after it is ready; "
        f"all its processes hold {one.peak_mib:.0f} MiB at most."
        for one in ours
    ]


def _control(one: Control) -> str:
    share = 100.0 * (1.0 - one.touched / one.requests)
    return (
        f"Control: {one.stalled} of {one.requests} requests to {one.subject} were made to wait "
        f"200 ms, which must delay {one.touched} by half of that or more; the report has p50 "
        f"{_ms(one.latency.p50.value)}, p99 {_ms(one.latency.p99.value)}, max "
        f"{_ms(one.latency.max)}, and the stall shows above p{share:.1f}, as it must."
    )


_FINDERS: tuple[Callable[[Mapping[Key, Detail]], Iterator[str]], ...] = (
    _fastest, _ray_or_spark, _resident, _plain, _scaling, _where, _sustained
)  # fmt: skip
