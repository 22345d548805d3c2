"""Which of the kept results one is to be compared with."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from bench.report import Report, read_report
from bench.rows import OURS

SHORT: Final = "short-"
"""How the folder of a short form begins, see `bench.full`: its figures are of other options."""


class Newest(NamedTuple):
    """What was found to compare a result with.

    Attributes
    ----------
    path
        The newest that shares a case; None where none does.
    n_seen
        How many results of the benchmark there are.
    """

    path: Path | None
    n_seen: int


def find_newest(base: Path, folder: Path) -> Newest:
    """Find the newest result that a result can be compared with.

    It is of the same benchmark and has a case of ours in common: one on Kafka has none with one on
    the embedded broker. One of the same form, short or not, goes before a newer one of the other.

    Parameters
    ----------
    base
        The result; it is not found itself.
    folder
        Holds single results, and folders of the steps of ``bench full``.

    Raises
    ------
    OSError, msgspec.DecodeError, msgspec.ValidationError
        ``base`` cannot be read, or is no report.
    """
    then = read_report(base)
    seen = [found for found in _read_all(folder, base) if found[1].bench == then.bench]
    fit = [path for path, report in seen if own_cases(report) & own_cases(then)]
    fit.sort(key=lambda path: (_is_short(path) == _is_short(base), path.stat().st_mtime_ns))
    return Newest(fit[-1] if fit else None, len(seen))


def own_cases(report: Report) -> set[str]:
    """Give the cases of a report that have a figure of ours, as a comparison needs."""
    return {row.case for row in report.rows if row.subject == OURS}


def _read_all(folder: Path, besides: Path) -> Iterator[tuple[Path, Report]]:
    for path in (path for form in ("*.json", "*/*.json") for path in folder.glob(form)):
        with suppress(msgspec.DecodeError):  # what is there may be of another program
            if not path.samefile(besides):
                yield path, read_report(path)


def _is_short(path: Path) -> bool:
    return path.resolve().parent.name.startswith(SHORT)
