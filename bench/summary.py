"""All goals over all benchmarks, one line each: its verdict, and by how much. Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from bench.engines.report import EngineReport
from bench.engines.targets import Target, find_targets
from bench.goal_tables import GOALS
from bench.goals import judge_goals
from bench.intervals import Interval
from bench.report import Report
from bench.rows import format_number, format_ratio
from bench.soak.report import SoakReport
from bench.soak.trends import LEAST_GROWTH_MIB, Trend
from bench.verdicts import OUTCOMES, Outcome, decide, say_gap, say_spare

Kept = Report | SoakReport
_OURS = ("serve", "record", "run")
_HOUR_MINUTES: Final = 60.0
_ASSETS: Final = re.compile(r"(\d+) assets")


class Line(NamedTuple):
    """One goal of one benchmark, as people read it.

    Attributes
    ----------
    of_our_own
        Whether the goal, or its limit, was added to those set beside libraries and bounds.
    """

    bench: str
    goal: str
    measured: str
    spread: str
    outcome: Outcome
    by: str
    of_our_own: bool = False

    def cells(self) -> tuple[str, ...]:
        """Give what a table shows of it."""
        return self.bench, self.goal, self.measured, self.spread, self.outcome, self.by


HEAD: Final = ("bench", "goal", "measured", "95 % interval, or range", "verdict", "by how much")


def name_report(report: Kept) -> str:
    """Name a report by its benchmark; a pipeline by its broker too, as there is one of each."""
    if report.bench != "pipeline" or isinstance(report, SoakReport):
        return report.bench
    brokers = dict.fromkeys(row.case.partition(",")[0] for row in report.rows)
    return f"{report.bench}, {' and '.join(brokers)}"


def judge_report(report: Kept) -> list[Line]:
    """Give the lines of one report."""
    if isinstance(report, SoakReport):
        return list(_soak(report))
    if isinstance(report, EngineReport):
        return [_target(one) for one in find_targets(report.details)]
    return [
        Line(report.bench, one.goal.says, one.measured(), one.spread_text(), one.outcome, one.by())
        for one in judge_goals(GOALS.get(report.bench, ()), report.rows)
    ]


def newest_of_each(reports: Sequence[Kept]) -> list[Kept]:
    """Give the newest result of each benchmark, in the order of their first ones."""
    return [sessions[0] for sessions in _sessions(reports)]


def _sessions(reports: Sequence[Kept]) -> list[list[Kept]]:
    """Gather the results of each benchmark, newest first."""
    found: dict[str, list[Kept]] = {}
    for report in reports:
        found.setdefault(name_report(report), []).append(report)
    return [
        sorted(sessions, key=lambda one: one.machine.get("time", ""), reverse=True)
        for sessions in found.values()
    ]


def summarise_goals(reports: Sequence[Kept]) -> list[Line]:
    """Give the lines of all benchmarks, in their order; of several results those of the newest.

    Where other results of the benchmark judge a goal otherwise, it is not decided.
    """
    lines = []
    for newest, *others in _sessions(reports):
        known = [{line.goal: line for line in judge_report(other)} for other in others]
        for line in judge_report(newest):
            same = [of[line.goal] for of in known if line.goal in of]
            lines.append(_settle(line, same))
    return lines


def _settle(line: Line, others: Sequence[Line]) -> Line:
    """Leave a goal open that sessions judge differently, and show what each of them measured."""
    if all(other.outcome == line.outcome for other in others):
        return line
    told = [other.measured if other.spread == "-" else other.spread for other in others]
    where = "another session" if len(told) == 1 else "other sessions"
    return line._replace(
        spread=f"{line.spread} ({where} {', '.join(told)})",
        outcome="not decided",
        by="sessions disagree",
    )


def not_measured(reports: Sequence[Kept]) -> dict[str, list[str]]:
    """Give the goals that no report says anything of, by benchmark.

    Those that differ in the number of assets alone are told together.
    """
    judged = {(line.bench, line.goal) for line in summarise_goals(reports)}
    left = {
        bench: _gather(goal.says for goal in goals if (bench, goal.says) not in judged)
        for bench, goals in GOALS.items()
    }
    return {bench: goals for bench, goals in left.items() if goals}


def _gather(goals: Iterable[str]) -> list[str]:
    """Tell goals that differ in the number of assets alone as one.

    >>> _gather(["of 10 assets: 5x", "of 50 assets: 5x", "of 50 assets: 8x"])
    ['of n assets: 5x (n of 10, 50)', 'of 50 assets: 8x']
    """
    sizes: dict[str, list[str]] = {}
    for says in goals:
        sizes.setdefault(_ASSETS.sub("n assets", says), []).append(says)
    return [
        says[0] if len(says) == 1 else f"{form} (n of {', '.join(map(_size, says))})"
        for form, says in sizes.items()
    ]


def _size(says: str) -> str:
    found = _ASSETS.search(says)
    return found[1] if found else ""


def count_apart(lines: Sequence[Line]) -> str:
    """Say how many goals were met, missed and not decided, those of our own apart."""
    own = [line for line in lines if line.of_our_own]
    beside = [line for line in lines if not line.of_our_own]
    told = []
    if beside:
        told.append(f"{_count(beside)} that were set beside libraries and bounds.")
    if own:
        names = ", ".join(dict.fromkeys(line.bench for line in own))
        told.append(f"{_count(own)} that we set ourselves, for {names}.")
    return " ".join(told)


def _count(lines: Sequence[Line]) -> str:
    counts = Counter(line.outcome for line in lines)
    told = [f"{counts[outcome]} {outcome}" for outcome in OUTCOMES]
    return f"{told[0]}, {told[1]} and {told[2]} of {len(lines)} goals"


def _soak(report: SoakReport) -> Iterator[Line]:
    """Judge the growth of memory in an hour, of which less may have been watched."""
    is_short = report.counted_minutes < _HOUR_MINUTES
    watched = f"slope over {report.counted_minutes:g} minutes"
    for one in report.trends:
        if one.process in _OURS and one.measure == "RSS":
            yield _no_growth(one, watched, is_short=is_short)
            yield _growth(one, f"{watched}, extrapolated" if is_short else watched)


def _no_growth(one: Trend, watched: str, *, is_short: bool) -> Line:
    """Judge whether there is growth at all: an interval above 0 shows some, however little."""
    gap = f"{format_number(abs(one.low), 2)} {one.unit}"
    outcome: Outcome = "missed" if one.low > 0.0 else "not decided" if is_short else "met"
    return _memory(
        one,
        f"does not grow over an hour: the slope's interval reaches 0 or below ({watched})",
        outcome,
        "watched for less" if outcome == "not decided" else say_gap(outcome, gap, is_met=True),
    )


def _growth(one: Trend, watched: str) -> Line:
    """Judge a slope by our own limit and by its interval, as all else."""
    limit, gap = LEAST_GROWTH_MIB, abs(one.slope - LEAST_GROWTH_MIB)
    outcome = decide(Interval(one.low, one.high), limit)
    return _memory(
        one,
        f"at most {limit:g} {one.unit} more an hour ({watched})",
        outcome,
        say_gap(outcome, f"{format_number(gap, 2)} {one.unit}", is_met=one.slope <= limit),
    )._replace(of_our_own=True)


def _memory(one: Trend, wanted: str, outcome: Outcome, by: str) -> Line:
    return Line(
        "soak",
        f"memory of {one.process}: {wanted}",
        f"{format_number(one.slope)} {one.unit}, {_course(one)}",
        f"{format_number(one.low)} to {format_number(one.high)}",
        outcome,
        by,
    )


def _course(one: Trend) -> str:
    """Say whether there is a slope at all: below its limit it may still be one."""
    if one.low > 0.0:
        return "it grows"
    return "it falls" if one.high < 0.0 else "flat within its error"


def _target(one: Target) -> Line:
    spare = one.value / one.bound if one.at_least else one.bound / one.value
    return Line(
        "engines", one.says, format_ratio(one.value), one.spread_text(), one.outcome,
        say_gap(one.outcome, say_spare(spare), is_met=spare >= 1.0), of_our_own=True,
    )  # fmt: skip
