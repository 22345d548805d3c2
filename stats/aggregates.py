"""Four moments of a group of tick returns: how one more tick enters, and how two groups merge.

An aggregate is (count, mean, M2, M3, M4) of returns and (mean, M2) of slopes, Mk being the sum
of the k-th powers of deviations from the mean. Formulas are Pebay's (Sandia report
SAND2008-6212); nothing is ever taken away. Both take the reciprocal of the count they end with
from a table: a division would be most of their time, and a table of correctly rounded 1 / n is
the same on every machine.
"""

from typing import TypeAlias

from stats.compiled import FloatArray, inlined

Aggregate: TypeAlias = tuple[float, float, float, float, float, float, float]


@inlined
def no_ticks() -> Aggregate:
    """Give the aggregate of an empty group."""
    return 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0


@inlined
def add_tick(group: Aggregate, value: float, slope: float, inverse: float) -> Aggregate:
    """Add a tick's return and slope.

    Equal values give exactly zero deviations.

    Parameters
    ----------
    inverse
        1 / (count + 1).
    """
    count, mean, m2, m3, m4, slope_mean, slope_m2 = group
    more = count + 1.0
    deviation = value - mean
    step = deviation * inverse
    square = deviation * step * count
    quartic = square * (more * more - 3.0 * more + 3.0) + 6.0 * m2
    m4 = m4 + step * (step * quartic - 4.0 * m3)
    m3 = m3 + step * (square * (more - 2.0) - 3.0 * m2)
    slope_deviation = slope - slope_mean
    slope_step = slope_deviation * inverse
    slope_m2 = slope_m2 + slope_deviation * slope_step * count
    return more, mean + step, m2 + square, m3, m4, slope_mean + slope_step, slope_m2


@inlined
def merge_aggregates(a: Aggregate, b: Aggregate, inverse: float) -> Aggregate:
    """Merge an older group A and a newer group B, neither of them empty.

    Parameters
    ----------
    inverse
        1 / (count of A + count of B).
    """
    count_a, mean_a, a2, a3, a4, slope_a, slope_a2 = a
    count_b, mean_b, b2, b3, b4, slope_b, slope_b2 = b
    fa, fb = count_a * inverse, count_b * inverse
    c2 = count_a * fb
    e = mean_b - mean_a
    between = e * e * c2
    m2 = a2 + b2 + between
    m3 = a3 + b3 + e * (between * (fa - fb) + 3.0 * (fa * b2 - fb * a2))
    inner = between * (fa * fa - fa * fb + fb * fb) + 6.0 * (fa * fa * b2 + fb * fb * a2)
    m4 = a4 + b4 + e * (e * inner + 4.0 * (fa * b3 - fb * a3))
    slope_e = slope_b - slope_a
    slope_m2 = slope_a2 + slope_b2 + slope_e * slope_e * c2
    return count_a + count_b, mean_a + e * fb, m2, m3, m4, slope_a + slope_e * fb, slope_m2


@inlined
def store_aggregate(rows: FloatArray, s: int, row: int, group: Aggregate) -> None:
    """Write an aggregate but for its count to ``rows[s, row]``, a row of six."""
    rows[s, row, 0], rows[s, row, 1], rows[s, row, 2] = group[1], group[2], group[3]
    rows[s, row, 3], rows[s, row, 4], rows[s, row, 5] = group[4], group[5], group[6]


@inlined
def load_aggregate(rows: FloatArray, s: int, row: int, count: int) -> Aggregate:
    """Read an aggregate of ``count`` ticks from ``rows[s, row]``."""
    return (
        float(count), rows[s, row, 0], rows[s, row, 1], rows[s, row, 2],
        rows[s, row, 3], rows[s, row, 4], rows[s, row, 5],
    )  # fmt: skip
