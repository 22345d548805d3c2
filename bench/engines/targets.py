"""The ratios that the engines are to reach, out of a report: reached or missed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from bench.engines.report import Detail
from bench.intervals import Interval
from bench.rows import Ratio, format_number
from bench.verdicts import Outcome, decide

Key = tuple[str, int, str]
_WORKERS = 2
_WORK = ("resample-10", "resample-50", "resample-100", "cloud-100")


class Target(NamedTuple):
    """One ratio of medians, taken within repetitions.

    Attributes
    ----------
    says
        What is wanted, in plain words.
    value, least, greatest
        Median, least and greatest over the repetitions that both have.
    bound, at_least
        What it must reach, and on which side.
    """

    says: str
    value: float
    least: float
    greatest: float
    bound: float
    at_least: bool

    @property
    def outcome(self) -> Outcome:
        """Met, missed or not decided, by the range: too few repetitions for an interval."""
        return decide(Interval(self.least, self.greatest), self.bound, at_least=self.at_least)

    def spread_text(self) -> str:
        """Write the range, or a dash for one value."""
        if self.least == self.greatest:
            return "-"
        return f"{format_number(self.least)} to {format_number(self.greatest)} (range)"


def index(details: Sequence[Detail]) -> dict[Key, Detail]:
    """Find details by subject, workers and job."""
    return {(one.subject, one.workers, one.job): one for one in details}


def ratio(over: Detail, under: Detail) -> Ratio | None:
    """Divide median latencies repetition by repetition; None without a common one."""
    common = sorted(over.medians.keys() & under.medians.keys())
    if not common:
        return None
    found = np.array([over.medians[k] / under.medians[k] for k in common])
    return Ratio(float(np.median(found)), float(found.min()), float(found.max()))


def find_targets(details: Sequence[Detail]) -> list[Target]:
    """Give all targets whose both sides were measured."""
    known = index(details)
    return [target for find in _FINDERS for target in find(known)]


def _make(
    known: Mapping[Key, Detail], says: str, over: str, under: str, job: str,
    bound: float, *, at_least: bool,
) -> Iterator[Target]:  # fmt: skip
    sides = [known.get((subject, _WORKERS, job)) for subject in (over, under)]
    if sides[0] is None or sides[1] is None:
        return
    found = ratio(sides[0], sides[1])
    if found is not None:
        yield Target(says, *found, bound, at_least)


def _resident(known: Mapping[Key, Detail]) -> Iterator[Target]:
    for name in ("ray resident", "spark resident"):
        for peer, bound in (("Ray compiled graph", 5.0), ("bare Spark, default", 150.0)):
            says = f"an empty block: {peer} takes at least {bound:g}x as long as {name}"
            yield from _make(known, says, peer, name, "empty", bound, at_least=True)
            # Back to back: at 50 a second a worker's processor has gone to sleep before each.
            ours, theirs = (known.get((one, _WORKERS, "empty")) for one in (name, peer))
            if ours and theirs and ours.sustained and theirs.sustained:
                value = ours.sustained / theirs.sustained
                says = f"the same by highest sustained rate: {name} over {peer}"
                yield Target(says, value, value, value, bound, True)


def _ray_tasks(known: Mapping[Key, Detail]) -> Iterator[Target]:
    for job in _WORK:
        says = f"{job}: ray tasks take at most 1.3x bare Ray's two tasks that do the same"
        yield from _make(known, says, "ray tasks", "bare Ray tasks", job, 1.3, at_least=False)


def _spark_tasks(known: Mapping[Key, Detail]) -> Iterator[Target]:
    for job in _WORK:
        for peer, how in (
            ("Spark mapPartitions, numpy", "mapPartitions of numpy and collect, default settings"),
            ("bare Spark, default", "the same with our kernels in it"),
        ):
            says = f"{job}: spark tasks take at most 0.5x {how}"
            yield from _make(known, says, "spark tasks", peer, job, 0.5, at_least=False)


def _standby(known: Mapping[Key, Detail]) -> Iterator[Target]:
    says = "resample-50: an engine that stands by costs at most 5 % of the median"
    one, two = "pipeline, ray, spark stands by", "pipeline, ray"
    yield from _make(known, says, one, two, "resample-50", 1.05, at_least=False)


_FINDERS: tuple[Callable[[Mapping[Key, Detail]], Iterator[Target]], ...] = (
    _resident, _ray_tasks, _spark_tasks, _standby
)  # fmt: skip
