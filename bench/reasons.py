"""Why a goal is missed, with the figures of published rows that it names. Pure.

A figure is looked up when a page is made, so that none goes stale.
"""

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

import numpy as np

from bench.report import Report
from bench.rows import OURS, Row, format_number
from stats.compiled import FloatArray

_DIGITS: Final = 2


class Take(Protocol):
    """Gives what a subject took in one session, one figure of each case."""

    def __call__(self, case: str, subject: str = OURS, *, tail: bool = False) -> FloatArray:
        """Give medians, or with ``tail`` p99s, of the cases that a pattern of ``fnmatch`` names."""


Figure = Callable[[Take], FloatArray]


class Reason(NamedTuple):
    """Why a goal is missed.

    Attributes
    ----------
    bench, goal
        Whose it is: a benchmark, and a pattern of goals as ``fnmatch`` has it.
    says
        A sentence or two. Where no cause was found, that.
    figures
        What stands for each ``{name}`` in it.
    """

    bench: str
    goal: str
    says: str
    figures: Mapping[str, Figure] = MappingProxyType({})


def find_reason(reasons: Sequence[Reason], bench: str, goal: str) -> Reason | None:
    """Give the first reason of a goal."""
    for one in reasons:
        if one.bench == bench and fnmatchcase(goal, one.goal):
            return one
    return None


def fill_reason(reason: Reason, reports: Sequence[object]) -> Reason:
    """Write figures in their places: where sessions differ, the least and the greatest.

    Parameters
    ----------
    reports
        Results, of which those of its benchmark count: each a session of it.

    Raises
    ------
    ValueError
        No result has a row that a figure names.
    """
    sessions = [
        one.rows for one in reports if isinstance(one, Report) and one.bench == reason.bench
    ]
    figures = {name: _write(_look_up(one, sessions)) for name, one in reason.figures.items()}
    return reason._replace(says=reason.says.format(**figures), figures={})


class _NoRowError(LookupError):
    """A session lacks a row that a figure names."""


def _look_up(figure: Figure, sessions: Sequence[Sequence[Row]]) -> FloatArray:
    """Work a figure out in each session that has its rows: they are never mixed."""
    found, lacks = [], "a row of any result"
    for rows in sessions:
        try:
            found.append(figure(_taking(rows)))
        except _NoRowError as error:
            lacks = str(error)
    if not found:
        raise ValueError(f"a reason of a missed goal names {lacks}, which is not there")
    return np.concatenate(found)


def _taking(rows: Sequence[Row]) -> Take:
    def take(case: str, subject: str = OURS, *, tail: bool = False) -> FloatArray:
        found = [
            row.tail if tail else row.median
            for row in rows
            if row.subject == subject and fnmatchcase(row.case, case)
        ]
        if not found:
            raise _NoRowError(f"{subject} in {case}")
        return np.array(found)

    return take


def _write(values: FloatArray) -> str:
    low, high = (format_number(float(value), _DIGITS) for value in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"
