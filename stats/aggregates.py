"""Four moments of a group of tick returns, and how two groups become one.

An aggregate is (count, mean, M2, M3, M4) of returns and (mean, M2) of slopes, Mk being the sum
of the k-th powers of deviations from the mean. Pebay's formulas (Sandia report SAND2008-6212)
merge two of them; nothing is ever taken away.
"""

from typing import TypeAlias

from stats.compiled import FloatArray, kernel

Aggregate: TypeAlias = tuple[float, float, float, float, float, float, float]


@kernel
def seal_group(returns: FloatArray, slopes: FloatArray, first: int, length: int) -> Aggregate:
    """Aggregate consecutive ticks of a ring by two passes.

    The mean is first value + mean of differences from it, so that equal values give exactly
    zero deviations.

    Parameters
    ----------
    returns, slopes
        float64[N], a symbol's rings; tick q stands at q mod N.
    first, length
        Number of the oldest tick, and how many; 0 gives an empty aggregate.
    """
    window = len(returns)
    slot = first % window
    if length == 0:
        return 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    base, slope_base = returns[slot], slopes[slot]
    mean = slope_mean = 0.0
    at = slot
    for _ in range(length):
        mean += returns[at] - base
        slope_mean += slopes[at] - slope_base
        at = at + 1 if at + 1 < window else 0
    mean = base + mean / length
    slope_mean = slope_base + slope_mean / length
    m2 = m3 = m4 = slope_m2 = 0.0
    at = slot
    for _ in range(length):
        d = returns[at] - mean
        square = d * d
        m2 += square
        m3 += square * d
        m4 += square * square
        d = slopes[at] - slope_mean
        slope_m2 += d * d
        at = at + 1 if at + 1 < window else 0
    return float(length), mean, m2, m3, m4, slope_mean, slope_m2


@kernel
def merge_aggregates(a: Aggregate, b: Aggregate) -> Aggregate:
    """Merge an older group A and a newer group B; an empty one changes nothing."""
    count_a, mean_a, a2, a3, a4, slope_a, slope_a2 = a
    count_b, mean_b, b2, b3, b4, slope_b, slope_b2 = b
    if count_a == 0.0:
        return b
    if count_b == 0.0:
        return a
    count = count_a + count_b
    fa, fb = count_a / count, count_b / count
    c2 = count_a * fb
    e = mean_b - mean_a
    between = e * e * c2
    m2 = a2 + b2 + between
    m3 = a3 + b3 + e * (between * (fa - fb) + 3.0 * (fa * b2 - fb * a2))
    inner = between * (fa * fa - fa * fb + fb * fb) + 6.0 * (fa * fa * b2 + fb * fb * a2)
    m4 = a4 + b4 + e * (e * inner + 4.0 * (fa * b3 - fb * a3))
    slope_e = slope_b - slope_a
    slope_m2 = slope_a2 + slope_b2 + slope_e * slope_e * c2
    return count, mean_a + e * fb, m2, m3, m4, slope_a + slope_e * fb, slope_m2
