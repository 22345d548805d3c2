"""Figures of latencies: percentiles from HdrHistogram, bootstrap intervals, the control's proof."""

import io
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import msgspec
import numpy as np

from stats.compiled import FloatArray

PERCENTILES = (50.0, 90.0, 99.0, 99.9)
_LEAST_NS, _MOST_NS = 1, 3_600_000_000_000
_DIGITS = 3
_RESAMPLES = 400
_INTERVAL = (2.5, 97.5)


class Interval(msgspec.Struct, frozen=True):
    """A figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Latencies of one subject in one case, in ms.

    Attributes
    ----------
    count
        Requests, over all repetitions.
    p50, p99
        With intervals from resampling repetitions, then requests within each.
    p90, p999, max
        From the histogram: 3 significant digits.
    histogram
        HdrHistogram V2, compressed, base64: ns.
    """

    count: int
    p50: Interval
    p90: float
    p99: Interval
    p999: float
    max: float
    histogram: str


def record(latencies_ns: FloatArray) -> Any:
    """Record latencies in a histogram of 1 ns to 1 h with 3 digits.

    Without HdrHistogram's correction by an expected interval: these run from intended times
    already, and would be corrected twice.

    Raises
    ------
    ValueError
        There is none, or one is beyond the histogram's range.
    """
    if not len(latencies_ns):
        raise ValueError("no latencies: nothing to record")
    if not (np.min(latencies_ns) >= 0 and np.max(latencies_ns) <= _MOST_NS):
        raise ValueError(f"latencies from {np.min(latencies_ns)} to {np.max(latencies_ns)} ns: "
                         f"must be 0 to {_MOST_NS}")  # fmt: skip
    histogram = import_module("hdrh.histogram").HdrHistogram(_LEAST_NS, _MOST_NS, _DIGITS)
    for value in latencies_ns:
        histogram.record_value(max(_LEAST_NS, int(value)))
    return histogram


def at_percentiles(histogram: Any, percentiles: Sequence[float]) -> list[float]:
    """Give a histogram's values at percentiles, in ms."""
    found = histogram.get_percentile_to_value_dict(list(percentiles))
    return [found[percentile] / 1e6 for percentile in percentiles]


def encode(histogram: Any) -> str:
    """Encode a histogram as HdrHistogram tools of any language read it."""
    encoded = histogram.encode()
    return encoded.decode() if isinstance(encoded, bytes) else str(encoded)


def decode(text: str) -> Any:
    """Give the histogram of `encode`."""
    return import_module("hdrh.histogram").HdrHistogram.decode(text)


def to_hgrm(histogram: Any) -> str:
    """Give the percentile distribution as an ``.hgrm`` file, in ms."""
    out = io.BytesIO()
    histogram.output_percentile_distribution(out, 1e6)
    return out.getvalue().decode()


def summarise(repetitions: Sequence[FloatArray], seed: int = 0) -> Latency:
    """Sum up latencies of each repetition, in ns.

    Raises
    ------
    ValueError
        A repetition has none.
    """
    if not repetitions or not all(len(one) for one in repetitions):
        raise ValueError("a repetition without latencies has no percentiles")
    everything = np.concatenate(repetitions)
    histogram = record(everything)
    p50, p90, p99, p999 = at_percentiles(histogram, PERCENTILES)
    low, high = bootstrap(repetitions, (50.0, 99.0), seed)
    return Latency(
        count=len(everything),
        p50=Interval(p50, float(low[0]) / 1e6, float(high[0]) / 1e6),
        p90=p90,
        p99=Interval(p99, float(low[1]) / 1e6, float(high[1]) / 1e6),
        p999=p999,
        max=float(everything.max()) / 1e6,
        histogram=encode(histogram),
    )


def bootstrap(
    repetitions: Sequence[FloatArray], percentiles: Sequence[float], seed: int
) -> tuple[FloatArray, FloatArray]:
    """Give 95 % intervals of percentiles by resampling in two stages.

    Repetitions first, then requests within each: neighbours on a shared machine make whole
    repetitions slow, and requests alone would give an interval far too narrow (Davison and
    Hinkley, Bootstrap Methods and their Application, 3.8).

    Returns
    -------
    low, high : FloatArray
        float64[len(percentiles)].
    """
    generator = np.random.default_rng([seed, 3])
    found = np.empty((_RESAMPLES, len(percentiles)))
    for resample in range(_RESAMPLES):
        chosen = generator.integers(0, len(repetitions), len(repetitions))
        samples = [generator.choice(repetitions[k], len(repetitions[k])) for k in chosen]
        found[resample] = np.percentile(np.concatenate(samples), percentiles)
    low, high = np.percentile(found, _INTERVAL, axis=0)
    return low, high


def curve(text: str, points: int = 120) -> tuple[FloatArray, FloatArray]:
    """Give a histogram's quantiles for drawing: float64[m] of 1/(1 - q), and of ms."""
    histogram = decode(text)
    total = histogram.get_total_count()
    tails = np.unique(np.geomspace(1.0, max(2.0, total), points))
    found = at_percentiles(histogram, [float(share) for share in 100.0 * (1.0 - 1.0 / tails)])
    return tails, np.asarray(found, np.float64)


def control_fault(
    latencies_ns: FloatArray, predicted_ns: FloatArray, n_stalled: int, n_touched: int,
    stall_ns: int,
) -> str:  # fmt: skip
    """Say how an injected stall fails to show in the report; empty if it shows as it must.

    Parameters
    ----------
    latencies_ns
        As the report has them.
    predicted_ns
        The same by Lindley's recursion.
    n_stalled, n_touched
        Requests that were stalled, and those that it must have delayed by half or more.
    stall_ns
        Length of the stall.
    """
    n = len(latencies_ns)
    histogram = record(latencies_ns)
    at_stalled = 100.0 * (1.0 - (n_stalled - 0.5) / n)
    found_ns = histogram.get_value_at_percentile(at_stalled)
    if found_ns < 0.999 * stall_ns:
        found = f"p{at_stalled:.4g} is {found_ns / 1e6:.1f} ms"
        return f"{found}: a stall of {stall_ns / 1e6:.0f} ms is lost"
    n_late = int((latencies_ns >= 0.5 * stall_ns * 0.999).sum())
    if n_late < n_touched:
        return f"{n_late} requests late by half a stall, not {n_touched}: some are left out"
    middle_ns = histogram.get_value_at_percentile(50.0)
    if 2 * n_touched < n and middle_ns > 0.5 * stall_ns and np.median(predicted_ns) < middle_ns / 2:
        return f"p50 is {middle_ns / 1e6:.1f} ms: a stall moves only the tail"
    for percentile in (90.0, 99.0):
        expected = float(np.percentile(predicted_ns, percentile, method="inverted_cdf"))
        found_ns = histogram.get_value_at_percentile(percentile)
        # Only too little is a fault: a neighbour may hold the load itself up for a while.
        if found_ns < 0.99 * expected:
            return f"p{percentile:g} is {found_ns / 1e6:.1f} ms, not {expected / 1e6:.1f} or more"
    return ""
