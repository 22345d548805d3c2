"""Kernels of the pair exchange: exact long-only portfolios by moving weight between two assets.

State: weights w, gradient g = Sigma w, m = mu'w, v = w'g. Moving d from asset j to asset i
changes m by d a (a = mu_i - mu_j) and v by 2 d b + d^2 c (b = g_i - g_j,
c = S_ii + S_jj - 2 S_ij), so a move is scored in O(1) and made in O(n).

Two objectives share the loop. The Sharpe ratio m / sqrt(v) has slope h = mu - (m / v) g; the
utility tau m - v / 2 has h = tau mu - g, of which tau = 0 is minimum variance. A portfolio is
optimal when no asset below its cap has a higher h than a held one.
"""

import numpy as np

from optimize.columns import weigh_columns
from optimize.subspace import jump
from stats.compiled import FloatArray, kernel, lean_kernel

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
FEW_ROWS = 256  # the estimates were made from no more rows than assets

# Stopping rule: max h - min held h below this share of m (Sharpe) or v (utility). The share of
# the optimum then missing is second order in it.
TOLERANCE = 1e-6
# Below this share of sum(w S_ii) a variance is what cancellation left over.
CANCELLED = 1e-14
# Exchanges between two jumps of all free assets: 8 to 16 are the fastest at 10 to 500 assets.
PACE = 16


@lean_kernel
def measure(
    mean: FloatArray,
    covariance: FloatArray,
    weights: FloatArray,
    gradient: FloatArray,
) -> tuple[float, float, float]:
    """Compute the gradient afresh; return m, v and sum(w S_ii), v's size without cancellation."""
    weigh_columns(covariance, weights, gradient)
    m, v, spread = 0.0, 0.0, 0.0
    for j in range(weights.shape[0]):
        w = weights[j]
        if w > 0.0:
            m += w * mean[j]
            v += w * gradient[j]
            spread += w * covariance[j, j]
    return m, max(v, 0.0), spread


@lean_kernel
def is_settled(
    objective: int,
    mean: FloatArray,
    covariance: FloatArray,
    cap: float,
    weights: FloatArray,
    work: FloatArray,
) -> bool:
    """Tell whether feasible weights are optimal as they are, as the exchange would find them."""
    gradient, slope = work[0], work[1]
    m, v, spread = measure(mean, covariance, weights, gradient)
    if v <= CANCELLED * spread:
        return False
    s, t, scale = (1.0, m / v, m) if objective == SHARPE else (0.0, 1.0, v)
    for k in range(weights.shape[0]):
        slope[k] = s * mean[k] - t * gradient[k]
    i, lowest = find_entering(slope, weights, cap)
    return i < 0 or slope[i] - lowest <= TOLERANCE * scale


@lean_kernel
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


@lean_kernel
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


@lean_kernel
def find_step(
    objective: int, a: float, b: float, c: float, m: float, v: float, rise: float
) -> float:
    """Give the unbounded best amount to move; ``rise`` = h_i - h_j > 0."""
    if objective == SHARPE:
        gain, bend = rise * v, m * c - a * b
    else:
        gain, bend = rise, c
    return gain / bend if bend > 0.0 else np.inf


@lean_kernel
def move(
    i: int,
    j: int,
    step: float,
    cap: float,
    covariance: FloatArray,
    weights: FloatArray,
    gradient: FloatArray,
) -> float:
    """Move ``step``, or as much as the bounds allow, from j to i; return what was moved."""
    room = cap - weights[i]
    if step >= weights[j] and weights[j] <= room:
        step = weights[j]
        weights[i], weights[j] = min(weights[i] + step, cap), 0.0
    elif step >= room:
        step = room
        weights[i], weights[j] = cap, weights[j] - step
    else:
        weights[i], weights[j] = weights[i] + step, weights[j] - step
    row_i, row_j = covariance[i], covariance[j]
    for k in range(weights.shape[0]):
        gradient[k] += step * (row_i[k] - row_j[k])
    return step


@kernel
def exchange(
    objective: int,
    tau: float,
    mean: FloatArray,
    covariance: FloatArray,
    cap: float,
    weights: FloatArray,
    work: FloatArray,
) -> tuple[int, int]:
    """Exchange until optimal, from feasible weights (with mu'w > 0 for the Sharpe ratio).

    At most 1000 + 200 n steps; each raises the objective, or makes m, v and the gradient afresh:
    every PACE exchanges, when the free assets also jump together, and before it is believed that
    the portfolio is optimal.

    Returns
    -------
    flags, exchanges
        Bits of this module. The first row of ``work`` float64[2, n] is the gradient, afresh.
    """
    gradient, slope = work[0], work[1]
    m, v, spread = measure(mean, covariance, weights, gradient)
    exchanges, fresh = 0, True
    for _ in range(1000 + 200 * weights.shape[0]):
        # Utility of a return may pass through zero variance; the others end there.
        gone = v <= CANCELLED * spread and (objective == SHARPE or tau == 0.0)
        if gone and fresh:
            return ZERO_VARIANCE, exchanges
        if gone or (not fresh and exchanges % PACE == 0):
            m, v, spread = measure(mean, covariance, weights, gradient)
            fresh = True
            if not gone and jump(
                objective == SHARPE, tau, mean, covariance, cap, weights, gradient, m, v
            ):
                m, v, spread = measure(mean, covariance, weights, gradient)
            continue
        s, t, scale = (1.0, m / v, m) if objective == SHARPE else (tau, 1.0, v)
        for k in range(weights.shape[0]):
            slope[k] = s * mean[k] - t * gradient[k]
        i, lowest = find_entering(slope, weights, cap)
        if i < 0 or slope[i] - lowest <= TOLERANCE * max(scale, 1e-9 * tau * abs(m)):
            if fresh:
                return 0, exchanges
            m, v, spread = measure(mean, covariance, weights, gradient)
            if i < 0:
                return 0, exchanges
            fresh = True
            continue
        j = find_leaving(i, slope, weights, covariance)
        a, b = mean[i] - mean[j], gradient[i] - gradient[j]
        c = max(covariance[i, i] + covariance[j, j] - 2.0 * covariance[i, j], 0.0)
        step = find_step(objective, a, b, c, m, v, slope[i] - slope[j])
        step = move(i, j, step, cap, covariance, weights, gradient)
        m += step * a
        v += step * (2.0 * b + step * c)
        spread += step * (covariance[i, i] - covariance[j, j])
        exchanges += 1
        fresh = False
    measure(mean, covariance, weights, gradient)
    return NOT_CONVERGED, exchanges
