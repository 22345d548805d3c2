"""Plain-numpy twins of the coordinate steps and of those of all free assets at once."""

import numpy as np
from numpy.typing import NDArray

from optimize.conjugate import LONGEST, STEPS
from optimize.coordinates import ALONE, MANY, SETTLED
from optimize.places import FREE, FULL, LOW
from optimize.plain_columns import add_in_order, weigh_columns
from stats.compiled import FloatArray

Places = NDArray[np.uint8]


def place_all(scaled: FloatArray, limit: float) -> Places:
    """Twin of ``places.place_all``."""
    return np.where(scaled <= 0.0, LOW, np.where(scaled >= limit, FULL, FREE)).astype(np.uint8)


def step_together(
    target: FloatArray,
    level: float,
    limit: float,
    inverse: FloatArray,
    covariance: FloatArray,
    scaled: FloatArray,
    gradient: FloatArray,
    places: Places,
    ways: FloatArray,
) -> None:
    """Twin of ``conjugate.step_together``."""
    way, last = np.zeros(len(scaled)), 1.0
    for _ in range(STEPS):
        slope = np.where(places == FREE, target + level - gradient, 0.0)
        size = add_in_order(slope * (slope * inverse))
        way = slope * inverse + size / last * way
        bent = weigh_columns(covariance, way)
        ways[:] = way, bent
        bend = add_in_order(way * bent)
        if not bend * LONGEST > size:
            break
        scaled += size / bend * way
        gradient += size / bend * bent
        last = size
    cut = np.minimum(np.maximum(scaled, 0.0), limit)
    for i in np.flatnonzero(cut != scaled):
        gradient += (cut[i] - scaled[i]) * covariance[i]
    scaled[:] = cut


def sweep_until_settled(
    most: int,
    target: FloatArray,
    level: float,
    limit: float,
    covariance: FloatArray,
    scaled: FloatArray,
    gradient: FloatArray,
    places: Places,
) -> None:
    """Twin of ``coordinates.sweep_until_settled``."""
    inverse, ways = 1.0 / covariance.diagonal(), np.empty((2, len(scaled)))
    for done in range(1, most + 1):
        before = places.copy()
        for i, row in enumerate(covariance):
            new = scaled[i] + (target[i] + level - gradient[i]) * inverse[i]
            new = min(new, limit) if new > 0.0 else 0.0
            if new != scaled[i]:
                gradient += (new - scaled[i]) * row
                scaled[i] = new
        places[:] = place_all(scaled, limit)
        changed = np.count_nonzero(places != before)
        if changed * SETTLED <= len(places):
            return
        if ALONE <= done < most and changed >= MANY:
            step_together(target, level, limit, inverse, covariance, scaled, gradient, places, ways)
