"""Reads what any benchmark has kept, and refuses what no benchmark can have."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from bench.engines.report import EngineReport
from bench.report import Report
from bench.report_notes import NOTES
from bench.rows import Row, group_cases, is_rate, is_time
from bench.soak.report import SoakReport
from bench.summary import Kept

KNOWN: Final = (*NOTES, "soak", "engines")
"""Names of the benchmarks."""
_REMEDY: Final = "the file was cut or edited: take it as it was kept, or measure again"


class _Head(msgspec.Struct):
    """What tells one kind of kept file from the other."""

    bench: str


def read_kept(path: Path) -> Kept:
    """Read a kept result, whose kind its first field says.

    Raises
    ------
    OSError, msgspec.DecodeError, msgspec.ValidationError
        The file cannot be read, or is no result of a benchmark of ours: its benchmark is unknown,
        the rows of one case were repeated differently often, or a time is negative.
    """
    content = path.read_bytes()
    bench = msgspec.json.decode(content, type=_Head).bench
    if bench not in KNOWN:
        raise msgspec.ValidationError(f"bench {bench!r} is none of {', '.join(sorted(KNOWN))}")
    if bench == "soak":
        return msgspec.json.decode(content, type=SoakReport)
    report = msgspec.json.decode(content, type=EngineReport if bench == "engines" else Report)
    _check_rows(report.rows)
    return report


def _check_rows(rows: Sequence[Row]) -> None:
    for case, found in group_cases(rows).items():
        first = found[0]
        for row in found:
            if len(row.runs) != len(first.runs):
                raise msgspec.ValidationError(
                    f"{case}: {row.subject} has {len(row.runs)} repetitions, {first.subject} "
                    f"{len(first.runs)}; {_REMEDY}"
                )
            if row.p99_runs and len(row.p99_runs) != len(row.runs):
                raise msgspec.ValidationError(
                    f"{case}: {row.subject} has {len(row.runs)} repetitions and "
                    f"{len(row.p99_runs)} p99s of them; {_REMEDY}"
                )
            least = min(row.p50, row.p99, row.max, *row.runs, *row.p99_runs)
            if (is_time(row) or is_rate(row)) and least < 0.0:
                raise msgspec.ValidationError(
                    f"{case}: {row.subject} takes {least:g} {row.unit}, and no time is below 0; "
                    f"{_REMEDY}"
                )
