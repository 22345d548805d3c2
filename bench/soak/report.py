"""What ``bench soak`` found: one JSON object, and a table that people read."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from rich import box
from rich.table import Table

from bench.report import choose_notes, describe_place, keep_text
from bench.rows import format_number
from bench.soak.trends import Trend
from bench.text_table import write_tables

COLUMNS = (
    "process", "measure", "unit", "first quarter", "last quarter", "slope an hour",
    "standard error", "95 % interval", "verdict",
)  # fmt: skip
NOTES: Final = (
    "All parts as processes under a steady load, the page asked every few seconds. What came "
    "before the warm-up's end does not count. ZGC maps the heap three times, so a Kafka with it "
    "counts that often.",
    "A slope is that of a line through the medians of 24 blocks, for neighbouring samples are "
    "alike. Verdicts: flat within its error; steps (no chance, but less in the whole time than "
    "counts); grows; falls.",
    "Memory is judged twice. It does not grow where the slope's interval reaches 0 or below, after "
    "an hour. And it may grow by 2 MiB an hour: that limit is our own, a hundredth of what a part "
    "takes. A decision's time is from the consumer's wake-up to the decision being encoded.",
)


class SoakReport(msgspec.Struct, frozen=True, kw_only=True):
    """All trends, and where they were measured; the rest as in `bench.report.Report`."""

    bench: str = "soak"
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    notes: tuple[str, ...] = ()
    minutes: float
    warm_up_s: float
    ticks_a_second: float
    decisions: int
    refused_answers: int
    trends: tuple[Trend, ...]

    @property
    def counted_minutes(self) -> float:
        """How long what counts was watched: all but the warm-up."""
        return self.minutes - self.warm_up_s / 60.0

    def to_json(self) -> str:
        """Give the one object that ``bench soak --json`` prints."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()

    def to_text(self) -> str:
        """Give a table for a terminal, with what is to be known to read it."""
        table = Table(*COLUMNS, box=box.SIMPLE_HEAD, title="bench soak", title_justify="left")
        for trend in self.trends:
            table.add_row(*format_trend(trend))
        return write_tables(table, lines=describe_soak(self))


def format_trend(trend: Trend) -> tuple[str, ...]:
    """Write a trend's cells."""
    numbers = (trend.first_quarter, trend.last_quarter, trend.slope, trend.slope_error)
    interval = f"{format_number(trend.low)} to {format_number(trend.high)}"
    return (
        trend.process, trend.measure, trend.unit, *map(format_number, numbers), interval,
        trend.verdict,
    )  # fmt: skip


def describe_soak(report: SoakReport) -> list[str]:
    """Say how to read a report, and what was measured where."""
    return [
        *choose_notes(report.notes, NOTES),
        describe_load(report),
        *describe_place(report.machine, report.versions),
    ]


def describe_load(report: SoakReport) -> str:
    """Say for how long what was played, and what came of it."""
    return (
        f"{report.minutes:g} minutes, the first {report.warm_up_s:.0f} s left out, "
        f"{report.ticks_a_second:g} ticks/s of 50 assets, {report.decisions} decisions, "
        f"{report.refused_answers} questions to the page without an answer."
    )


def keep_soak(report: SoakReport, folder: Path | None, now: datetime | None = None) -> Path:
    """Write a report to a file named by time; its path is told on stderr."""
    return keep_text(report.bench, report.to_json(), folder, now)
