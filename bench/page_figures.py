"""Compact tables of ``docs/performance.md``: a line a case, our figure and all beside it. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from bench.lower_limits import find_lower_limits
from bench.report import Report
from bench.rows import (
    FLOORS,
    OUR_OTHERS,
    OURS,
    TWIN,
    Row,
    compare,
    format_number,
    format_range,
    format_ratio,
    group_cases,
    is_time,
)
from bench.stages import Breakdown, find_breakdowns, hidden_cases

_ASSETS: Final = re.compile(r"\b(\d+) assets")
# What the table of goals says already, or is for those who work on the kernels.
_ELSEWHERE: Final = ("drift of ", "worst ", "optimality gap")
# Parts of kernels are timed alone and do not add up to the whole: one and the same part, measured
# for two cases, took 0.247 and 0.260 us. What they leave by less than that 5 % says nothing.
_LEAST_REST: Final = 0.05
Group = dict[str, Sequence[Row]]
"""The rows of each size of a case; of one without sizes the key is empty."""


def main_figures(report: Report) -> list[str]:
    """Write a line for each case, those that differ in the number of assets together."""
    chosen = [(form, group) for form, group in _group(report.rows) if _is_main(report, group)]
    if not chosen:
        return []
    rows = [
        (form, _ours(report, group), "; ".join(_others(report, group))) for form, group in chosen
    ]
    beside = "beside it" if report.bench == "saturation" else "beside it, in times ours"
    head = ("case", "silverbullet (least to greatest)", beside)
    width = len(head) if any(row[-1] for row in rows) else len(head) - 1
    return [
        f"| {' | '.join(head[:width])} |",
        "|---" * width + "|",
        *(f"| {' | '.join(row[:width])} |" for row in rows),
    ]


def _group(rows: Sequence[Row]) -> Iterator[tuple[str, Group]]:
    forms: dict[str, Group] = {}
    for case, found in group_cases(rows).items():
        size = _ASSETS.search(case)
        form = _ASSETS.sub("n assets", case)
        forms.setdefault(form, {})[size[1] if size else ""] = found
    for form, group in forms.items():
        yield (form if len(group) > 1 else group_name(group)), group


def group_name(group: Group) -> str:
    """Give the case of a group of one."""
    return next(iter(group.values()))[0].case


def _is_main(report: Report, group: Group) -> bool:
    rows = next(iter(group.values()))
    hidden = hidden_cases(report.bench, report.rows)
    return (
        any(row.subject == OURS for row in rows)
        and rows[0].case not in hidden
        and rows[0].unit != "exponent"
        and not rows[0].case.startswith(_ELSEWHERE)
        and TWIN not in {row.subject for row in rows}
    )


def _find(rows: Sequence[Row], subject: str) -> Row | None:
    return next((row for row in rows if row.subject == subject), None)


def _ours(report: Report, group: Group) -> str:
    told: list[str] = []
    for size, rows in group.items():
        row = _find(rows, OURS)
        if row is None:
            continue
        limits = find_lower_limits(report.machine, row.case, list(rows))
        spread = "" if len(row.runs) == 1 else f" ({format_range(row.runs)})"
        limit = "at least " if OURS in limits else ""
        sized = f"n = {size}: " if len(group) > 1 else ""
        tail = f", {_tail(row)}" if report.bench == "saturation" and is_time(row) else ""
        told.append(f"{sized}{limit}{format_number(row.median)}{spread}{tail}")
    return f"{'; '.join(told)} {next(iter(group.values()))[0].unit}"


def _others(report: Report, group: Group) -> Iterator[str]:
    """Say how many times ours each peer takes; of a floor, how many times it we take."""
    names = dict.fromkeys(row.subject for rows in group.values() for row in rows)
    for name in names:
        if name == OURS:
            continue
        ratios = [_ratio(report, rows, name) for rows in group.values()]
        short = name.removeprefix(f"{OURS}, ") if name in OUR_OTHERS else name
        told = ratios[0] if len(set(ratios)) == 1 else " / ".join(ratios)
        yield f"{told} the {name}'s" if name in FLOORS and "x" in told else f"{short} {told}"


def _ratio(report: Report, rows: Sequence[Row], name: str) -> str:
    other, ours = _find(rows, name), _find(rows, OURS)
    if other is None or ours is None:
        return "-"
    if report.bench == "saturation":  # a rate that was not reached has no ratio, nor what it took
        limits = find_lower_limits(report.machine, ours.case, list(rows))
        most = "at least " if name in limits else ""
        tail = f", {_tail(other)}" if is_time(other) else ""
        return f"{most}{format_number(other.median)} ({format_range(other.runs)}){tail}"
    over, under = (ours, other) if name in FLOORS else (other, ours)
    return format_ratio(compare(over, under).median, digits=2)


def _tail(row: Row) -> str:
    """Write a p99, which a rate that is kept has beside its median: a queue may come and go."""
    return f"p99 {format_number(row.tail)} ({format_range(row.p99_runs or [row.p99])})"


def where_time_goes(report: Report, only: str = "") -> list[str]:
    """Say where the time goes, by the medians of the stages: ours, and a floor's.

    Parameters
    ----------
    only
        A word of the cases that are told; all by default.
    """
    lines = []
    for one in find_breakdowns(report.bench, report.rows):
        if only in one.case and one.subject in FLOORS | {OURS}:
            told = _with_rest(one) if report.bench == "kernels" else one.stages
            stages = ", ".join(f"{name} {format_number(value)}" for name, value in told)
            total = f"{format_number(one.total)} {one.unit}"
            lines.append(f"- {one.case}, {one.subject}: {total}, of which {stages}.")
    return ["Where the time goes, by the medians of the stages:", "", *lines] if lines else []


def _with_rest(one: Breakdown) -> tuple[tuple[str, float], ...]:
    """Add to a kernel's parts what none of them names, where that is more than they err by."""
    rest = one.total - sum(value for _, value in one.stages)
    return (*one.stages, ("rest", rest)) if rest > _LEAST_REST * one.total else one.stages


def who_is_quicker(report: Report) -> list[str]:
    """Name the peers that take less time for the whole than we do; a floor always does."""
    hidden = hidden_cases(report.bench, report.rows)
    lines = []
    for form, group in _group(report.rows):
        rows = next(iter(group.values()))
        # Fewer messages out or smaller ones are no time, and a stage alone is not the whole.
        if rows[0].case in hidden or not is_time(rows[0]):
            continue
        for name, ratios in _quicker(group).items():
            told = [
                _below_one(value) + (f" (n = {size})" if len(group) > 1 else "")
                for size, value in ratios.items()
            ]
            lines.append(f"- {form}: {name} takes {', '.join(told)} times our time.")
    return ["Quicker than this program:", "", *lines] if lines else []


def _below_one(value: float) -> str:
    """Write a ratio below 1 so that it reads as one: with as many digits as that takes.

    >>> _below_one(0.4), _below_one(0.997)
    ('0.40', '0.997')
    """
    digits = next((k for k in (2, 3, 4) if float(f"{value:.{k}g}") < 1.0), 5)
    return format_number(value, digits)


def _quicker(group: Group) -> Mapping[str, Mapping[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for size, rows in group.items():
        ours = _find(rows, OURS)
        for row in rows:
            if ours is None or row.subject in FLOORS | OUR_OTHERS | {OURS}:
                continue
            ratio = compare(row, ours).median
            if ratio < 1.0 and np.isfinite(ratio):
                found.setdefault(row.subject, {})[size] = ratio
    return found
