"""The optimum of the assets that are thought to be held, and whether it is that of all.

Coordinate steps say which assets are held (`optimize.coordinates`), a linear system how much of
each (`optimize.held_system`). If none of these is out of bounds and no other asset's slope has
the wrong sign, this is the optimum of all. Otherwise sweeps from there find better places, and it
is tried again: in all 1 or 2 times at 50 assets, 1 to 4 at 500. The factor of the assets that stay
is kept, up to the first in its order that leaves: those that hold least, which leave first, are
the last in it.
"""

import numpy as np

from optimize.columns import weigh_columns
from optimize.coordinates import place_start, sweep_until_settled
from optimize.exchange import TOLERANCE
from optimize.factor import padded, whole_tiles
from optimize.held_system import solve_places
from optimize.places import FULL, LOW, ByteArray, admit, flip, list_places, renew_free
from optimize.subspace import keep_sum
from optimize.writable import as_variable
from stats.compiled import FloatArray, IntArray, kernel, lean_kernel

# Of the slopes of assets that are not free: half of what `exchange` lets pass.
CLOSE = 0.5 * TOLERANCE
# Rounds in all, and those that sweep: at a cap, sweeps may come to the same places again.
ROUNDS, SWEPT = 12, 4
# Weights that miss their sum by more were solved for in vain: the set is nearly singular.
SPOILT = 1e-9
SWEEPS = 8


@lean_kernel
def invert_variances(covariance: FloatArray, inverse: FloatArray) -> bool:
    """Fill 1 / variance of each asset; tell whether all have one."""
    for i in range(inverse.shape[0]):
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
def solve_round(
    cut: bool,
    target: FloatArray,
    covariance: FloatArray,
    cap: float,
    free: IntArray,
    full: IntArray,
    kept: int,
    system: FloatArray,
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
    total, level = solve_places(target, cap, covariance, free, full, kept, system, solved)
    lost = 0
    if total == 0.0:  # of no use, but its positive part is a start for sweeps
        lost = 1
        for x in range(free.shape[0]):
            total += max(solved[0, x], 0.0)
    if not total > 0.0:
        return -1, total, level
    limit = cap * total if cap < 1.0 else np.inf
    outside = lost + put(cut, free, full, limit, solved[0], scaled)
    weigh_columns(covariance, scaled, gradient)
    return outside, total, level


@lean_kernel
def solve_in_space(
    target: FloatArray,
    covariance: FloatArray,
    cap: float,
    warm: bool,
    weights: FloatArray,
    gradient: FloatArray,
    space: FloatArray,
) -> int:
    """Find the optimum as `solve_active_set` does, which makes its space.

    Its views of the space are not counted: 10 assets take 0.1 us less, with all in one array.
    """
    n, rows = weights.shape[0], space.shape[0] - 11
    system, solved, ways = space[:rows], space[rows : rows + 4], space[rows + 4 : rows + 6]
    inverse, scaled = space[rows + 6, :n], space[rows + 7, :n]
    lists = space[rows + 8 :].view(np.int64)
    places = lists[2].view(np.uint8)[:n]
    if not invert_variances(covariance, inverse):
        return 0
    place_start(warm, target, cap, inverse, covariance, weights, scaled, gradient, places, ways)
    count, most = as_variable(0), as_variable(SWEEPS)
    for round_ in range(1, ROUNDS + 1):
        if cap < 1.0:
            admit(cap, target, gradient, places)
        kept, count = renew_free(count, places, scaled, lists[0])
        free, full = lists[0, :count], lists[1, : list_places(places, FULL, lists[1])]
        outside, total, level = solve_round(
            round_ <= SWEPT, target, covariance, cap, free, full, kept, system, solved, scaled,
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
                most, target, level, limit, inverse, covariance, scaled, gradient, places, ways
            )
    return 0


@kernel
def solve_active_set(
    target: FloatArray,
    covariance: FloatArray,
    cap: float,
    warm: bool,
    weights: FloatArray,
    work: FloatArray,
) -> int:
    """Find the optimum, in place; ``warm``: from the feasible weights.

    The first row of ``work`` is then their Sigma w.

    Returns
    -------
    rounds
        How many sets were solved for; 0 if the optimum was not found, with the weights as they
        were: a singular covariance, no free asset, or none found in ROUNDS.
    """
    n = weights.shape[0]
    space = np.empty((whole_tiles(n) + 11, padded(n)))
    return solve_in_space(target, covariance, cap, warm, weights, work[0], space)
