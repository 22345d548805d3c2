"""``docs/performance.md``, made from kept reports.

``python -m bench.page docs/performance/*.json > docs/performance.md``
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.report import (
    FLOORS,
    OURS,
    Report,
    Row,
    compare,
    describe,
    format_number,
    format_row,
    group_cases,
    read_report,
)

_HEAD = """\
# Performance

Made by `python -m bench.page docs/performance/*.json` from JSON that `make bench` kept. All
figures are of a shared, noisy machine with two cores, on which neighbours come and go: trust the
ratios, whose contenders took turns within each run, more than the times. Where a peer is quicker,
it stands here too.

`times silverbullet` is the median of the ratios within the runs, with the least and the
greatest; beside the relay, which is a floor, it is read the other way round.
"""

# Case, percentile, most times the floor (or us where there is none), from what was found
# feasible on a real Kafka.
_GOALS = (
    ("1000 ticks/s, total", "p50", "relay", 1.25),
    ("20000 ticks/s, total", "p50", "relay", 1.10),
    ("1000 ticks/s, total", "p99", "relay", 1.30),
    ("20000 ticks/s, total", "p99", "relay", 1.30),
    ("1000 ticks/s, own part", "p50", "", 150.0),
)


def make_page(reports: Sequence[Report]) -> str:
    """Write the page of some reports, in their order."""
    return "\n".join([_HEAD, *(_section(report) for report in reports)])


def _section(report: Report) -> str:
    lines = [f"## bench {report.bench}", "", *(f"- {line}" for line in describe(report)), ""]
    if report.bench == "pipeline":
        lines += ["Goals, set for a real Kafka:", "", *_goals(group_cases(report.rows)), ""]
    if slower := _slower(group_cases(report.rows)):
        lines += ["Quicker than this program:", "", *slower, ""]
    lines += [
        "| case | subject | p50 | p99 | max | unit | times silverbullet |",
        "|---|---|--:|--:|--:|---|---|",
    ]
    for case, rows in group_cases(report.rows).items():
        for place, row in enumerate(rows):
            cells = (case if place == 0 else "", *format_row(row, rows))
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


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


def _goals(cases: dict[str, list[Row]]) -> list[str]:
    lines = ["| goal | measured | |", "|---|--:|---|"]
    for case, which, floor, most in _GOALS:
        rows = {row.subject: row for row in cases.get(case, [])}
        if OURS not in rows or (floor and floor not in rows):
            continue
        ours = rows[OURS]
        if not floor:
            value, goal = ours.p50, f"{case}: {which} at most {most:.0f} us"
            measured = f"{value:.0f} us"
        else:
            base = rows[floor]
            value = compare(ours, base).median if which == "p50" else ours.p99 / base.p99
            goal, measured = f"{case}: {which} at most {most:.2f}x the {floor}", f"{value:.2f}x"
        lines.append(f"| {goal} | {measured} | {'met' if value <= most else 'missed'} |")
    return lines


if __name__ == "__main__":
    print(make_page([read_report(Path(name)) for name in sys.argv[1:]]), end="")
