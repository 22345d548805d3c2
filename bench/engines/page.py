"""The generated part of ``docs/engines.md``.

``python -m bench.engines.page docs/performance/engines/engines.json docs/engines.md`` writes it
anew between its two markers.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from bench.engines.findings import describe_job, make_findings
from bench.engines.report import Detail, EngineReport
from bench.engines.stages import STAGES, values
from bench.engines.subjects import SUBJECTS
from bench.engines.targets import Target, find_targets
from bench.latency_figures import Interval
from bench.rows import format_number, format_ratio

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
_GROUPS = {
    "ours": "ours",
    "transport": "our kernels, foreign transport",
    "plain": "numpy and scipy",
    "standby": "the pipeline's evaluator",
}
# A percentile of fewer requests than this is their maximum, and not shown.
LEAST_FOR_P99, LEAST_FOR_P999 = 100, 1000


def read_engine_report(path: Path) -> EngineReport:
    """Read a kept report.

    Raises
    ------
    OSError, msgspec.DecodeError, msgspec.ValidationError
        The file cannot be read, or is no report of engines.
    """
    return msgspec.json.decode(path.read_bytes(), type=EngineReport)


def replace_figures(page: str, report: EngineReport) -> str:
    """Write the figures of a report between the markers of a page.

    Raises
    ------
    ValueError
        The page has not both markers, in order.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN} before {END}")
    return f"{before}{BEGIN}\n\n{make_figures(report)}\n{END}{after}"


def make_figures(report: EngineReport) -> str:
    """Write tables and sentences."""
    machine = ", ".join(f"{name} {value}" for name, value in report.machine.items())
    versions = ", ".join(f"{name} {value}" for name, value in report.versions.items())
    parts = [
        f"Machine: {machine}.", "", f"Versions: {versions}.", "",
        "### What it says", "", *(f"- {one}" for one in make_findings(report)), "",
        "### Goals", "", *_target_table(find_targets(report.details)), "",
        *_latency_tables(report.details),
        "### Where the time of a decision goes", "", *_stage_table(report.details), "",
        "### Starts and memory", "", *_start_table(report), "",
        "### Who took part", "", *_subject_table(report),
    ]  # fmt: skip
    if report.left_out:
        parts += ["", "Left out:", ""]
        parts += [f"- {key}: {reason}" for key, reason in report.left_out.items()]
    return "\n".join([*parts, ""])


def _table(head: Sequence[str], align: str, rows: Iterable[Sequence[str]]) -> list[str]:
    marks = {"l": "---", "r": "--:"}
    lines = [head, [marks[one] for one in align], *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _target_table(targets: Sequence[Target]) -> list[str]:
    return _table(
        ("goal", "measured", "least to greatest", "verdict"),
        "lrll",
        ((one.says, format_ratio(one.value), one.spread_text(), one.outcome) for one in targets),
    )


def _latency_tables(details: Sequence[Detail]) -> list[str]:
    lines: list[str] = []
    for job in dict.fromkeys(one.job for one in details):
        for workers in sorted({one.workers for one in details if one.job == job}, reverse=True):
            chosen = [one for one in details if (one.job, one.workers) == (job, workers)]
            plural = "s" if workers > 1 else ""
            lines += [f"### {describe_job(job).capitalize()}, {workers} worker{plural}", ""]
            lines += [*_latency_table(chosen), ""]
    return lines


def _latency_table(details: Sequence[Detail]) -> list[str]:
    head = (
        "subject", "p50 ms (95 %)", "p90", "p99 (95 %)", "p99.9", "max", "n", "offered /s",
        "sustained /s", "CPU ms",
    )  # fmt: skip
    ranked = sorted(details, key=lambda one: one.latency.p50.value)
    return _table(head, "lrrrrrrrrr", (_latency_row(one) for one in ranked))


def _latency_row(one: Detail) -> tuple[str, ...]:
    latency = one.latency
    return (
        one.subject,
        _interval(latency.p50),
        format_number(latency.p90),
        _interval(latency.p99) if latency.count >= LEAST_FOR_P99 else "-",
        format_number(latency.p999) if latency.count >= LEAST_FOR_P999 else "-",
        format_number(latency.max),
        str(latency.count),
        format_number(one.rate),
        format_number(one.sustained) if one.sustained else "-",
        format_number(one.cpu_ms),
    )


def _interval(one: Interval) -> str:
    low, high = format_number(one.low), format_number(one.high)
    return f"{format_number(one.value)} ({low} to {high})"


def _stage_table(details: Sequence[Detail]) -> list[str]:
    chosen = [one for one in details if one.workers == 2]
    rows = (
        (one.job, one.subject, *(format_number(values(one.stages)[name]) for name in STAGES))
        for one in chosen
    )
    return _table(("job", "subject", *STAGES), "ll" + "r" * len(STAGES), rows)


def _start_table(report: EngineReport) -> list[str]:
    rows = (
        (
            one.subject, str(one.workers), f"{one.ready_s:.2f}", f"{one.first_s:.2f}",
            f"{one.warm_s:.3f}", f"{one.peak_mib:.0f}",
        )
        for one in report.starts
    )  # fmt: skip
    head = ("subject", "workers", "ready s", "cold start s", "warm start s", "memory MiB")
    return _table(head, "lrrrrr", rows)


def _subject_table(report: EngineReport) -> list[str]:
    names = dict.fromkeys(one.subject for one in report.details)
    rows = ((name, _GROUPS[SUBJECTS[name].group], SUBJECTS[name].says) for name in names)
    return _table(("subject", "evaluation", "what it is"), "lll", rows)


if __name__ == "__main__":
    page_path = Path(sys.argv[2])
    page_path.write_text(
        replace_figures(page_path.read_text(), read_engine_report(Path(sys.argv[1])))
    )
