"""What a benchmark is to reach, as data, and whether it did. Pure.

A goal divides one side by another, or takes one side as it is, and holds that to a limit. Each
kind has a function that makes it: `peer_takes`, `takes_at_most`, `is_at_most`,
`case_takes_at_least`, `case_takes_at_most`, `grows_at_most` and `varies_at_most`.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np

from bench.intervals import Interval, median_interval, ratio_interval
from bench.rows import FLOORS, OURS, Row, format_interval, format_number, group_cases, times
from stats.compiled import FloatArray

_FACTOR: Final = 2.0  # from here on it is told as a factor, below in percent
BEST: Final = "the best of the peers"
Figure = Literal["median", "p50", "p99", "max", "least", "greatest"]


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
        ``median``, ``least`` or ``greatest`` of the repetitions' medians; ``p50``, ``p99`` or
        ``max`` of all samples. A p99 over another is the median of those within the repetitions
        where each has one of its own.
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
        The figure that was measured.
    interval
        95 % interval over the repetitions; None with fewer than three, and for a p99 or maximum
        of all samples, of which none can be told.
    who
        The peer that was the best of several; otherwise empty.
    """

    goal: Goal
    value: float
    interval: Interval | None
    who: str

    @property
    def met(self) -> bool:
        """Whether the figure is on the right side of its limit."""
        goal = self.goal
        return self.value >= goal.limit if goal.at_least else self.value <= goal.limit

    @property
    def spare(self) -> float:
        """By how many times the figure is on the right side; below 1 it is on the other."""
        if self.goal.at_least:
            return self.value / self.goal.limit
        return self.goal.limit / self.value if self.value > 0.0 else float("inf")

    def measured(self) -> str:
        """Write the figure with its unit and the peer it is beside."""
        unit = self.goal.unit if self.goal.unit in ("x", "") else f" {self.goal.unit}"
        return f"{format_number(self.value)}{unit}" + (f" ({self.who})" if self.who else "")

    def interval_text(self) -> str:
        """Write the interval, or a dash where none can be told."""
        return format_interval(self.interval)

    def outcome(self) -> str:
        """Say ``met`` or ``missed``, and by how much."""
        if not self.goal.unit:  # an exponent: what divides costs is a difference of exponents
            gap = abs(self.goal.limit - self.value)
            return f"met, {gap:.2f} to spare" if self.met else f"missed by {gap:.2f}"
        return say_spare(self.spare)


def say_spare(spare: float) -> str:
    """Say ``met`` or ``missed`` and by how much, of how many times a figure is better than asked.

    >>> say_spare(1.25), say_spare(0.25)
    ('met, 25 % to spare', 'missed by 4.00x')
    """
    by = spare if spare >= 1.0 else 1.0 / spare
    much = f"{format_number(by)}x" if by >= _FACTOR else f"{format_number(100.0 * (by - 1.0))} %"
    return f"met, {much} to spare" if spare >= 1.0 else f"missed by {much}"


def peer_takes(case: str, at_least: float, *peers: str) -> Goal:
    """Have a peer take some times our time; of several, or all of the case, the best counts."""
    who = peers[0] if len(peers) == 1 else f"the best of {', '.join(peers)}" if peers else BEST
    says = f"{case}: {who} takes at least {at_least:g}x"
    return Goal(says, Side(case, peers), Side(case), at_least, at_least=True)


def takes_at_most(case: str, at_most: float, floor: str, of: Figure = "median") -> Goal:
    """Have us take at most some times what a floor or a peer takes."""
    name = "p50" if of == "median" else of
    says = f"{case}: {name} at most {at_most:g}x the {floor}"
    return Goal(says, Side(case, of=of), Side(case, (floor,), of), at_most)


def is_at_most(case: str, at_most: float, unit: str, of: Figure = "p50") -> Goal:
    """Have a figure of ours be at most so much, in the unit of the case."""
    says = f"{case}: {of} at most {at_most:g} {unit}"
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
    value, interval = _divide(goal, over, under)
    named = len(goal.over.subjects) == 1
    return Verdict(goal, value, interval, "" if named else over.subject)


def _find(side: Side, cases: Mapping[str, Sequence[Row]]) -> Row | None:
    found = [row for row in cases.get(side.case, ()) if _is_of(row, side.subjects)]
    return min(found, key=lambda row: float(np.median(times(row))), default=None)


def _is_of(row: Row, subjects: Sequence[str]) -> bool:
    if not subjects:
        return row.subject != OURS and row.subject not in FLOORS
    return any(row.subject == one or row.subject.startswith(f"{one},") for one in subjects)


def _divide(goal: Goal, over: Row, under: Row | None) -> tuple[float, Interval | None]:
    of = goal.over.of
    if goal.under is None or under is None:
        interval = median_interval(over.runs) if of in ("median", "p50") else None
        return _figure(over, of), interval
    if of == "p99" and over.p99_runs and len(over.p99_runs) == len(under.p99_runs):
        tails: FloatArray = np.array(over.p99_runs) / np.array(under.p99_runs)
        return float(np.median(tails)), median_interval(tails)
    if of != "median":
        return _figure(over, of) / _figure(under, goal.under.of), None
    ours, base = times(over), times(under)
    if over.case == under.case and len(ours) == len(base):  # the same repetitions
        ratios: FloatArray = ours / base
        return float(np.median(ratios)), median_interval(ratios)
    return float(np.median(ours) / np.median(base)), ratio_interval(ours, base)


def _figure(row: Row, of: Figure) -> float:
    match of:
        case "median":
            return float(np.median(row.runs))
        case "least":
            return min(row.runs)
        case "greatest":
            return max(row.runs)
        case _:
            return float(getattr(row, of))
