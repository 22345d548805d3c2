"""Why a goal is missed, with the figures of published rows that it names. Pure.

A figure is looked up when a page is made, so that none goes stale.
"""

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import NamedTuple, Protocol

import numpy as np

from bench.report import Report
from bench.rows import OURS, format_number
from stats.compiled import FloatArray


class Take(Protocol):
    """Gives what a subject took, one figure of each session and case."""

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


def find_reason(reasons: Sequence[Reason], bench: str, goal: str) -> str:
    """Give the first reason of a goal; empty without one."""
    for one in reasons:
        if one.bench == bench and fnmatchcase(goal, one.goal):
            return one.says
    return ""


def fill_reasons(reasons: Sequence[Reason], reports: Sequence[object]) -> list[Reason]:
    """Write the figures of some results into the reasons of their benchmarks.

    Raises
    ------
    ValueError
        A reason names a row that no result of its benchmark has.
    """
    rows: dict[str, list[Report]] = {}
    for report in reports:
        if isinstance(report, Report):
            rows.setdefault(report.bench, []).append(report)
    return [
        one._replace(says=fill_figures(one.says, one.figures, rows.get(one.bench, [])))
        for one in reasons
        if one.bench in rows or not one.figures
    ]


def fill_figures(
    says: str, figures: Mapping[str, Figure], reports: Sequence[Report], digits: int = 2
) -> str:
    """Write figures in their places: where sessions differ, the least and the greatest.

    Parameters
    ----------
    says
        A sentence with ``{name}`` for each figure.
    reports
        All sessions of its benchmark.

    Raises
    ------
    ValueError
        No row is of a case and subject that a figure names.
    """

    def take(case: str, subject: str = OURS, *, tail: bool = False) -> FloatArray:
        found = [
            row.tail if tail else row.median
            for report in reports
            for row in report.rows
            if row.subject == subject and fnmatchcase(row.case, case)
        ]
        if not found:
            raise ValueError(f"no row of {subject} in {case}, which a reason names: write it anew")
        return np.array(found)

    return says.format(**{name: _write(one(take), digits) for name, one in figures.items()})


def _write(values: FloatArray, digits: int) -> str:
    low, high = (format_number(float(value), digits) for value in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"
