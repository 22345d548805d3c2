"""How cost grows with assets and window, beside what its order says. Pure.

The exponent of a step from one size to the next is log(time / time) / log(size / size). A step
may exceed its order by `MARGIN`: what no longer fits a cache is fetched from the next, which can
cost 1.4 times for a doubling, once.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final, Literal, NamedTuple

import numpy as np

from bench.intervals import Interval, median_interval
from bench.rows import OURS, Row, group_cases, make_row, times
from stats.compiled import FloatArray

MARGIN: Final = 0.5
Along = Literal["assets", "window"]
ALONG: Final[tuple[Along, ...]] = ("assets", "window")
_SIZE: Final = re.compile(r"(\d+) assets(?:, window (\d+))?")


class Order(NamedTuple):
    """What a cost is said to grow by: the powers of the number of assets and of the window.

    ``window`` is None where a cost has none to do with it.
    """

    assets: float
    window: float | None
    why: str

    @property
    def along(self) -> tuple[Along, ...]:
        """Give what the cost can grow with."""
        return ALONG if self.window is not None else ALONG[:1]

    def says(self, along: Along) -> str:
        """Write it as people write it."""
        power, name = self.power(along), "n" if along == "assets" else "W"
        return {0.0: "O(1)", 1.0: f"O({name})"}.get(power, f"O({name}^{power:g})")

    def power(self, along: Along) -> float:
        """Give the power in one of both."""
        return self.assets if along == "assets" else self.window or 0.0


ROW, TICK = "row pushed and read", "tick pushed, all read every 10 an asset"
EXACT, RESAMPLE = "exact decision", "resample block of 32 draws"
CLOUD = "cloud of 500 portfolios"
JSON_TICKS, PACKED_TICKS = (
    "JSON tick admitted, in all windows",
    "packed tick admitted, in all windows",
)
ORDERS: Final[Mapping[str, Order]] = {
    ROW: Order(2.0, 0.0, "n (n + 1) / 2 comoments; a row enters and leaves aggregates, not a sum"),
    TICK: Order(0.0, 0.0, "aggregates of blocks; reading all is shared by ten ticks an asset"),
    EXACT: Order(3.0, None, "factors: of the covariance for the means, of held assets for weights"),
    RESAMPLE: Order(3.0, None, "products of triangles make a covariance; held assets' factor"),
    CLOUD: Order(2.0, None, "products of the held assets' pairs for each portfolio"),
    JSON_TICKS: Order(0.0, 0.0, "one message, one symbol"),
    PACKED_TICKS: Order(0.0, 0.0, "one symbol"),
}  # fmt: skip


class Size(NamedTuple):
    """What a subject of a scaling case stands for."""

    assets: int
    window: int | None

    def named(self) -> str:
        """Write it as a subject."""
        window = "" if self.window is None else f", window {self.window}"
        return f"{self.assets} assets{window}"


class Step(NamedTuple):
    """From one size to the next, all else equal.

    Attributes
    ----------
    exponents
        float64[repetitions].
    """

    case: str
    along: Along
    before: Size
    after: Size
    exponents: FloatArray

    @property
    def exponent(self) -> float:
        """Median over the repetitions."""
        return float(np.median(self.exponents))

    @property
    def interval(self) -> Interval | None:
        """95 % interval over the repetitions."""
        return median_interval(self.exponents)


def read_size(subject: str) -> Size | None:
    """Read what a subject stands for; None where it is no size."""
    found = _SIZE.fullmatch(subject)
    if found is None:
        return None
    return Size(int(found[1]), int(found[2]) if found[2] else None)


def find_steps(rows: Sequence[Row]) -> list[Step]:
    """Give all steps of the cases that have an order, case by case."""
    return [
        step
        for case, found in group_cases(rows).items()
        if case in ORDERS
        for along in ALONG
        for step in _steps_along(case, along, found)
    ]


def _steps_along(case: str, along: Along, rows: Sequence[Row]) -> Iterator[Step]:
    sized = {size: row for row in rows if (size := read_size(row.subject)) is not None}
    lines: dict[int | None, list[Size]] = {}
    for size in sorted(sized, key=lambda one: (one.assets, one.window or 0)):
        lines.setdefault(size.window if along == "assets" else size.assets, []).append(size)
    for sizes in lines.values():
        for before, after in pairwise(sizes):
            lengths = [getattr(one, along) for one in (before, after)]
            ratios = times(sized[after]) / times(sized[before])
            yield Step(
                case, along, before, after, np.log(ratios) / math.log(lengths[1] / lengths[0])
            )


def worst_case(case: str, along: Along) -> str:
    """Name the row that says how fast a case grew where it grew fastest."""
    return f"{case}: fastest growth with {'n' if along == 'assets' else 'the window'}"


def worst_rows(rows: Sequence[Row]) -> list[Row]:
    """Give for each case the exponent of its worst step, with assets and with the window."""
    return [
        make_row(
            worst_case(one.case, one.along),
            OURS,
            "exponent",
            [[float(exponent)] for exponent in one.worst.exponents],
        )
        for one in summarise(rows)
    ]


ADMITTED: Final = "ticks a second"
"""Unit of `admission_rows`."""


def admission_case(form: str) -> str:
    """Name the rows of ticks in a form that are admitted and put into windows, and no more."""
    return f"{form} ticks a second that admission and windows alone take, without Kafka"


def admission_rows(rows: Sequence[Row]) -> list[Row]:
    """Give the ticks a second that one thread admits and puts into windows, at each size.

    The inverse of a tick's time in a batch that lies in memory: neither Kafka nor a decision is
    in it.
    """
    return [
        make_row(
            admission_case(form),
            row.subject,
            ADMITTED,
            [[1e9 / run] for run in row.runs],
        )
        for case, form in ((JSON_TICKS, "JSON"), (PACKED_TICKS, "packed"))
        for row in rows
        if row.case == case
    ]


class Growth(NamedTuple):
    """How a case grows along one of both: the table's line.

    Attributes
    ----------
    fitted
        Exponent of the power law fitted to all sizes, the median over what else is fixed.
    worst
        The step that grew fastest.
    """

    case: str
    along: Along
    fitted: float
    worst: Step


def summarise(rows: Sequence[Row]) -> list[Growth]:
    """Say of each case how it grows, by a fit over all sizes and by its worst step."""
    steps = find_steps(rows)
    found = []
    for case, along in dict.fromkeys((step.case, step.along) for step in steps):
        chosen = [step for step in steps if (step.case, step.along) == (case, along)]
        costs = {row.subject: float(np.median(times(row))) for row in rows if row.case == case}
        lines: dict[int | None, set[Size]] = {}
        for step in chosen:
            fixed = step.before.window if along == "assets" else step.before.assets
            lines.setdefault(fixed, set()).update((step.before, step.after))
        fits = [
            fit_exponent(
                [getattr(one, along) for one in line], [costs[one.named()] for one in line]
            )
            for line in lines.values()
        ]
        worst = max(chosen, key=lambda step: step.exponent)
        found.append(Growth(case, along, float(np.median(fits)), worst))
    return found


def fit_exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Fit the exponent of a power law: the slope of a line through the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])
