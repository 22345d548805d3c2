"""Plain-numpy twins of the active set, of a whole covariance."""

import numpy as np

from optimize import active_set as tuned
from optimize.coordinates import FAR_OFF, FIRST_SWEEPS
from optimize.factor import RANK_TOLERANCE
from optimize.lane_code import ROWS
from optimize.places import FREE, FULL, LOW, NEARLY, SHARES
from optimize.plain_columns import add_in_order, weigh_columns
from optimize.plain_coordinates import Places, place_all, sweep_until_settled
from optimize.plain_factor import keep_sum
from optimize.plain_fused import fused
from stats.compiled import FloatArray, IntArray


def eliminate(system: FloatArray, right: int, scales: FloatArray) -> int:
    """Twin of ``factor.eliminate``, of a system with its variances on the diagonal.

    Rows are not brought to a multiple of 4: what that adds is zeros.
    """
    n = len(system)
    limits = RANK_TOLERANCE * system.diagonal()
    for i in range(n):
        row, tiled = system[i, i : n + right], i // ROWS * ROWS
        # What stands above the tile of 4 rows is summed, then taken at once.
        above = np.zeros_like(row)
        for one in system[:tiled]:
            above = fused(one[i], one[i : n + right], above)
        row -= above
        for one in system[tiled:i]:
            row -= one[i] * one[i : n + right]
        if not row[0] > limits[i]:
            return i
        scales[i] = 1.0 / np.sqrt(row[0])
        row *= scales[i]
    return n


def substitute(system: FloatArray, right: int, scales: FloatArray) -> FloatArray:
    """Twin of ``factor.substitute``."""
    n = len(system)
    values = np.zeros(n)
    for i in range(n - 1, -1, -1):
        terms = (system[i, i + 1 : n] * values[i + 1 :])[::-1]
        left = np.cumsum(np.concatenate([[system[i, n + right]], -terms]))[-1]
        values[i] = left * scales[i]
    return values


def has_full_rank(covariance: FloatArray) -> bool:
    """Twin of ``factor.has_full_rank``."""
    return eliminate(covariance.copy(), 0, np.empty(len(covariance))) == len(covariance)


def solve_places(
    target: FloatArray, cap: float, covariance: FloatArray, free: IntArray, full: IntArray
) -> tuple[FloatArray, float, float]:
    """Twin of ``held_system.solve_places``: y of the free assets, s and b."""
    k, right = len(free), 3 if len(full) else 1
    if k == 0:
        return np.zeros(0), -1.0, 0.0
    system = np.zeros((k, k + 3))
    system[:, :k] = covariance[np.ix_(free, free)]
    pulls = [cap * add_in_order(row) for row in covariance[np.ix_(free, full)]]
    system[:, k], system[:, k + 1], system[:, k + 2] = target[free], 1.0, pulls
    scales = np.empty(k)
    if eliminate(system, right, scales) < k:
        return np.zeros(k), -1.0, 0.0
    solved = [substitute(system, r, scales) for r in range(right)]
    total = add_in_order(solved[0])
    if not len(full):
        return solved[0], max(total, 0.0), 0.0
    ones, pull = add_in_order(solved[1]), add_in_order(solved[2])
    gained = np.cumsum(
        np.concatenate([[0.0], -(system[:, k] * system[:, k + 2]), cap * target[full]])
    )[-1]
    own = np.cumsum(
        np.concatenate(
            [
                [0.0],
                -(system[:, k + 2] * system[:, k + 2]),
                (cap * cap * covariance[np.ix_(full, full)]).ravel(),
            ]
        )
    )[-1]
    u = 1.0 - cap * len(full) + pull
    bend = u * u + ones * own
    s, b = 0.0, 0.0
    if bend > 0.0:
        s = max((u * total + ones * gained) / bend, 0.0)
        b = (u * gained - own * total) / bend
    return solved[0] + (b * solved[1] - s * solved[2]), s, b


def _admit(cap: float, steepness: FloatArray, places: Places) -> None:
    while np.count_nonzero(places) * cap < 1.0 - NEARLY and (places == LOW).any():
        places[np.argmax(np.where(places == LOW, steepness, -np.inf))] = FREE


def _start(
    warm: bool, target: FloatArray, cap: float, covariance: FloatArray, weights: FloatArray
) -> tuple[Places, FloatArray, FloatArray]:
    n = len(weights)
    scaled, gradient, places = np.zeros(n), np.zeros(n), np.full(n, LOW, np.uint8)
    level, limit, total = 0.0, np.inf, 0.0
    if warm:
        gradient = weigh_columns(covariance, weights)
        gain, variance = add_in_order(target * weights), add_in_order(weights * gradient)
        total = gain / variance if variance > 0.0 else 0.0
    if total > 0.0:
        scaled, gradient = total * weights, total * gradient
        places = place_all(weights, cap if cap < 1.0 else np.inf)
        limit = cap * total if cap < 1.0 else np.inf
        full = places == FULL
        rest = np.cumsum(np.concatenate([[1.0], np.full(np.count_nonzero(full), -cap)]))[-1]
        if rest > NEARLY:
            level = max(cap * add_in_order((target - gradient)[full]) / rest, 0.0)
    sweep_until_settled(FIRST_SWEEPS, target, level, limit, covariance, scaled, gradient, places)
    found = add_in_order(scaled)
    if cap < 1.0 and not abs(found - total) <= FAR_OFF * total:
        places = place_all(scaled, cap * found)
    return places, scaled, gradient


def _renew_free(free: IntArray, places: Places, scaled: FloatArray) -> IntArray:
    stay = free[places[free] == FREE]
    new = np.flatnonzero(places == FREE)
    new = new[~np.isin(new, stay)]
    share = scaled[new] * len(new)
    total = add_in_order(scaled[new])
    order = np.sum([share < limit * total for limit in SHARES], axis=0)
    return np.concatenate([stay, new[np.argsort(order, kind="stable")]])


def _is_optimal(
    target: FloatArray, total: float, slope: FloatArray, scaled: FloatArray, places: Places
) -> bool:
    close = tuned.CLOSE * add_in_order(target * scaled) / total
    wrong = ((places == LOW) & (slope > close)) | ((places == FULL) & (slope < -close))
    return not wrong.any()


def _take(
    total: float, cap: float, free: IntArray, full: IntArray, y: FloatArray, weights: FloatArray
) -> bool:
    rest, shares = 1.0 - cap * len(full), y[free] / total
    if not abs(add_in_order(shares) - rest) <= tuned.SPOILT:
        return False
    weights[:] = 0.0
    weights[full] = cap
    held = np.minimum(shares, cap)
    keep_sum(held, cap, rest)
    weights[free] = held
    return True


def solve_active_set(
    target: FloatArray, covariance: FloatArray, cap: float, warm: bool, weights: FloatArray
) -> int:
    """Twin of ``active_set.solve_active_set``."""
    if not (covariance.diagonal() > 0.0).all():
        return 0
    places, scaled, gradient = _start(warm, target, cap, covariance, weights)
    free = np.zeros(0, np.int64)
    for round_ in range(1, tuned.ROUNDS + 1):
        if cap < 1.0:
            _admit(cap, target - gradient, places)
        free, full = _renew_free(free, places, scaled), np.flatnonzero(places == FULL)
        y, total, level = solve_places(target, cap, covariance, free, full)
        lost = total == 0.0
        total = add_in_order(np.maximum(y, 0.0)) if lost else total
        if not total > 0.0:
            return 0
        limit = cap * total if cap < 1.0 else np.inf
        outside = bool(lost or (y <= 0.0).any() or (y > limit).any())
        scaled = np.zeros(len(weights))
        scaled[free] = np.minimum(np.maximum(y, 0.0), limit) if round_ <= tuned.SWEPT else y
        scaled[full] = limit
        gradient = weigh_columns(covariance, scaled)
        slope = target + level - gradient
        if not outside and _is_optimal(target, total, slope, scaled, places):
            return round_ if _take(total, cap, free, full, scaled, weights) else 0
        freed = ((places == LOW) & (slope > 0.0)) | ((places == FULL) & (slope < 0.0))
        places = np.where(places == FREE, place_all(scaled, limit), places)
        places[freed] = FREE
        if round_ <= tuned.SWEPT:
            sweep_until_settled(
                tuned.SWEEPS, target, level, limit, covariance, scaled, gradient, places
            )
    return 0
