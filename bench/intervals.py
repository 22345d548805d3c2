"""Bootstrap intervals over repetitions (percentile method, Efron 1979). Pure.

The samples within a repetition are alike, its neighbours on the machine too: so what is drawn anew
are repetitions, not samples.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from stats.compiled import FloatArray

LEAST_RUNS: Final = 3
"""Of two repetitions no interval can be told."""
RESAMPLES: Final = 2_000
_SEED: Final = 7  # one file gives the same page each time
_TAILS: Final = (2.5, 97.5)


class Interval(NamedTuple):
    """A 95 % interval."""

    low: float
    high: float


def make_rng() -> np.random.Generator:
    """Give the generator that all intervals of one figure are drawn from."""
    return np.random.default_rng(_SEED)


def drawn_medians(values: Sequence[float] | FloatArray, rng: np.random.Generator) -> FloatArray:
    """Give medians of as many repetitions, drawn anew each time: float64[RESAMPLES]."""
    drawn = rng.choice(np.asarray(values, np.float64), (RESAMPLES, len(values)))
    medians: FloatArray = np.median(drawn, axis=1)
    return medians


def middle(drawn: FloatArray) -> Interval:
    """Give what lies between the 2.5th and the 97.5th percentile."""
    low, high = np.percentile(drawn, _TAILS)
    return Interval(float(low), float(high))


def median_interval(values: Sequence[float] | FloatArray) -> Interval | None:
    """Give the interval of a median, of a ratio within repetitions for one.

    None with fewer than three repetitions.
    """
    if len(values) < LEAST_RUNS:
        return None
    return middle(drawn_medians(values, make_rng()))


def ratio_interval(
    over: Sequence[float] | FloatArray, under: Sequence[float] | FloatArray
) -> Interval | None:
    """Give the interval of a ratio of medians whose repetitions are not the same ones.

    None with fewer than three repetitions of either.
    """
    if min(len(over), len(under)) < LEAST_RUNS:
        return None
    rng = make_rng()
    return middle(drawn_medians(over, rng) / drawn_medians(under, rng))
