"""How many samples lie where: counts between edges that grow by an eighth each. Pure."""

import math
from typing import Final

import msgspec
import numpy as np

from stats.compiled import FloatArray

PER_DECADE: Final = 20
"""Bins: a factor of 1.12 each."""


class Histogram(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of samples between edges.

    Attributes
    ----------
    edges
        In the unit of the samples, ascending.
    counts
        One fewer: of those from an edge to below the next.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]


def count_samples(samples: FloatArray) -> Histogram:
    """Count samples above 0, from the bin of the least to that of the greatest.

    Raises
    ------
    ValueError
        There are none, or one is not above 0: it has no logarithm.
    """
    if not len(samples) or not samples.min() > 0.0:
        raise ValueError("a histogram needs samples, all above 0")
    # The places of all are computed alike, so that none falls outside by rounding.
    places = np.floor(PER_DECADE * np.log10(samples)).astype(np.int64)
    first = int(places.min())
    counts = np.bincount(places - first)
    edges = [math.pow(10.0, (first + k) / PER_DECADE) for k in range(len(counts) + 1)]
    return Histogram(edges=tuple(edges), counts=tuple(counts.tolist()))
