"""The optimum of the assets that are thought to be held, and whether it is that of all.

Coordinate steps say which assets are held (`optimize.coordinates`), a linear system how much of
each (`optimize.held_system`). If none of these is out of bounds and no other asset's slope has
the wrong sign, this is the optimum of all. Otherwise sweeps from there find better places, and it
is tried again: 1 to 3 times at 50 assets, 2 to 5 at 500.
"""

import numpy as np

from optimize.columns import ByteArray, make_column, weigh_columns
from optimize.coordinates import sweep_until_settled
from optimize.exchange import TOLERANCE
from optimize.held_system import solve_places
from optimize.places import FREE, FULL, LOW, admit, flip, list_places, place_all
from optimize.subspace import keep_sum
from stats.compiled import FloatArray, IntArray, kernel, lean_kernel

# Of the slopes of assets that are not free: half of what `exchange` lets pass.
CLOSE = 0.5 * TOLERANCE
# Rounds in all, and those that sweep: at a cap, sweeps may come to the same places again.
ROUNDS, SWEPT = 12, 4
# Weights that miss their sum by more were solved for in vain: the set is nearly singular.
SPOILT = 1e-9
FIRST_SWEEPS, SWEEPS = 24, 8


@lean_kernel
def invert_variances(
    covariance: FloatArray, ready: ByteArray, factor: FloatArray, inverse: FloatArray
) -> bool:
    """Fill 1 / variance of each asset; tell whether all have one."""
    for i in range(inverse.shape[0]):
        make_column(i, covariance, ready, factor)
        if not covariance[i, i] > 0.0:
            return False
        inverse[i] = 1.0 / covariance[i, i]
    return True


@lean_kernel
def is_optimal(
    target: FloatArray,
    total: float,
    level: float,
    scaled: FloatArray,
    gradient: FloatArray,
    places: ByteArray,
) -> bool:
    """Tell whether no low asset would gain by rising, and none at the cap by falling."""
    gain = 0.0
    for i in range(scaled.shape[0]):
        gain += target[i] * scaled[i]
    close = CLOSE * gain / total
    for i in range(scaled.shape[0]):
        slope = target[i] + level - gradient[i]
        if (places[i] == LOW and slope > close) or (places[i] == FULL and slope < -close):
            return False
    return True


@lean_kernel
def put(
    cut: bool, free: IntArray, full: IntArray, limit: float, solved: FloatArray, scaled: FloatArray
) -> int:
    """Put what was solved for in its place, cut to the bounds; return how much was outside."""
    scaled[:] = 0.0
    outside = 0
    for x in range(free.shape[0]):
        y = solved[x]
        outside += y <= 0.0 or y > limit
        scaled[free[x]] = min(max(y, 0.0), limit) if cut else y
    for i in full:
        scaled[i] = limit
    return outside


@lean_kernel
def take(
    total: float,
    cap: float,
    free: IntArray,
    full: IntArray,
    scaled: FloatArray,
    weights: FloatArray,
) -> bool:
    """Turn the optimum into weights; not if rounding has spoilt their sum."""
    rest = 1.0 - cap * full.shape[0]
    found = 0.0
    for i in free:
        found += scaled[i] / total
    if not abs(found - rest) <= SPOILT:
        return False
    weights[:] = 0.0
    for i in full:
        weights[i] = cap
    for i in free:
        weights[i] = min(scaled[i] / total, cap)
    keep_sum(weights, free, cap, rest)
    return True


@lean_kernel
def place_start(
    warm: bool,
    target: FloatArray,
    cap: float,
    inverse: FloatArray,
    covariance: FloatArray,
    ready: ByteArray,
    factor: FloatArray,
    weights: FloatArray,
    scaled: FloatArray,
    gradient: FloatArray,
    places: ByteArray,
) -> None:
    """Say which assets are held, and at the cap, before the first round."""
    if warm:
        place_all(weights, cap if cap < 1.0 else np.inf, places)
        return
    scaled[:] = 0.0
    gradient[:] = 0.0
    places[:] = LOW
    sweep_until_settled(
        FIRST_SWEEPS, target, 0.0, np.inf, inverse, covariance, ready, factor, scaled, gradient,
        places,
    )  # fmt: skip
    if cap < 1.0:
        total = 0.0
        for y in scaled:
            total += y
        place_all(scaled, cap * total, places)


@kernel
def solve_round(
    cut: bool,
    target: FloatArray,
    covariance: FloatArray,
    ready: ByteArray,
    factor: FloatArray,
    cap: float,
    free: IntArray,
    full: IntArray,
    solved: FloatArray,
    scaled: FloatArray,
    gradient: FloatArray,
) -> tuple[int, float, float]:
    """Solve for a set: fill y and Sigma y.

    Returns
    -------
    outside, s, b
        How many assets were outside their bounds; -1: there is nothing to go on from.
    """
    for i in free:
        make_column(i, covariance, ready, factor)
    for i in full:
        make_column(i, covariance, ready, factor)
    total, level = solve_places(target, cap, covariance, free, full, solved)
    lost = 0
    if total == 0.0:  # of no use, but its positive part is a start for sweeps
        lost = 1
        for x in range(free.shape[0]):
            total += max(solved[0, x], 0.0)
    if not total > 0.0:
        return -1, total, level
    limit = cap * total if cap < 1.0 else np.inf
    outside = lost + put(cut, free, full, limit, solved[0], scaled)
    weigh_columns(covariance, ready, factor, scaled, gradient)
    return outside, total, level


@kernel
def solve_active_set(
    target: FloatArray,
    covariance: FloatArray,
    ready: ByteArray,
    factor: FloatArray,
    cap: float,
    warm: bool,
    weights: FloatArray,
    work: FloatArray,
) -> int:
    """Find the optimum, in place; ``warm``: from what the feasible weights hold.

    Returns
    -------
    rounds
        How many sets were solved for; 0 if the optimum was not found, with the weights as they
        were: a singular covariance, no free asset, or none found in ROUNDS.
    """
    n = weights.shape[0]
    inverse, scaled, gradient = np.empty(n), np.empty(n), work[0]
    solved, places = np.empty((4, n)), np.empty(n, np.uint8)
    lists = np.empty((2, n), np.int64)
    if not invert_variances(covariance, ready, factor, inverse):
        return 0
    place_start(
        warm, target, cap, inverse, covariance, ready, factor, weights, scaled, gradient, places
    )
    for round_ in range(1, ROUNDS + 1):
        if cap < 1.0:
            admit(cap, target, gradient, places)
        free = lists[0, : list_places(places, FREE, lists[0])]
        full = lists[1, : list_places(places, FULL, lists[1])]
        outside, total, level = solve_round(
            round_ <= SWEPT, target, covariance, ready, factor, cap, free, full, solved, scaled,
            gradient,
        )  # fmt: skip
        if outside < 0:
            return 0
        if outside == 0 and is_optimal(target, total, level, scaled, gradient, places):
            return round_ if take(total, cap, free, full, scaled, weights) else 0
        limit = cap * total if cap < 1.0 else np.inf
        flip(target, level, limit, scaled, gradient, places)
        if round_ <= SWEPT:
            sweep_until_settled(
                SWEEPS, target, level, limit, inverse, covariance, ready, factor, scaled, gradient,
                places,
            )  # fmt: skip
    return 0
