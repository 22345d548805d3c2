"""``docs/performance.md``, made from kept reports.

``python -m bench.page docs/performance/*.json docs/performance/engines/engines.json``
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.engines.report import EngineReport
from bench.growth import ORDERS, summarise
from bench.lower_limits import find_lower_limits
from bench.report import Report, describe
from bench.rows import (
    COLUMNS,
    FLOORS,
    OURS,
    Row,
    compare,
    format_interval,
    format_number,
    format_row,
    group_cases,
    is_time,
)
from bench.soak.report import SoakReport
from bench.stages import find_breakdowns, stage_cases
from bench.summary import HEAD, Kept, count_outcomes, not_measured, summarise_goals
from bench.verdicts import RULE

_HEAD = """\
# Performance

Made by `python -m bench.page docs/performance/*.json docs/performance/engines/engines.json` from
the JSON that the commands of `silverbullet bench` kept. All figures are of a shared, noisy machine
with two cores, on which neighbours come and go: trust the ratios, whose contenders took turns
within each run, more than the times. Where a peer is quicker, it stands here too.

A figure is the median of the repetitions' medians, a ratio the median of those within interleaved
repetitions, with the least and the greatest; beside a floor (relay, bound) it is read the other way
round. Missed by 2x: it takes twice what it may, or leads by half of what it should.
"""
_LEFT = "No result here says anything of these goals:"
_ENGINES = "Its figures, and who took part, stand in [engines.md](engines.md)."


class _Head(msgspec.Struct):
    """What tells one kind of kept file from the other."""

    bench: str


def read_kept(path: Path) -> Kept:
    """Read what any benchmark of the page has kept.

    Raises
    ------
    OSError, msgspec.DecodeError, msgspec.ValidationError
        The file cannot be read, or is none of them.
    """
    bench = msgspec.json.decode(path.read_bytes(), type=_Head).bench
    content = path.read_bytes()
    if bench == "soak":
        return msgspec.json.decode(content, type=SoakReport)
    if bench == "engines":
        return msgspec.json.decode(content, type=EngineReport)
    return msgspec.json.decode(content, type=Report)


def make_page(reports: Sequence[Kept]) -> str:
    """Write the page of some reports, in their order."""
    return "\n".join([_HEAD, *_all_goals(reports), *(_section(report) for report in reports)])


def _all_goals(reports: Sequence[Kept]) -> list[str]:
    lines = summarise_goals(reports)
    if not lines:
        return []
    left = []
    for bench, goals in not_measured(reports).items():
        left += [f"- {bench}", *(f"  - {says}" for says in goals)]
    return [
        "## Goals", "", f"{count_outcomes(lines)}. {RULE}", "",
        f"| {' | '.join(HEAD)} |", "|---|---|--:|---|---|---|",
        *(f"| {' | '.join(line.cells())} |" for line in lines), "",
        *([_LEFT, "", *left, ""] if left else []),
    ]  # fmt: skip


def _section(report: Kept) -> str:
    if isinstance(report, SoakReport):
        return report.to_markdown()
    if isinstance(report, EngineReport):
        lines = [f"- {line}" for line in describe(report)]
        return "\n".join(["## bench engines", "", *lines, "", _ENGINES, ""])
    cases = group_cases(report.rows)
    lines = [f"## bench {report.bench}", "", *(f"- {line}" for line in describe(report)), ""]
    if where := _where(report):
        lines += [*where, ""]
    if growth := _growth(report):
        lines += [*growth, ""]
    if slower := _slower(report.bench, cases):
        lines += ["Quicker than this program:", "", *slower, ""]
    lines += [
        f"| case | {' | '.join(COLUMNS)} |",
        "|---|---|--:|---|---|--:|--:|---|---|---|",
    ]
    for case, rows in cases.items():
        limits = find_lower_limits(report.machine, case, rows)
        for place, row in enumerate(rows):
            cells = (case if place == 0 else "", *format_row(row, rows, limits))
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _where(report: Report) -> list[str]:
    """Say where the time goes, by the medians of the stages."""
    lines = []
    for one in find_breakdowns(report.bench, report.rows):
        stages = ", ".join(f"{name} {format_number(value)}" for name, value in one.stages)
        total = f"{format_number(one.total)} {one.unit}"
        lines.append(f"- {one.case}, {one.subject}: {total}, of which {stages}.")
    return ["Where the time goes, by the medians of the stages:", "", *lines] if lines else []


def _growth(report: Report) -> list[str]:
    """Say how fast each step grows, beside its order."""
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


def _slower(bench: str, cases: dict[str, list[Row]]) -> list[str]:
    """Name the peers that take less time for the whole than we do; a floor always does."""
    lines = []
    stages = stage_cases(bench, [row for rows in cases.values() for row in rows])
    for case, rows in cases.items():
        # Fewer messages out or smaller ones are no time, and a stage alone decides nothing.
        if case in stages or not is_time(rows[0]):
            continue
        ours = next((row for row in rows if row.subject == OURS), None)
        for row in rows:
            if ours is None or row.subject == OURS or row.subject in FLOORS:
                continue
            ratio = compare(row, ours).median
            if ratio < 1.0:
                times = f"{format_number(ratio)} times our time"
                lines.append(f"- {case}: {row.subject} takes {times}.")
    return lines


if __name__ == "__main__":
    print(make_page([read_kept(Path(name)) for name in sys.argv[1:]]), end="")
