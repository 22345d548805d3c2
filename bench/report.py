"""A benchmark's result: one JSON object, and a table that people read."""

import io
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import platformdirs
from numpy.typing import ArrayLike
from rich import box
from rich.console import Console
from rich.table import Table

from bench.report_notes import NOTES

OURS = "silverbullet"
# What no part of ours can be faster than: ratios are read the other way round.
FLOORS = frozenset({"bound", "relay"})
_WIDTH = 200  # more than any row has; a table is only as wide as it must be
_TEXT_WIDTH = 100


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What one contender took in one case.

    Attributes
    ----------
    case, subject, unit
        Rows of one case were measured in one run, one after the other in turn; ``subject`` is
        ``silverbullet``, a peer's name, or ``bound`` (the physical limit).
    p50, p99, max
        Over all samples of all repetitions (numpy's linear interpolation).
    runs
        Median of each repetition, in order: the same place in two rows of a case is the same
        repetition, so ratios can be taken within it.
    """

    case: str
    subject: str
    unit: str
    p50: float
    p99: float
    max: float
    runs: tuple[float, ...]


class Ratio(NamedTuple):
    """One contender's medians over another's, repetition by repetition."""

    median: float
    least: float
    greatest: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All rows of a benchmark, and where they were measured."""

    bench: str
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    rows: tuple[Row, ...]

    def to_json(self) -> str:
        """Give the one object that ``bench --json`` prints."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()

    def to_text(self) -> str:
        """Give a table for a terminal, with what is to be known to read it."""
        out = io.StringIO()
        console = Console(file=out, width=_WIDTH, highlight=False, color_system=None)
        table = Table(box=box.SIMPLE_HEAD, title=f"bench {self.bench}", title_justify="left")
        table.add_column("case and subject", no_wrap=True)
        for name in ("p50", "p99", "max"):
            table.add_column(name, justify="right", no_wrap=True)
        for name in ("unit", "times silverbullet (least to greatest run)"):
            table.add_column(name, no_wrap=True)
        for case, rows in group_cases(self.rows).items():
            table.add_row(case)
            for row in rows:
                subject, *cells = format_row(row, rows)
                table.add_row(f"  {subject}", *cells)
        console.print(table)
        said = "\n".join(textwrap.fill(line, _TEXT_WIDTH) for line in describe(self))
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + said


def make_row(case: str, subject: str, unit: str, repetitions: Sequence[ArrayLike]) -> Row:
    """Sum up the samples of each repetition.

    Raises
    ------
    ValueError
        There are no samples, or one is not finite.
    """
    arrays = [np.asarray(samples, np.float64).ravel() for samples in repetitions]
    if not arrays or not all(len(samples) for samples in arrays):
        raise ValueError(f"{subject} in {case}: a repetition without samples has no median")
    samples = np.concatenate(arrays)
    if not np.isfinite(samples).all():
        raise ValueError(f"{subject} in {case}: a sample is not finite")
    p50, p99 = np.percentile(samples, (50, 99))
    return Row(
        case=case,
        subject=subject,
        unit=unit,
        p50=float(p50),
        p99=float(p99),
        max=float(samples.max()),
        runs=tuple(float(np.median(one)) for one in arrays),
    )


def compare(row: Row, base: Row) -> Ratio:
    """Divide two rows' medians repetition by repetition.

    Raises
    ------
    ValueError
        The rows are not of one case, or have not the same repetitions.
    """
    if row.case != base.case or len(row.runs) != len(base.runs):
        raise ValueError(f"{row.subject} and {base.subject} were not measured in the same runs")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.array(row.runs) / np.array(base.runs)
    return Ratio(float(np.median(ratios)), float(ratios.min()), float(ratios.max()))


def group_cases(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Gather the rows of each case, in order."""
    cases: dict[str, list[Row]] = {}
    for row in rows:
        cases.setdefault(row.case, []).append(row)
    return cases


def format_row(row: Row, case: Sequence[Row]) -> tuple[str, ...]:
    """Write a row's cells: subject, p50, p99, max, unit and its ratio."""
    numbers = (format_number(value) for value in (row.p50, row.p99, row.max))
    return row.subject, *numbers, row.unit, _beside(row, case)


def _beside(row: Row, case: Sequence[Row]) -> str:
    """Say how many times ours a peer takes, or how many times a floor we take."""
    ours = next((other for other in case if other.subject == OURS), None)
    if ours is None or row.subject == OURS:
        return ""
    if row.subject in FLOORS:
        ratio, says = compare(ours, row), f"{OURS} "
    else:
        ratio, says = compare(row, ours), ""
    median, least, greatest = (format_number(value) for value in ratio)
    return f"{says}{median}x ({least} to {greatest})"


def format_number(value: float) -> str:
    """Write a number with three digits that count, and no exponent."""
    if value == 0.0 or not np.isfinite(value):
        return f"{value:.0f}"
    digits = max(0, 2 - int(np.floor(np.log10(abs(value)))))
    return f"{value:,.{digits}f}".replace(",", " ")


def describe(report: Report) -> list[str]:
    """Say how to read a report, and where it was measured."""
    machine = ", ".join(f"{name} {value}" for name, value in report.machine.items())
    versions = ", ".join(f"{name} {value}" for name, value in report.versions.items())
    return [*NOTES.get(report.bench, ()), f"Machine: {machine}.", f"Versions: {versions}."]


def read_report(path: Path) -> Report:
    """Read a kept report.

    Raises
    ------
    OSError, msgspec.DecodeError, msgspec.ValidationError
        The file cannot be read, or is no report.
    """
    return msgspec.json.decode(path.read_bytes(), type=Report)


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
    folder = folder or Path(platformdirs.user_data_dir("silverbullet")) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    stamp = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    path = folder / f"{bench}-{stamp}.json"
    path.write_text(text + "\n")
    print(f"kept in {path}", file=sys.stderr)
    return path
