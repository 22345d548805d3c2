"""All goals over all benchmarks, one line each: met or missed, and by how much. Pure."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bench.engine_report import EngineReport
from bench.engine_targets import Target, find_targets
from bench.goal_tables import GOALS
from bench.goals import judge_goals, say_spare
from bench.report import Report
from bench.rows import format_number
from bench.soak_report import SoakReport

Kept = Report | SoakReport
_OURS = ("serve", "record", "run")
_GROWS = "grows"


class Line(NamedTuple):
    """One goal of one benchmark, as people read it."""

    bench: str
    goal: str
    measured: str
    interval: str
    outcome: str
    met: bool

    def cells(self) -> tuple[str, ...]:
        """Give what a table shows of it."""
        return self.bench, self.goal, self.measured, self.interval, self.outcome


HEAD = ("bench", "goal", "measured", "95 % interval", "")


def judge_report(report: Kept) -> list[Line]:
    """Give the lines of one report."""
    if isinstance(report, SoakReport):
        return list(_soak(report))
    if isinstance(report, EngineReport):
        return [_target(one) for one in find_targets(report.details)]
    return [
        Line(report.bench, one.goal.says, one.measured(), one.interval_text(), one.outcome(),
             one.met)
        for one in judge_goals(GOALS.get(report.bench, ()), report.rows)
    ]  # fmt: skip


def summarise_goals(reports: Sequence[Kept]) -> list[Line]:
    """Give the lines of all reports, in their order."""
    return [line for report in reports for line in judge_report(report)]


def not_measured(reports: Sequence[Kept]) -> dict[str, list[str]]:
    """Give the goals that no report says anything of, by benchmark."""
    judged = {(line.bench, line.goal) for line in summarise_goals(reports)}
    left = {
        bench: [goal.says for goal in goals if (bench, goal.says) not in judged]
        for bench, goals in GOALS.items()
    }
    return {bench: goals for bench, goals in left.items() if goals}


def count_met(lines: Sequence[Line]) -> str:
    """Say how many goals were met."""
    return f"{sum(line.met for line in lines)} of {len(lines)} goals that were measured are met"


def _soak(report: SoakReport) -> Iterator[Line]:
    for one in report.trends:
        if one.process in _OURS and one.measure == "RSS":
            met = one.verdict != _GROWS
            slope = f"{format_number(one.slope)} {one.unit} an hour"
            interval = f"{format_number(one.low)} to {format_number(one.high)}"
            outcome = f"met: {one.verdict}" if met else f"missed by {slope}"
            yield Line("soak", f"memory of {one.process} does not grow", slope, interval, outcome,
                       met)  # fmt: skip


def _target(one: Target) -> Line:
    spare = one.value / one.bound if one.at_least else one.bound / one.value
    span = f"runs {format_number(one.least)} to {format_number(one.greatest)}"
    return Line(
        "engines", one.says, f"{format_number(one.value)}x", span, say_spare(spare), one.reached
    )
