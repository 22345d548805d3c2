"""Tables of ``docs/performance.md`` that one benchmark alone has: pipeline, scale, soak. Pure."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from bench.growth import ADMITTED, ORDERS, Size, read_size, summarise
from bench.page_figures import where_time_goes
from bench.report import Report
from bench.rows import (
    FLOORS,
    OURS,
    Row,
    compare,
    format_interval,
    format_number,
    format_range,
    format_ratio,
    group_cases,
)
from bench.soak.report import SoakReport
from bench.soak.trends import Trend

_TOTAL, _OWN = ", total", ", own part"
_SHOWN_WINDOW: Final = 1000
_WORKERS: Final = ("1 worker", "2 workers")


def pipeline_figures(report: Report) -> list[str]:
    """Write total and own part of each case, and the stages of the exact method."""
    cases = group_cases(report.rows)
    rows = [
        f"| {' | '.join(_pipeline_row(case.removesuffix(_TOTAL), found, cases))} |"
        for case, found in cases.items()
        if case.endswith(_TOTAL) and _of(found, OURS)
    ]
    if not rows:
        return where_time_goes(report)
    stages = where_time_goes(report, "exact")
    return [
        "| case | total p50, ms (least to greatest) | p99, ms | own part p50, us | "
        "times the relay's p50 (p99) | others, in times our total |",
        "|---|---|---|---|---|---|",
        *rows,
        *(["", *stages] if stages else []),
    ]


def _pipeline_row(base: str, totals: Sequence[Row], cases: dict[str, list[Row]]) -> tuple[str, ...]:
    ours = _of(totals, OURS)
    own = _of(cases.get(base + _OWN, ()), OURS)
    if ours is None:
        return (base,)
    floor = next((row for row in totals if row.subject in FLOORS), None)
    floored = "-"
    if floor is not None:
        tail = format_ratio(_tails(ours, floor))
        floored = f"{format_ratio(compare(ours, floor).median)} ({tail})"
    others = [
        f"{row.subject} {format_ratio(compare(row, ours).median)}"
        for row in totals
        if row.subject != OURS and row.subject not in FLOORS
    ]
    ms = [value / 1e3 for value in ours.runs]
    return (
        base, f"{format_number(ours.median / 1e3)} ({format_range(ms)})",
        format_number(ours.tail / 1e3),
        "-" if own is None else f"{format_number(own.median)} ({format_range(own.runs)})",
        floored, ", ".join(others) or "-",
    )  # fmt: skip


def _tails(ours: Row, floor: Row) -> float:
    """Give how many times the floor's p99 ours is: within repetitions, as a goal has it."""
    if ours.p99_runs and len(ours.p99_runs) == len(floor.p99_runs):
        return float(np.median(np.divide(ours.p99_runs, floor.p99_runs)))
    return ours.tail / floor.tail


def _of(rows: Sequence[Row], subject: str) -> Row | None:
    return next((row for row in rows if row.subject == subject), None)


def scale_figures(report: Report) -> list[str]:
    """Write how fast each step grows beside its order, its cost at each size, and workers."""
    parts = [_growth(report), _costs(report), _workers(report)]
    lines: list[str] = []
    for part in parts:
        lines += [*part, ""] if part else []
    return lines[:-1]


def _growth(report: Report) -> list[str]:
    lines = [
        f"| {one.case} | {ORDERS[one.case].says(one.along)} | {one.fitted:.2f} | "
        f"{one.worst.exponent:.2f} | {format_interval(one.worst.interval)} | "
        f"{one.worst.before.named()} to {one.worst.after.named()} | {ORDERS[one.case].why} |"
        for one in summarise(report.rows)
    ]
    if not lines:
        return []
    return [
        "| step | order | exponent fitted | of the worst step | 95 % interval | which | why |",
        "|---|---|--:|--:|---|---|---|",
        *lines,
    ]


def _costs(report: Report) -> list[str]:
    """Write the medians at each number of assets, of one window where a case has several."""
    found: dict[str, dict[int, Row]] = {}
    for row in report.rows:
        size = read_size(row.subject)
        if size is not None and _is_cost(row) and _is_shown(size):
            found.setdefault(row.case, {})[size.assets] = row
    sizes = sorted({n for rows in found.values() for n in rows})
    if not sizes:
        return []
    return [
        f"| median, window {_SHOWN_WINDOW} | {' | '.join(f'n = {n}' for n in sizes)} | unit |",
        "|---" + "|--:" * len(sizes) + "|---|",
        *(
            f"| {case} | {' | '.join(_cell(rows.get(n)) for n in sizes)} | "
            f"{next(iter(rows.values())).unit} |"
            for case, rows in found.items()
        ),
    ]


def _is_cost(row: Row) -> bool:
    return row.case in ORDERS or row.unit == ADMITTED


def _is_shown(size: Size) -> bool:
    return size.window in (None, _SHOWN_WINDOW)


def _cell(row: Row | None) -> str:
    return "-" if row is None else format_number(row.median)


def _workers(report: Report) -> list[str]:
    lines = []
    for case, rows in group_cases(report.rows).items():
        one, two = (_of(rows, name) for name in _WORKERS)
        if one is not None and two is not None:
            gain = compare(one, two)
            spread = f"{format_number(gain.least)} to {format_number(gain.greatest)}"
            lines.append(
                f"| {case}, {one.unit} | {_cell(one)} | {_cell(two)} | "
                f"{format_ratio(gain.median)} ({spread}) |"
            )
    if not lines:
        return []
    return [
        f"| case | {' | '.join(_WORKERS)} | speed-up (least to greatest) |",
        "|---|--:|--:|---|",
        *lines,
    ]


def soak_figures(report: SoakReport) -> list[str]:
    """Write memory and times, and what else grows; descriptors and threads that do not are left."""
    return [
        "| process | measure | first quarter | last quarter | slope an hour | 95 % interval |",
        "|---|---|--:|--:|--:|---|",
        *(f"| {' | '.join(_trend_row(one))} |" for one in report.trends if _counts(one)),
    ]


def _counts(one: Trend) -> bool:
    return one.measure == "RSS" or one.unit == "ms" or one.low > 0.0


def _trend_row(one: Trend) -> tuple[str, ...]:
    quarters = (f"{format_number(value)} {one.unit}" for value in
                (one.first_quarter, one.last_quarter))  # fmt: skip
    interval = f"{format_number(one.low)} to {format_number(one.high)}"
    return one.process, one.measure, *quarters, format_number(one.slope), interval
