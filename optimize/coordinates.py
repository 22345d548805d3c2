"""Coordinate steps: which assets an optimum holds, found without a factor.

Scaled, the optimum is that of target'y - y'Sigma y / 2 over 0 <= y_i <= cap sum(y), weights
being y / sum(y): target is the mean for the Sharpe ratio and 1 for minimum variance. A step sets
one y_i to its best with all others as they are (Gauss and Seidel); a sweep takes each in turn.
A few sweeps find nearly all assets that are held, and those at the cap: 3 of 50 assets, 8 to 12
of 500. How much of each is left to `optimize.active_set`.
"""

from optimize.columns import ByteArray, make_column
from optimize.places import find_place
from stats.compiled import FloatArray, inlined, lean_kernel

# A sweep that moves no more than one in so many assets to another place is the last.
SETTLED = 128


@inlined
def add_multiple(amount: float, row: FloatArray, out: FloatArray) -> None:
    """Add a multiple of a row."""
    for k in range(out.shape[0]):
        out[k] += amount * row[k]


@lean_kernel
def sweep(
    target: FloatArray,
    level: float,
    limit: float,
    inverse: FloatArray,
    covariance: FloatArray,
    ready: ByteArray,
    factor: FloatArray,
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
            make_column(i, covariance, ready, factor)
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
    ready: ByteArray,
    factor: FloatArray,
    scaled: FloatArray,
    gradient: FloatArray,
    places: ByteArray,
) -> None:
    """Sweep, ``most`` times at most, until hardly an asset changes its place."""
    for _ in range(most):
        changed = sweep(
            target, level, limit, inverse, covariance, ready, factor, scaled, gradient, places
        )
        if changed * SETTLED <= scaled.shape[0]:
            return
