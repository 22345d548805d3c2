"""``docs/performance.md``, made from kept reports.

``python -m bench.page docs/performance/*.json > docs/performance.md``
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from bench.attribution import STAGES
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
from bench.soak_report import SoakReport

_HEAD = """\
# Performance

Made by `python -m bench.page docs/performance/*.json` from JSON that `make bench`,
`make bench-kafka` and `make soak` kept. All figures are of a shared, noisy machine with two
cores, on which neighbours come and go: trust the ratios, whose contenders took turns within each
run, more than the times. Where a peer is quicker, it stands here too.

`times silverbullet` is the median of the ratios within the runs, with the least and the
greatest; beside the relay, which is a floor, it is read the other way round.
"""

# Case, percentile, most times the floor (or us where there is none), from what was found
# feasible on a real Kafka.
_GOALS = (
    ("Kafka, exact, 1000 ticks/s, total", "p50", "relay", 1.25),
    ("Kafka, exact, 20000 ticks/s, total", "p50", "relay", 1.10),
    ("Kafka, exact, 1000 ticks/s, total", "p99", "relay", 1.30),
    ("Kafka, exact, 20000 ticks/s, total", "p99", "relay", 1.30),
    ("Kafka, exact, 1000 ticks/s, own part", "p50", "", 100.0),
)
# Case, library, least times ours that it takes.
_LEADS = (
    ("Kafka, exact, 1000 ticks/s, total", "PyPortfolioOpt", 12.0),
    ("Kafka, exact, 1000 ticks/s, total", "skfolio", 20.0),
)


_FORMS = ("JSON", "packed")
_PLAIN_READER = "confluent-kafka and msgspec"
_LEAST_PLAIN, _LEAST_PACKED = 2.5, 30.0
_MOST_SOLVES = 3.0
_MOST_DRIFT = 1.05

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
    if goals := _goals(cases):
        lines += ["| goal | measured | |", "|---|--:|---|", *goals, ""]
    if report.bench == "pipeline":
        lines += [*_where(cases), ""]
    if slower := _slower(cases):
        lines += ["Quicker than this program:", "", *slower, ""]
    lines += [
        "| case | subject | p50 | p99 | max | unit | times silverbullet |",
        "|---|---|--:|--:|--:|---|---|",
    ]
    for case, rows in cases.items():
        for place, row in enumerate(rows):
            cells = (case if place == 0 else "", *format_row(row, rows))
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _where(cases: dict[str, list[Row]]) -> list[str]:
    """Say where the time of a tick goes, by the medians of the stages."""
    lines = []
    for case, rows in cases.items():
        if not case.endswith(", total"):
            continue
        base = case.removesuffix("total")
        for row in rows:
            stages = [
                f"{stage} {format_number(one.p50)}"
                for stage in STAGES
                for one in cases.get(base + stage, [])
                if one.subject == row.subject
            ]
            total = format_number(row.p50)
            lines.append(f"- {base}{row.subject}: {total} us, of which {', '.join(stages)}.")
    return ["Where the time goes, by the medians of the stages:", "", *lines] if lines else []


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
    lines = []
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
    for case, library, least in _LEADS:
        rows = {row.subject: row for row in cases.get(case, [])}
        if OURS in rows and library in rows:
            value = compare(rows[library], rows[OURS]).median
            goal = f"{case}: {library} takes at least {least:.0f}x"
            verdict = "met" if value >= least else "missed"
            lines.append(f"| {goal} | {value:.1f}x | {verdict} |")
    return lines + _overload_goals(cases) + _ingest_goals(cases)


def _ingest_goals(cases: dict[str, list[Row]]) -> list[str]:
    lines = []
    json, packed = ("Kafka, " + form + " ticks to the end of the topic" for form in _FORMS)
    rows = {(row.case, row.subject): row for case in (json, packed) for row in cases.get(case, [])}
    ours, peer = rows.get((json, OURS)), rows.get((json, _PLAIN_READER))
    if ours and peer:
        value = compare(peer, ours).median
        verdict = "met" if value >= _LEAST_PLAIN else "missed"
        goal = f"{json}: {_PLAIN_READER} takes at least {_LEAST_PLAIN:g}x"
        lines.append(f"| {goal} | {value:.2f}x | {verdict} |")
    if ours and (dense := rows.get((packed, OURS))):
        value = ours.p50 / dense.p50
        verdict = "met" if value >= _LEAST_PACKED else "missed"
        goal = f"Kafka: a JSON tick takes at least {_LEAST_PACKED:g}x a packed one"
        lines.append(f"| {goal} | {value:.1f}x | {verdict} |")
    return lines


def _overload_goals(cases: dict[str, list[Row]]) -> list[str]:
    """Judge an overload, whose runs are its quarters."""
    lines = []
    for row in cases.get("age of a decision, in solve times", []):
        verdict = "met" if row.max <= _MOST_SOLVES else "missed"
        goal = f"age of a decision at most {_MOST_SOLVES:g} solve times in each quarter"
        lines.append(f"| {goal} | {row.max:.2f} | {verdict} |")
    for case in ("age of a decision", "memory of run"):
        for row in cases.get(case, []):
            drift = row.runs[-1] / row.runs[0]
            verdict = "met" if drift <= _MOST_DRIFT else "missed"
            goal = f"{case}: last quarter at most {_MOST_DRIFT:g}x the first"
            lines.append(f"| {goal} | {drift:.3f}x | {verdict} |")
    return lines


if __name__ == "__main__":
    print(make_page([read_kept(Path(name)) for name in sys.argv[1:]]), end="")
