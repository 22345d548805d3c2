"""How far the rolling windows of all subjects drift, as one table. Pure."""

from collections.abc import Sequence
from typing import Final

from bench.kernels.tick_names import MEASURES, NO_NUMBER, TAPE_NAMES, drift_case
from bench.rows import Row, format_number

_HEAD: Final = (
    "Largest drift{after}, as a multiple of what rounding alone may do to a window computed anew "
    "(1 or less: rounding alone, no drift):"
)
_LARGE: Final = 1e4


def drift_figures(rows: Sequence[Row], updates: str) -> list[str]:
    """Write a line for each measure and tape, a column for each subject.

    Parameters
    ----------
    updates
        How many went through each window; empty where that is not known.
    """
    cases = [(measure, tape) for measure in MEASURES for tape in TAPE_NAMES]
    found = {(row.case, row.subject): row for row in rows}
    names = {drift_case(tape, measure) for measure, tape in cases}
    subjects = list(dict.fromkeys(row.subject for row in rows if row.case in names))
    if not subjects:
        return []
    lines = [
        f"| {measure}, {tape} | "
        + " | ".join(_cell(found.get((drift_case(tape, measure), subject))) for subject in subjects)
        + " |"
        for measure, tape in cases
    ]
    after = f" after {updates} updates" if updates else ""
    return [
        _HEAD.format(after=after), "",
        f"| measure, tape | {' | '.join(subjects)} |",
        "|---" + "|--:" * len(subjects) + "|",
        *lines,
    ]  # fmt: skip


def _cell(row: Row | None) -> str:
    if row is None:
        return "-"
    if row.max >= NO_NUMBER:
        return "no number"
    return f"{row.max:.0e}" if row.max >= _LARGE else format_number(row.max, 2)
