"""A step of all free assets at once, for problems where pairs alone get on slowly.

Where assets move nearly together, exchanges go to the optimum in ever smaller steps: 1441 on the
median draw from 60 rows of 50 assets, thousands at worst. Now and then all free assets (held,
below the cap) jump to the optimum of their own subspace: with F the free assets, D0 the way to
their least variance and e = S_FF^-1 mu, both less a multiple of S_FF^-1 1 so that they sum to 0,
every optimum lies on w + D0 + t e: t = tau of a utility, t = v1 / m1 of the Sharpe ratio, m1 and
v1 being those of w + D0. The way is cut short at the first bound, which frees one asset less.
"""

import numpy as np

from optimize.factor import factorise, solve_factored
from stats.compiled import FloatArray, IntArray, kernel, lean_kernel


@lean_kernel
def find_free(weights: FloatArray, cap: float, free: IntArray) -> int:
    """List the assets held below their cap; return how many."""
    count = 0
    for k in range(weights.shape[0]):
        if 0.0 < weights[k] < cap:
            free[count] = k
            count += 1
    return count


@kernel
def aim(
    sharpe: bool,
    tau: float,
    mean: FloatArray,
    covariance: FloatArray,
    free: IntArray,
    gradient: FloatArray,
    m: float,
    v: float,
    way: FloatArray,
) -> None:
    """Fill the way float64[k] of the free assets to the optimum of their subspace."""
    k = free.shape[0]
    sub, factor = np.empty((k, k)), np.empty((k, k))
    lowest, rise, level = np.empty(k), np.empty(k), np.ones(k)
    for x in range(k):
        lowest[x], rise[x] = gradient[free[x]], mean[free[x]]
        for y in range(k):
            sub[x, y] = covariance[free[x], free[y]]
    factorise(sub, factor)
    solve_factored(factor, lowest)
    solve_factored(factor, rise)
    solve_factored(factor, level)
    total_lowest, total_rise, total = 0.0, 0.0, 0.0
    for x in range(k):
        total_lowest += lowest[x]
        total_rise += rise[x]
        total += level[x]
    m1, v1 = m, v
    for x in range(k):
        lowest[x] = total_lowest / total * level[x] - lowest[x]
        rise[x] -= total_rise / total * level[x]
        m1 += mean[free[x]] * lowest[x]
        v1 += gradient[free[x]] * lowest[x]
    t = tau
    if sharpe:
        t = v1 / m1 if m1 > 0.0 and v1 > 0.0 else v / m
    for x in range(k):
        way[x] = lowest[x] + t * rise[x]


@lean_kernel
def keep_sum(weights: FloatArray, free: IntArray, cap: float, before: float) -> None:
    """Give what rounding took from the free assets' sum to the one with most room for it.

    Where assets move nearly together the ways of single assets are thousands long, and their
    rounding moved the sum of 21 weights by 4e-12.
    """
    after = 0.0
    for x in range(free.shape[0]):
        after += weights[free[x]]
    drift, widest, room = before - after, -1, 0.0
    for x in range(free.shape[0]):
        weight = weights[free[x]]
        here = cap - weight if drift > 0.0 else weight
        if here > room:
            widest, room = free[x], here
    if widest >= 0:
        weights[widest] = min(max(weights[widest] + drift, 0.0), cap)


@kernel
def jump(
    sharpe: bool,
    tau: float,
    mean: FloatArray,
    covariance: FloatArray,
    cap: float,
    weights: FloatArray,
    gradient: FloatArray,
    m: float,
    v: float,
) -> bool:
    """Move the free assets towards the optimum of their subspace; tell whether that gained.

    Their columns must be there, the gradient fresh.
    """
    places = np.empty(weights.shape[0], np.int64)
    free = places[: find_free(weights, cap, places)]
    k = free.shape[0]
    way = np.empty(k)
    if k < 3:
        return False
    aim(sharpe, tau, mean, covariance, free, gradient, m, v, way)
    a, b, c, share, first = 0.0, 0.0, 0.0, np.inf, -1
    for x in range(k):
        i = free[x]
        a += mean[i] * way[x]
        b += gradient[i] * way[x]
        for y in range(k):
            c += way[x] * covariance[i, free[y]] * way[y]
        room = weights[i] if way[x] < 0.0 else cap - weights[i]
        if way[x] != 0.0 and room / abs(way[x]) < share:
            share, first = room / abs(way[x]), x
    # Along the way as along a pair: gain a v - m b (or tau a - b) against the bend.
    gain = a * v - m * b if sharpe else tau * a - b
    bend = m * c - a * b if sharpe else c
    if not gain > 0.0 or first < 0:
        return False
    step = min(share, gain / bend) if bend > 0.0 else share
    before = 0.0
    for x in range(k):
        i = free[x]
        before += weights[i]
        weights[i] = min(max(weights[i] + step * way[x], 0.0), cap)
    if step == share:
        weights[free[first]] = 0.0 if way[first] < 0.0 else cap
    keep_sum(weights, free, cap, before)
    return True
