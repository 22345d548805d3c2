"""A benchmark's result: one JSON object, and a table that people read."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import msgspec
import platformdirs
from rich import box
from rich.table import Table

from bench.goal_tables import GOALS
from bench.goals import Verdict, judge_goals
from bench.lower_limits import find_lower_limits
from bench.machine import COMMIT
from bench.report_notes import NOTES
from bench.rows import COLUMNS, Row, format_row, group_cases
from bench.text_table import write_tables

_NUMBERS: Final = ("p50", "p99", "max")
_NO_NOTES: Final = "This result keeps no notes: those above are of the program as it is now."


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All rows of a benchmark, and where they were measured.

    Attributes
    ----------
    machine, versions
        See `bench.machine`; ``machine`` has the program's commit too.
    notes
        How it was measured, as the program said then; older results keep none.
    """

    bench: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    notes: tuple[str, ...] = ()
    rows: tuple[Row, ...]

    def to_json(self) -> str:
        """Give the one object that ``bench --json`` prints."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()

    def to_text(self) -> str:
        """Give a table for a terminal, with what is to be known to read it."""
        table = Table(box=box.SIMPLE_HEAD, title=f"bench {self.bench}", title_justify="left")
        table.add_column("case and subject", no_wrap=True)
        for name in COLUMNS[1:]:
            justify: Literal["left", "right"] = "right" if name in _NUMBERS else "left"
            table.add_column(name, justify=justify, no_wrap=True)
        for case, rows in group_cases(self.rows).items():
            table.add_row(case)
            limits = find_lower_limits(self.machine, case, rows)
            for row in rows:
                subject, *cells = format_row(row, rows, limits)
                table.add_row(f"  {subject}", *cells)
        verdicts = judge_goals(GOALS.get(self.bench, ()), self.rows)
        goals = [_goal_table(verdicts)] if verdicts else []
        return write_tables(table, *goals, lines=describe(self))


def _goal_table(verdicts: Sequence[Verdict]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("goal", "measured", "95 % interval, or range", "", "by how much"):
        table.add_column(name, no_wrap=True)
    for one in verdicts:
        table.add_row(one.goal.says, one.measured(), one.spread_text(), one.outcome, one.by())
    return table


def describe(report: Report) -> list[str]:
    """Say how to read a report, and where it was measured."""
    return [
        *choose_notes(report.notes, NOTES.get(report.bench, ())),
        *describe_place(report.machine, report.versions),
    ]


def choose_notes(kept: Sequence[str], current: Sequence[str]) -> list[str]:
    """Give the notes that a result keeps; where it has none today's, called so."""
    return list(kept) if kept or not current else [*current, _NO_NOTES]


def describe_place(machine: Mapping[str, str], versions: Mapping[str, str]) -> list[str]:
    """Say of which commit a result is, on what machine and beside which versions."""
    facts = ", ".join(f"{name} {value}" for name, value in machine.items() if name != COMMIT)
    commit = machine.get(COMMIT, "not known")
    return [f"Program: commit {commit}.", f"Machine: {facts}.", describe_versions_line(versions)]


def describe_versions_line(versions: Mapping[str, str]) -> str:
    """Name the versions of what took part."""
    return f"Versions: {', '.join(f'{name} {value}' for name, value in versions.items())}."


def read_report(path: Path) -> Report:
    """Read a kept report.

    Raises
    ------
    OSError, msgspec.DecodeError, msgspec.ValidationError
        The file cannot be read, or is no report.
    """
    return msgspec.json.decode(path.read_bytes(), type=Report)


def kept_folder() -> Path:
    """Give the folder where results are kept unless another is named."""
    return Path(platformdirs.user_data_dir("silverbullet")) / "bench"


def keep_report(report: Report, folder: Path | None, now: datetime | None = None) -> Path:
    """Write a report to a file named by benchmark and time; its path is told on stderr.

    Parameters
    ----------
    folder
        Where to; by default ``bench`` in the user's data folder.
    now
        UTC; by default the clock's.
    """
    return keep_text(report.bench, report.to_json(), folder, now)


def keep_text(bench: str, text: str, folder: Path | None, now: datetime | None = None) -> Path:
    """Write a benchmark's JSON, see `keep_report`."""
    folder = folder or kept_folder()
    folder.mkdir(parents=True, exist_ok=True)
    stamp = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    path = folder / f"{bench}-{stamp}.json"
    path.write_text(text + "\n")
    print(f"kept in {path}", file=sys.stderr)
    return path
