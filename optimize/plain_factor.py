"""Plain-numpy twins of factors and of the jump of all free assets: the same bits."""

import numpy as np

from optimize.factor import RANK_TOLERANCE
from stats.compiled import FloatArray


def factorise(covariance: FloatArray, factor: FloatArray) -> int:
    """Twin of ``factor.factorise``."""
    n, rank = len(covariance), 0
    factor[:] = 0.0
    for k in range(n):
        column = factor[k]
        column[k:] = covariance[k, k:]
        subtract_columns(column, factor[:k, k], factor[:k])
        column[:k] = 0.0
        if column[k] > RANK_TOLERANCE * covariance[k, k]:
            rank += 1
            column /= np.sqrt(column[k])
        else:
            column[:] = 0.0
    return rank


def subtract_columns(column: FloatArray, amounts: FloatArray, columns: FloatArray) -> None:
    """Subtract multiples of columns, four at a time as the kernels do."""
    terms = amounts[:, None] * columns
    whole = len(terms) // 4 * 4
    for j in range(0, whole, 4):
        column -= (terms[j] + terms[j + 1]) + (terms[j + 2] + terms[j + 3])
    for term in terms[whole:]:
        column -= term


def solve_factored(factor: FloatArray, values: FloatArray) -> None:
    """Twin of ``factor.solve_factored``."""
    n = len(values)
    for k, column in enumerate(factor):
        values[k] = values[k] / column[k] if column[k] > 0.0 else 0.0
        values[k + 1 :] -= values[k] * column[k + 1 :]
    for k in range(n - 1, -1, -1):
        column = factor[k]
        value = values[k]
        for term in column[k + 1 :] * values[k + 1 :]:
            value -= term
        values[k] = value / column[k] if column[k] > 0.0 else 0.0


def aim(
    sharpe: bool,
    tau: float,
    mean: FloatArray,
    sub: FloatArray,
    gradient: FloatArray,
    m: float,
    v: float,
) -> FloatArray:
    """Twin of ``subspace.aim``, of the free assets alone."""
    factor = np.empty_like(sub)
    factorise(sub, factor)
    lowest, rise, level = gradient.copy(), mean.copy(), np.ones(len(sub))
    for values in (lowest, rise, level):
        solve_factored(factor, values)
    total_lowest, total_rise, total = (np.cumsum(values)[-1] for values in (lowest, rise, level))
    lowest = total_lowest / total * level - lowest
    rise = rise - total_rise / total * level
    m1 = np.cumsum(np.concatenate([[m], mean * lowest]))[-1]
    v1 = np.cumsum(np.concatenate([[v], gradient * lowest]))[-1]
    t = tau
    if sharpe:
        t = v1 / m1 if m1 > 0.0 and v1 > 0.0 else v / m
    way: FloatArray = lowest + t * rise
    return way


def keep_sum(weights: FloatArray, cap: float, before: float) -> None:
    """Twin of ``subspace.keep_sum``, of the free assets alone."""
    drift = before - np.cumsum(weights)[-1]
    room = cap - weights if drift > 0.0 else weights
    widest = int(np.argmax(room))
    if room[widest] > 0.0:
        weights[widest] = min(max(weights[widest] + drift, 0.0), cap)


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
    """Twin of ``subspace.jump``."""
    free = np.flatnonzero((weights > 0.0) & (weights < cap))
    if len(free) < 3:
        return False
    sub, w = covariance[np.ix_(free, free)], weights[free]
    way = aim(sharpe, tau, mean[free], sub, gradient[free], m, v)
    a, b = np.cumsum(mean[free] * way)[-1], np.cumsum(gradient[free] * way)[-1]
    c = np.cumsum(way[:, None] * sub * way)[-1]
    room = np.where(way < 0.0, w, cap - w)
    shares = np.divide(room, np.abs(way), out=np.full(len(free), np.inf), where=way != 0.0)
    gain = a * v - m * b if sharpe else tau * a - b
    bend = m * c - a * b if sharpe else c
    if not gain > 0.0 or not np.isfinite(shares).any():
        return False
    share, first = shares.min(), int(np.argmin(shares))
    step = min(share, gain / bend) if bend > 0.0 else share
    moved = np.minimum(np.maximum(w + step * way, 0.0), cap)
    if step == share:
        moved[first] = 0.0 if way[first] < 0.0 else cap
    keep_sum(moved, cap, np.cumsum(w)[-1])
    weights[free] = moved
    return True
