"""Which of the kept results some are to be compared with."""

from collections.abc import Iterator, Sequence
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
        How many results of the benchmark there are, but the one that is compared.
    passed_over
        A newer one of the other form, short or not, that shares a case too; None without one.
    """

    path: Path | None
    n_seen: int
    passed_over: Path | None = None


def find_newest(bases: Sequence[Path], folder: Path) -> Newest:
    """Find the newest result that a result can be compared with.

    It is of the same benchmark and has a case of ours in common: one on Kafka has none with one on
    the embedded broker. One of the same form, short or not, goes before a newer one of the other.

    Parameters
    ----------
    bases
        The results; neither they nor copies of them are found.
    folder
        Holds single results, and folders of the steps of ``bench full``.

    Raises
    ------
    OSError, msgspec.DecodeError, msgspec.ValidationError
        One of ``bases`` cannot be read, or is no report.
    """
    thens = [read_report(base) for base in bases]
    cases = set().union(*map(own_cases, thens))
    # A published result was kept, too, by who measured it: set beside itself all is 1.00x.
    seen = [
        (path, report)
        for path, report in _read_all(folder, bases)
        if report.bench == thens[0].bench and all(report.rows != then.rows for then in thens)
    ]
    fit = [path for path, report in seen if own_cases(report) & cases]
    if not fit:
        return Newest(None, len(seen))
    newest = max(fit, key=_changed_ns)
    best = max(fit, key=lambda path: (_is_short(path) == _is_short(bases[0]), _changed_ns(path)))
    return Newest(best, len(seen), newest if newest != best else None)


def _changed_ns(path: Path) -> int:
    return path.stat().st_mtime_ns


def own_cases(report: Report) -> set[str]:
    """Give the cases of a report that have a figure of ours, as a comparison needs."""
    return {row.case for row in report.rows if row.subject == OURS}


def _read_all(folder: Path, besides: Sequence[Path]) -> Iterator[tuple[Path, Report]]:
    for path in (path for form in ("*.json", "*/*.json") for path in folder.glob(form)):
        with suppress(msgspec.DecodeError):  # what is there may be of another program
            if not any(path.samefile(one) for one in besides):
                yield path, read_report(path)


def _is_short(path: Path) -> bool:
    return path.resolve().parent.name.startswith(SHORT)
