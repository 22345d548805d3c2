"""Coordinate steps: which assets an optimum holds, found without a factor.

Scaled, the optimum is that of target'y - y'Sigma y / 2 over 0 <= y_i <= cap sum(y), weights
being y / sum(y): target is the mean for the Sharpe ratio and 1 for minimum variance. A step sets
one y_i to its best with all others as they are (Gauss and Seidel); a sweep takes each in turn.
A few sweeps find nearly all assets that are held, and those at the cap: 3 of 50 assets, 10 of 500,
helped by steps of all free assets at once (`optimize.conjugate`). How much of each is left to
`optimize.active_set`.
"""

import numpy as np

from optimize.columns import add_multiple
from optimize.conjugate import step_together
from optimize.places import FULL, LOW, NEARLY, ByteArray, find_place, place_all
from optimize.writable import as_variable
from stats.compiled import FloatArray, lean_kernel

# A sweep that moves no more than one in so many assets to another place is the last. At most so
# many before the first round.
SETTLED, FIRST_SWEEPS = 128, 10
# Sweeps before free assets move together, too, and how many must have changed their place in the
# last: below, sweeps alone are as quick.
ALONE, MANY = 3, 8
# Sweeps have a start's limit of each scaled weight. Where their sum ends further from the start's,
# who is at the cap is said anew: 10 dense capped assets take 2.5 us, not 3.2, from weights far off.
FAR_OFF = 0.25


@lean_kernel
def sweep(
    target: FloatArray,
    level: float,
    limit: float,
    inverse: FloatArray,
    covariance: FloatArray,
    scaled: FloatArray,
    gradient: FloatArray,
    places: ByteArray,
) -> int:
    """Set each of the scaled weights to its best in turn; return how many change their place.

    Parameters
    ----------
    level
        What the cap adds to the slope of all.
    limit
        Of each scaled weight.
    inverse
        1 / variance of each asset.
    gradient
        Sigma y, kept up.
    """
    changed = 0
    for i in range(scaled.shape[0]):
        old = scaled[i]
        new = old + (target[i] + level - gradient[i]) * inverse[i]
        new = min(new, limit) if new > 0.0 else 0.0
        if new != old:
            add_multiple(new - old, covariance[i], gradient)
            scaled[i] = new
        place = find_place(new, limit)
        changed += places[i] != place
        places[i] = place
    return changed


@lean_kernel
def sweep_until_settled(
    most: int,
    target: FloatArray,
    level: float,
    limit: float,
    inverse: FloatArray,
    covariance: FloatArray,
    scaled: FloatArray,
    gradient: FloatArray,
    places: ByteArray,
    ways: FloatArray,
) -> None:
    """Sweep, ``most`` times at most, until hardly an asset changes its place.

    While many still do, the free assets move together in between.
    """
    for done in range(1, most + 1):
        changed = sweep(target, level, limit, inverse, covariance, scaled, gradient, places)
        if changed * SETTLED <= scaled.shape[0]:
            return
        if ALONE <= done < most and changed >= MANY:
            step_together(target, level, limit, inverse, covariance, scaled, gradient, places, ways)


@lean_kernel
def scale_start(
    total: float,
    target: FloatArray,
    cap: float,
    weights: FloatArray,
    scaled: FloatArray,
    gradient: FloatArray,
    places: ByteArray,
) -> tuple[float, float]:
    """Fill y and Sigma y of weights, by Sigma w; return what the cap adds to slopes, and y's."""
    place_all(weights, cap if cap < 1.0 else np.inf, places)
    pull, rest = 0.0, 1.0
    for i in range(weights.shape[0]):
        scaled[i] = total * weights[i]
        gradient[i] *= total
        if places[i] == FULL:
            pull += target[i] - gradient[i]
            rest -= cap
    level = max(cap * pull / rest, 0.0) if rest > NEARLY else 0.0
    return level, cap * total if cap < 1.0 else np.inf


@lean_kernel
def place_start(
    warm: bool,
    target: FloatArray,
    cap: float,
    inverse: FloatArray,
    covariance: FloatArray,
    weights: FloatArray,
    scaled: FloatArray,
    gradient: FloatArray,
    places: ByteArray,
    ways: FloatArray,
) -> None:
    """Say which assets are held, and at the cap, before the first round: by sweeps.

    From the weights, whose Sigma w the gradient is; cold from zeros, as if there were no cap. Who
    is at the cap is said by the sum that the sweeps end with, cold or where that is `FAR_OFF`.
    """
    level, limit, total = 0.0, np.inf, 0.0
    if warm:
        gain, variance = 0.0, 0.0
        for i in range(weights.shape[0]):
            gain += target[i] * weights[i]
            variance += weights[i] * gradient[i]
        total = gain / variance if variance > 0.0 else 0.0
    if total > 0.0:
        level, limit = scale_start(total, target, cap, weights, scaled, gradient, places)
    else:
        scaled[:] = 0.0
        gradient[:] = 0.0
        places[:] = LOW
    most = as_variable(FIRST_SWEEPS)
    sweep_until_settled(
        most,
        target,
        level,
        limit,
        inverse,
        covariance,
        scaled,
        gradient,
        places,
        ways,
    )
    if cap < 1.0:
        found = 0.0
        for y in scaled:
            found += y
        if not abs(found - total) <= FAR_OFF * total:
            place_all(scaled, cap * found, places)
