"""The optimum of a draw by the few assets it holds: solved for a part, checked for all.

Of 500 assets a draw's optimum holds some 40, most of which that of the estimates holds too. So
only the covariance of these is formed. The slopes of all cost two products with the drawn factor
and tell who else is to be let in: 3 to 16 assets, once.
"""

import numpy as np

from optimize.exchange import SHARPE, TOLERANCE
from optimize.lane_code import LANES
from optimize.places import ByteArray
from optimize.posterior import add_columns
from optimize.product import TILE, fill_part, panel_room
from optimize.start import expect, feasible_start, optimise
from stats.compiled import FloatArray, IntArray, kernel, lean_kernel

# Fewer assets are solved for at once: of 150 it takes as long, of 200 parts take 0.8 of the time.
MANY = 200
# One asset in so many at most is a part. A start may hold half of that: of those that held more,
# caps of 4 or 5 / n took most draws of 200 and 300 assets past it, in vain.
PART = 3


@lean_kernel
def is_small_part(m: int, n: int) -> bool:
    """Tell whether m of n assets are: two panels less, so that what they take has room in n^2."""
    return PART * m <= n - 2 * LANES


@lean_kernel
def holds_few(weights: FloatArray) -> bool:
    """Tell whether draws from here are best solved by a part of the assets."""
    n, held = weights.shape[0], 0
    for weight in weights:
        held += weight > 0.0
    return n >= MANY and is_small_part(2 * held, n)


@lean_kernel
def list_members(members: ByteArray, assets: IntArray) -> int:
    """List the assets of a part in ascending order; return how many."""
    count = 0
    for i in range(members.shape[0]):
        if members[i] > 0:
            assets[count] = i
            count += 1
    return count


@lean_kernel
def weigh_part(
    scale: float, weights: FloatArray, assets: IntArray, panels: FloatArray, out: FloatArray
) -> None:
    """Fill float64[n] with scale B'w, of B the rows that stand in a part's panels."""
    n = out.shape[0]
    out[:] = 0.0
    for x in range(assets.shape[0]):
        weight = scale * weights[x]
        if weight != 0.0:
            at = x // LANES * LANES * n + x % LANES
            for k in range(assets[x] + 1):
                out[k] += weight * panels[at + LANES * k]


@lean_kernel
def admit_rising(close: float, slope: FloatArray, weights: FloatArray, members: ByteArray) -> int:
    """Let in who is above the lowest slope of the held by more than ``close``; return how many."""
    lowest = np.inf
    for i in range(slope.shape[0]):
        if weights[i] > 0.0:
            lowest = min(lowest, slope[i])
    count = 0
    for i in range(slope.shape[0]):
        if members[i] == 0 and slope[i] - lowest > close:
            members[i] = 1
            count += 1
    return count


@kernel
def optimise_part(
    sharpe: bool,
    mean: FloatArray,
    assets: IntArray,
    covariance: FloatArray,
    cap: float,
    weights: FloatArray,
    part: FloatArray,
) -> tuple[int, int, float, float]:
    """Optimise in place as if there were no other assets; ``part`` float64[m]: their weights then.

    Returns
    -------
    flags, exchanges, expected_return, variance
    """
    m = assets.shape[0]
    means, work = np.empty(m), np.empty((2, m))
    for x in range(m):
        means[x], part[x] = mean[assets[x]], weights[assets[x]]
    flags, exchanges = optimise(sharpe, means, covariance, cap, part, work)
    for x in range(m):
        weights[assets[x]] = part[x]
    return flags, exchanges, expect(means, part), expect(work[0], part)


@kernel
def optimise_few(
    sharpe: bool,
    mean: FloatArray,
    factor: FloatArray,
    cap: float,
    weights: FloatArray,
    room: FloatArray,
) -> tuple[bool, int, float]:
    """Optimise under Sigma = B B' without forming all of it; ``factor[k]`` is column k of B.

    ``weights`` holds the start, not zeros, and then the portfolio. It is void where more than a
    small part would be held, or anything else is out of the ordinary. ``room`` float64[n n] is
    written over.

    Returns
    -------
    found, exchanges, variance
    """
    n = mean.shape[0]
    vectors, assets, members = np.zeros((4, n)), np.empty(n, np.int64), np.empty(n, np.uint8)
    across, slope = vectors[0], vectors[1]
    objective, warm = feasible_start(sharpe, mean, cap, weights, slope)
    by_sharpe, exchanges = objective == SHARPE, 0
    target = mean if by_sharpe else vectors[3]
    for i in range(n):
        members[i] = weights[i] > 0.0
    m = list_members(members, assets)
    while warm and is_small_part(m, n):
        held, part, end = assets[:m], vectors[2, :m], TILE + panel_room(m, n)
        panels, covariance = room[TILE:end], room[end : end + m * m].reshape((m, m))
        fill_part(factor, held, room[:TILE], panels, covariance)
        flags, steps, gain, variance = optimise_part(
            by_sharpe, mean, held, covariance, cap, weights, part
        )
        exchanges += steps
        if flags != 0:
            break
        # Slopes mu - (m / v) g of the Sharpe ratio, -g of the least variance: g = B B'w.
        weigh_part(-gain / variance if by_sharpe else -1.0, part, held, panels, across)
        add_columns(target, across, factor, slope)
        if (
            admit_rising(TOLERANCE * (gain if by_sharpe else variance), slope, weights, members)
            == 0
        ):
            return True, exchanges, variance
        m = list_members(members, assets)
    return False, exchanges, 0.0
