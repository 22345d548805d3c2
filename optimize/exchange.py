"""Kernels of the pair exchange: exact long-only portfolios by moving weight between two assets.

State: weights w, gradient g = Sigma w, m = mu'w, v = w'g. Moving d from asset j to asset i
changes m by d a (a = mu_i - mu_j) and v by 2 d b + d^2 c (b = g_i - g_j,
c = S_ii + S_jj - 2 S_ij), so a move is scored in O(1) and made in O(n).

Two objectives share the loop. The Sharpe ratio m / sqrt(v) has slope h = mu - (m / v) g; the
utility tau m - v / 2 has h = tau mu - g, of which tau = 0 is minimum variance. A portfolio is
optimal when no asset below its cap has a higher h than a held one.

Columns of Sigma may be made on demand: a posterior draw is Sigma = B B' with B lower
triangular, and an exchange touches the columns of held assets only.
"""

import numpy as np

from stats.compiled import FloatArray, kernel

SHARPE = 0
UTILITY = 1

# Why a portfolio is what it is; bits of one number.
ZERO_VARIANCE = 1  # the portfolio's variance is zero to rounding
NOT_CONVERGED = 2  # the bound on exchanges was reached
NO_POSITIVE_RETURN = 4  # minimum variance instead of maximum Sharpe
CAP_RAISED = 8  # n caps did not reach 1
ONE_ASSET = 16
NO_VARIANCE_AT_ALL = 32  # no asset has any variance: equal weights
TWINS = 64  # a held asset has a twin: same mean, and a difference of zero variance
SINGULAR = 128  # the covariance has no full rank

# Stopping rule: max h - min held h below this share of m (Sharpe) or v (utility). The share of
# the optimum then missing is second order in it.
TOLERANCE = 1e-6
# Below this share of sum(w S_ii) a variance is what cancellation left over.
CANCELLED = 1e-14


@kernel
def make_column(i: int, covariance: FloatArray, ready: np.ndarray, factor: FloatArray) -> int:
    """Fill row i of covariance = B B' unless it is there; ``factor[k]`` is column k of B."""
    if ready[i] == 1:
        return 0
    n = covariance.shape[0]
    row = covariance[i]
    row[:] = 0.0
    whole = (i + 1) // 4 * 4
    # Four columns at a time: one load and store of the sum for four products.
    for k in range(0, whole, 4):
        p, q, r, s = factor[k, i], factor[k + 1, i], factor[k + 2, i], factor[k + 3, i]
        f0, f1, f2, f3 = factor[k], factor[k + 1], factor[k + 2], factor[k + 3]
        for x in range(k, n):
            row[x] = row[x] + (p * f0[x] + q * f1[x]) + (r * f2[x] + s * f3[x])
    for k in range(whole, i + 1):
        p, f0 = factor[k, i], factor[k]
        for x in range(k, n):
            row[x] += p * f0[x]
    ready[i] = 1
    return 1


@kernel
def fill_by_preference(preference: FloatArray, cap: float, weights: FloatArray) -> None:
    """Make weights feasible: into [0, cap], then to a sum of 1 by the preferred assets first."""
    n = weights.shape[0]
    total = 0.0
    for i in range(n):
        w = weights[i]
        weights[i] = min(w, cap) if w > 0.0 else 0.0
        total += weights[i]
    if total > 1.0:
        for i in range(n):
            weights[i] /= total
        return
    missing = 1.0 - total
    for _ in range(n):
        best = -1
        for i in range(n):
            if weights[i] < cap and (best < 0 or preference[i] > preference[best]):
                best = i
        if best < 0 or missing <= 0.0:
            return
        step = min(missing, cap - weights[best])
        if step == missing:
            weights[best] += step
            return
        weights[best] = cap
        missing -= step


@kernel
def measure(
    mean: FloatArray,
    covariance: FloatArray,
    ready: np.ndarray,
    factor: FloatArray,
    weights: FloatArray,
    gradient: FloatArray,
) -> tuple[float, float, float]:
    """Compute the gradient afresh; return m, v and sum(w S_ii), v's size without cancellation."""
    n = weights.shape[0]
    gradient[:] = 0.0
    spread = 0.0
    for j in range(n):
        w = weights[j]
        if w > 0.0:
            make_column(j, covariance, ready, factor)
            row = covariance[j]
            for k in range(n):
                gradient[k] += w * row[k]
            spread += w * row[j]
    m, v = 0.0, 0.0
    for j in range(n):
        m += weights[j] * mean[j]
        v += weights[j] * gradient[j]
    return m, max(v, 0.0), spread


@kernel
def find_entering(slope: FloatArray, weights: FloatArray, cap: float) -> tuple[int, float]:
    """Return the asset below its cap of highest slope (-1: none), and the lowest held slope."""
    best, highest, lowest = -1, -np.inf, np.inf
    for k in range(slope.shape[0]):
        w, h = weights[k], slope[k]
        if h > highest and w < cap:
            best, highest = k, h
        if h < lowest and w > 0.0:
            lowest = h
    return best, lowest


@kernel
def find_leaving(i: int, slope: FloatArray, weights: FloatArray, covariance: FloatArray) -> int:
    """Choose the held asset whose exchange with i gains most to second order: (h_i - h_j)^2 / c."""
    row = covariance[i]
    best, highest = -1, -1.0
    for j in range(slope.shape[0]):
        if weights[j] > 0.0 and slope[j] < slope[i]:
            size = row[i] + covariance[j, j]
            # Two assets that move together have c = 0 to rounding; keep it positive.
            c = max(size - 2.0 * row[j], 1e-15 * size + 1e-300)
            score = (slope[i] - slope[j]) / c * (slope[i] - slope[j])
            if score > highest:
                best, highest = j, score
    return best


@kernel
def find_step(
    objective: int, a: float, b: float, c: float, m: float, v: float, rise: float
) -> float:
    """Give the unbounded best amount to move; ``rise`` = h_i - h_j > 0."""
    if objective == SHARPE:
        gain, bend = rise * v, m * c - a * b
    else:
        gain, bend = rise, c
    return gain / bend if bend > 0.0 else np.inf


@kernel
def exchange(
    objective: int,
    tau: float,
    mean: FloatArray,
    covariance: FloatArray,
    ready: np.ndarray,
    factor: FloatArray,
    cap: float,
    weights: FloatArray,
    work: FloatArray,
) -> tuple[int, int]:
    """Exchange until optimal, from feasible weights (with mu'w > 0 for the Sharpe ratio).

    At most 1000 + 200 n exchanges; each raises the objective. ``work`` is float64[2, n];
    its first row is the gradient at the end.

    Returns
    -------
    flags, exchanges
        Bits of this module, and how many exchanges were made.
    """
    n = weights.shape[0]
    gradient, slope = work[0], work[1]
    m, v, spread = measure(mean, covariance, ready, factor, weights, gradient)
    exchanges, fresh = 0, True
    for _ in range(1000 + 200 * n):
        if v <= CANCELLED * spread or (not fresh and v < 1e-4 * spread and exchanges % 16 == 0):
            if fresh:
                return ZERO_VARIANCE, exchanges
            m, v, spread = measure(mean, covariance, ready, factor, weights, gradient)
            fresh = True
            continue
        s, t, scale = (1.0, m / v, m) if objective == SHARPE else (tau, 1.0, v)
        for k in range(n):
            slope[k] = s * mean[k] - t * gradient[k]
        i, lowest = find_entering(slope, weights, cap)
        if i < 0 or slope[i] - lowest <= TOLERANCE * scale:
            if fresh or i < 0:
                return 0, exchanges
            m, v, spread = measure(mean, covariance, ready, factor, weights, gradient)
            fresh = True
            continue
        make_column(i, covariance, ready, factor)
        j = find_leaving(i, slope, weights, covariance)
        a, b = mean[i] - mean[j], gradient[i] - gradient[j]
        c = max(covariance[i, i] + covariance[j, j] - 2.0 * covariance[i, j], 0.0)
        room = cap - weights[i]
        step = find_step(objective, a, b, c, m, v, slope[i] - slope[j])
        if step >= weights[j] and weights[j] <= room:
            step = weights[j]
            weights[i], weights[j] = min(weights[i] + step, cap), 0.0
        elif step >= room:
            step = room
            weights[i], weights[j] = cap, weights[j] - step
        else:
            weights[i], weights[j] = weights[i] + step, weights[j] - step
        row_i, row_j = covariance[i], covariance[j]
        for k in range(n):
            gradient[k] += step * (row_i[k] - row_j[k])
        m += step * a
        v += step * (2.0 * b + step * c)
        spread += step * (row_i[i] - row_j[j])
        exchanges += 1
        fresh = False
    return NOT_CONVERGED, exchanges


@kernel
def optimise(
    sharpe: bool,
    mean: FloatArray,
    covariance: FloatArray,
    ready: np.ndarray,
    factor: FloatArray,
    cap: float,
    weights: FloatArray,
    work: FloatArray,
) -> tuple[int, int]:
    """Maximise the Sharpe ratio, or minimise variance where that is asked or all that is left.

    ``weights`` holds the start (any; zeros for a cold one) and then the portfolio. All columns
    of the covariance must be there unless the start is feasible with mu'w > 0.
    """
    n = weights.shape[0]
    if sharpe:
        fill_by_preference(mean, cap, weights)
        expected = 0.0
        for k in range(n):
            expected += weights[k] * mean[k]
        if expected <= 0.0:
            weights[:] = 0.0
            fill_by_preference(mean, cap, weights)
            expected = 0.0
            for k in range(n):
                expected += weights[k] * mean[k]
        if expected > 0.0:
            return exchange(SHARPE, 0.0, mean, covariance, ready, factor, cap, weights, work)
        weights[:] = 0.0
    for k in range(n):
        make_column(k, covariance, ready, factor)
        work[0, k] = -covariance[k, k]
    fill_by_preference(work[0], cap, weights)
    flags, exchanges = exchange(UTILITY, 0.0, mean, covariance, ready, factor, cap, weights, work)
    return (flags | NO_POSITIVE_RETURN if sharpe else flags), exchanges
