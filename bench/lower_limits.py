"""Which figures are lower limits: a ramp that ended before the contender fell behind. Pure."""

from collections.abc import Mapping
from typing import Final

from bench.rows import Row

FELL_BEHIND: Final = "fell behind"
_LIMIT_OF: Final = "limit of "


def find_lower_limits(machine: Mapping[str, str], case: str, rows: list[Row]) -> frozenset[str]:
    """Give the subjects of a case whose highest rate may be higher than was tried.

    Parameters
    ----------
    machine
        Of a report of ``bench pipeline --saturation``: ``limit of FORM, SUBJECT`` says what ended
        its ramps. A mixture counts as a lower limit too.
    """
    found = set()
    for name, ended in machine.items():
        form, _, subject = name.removeprefix(_LIMIT_OF).partition(", ")
        is_other = "and" in ended or not ended.startswith(FELL_BEHIND)
        if name.startswith(_LIMIT_OF) and f", {form} ticks " in case and is_other:
            found.add(subject)
    return frozenset(row.subject for row in rows if row.subject in found and _is_rate(row))


def _is_rate(row: Row) -> bool:
    return row.unit == "ticks a second"
