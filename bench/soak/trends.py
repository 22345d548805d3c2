"""Whether a measure grows while a program runs: its slope, how sure that is, a verdict. Pure."""

import msgspec
import numpy as np
from scipy import stats

from stats.compiled import FloatArray

BLOCKS = 24
"""Most blocks that a series is cut into."""
LEAST_SAMPLES = 8
LEAST_GROWTH_MIB = 2.0
"""Of memory: a hundredth of what a part takes. Less does not count."""
_CONFIDENCE = 0.95
_SECONDS_AN_HOUR = 3600.0
_SECONDS_A_MINUTE = 60.0


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """How one measure of one process went.

    Attributes
    ----------
    process, measure, unit
        What it is of.
    first_quarter, last_quarter
        Medians.
    slope, slope_error, low, high
        Per hour: the slope, its standard error, and the interval that holds it with 95 %.
    verdict
        ``flat within its error``, ``grows``, ``falls``, or ``steps``: the slope is none by
        chance, but what it adds in the time measured is less than what counts.
    block_minutes, block_medians
        What the line was fitted through, and when; older results keep none.
    """

    process: str
    measure: str
    unit: str
    first_quarter: float
    last_quarter: float
    slope: float
    slope_error: float
    low: float
    high: float
    verdict: str
    block_minutes: tuple[float, ...] = ()
    block_medians: tuple[float, ...] = ()


def find_trend(
    process: str,
    measure: str,
    unit: str,
    seconds: FloatArray,
    values: FloatArray,
    *,
    least_change: float,
) -> Trend:
    """Fit a line through the medians of blocks.

    Samples that follow one another are alike, so the error of a line through all of them is
    far too small; medians of blocks of a minute or so are nearly independent, and a single
    outlier does not move them.

    Parameters
    ----------
    seconds, values
        float64[n], when each sample was taken, ascending, and what it says.
    least_change
        What counts in the whole time: a page more for good is none that anyone misses.

    Raises
    ------
    ValueError
        There are fewer than `LEAST_SAMPLES` samples.
    """
    if len(values) < LEAST_SAMPLES:
        raise ValueError(
            f"{measure} of {process}: {len(values)} samples, {LEAST_SAMPLES} are needed: "
            "measure for longer"
        )
    times, medians = _block_medians(seconds, values)
    if np.ptp(medians) == 0.0:  # scipy's error of a line that fits a constant is NaN
        slope = error = half = 0.0
    else:
        slope, error, half = _fit(times, medians)
    span_h = float(seconds[-1] - seconds[0]) / _SECONDS_AN_HOUR
    quarter = max(1, len(values) // 4)
    return Trend(
        process=process,
        measure=measure,
        unit=unit,
        first_quarter=float(np.median(values[:quarter])),
        last_quarter=float(np.median(values[-quarter:])),
        slope=slope,
        slope_error=error,
        low=slope - half,
        high=slope + half,
        verdict=_judge(slope, half, span_h, least_change),
        block_minutes=tuple((times / _SECONDS_A_MINUTE).round(2).tolist()),
        block_medians=tuple(medians.tolist()),
    )


def _fit(times: FloatArray, medians: FloatArray) -> tuple[float, float, float]:
    """Give the slope an hour, its standard error, and half the width of its interval."""
    line = stats.linregress(times, medians)
    error = float(line.stderr) * _SECONDS_AN_HOUR
    quantile = float(stats.t.ppf((1.0 + _CONFIDENCE) / 2.0, len(times) - 2))
    return float(line.slope) * _SECONDS_AN_HOUR, error, quantile * error


def _block_medians(seconds: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    count = min(BLOCKS, len(values) // 2)
    blocks = list(zip(np.array_split(seconds, count), np.array_split(values, count), strict=True))
    times = np.array([float(one.mean()) for one, _ in blocks])
    medians = np.array([float(np.median(one)) for _, one in blocks])
    return times, medians


def _judge(slope: float, half: float, span_h: float, least_change: float) -> str:
    if abs(slope) <= half:
        return "flat within its error"
    if abs(slope) * span_h < least_change:
        return "steps"
    return "grows" if slope > 0 else "falls"
