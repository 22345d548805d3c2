"""Which turns the comparison of engines takes, in what order, and how long it will be at it."""

import re
from collections.abc import Iterator, Mapping, Sequence

from bench.engines.jobs import JOBS
from bench.engines.subjects import SUBJECTS, Subject
from bench.engines.turn import Spec

# Requests a second at most; who takes longer is offered less, so that it is busy 30 % of the time.
RATES: Mapping[str, float] = {
    "empty": 50.0, "resample-10": 20.0, "resample-50": 5.0, "resample-100": 2.0, "cloud-100": 20.0
}  # fmt: skip
_QUICK_JOBS = ("empty", "resample-50")
# Subject and workers: the goals' contenders, and one beside each for scaling.
_QUICK = (
    ("local", 2), ("ray tasks", 2), ("ray resident", 2), ("spark tasks", 2), ("spark resident", 2),
    ("bare Ray tasks", 2), ("Ray compiled graph", 2), ("bare Spark, default", 2),
    ("Spark mapPartitions, numpy", 2), ("multiprocessing.Pool, numpy", 2), ("local", 1),
    ("pipeline, ray", 2), ("pipeline, ray, spark stands by", 2),
)  # fmt: skip
_QUICK_SEARCHED = (("local", 2), ("ray resident", 2), ("spark resident", 2),
                   ("Ray compiled graph", 2), ("bare Spark, default", 2))  # fmt: skip
_STANDBY_JOBS = ("resample-50",)
# Seen on two noisy cores: from the start of a process to ready, and its end.
_START_S = {"ours": 9.0, "transport": 9.0, "plain": 9.0, "standby": 12.0}
_LOCAL_START_S = 2.0
_WARM_S = 2.0  # warm-up and traces of a job
_PLAIN_JOB_S = 6.0  # four decisions of half a second, busy 30 % of the time
_SEARCH_SHARE = 2.0  # eight trials of a quarter of the load
_CONTROL_S = 6.0


def quick_plan(seconds: float) -> list[Spec]:
    """Plan the short form: one repetition, two jobs, the goals' contenders."""
    return [
        _spec(SUBJECTS[name], workers, 0, _jobs(SUBJECTS[name], _QUICK_JOBS), seconds,
              searched=_QUICK_JOBS[:1] if (name, workers) in _QUICK_SEARCHED else (),
              control=(name, workers) == ("local", 2))
        for name, workers in _QUICK
    ]  # fmt: skip


def full_plan(seconds: float, repetitions: int) -> list[Spec]:
    """Plan the whole matrix, repetition by repetition; who begins changes from one to the next."""
    return [spec for k in range(repetitions) for spec in _repetition(seconds, k)]


def _repetition(seconds: float, repetition: int) -> list[Spec]:
    turns = [
        _spec(
            subject, workers, repetition, _jobs(subject, JOBS), seconds,
            # Once: a search is as long as the load itself.
            searched=_searched(subject) if repetition == 0 else (),
            control=repetition == 0 and subject.group == "ours" and workers == 2,
        )
        for workers in (2, 1)
        for subject in SUBJECTS.values()
        if workers == 2 or subject.group != "standby"
    ]  # fmt: skip
    first = repetition * 7 % len(turns)
    return [*turns[first:], *turns[:first]]


def _jobs(subject: Subject, jobs: tuple[str, ...]) -> tuple[str, ...]:
    return _STANDBY_JOBS if subject.group == "standby" else jobs


def _searched(subject: Subject) -> tuple[str, ...]:
    if subject.group == "standby":
        return ()
    return ("empty", "resample-50") if subject.group == "plain" else JOBS


def _spec(
    subject: Subject, workers: int, repetition: int, jobs: tuple[str, ...], seconds: float,
    *, searched: tuple[str, ...], control: bool,
) -> Spec:  # fmt: skip
    return Spec(
        subject=subject.name, workers=workers, repetition=repetition, jobs=jobs,
        searched=searched, rates={job: RATES[job] for job in jobs}, seconds=seconds,
        control=control,
    )  # fmt: skip


def turn_key(spec: Spec) -> str:
    """Name a turn's folder."""
    subject = re.sub(r"[^a-z0-9]+", "-", spec.subject.lower()).strip("-")
    return f"{subject}-w{spec.workers}-r{spec.repetition}"


def estimate_s(spec: Spec) -> float:
    """Estimate a turn's length from its loads and what starts were seen to take."""
    group = SUBJECTS[spec.subject].group
    start_s = _LOCAL_START_S if spec.subject == "local" else _START_S[group]
    jobs_s = sum(_job_s(group, job, spec) for job in spec.jobs)
    return start_s + jobs_s + (_CONTROL_S if spec.control else 0.0)


def _job_s(group: str, job: str, spec: Spec) -> float:
    load_s = max(spec.seconds, _PLAIN_JOB_S if group == "plain" and job != "empty" else 0.0)
    return _WARM_S + load_s * (1.0 + (_SEARCH_SHARE if job in spec.searched else 0.0))


def within_budget(
    plan: Sequence[Spec], done: frozenset[str], spent_s: float, budget_s: float | None
) -> Iterator[Spec]:
    """Give those of the turns not done that are expected to end within the budget.

    A later, shorter one may fit where an earlier does not.
    """
    for spec in plan:
        if turn_key(spec) in done:
            continue
        if budget_s is None or spent_s + estimate_s(spec) <= budget_s:
            yield spec
