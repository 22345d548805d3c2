"""``docs/performance.md``, made from kept reports.

``python -m bench.page docs/performance/*.json > docs/performance.md``
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.goal_tables import GOALS
from bench.goals import judge_goals
from bench.growth import ORDERS, summarise
from bench.report import Report, describe, read_report
from bench.rows import (
    FLOORS,
    OURS,
    Row,
    compare,
    format_interval,
    format_number,
    format_row,
    group_cases,
)
from bench.soak_report import SoakReport
from bench.stages import find_breakdowns

_HEAD = """\
# Performance

Made by `python -m bench.page docs/performance/*.json` from JSON that `make bench`,
`make bench-kafka` and `make soak` kept. All figures are of a shared, noisy machine with two
cores, on which neighbours come and go: trust the ratios, whose contenders took turns within each
run, more than the times. Where a peer is quicker, it stands here too.

`times silverbullet` is the median of the ratios within interleaved repetitions, with the least
and the greatest, and a bootstrap interval over the repetitions (none can be told of fewer than
three); beside a floor (relay, bound) it is read the other way round.
"""

Kept = Report | SoakReport


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
    if msgspec.json.decode(path.read_bytes(), type=_Head).bench == "soak":
        return msgspec.json.decode(path.read_bytes(), type=SoakReport)
    return read_report(path)


def make_page(reports: Sequence[Kept]) -> str:
    """Write the page of some reports, in their order."""
    return "\n".join([_HEAD, *(_section(report) for report in reports)])


def _section(report: Kept) -> str:
    if isinstance(report, SoakReport):
        return report.to_markdown()
    cases = group_cases(report.rows)
    lines = [f"## bench {report.bench}", "", *(f"- {line}" for line in describe(report)), ""]
    if goals := _goals(report):
        lines += ["| goal | measured | 95 % interval | |", "|---|--:|---|---|", *goals, ""]
    if where := _where(report):
        lines += [*where, ""]
    if growth := _growth(report):
        lines += [*growth, ""]
    if slower := _slower(cases):
        lines += ["Quicker than this program:", "", *slower, ""]
    lines += [
        "| case | subject | p50 | p99 | max | unit | times silverbullet | 95 % interval |",
        "|---|---|--:|--:|--:|---|---|---|",
    ]
    for case, rows in cases.items():
        for place, row in enumerate(rows):
            cells = (case if place == 0 else "", *format_row(row, rows))
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


def _slower(cases: dict[str, list[Row]]) -> list[str]:
    """Name the peers that take less than we do; a floor always does."""
    lines = []
    for case, rows in cases.items():
        ours = next((row for row in rows if row.subject == OURS), None)
        for row in rows:
            if ours is None or row.subject == OURS or row.subject in FLOORS:
                continue
            ratio = compare(row, ours).median
            if ratio < 1.0:
                times = f"{format_number(ratio)} times our time"
                lines.append(f"- {case}: {row.subject} takes {times}.")
    return lines


def _goals(report: Report) -> list[str]:
    """Say of each goal that could be judged what became of it."""
    return [
        f"| {one.goal.says} | {one.measured()} | {one.interval_text()} | {one.outcome()} |"
        for one in judge_goals(GOALS.get(report.bench, ()), report.rows)
    ]


if __name__ == "__main__":
    print(make_page([read_kept(Path(name)) for name in sys.argv[1:]]), end="")
