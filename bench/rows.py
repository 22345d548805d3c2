"""What contenders took in a case, and how often one took what another did. Pure."""

from collections.abc import Collection, Iterable, Sequence
from typing import Annotated, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from bench.histogram import Histogram, count_samples
from bench.intervals import Interval, median_interval, range_of
from stats.compiled import FloatArray

OURS = "silverbullet"
FROM_PYTHON = "silverbullet, called from Python"
TWIN = "numpy twin"
OUR_OTHERS = frozenset({FROM_PYTHON, TWIN})
"""Subjects of this program too, beside the one that is judged: no peers."""
# What no part of ours can be faster than: ratios are read the other way round.
FLOORS = frozenset({"bound", "relay"})
_HIGHER_IS_BETTER: Final = "a second"
_TIMES: Final = frozenset({"ns", "us", "ms", "s"})
LEAST_FOR_RUNS_P99: Final = 1_000
"""Samples that each repetition needs for a p99 of its own: ten lie beyond it then. Of 100 it would
be the greatest, of 400 one stall or another of four."""
_LEAST_PLAIN: Final = 1e-6
_MOST_PLAIN: Final = 1e13
_MOST_RATIO: Final = 1000.0
COLUMNS: Final = (
    "subject", "p50", "least to greatest", "95 %", "p99", "max", "unit",
    "times ours (least to greatest)", "95 %",
)  # fmt: skip
"""Of what `format_row` writes."""


class Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one contender took in one case.

    Attributes
    ----------
    case, subject, unit
        Rows of one case were measured in one run, one after the other in turn; ``subject`` is
        ``silverbullet``, a peer's name, or ``bound`` (the physical limit).
    p50, p99, max
        Over all samples of all repetitions (numpy's linear interpolation). What is shown and
        judged is `median` and `tail`.
    runs
        Median of each repetition, in order: the same place in two rows of a case is the same
        repetition, so ratios can be taken within it.
    p99_runs
        p99 of each repetition, in order; empty where one has fewer samples than
        `LEAST_FOR_RUNS_P99`.
    histogram
        Of all samples, where how they lie is what is asked.
    """

    case: str
    subject: str
    unit: str
    p50: float
    p99: float
    max: float
    runs: Annotated[tuple[float, ...], msgspec.Meta(min_length=1)]
    p99_runs: tuple[float, ...] = ()
    histogram: Histogram | None = None

    @property
    def median(self) -> float:
        """Median of the repetitions' medians."""
        return float(np.median(self.runs))

    @property
    def tail(self) -> float:
        """Median of the repetitions' p99s; where there are none, p99 of all samples."""
        return float(np.median(self.p99_runs)) if self.p99_runs else self.p99


class Ratio(NamedTuple):
    """One contender's medians over another's, repetition by repetition."""

    median: float
    least: float
    greatest: float


def make_row(
    case: str,
    subject: str,
    unit: str,
    repetitions: Sequence[ArrayLike],
    *,
    with_histogram: bool = False,
) -> Row:
    """Sum up the samples of each repetition.

    Raises
    ------
    ValueError
        There are no samples, or one is not finite, or of a histogram not above 0.
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
        p99_runs=_p99_runs(arrays),
        histogram=count_samples(samples) if with_histogram else None,
    )


def _p99_runs(arrays: Sequence[FloatArray]) -> tuple[float, ...]:
    if min(map(len, arrays)) < LEAST_FOR_RUNS_P99:
        return ()
    return tuple(float(np.percentile(one, 99)) for one in arrays)


def times(row: Row) -> FloatArray:
    """Give what each repetition took: of a rate its inverse, so that less is always better."""
    runs = np.array(row.runs)
    return 1.0 / runs if is_rate(row) else runs


def is_rate(row: Row) -> bool:
    """Say whether more of it is better."""
    return row.unit.endswith(_HIGHER_IS_BETTER)


def is_time(row: Row) -> bool:
    """Say whether a row is a time, as in ``us`` and ``ns a tick``: no rate, size or share.

    >>> is_time(make_row("job", "silverbullet", "ns a tick", [[1.0]]))
    True
    """
    return row.unit.split(" ", 1)[0] in _TIMES


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


def format_row(row: Row, case: Sequence[Row], at_least: Collection[str] = ()) -> tuple[str, ...]:
    """Write a row's cells, for the columns `COLUMNS`.

    Parameters
    ----------
    at_least
        Subjects of the case whose figure is no more than a lower limit: they have no ratio.
    """
    p50 = ("at least " if row.subject in at_least else "") + format_number(row.median)
    tail = (format_number(value) for value in (row.tail, row.max))
    spread = format_range(row.runs), format_interval(median_interval(row.runs))
    return row.subject, p50, *spread, *tail, row.unit, *_beside(row, case, at_least)


def _beside(row: Row, case: Sequence[Row], at_least: Collection[str]) -> tuple[str, str]:
    """Say how many times ours a peer takes, or how many times a floor we take."""
    ours = next((other for other in case if other.subject == OURS), None)
    if ours is None or row.subject == OURS:
        return "", ""
    if {row.subject, OURS} & set(at_least):
        return "", "-"
    is_floor = row.subject in FLOORS
    over, under = (ours, row) if is_floor else (row, ours)
    found = compare(over, under)
    interval = median_interval(np.array(over.runs) / np.array(under.runs))
    says = f"{OURS} " if is_floor else ""
    least, greatest = format_number(found.least), format_number(found.greatest)
    span = "" if len(row.runs) == 1 else f" ({least} to {greatest})"
    return f"{says}{format_ratio(found.median)}{span}", format_interval(interval)


def format_interval(interval: Interval | None) -> str:
    """Write an interval, or a dash where there is none."""
    if interval is None:
        return "-"
    return f"{format_number(interval.low)} to {format_number(interval.high)}"


def format_range(values: Sequence[float]) -> str:
    """Write the least and the greatest, or a dash of one value."""
    return "-" if len(values) == 1 else format_interval(range_of(values))


def format_ratio(value: float, digits: int = 3) -> str:
    """Write how many times one is another; beyond a thousand no digit of it says anything.

    >>> format_ratio(2.0), format_ratio(4e6)
    ('2.00x', '>1000x')
    """
    return ">1000x" if value > _MOST_RATIO else f"{format_number(value, digits)}x"


def format_number(value: float, digits: int = 3) -> str:
    """Write a number with the digits that count; with an exponent where zeros would be more."""
    if value == 0.0 or not np.isfinite(value):
        return f"{value:.0f}"
    if not _LEAST_PLAIN <= abs(value) < _MOST_PLAIN:
        return f"{value:.{digits - 1}e}"
    value = float(f"{value:.{digits - 1}e}")  # 9.996 is 10.0 then, not 10.00
    places = max(0, digits - 1 - int(np.floor(np.log10(abs(value)))))
    return f"{value:,.{places}f}".replace(",", " ")
