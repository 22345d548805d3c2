"""What a benchmark is to reach, as data, and whether it did. Pure.

A goal divides one side by another, or takes one side as it is, and holds that to a limit. Each
kind has a function that makes it: `peer_takes`, `takes_at_most`, `is_at_most`,
`case_takes_at_least`, `case_takes_at_most`, `grows_at_most` and `varies_at_most`.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np

from bench.intervals import Interval, median_interval, range_of
from bench.rows import (
    FLOORS,
    OURS,
    Row,
    format_interval,
    format_number,
    format_ratio,
    group_cases,
    is_rate,
    times,
)
from bench.verdicts import Outcome, decide, say_gap, say_spare
from stats.compiled import FloatArray

BEST: Final = "the best of the peers"
Figure = Literal["median", "p99", "max", "least", "greatest"]


class Side(NamedTuple):
    """One figure of one case.

    Attributes
    ----------
    case
        As in the rows.
    subjects
        Whose figure it is: of several the best counts. A name stands for all that begin with
        it and go on after a comma: ``polars`` for ``polars, four moments``. Empty: all but ours
        and the floors.
    of
        ``median``, ``least`` or ``greatest`` of the repetitions' medians; ``p99``: median of the
        repetitions' own, of all samples where they have none; ``max`` of all samples. One over
        another is the median of those within the repetitions.
    """

    case: str
    subjects: tuple[str, ...] = (OURS,)
    of: Figure = "median"


class Goal(NamedTuple):
    """One line of the table of goals.

    Attributes
    ----------
    says
        What is wanted, in plain words.
    over, under
        What is divided by what; without ``under``, ``over`` as it is.
    limit, at_least, unit
        Where the figure has to be, and on which side of it; an exponent has no unit.
    """

    says: str
    over: Side
    under: Side | None
    limit: float
    at_least: bool = False
    unit: str = "x"


class Verdict(NamedTuple):
    """What became of a goal.

    Attributes
    ----------
    value
        The figure that was measured: a median over the repetitions.
    spread
        Least and greatest of the repetitions.
    interval
        95 % interval; None with fewer than six repetitions, and for what has one value.
    who
        Whose figure it is beside, where that is the best of several; otherwise empty.
    """

    goal: Goal
    value: float
    spread: Interval
    interval: Interval | None
    who: str

    @property
    def outcome(self) -> Outcome:
        """Met, missed or not decided."""
        goal = self.goal
        return decide(self.interval or self.spread, goal.limit, at_least=goal.at_least)

    def measured(self) -> str:
        """Write the figure with its unit and the peer it is beside."""
        who = f" ({self.who})" if self.who else ""
        if self.goal.unit == "x":
            return format_ratio(self.value) + who
        return f"{format_number(self.value)} {self.goal.unit}".rstrip() + who

    def spread_text(self) -> str:
        """Write the interval, or the range and that it is one, or a dash for one value."""
        if self.interval is not None:
            return format_interval(self.interval)
        if self.spread.low == self.spread.high:
            return "-"
        return f"{format_interval(self.spread)} (range)"

    def by(self) -> str:
        """Say by how much."""
        goal = self.goal
        is_met = decide(Interval(self.value, self.value), goal.limit, at_least=goal.at_least)
        if not goal.unit:  # an exponent: what divides costs is a difference of exponents
            gap = f"{abs(goal.limit - self.value):.2f}"
        elif goal.at_least:
            gap = say_spare(self.value / goal.limit)
        else:
            gap = say_spare(goal.limit / self.value if self.value > 0.0 else float("inf"))
        return say_gap(self.outcome, gap, is_met=is_met == "met")


def peer_takes(case: str, at_least: float, *peers: str) -> Goal:
    """Have a peer take some times our time; of several, or all of the case, the best counts."""
    who = peers[0] if len(peers) == 1 else f"the best of {', '.join(peers)}" if peers else BEST
    says = f"{case}: {who} takes at least {at_least:g}x"
    return Goal(says, Side(case, peers), Side(case), at_least, at_least=True)


def takes_at_most(case: str, at_most: float, floor: str, of: Figure = "median") -> Goal:
    """Have us take at most some times what a floor or a peer takes."""
    says = f"{case}: {_name(of)} at most {at_most:g}x the {floor}"
    return Goal(says, Side(case, of=of), Side(case, (floor,), of), at_most)


def _name(of: Figure) -> str:
    return "p50" if of == "median" else of


def is_at_most(case: str, at_most: float, unit: str, of: Figure = "median") -> Goal:
    """Have a figure of ours be at most so much, in the unit of the case."""
    says = f"{case}: {_name(of)} at most {at_most:g} {unit}"
    return Goal(says, Side(case, of=of), None, at_most, unit=unit)


def case_takes_at_least(case: str, at_least: float, other: str) -> Goal:
    """Have one case of ours take at least some times what another takes."""
    says = f"{case}: takes at least {at_least:g}x of {other}"
    return Goal(says, Side(case), Side(other), at_least, at_least=True)


def case_takes_at_most(case: str, at_most: float, other: str) -> Goal:
    """Have one case of ours take at most some times what another takes."""
    says = f"{case}: takes at most {at_most:g}x of {other}"
    return Goal(says, Side(case), Side(other), at_most)


def grows_at_most(case: str, power: float, margin: float) -> Goal:
    """Have an exponent of growth be at most a power and a margin."""
    says = f"{case}: exponent at most {power:g} + {margin:g}"
    return Goal(says, Side(case), None, power + margin, unit="")


def varies_at_most(case: str, at_most: float, part: str) -> Goal:
    """Have the greatest of the parts that a run is cut into be at most some times the least."""
    says = f"{case}: greatest {part} at most {at_most:g}x the least"
    return Goal(says, Side(case, of="greatest"), Side(case, of="least"), at_most)


def judge_goals(goals: Sequence[Goal], rows: Sequence[Row]) -> list[Verdict]:
    """Judge the goals whose sides were measured, in the order of the goals."""
    cases = group_cases(rows)
    return [verdict for goal in goals if (verdict := _judge(goal, cases)) is not None]


def _judge(goal: Goal, cases: Mapping[str, Sequence[Row]]) -> Verdict | None:
    over = _find(goal.over, cases)
    under = None if goal.under is None else _find(goal.under, cases)
    if over is None or (goal.under is not None and under is None):
        return None
    value, runs = _divide(goal, over, under)
    named = len(goal.over.subjects) == 1
    who = "" if named else over.subject
    return Verdict(goal, value, range_of(runs), median_interval(runs), who)


def _find(side: Side, cases: Mapping[str, Sequence[Row]]) -> Row | None:
    found = [row for row in cases.get(side.case, ()) if _is_of(row, side.subjects)]
    return min(found, key=lambda row: float(np.median(times(row))), default=None)


def _is_of(row: Row, subjects: Sequence[str]) -> bool:
    if not subjects:
        return row.subject != OURS and row.subject not in FLOORS
    return any(row.subject == one or row.subject.startswith(f"{one},") for one in subjects)


def _divide(goal: Goal, over: Row, under: Row | None) -> tuple[float, FloatArray]:
    """Give the figure, and what each repetition says of it."""
    if goal.under is None or under is None:
        found = _figures(over, goal.over.of)
        return float(np.median(found)), found
    tops, bases = _figures(over, goal.over.of), _figures(under, goal.under.of)
    if is_rate(over):
        tops, bases = 1.0 / tops, 1.0 / bases
    if len(tops) == len(bases):  # the same repetitions; of two cases, as good as any other pairs
        ratios: FloatArray = tops / bases
        return float(np.median(ratios)), ratios
    ends: FloatArray = np.array([tops.min() / bases.max(), tops.max() / bases.min()])
    return float(np.median(tops) / np.median(bases)), ends


def _figures(row: Row, of: Figure) -> FloatArray:
    """Give a figure of each repetition, or the one that there is of all."""
    match of:
        case "median":
            return np.array(row.runs)
        case "p99":
            return np.array(row.p99_runs or [row.p99])
        case "max":
            return np.array([row.max])
        case "least":
            return np.array([min(row.runs)])
        case "greatest":
            return np.array([max(row.runs)])
