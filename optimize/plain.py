"""Plain-numpy twins of the kernels that solve: whole arrays, the same arithmetic and bits."""

import numpy as np

from optimize import exchange as flag
from optimize.plain_active_set import solve_active_set
from optimize.plain_columns import add_in_order, measure_portfolio, weigh_columns
from optimize.plain_factor import jump
from optimize.start import ROUNDING
from stats.compiled import FloatArray, IntArray


def fill_by_preference(preference: FloatArray, cap: float, weights: FloatArray) -> None:
    """Twin of ``start.fill_by_preference``."""
    weights[:] = np.where(weights > 0.0, np.minimum(weights, cap), 0.0)
    total = add_in_order(weights)
    if total > 1.0 + ROUNDING:
        weights /= total
        return
    missing = 1.0 - total
    for best in np.argsort(-preference, kind="stable"):
        if missing <= ROUNDING:
            return
        if weights[best] < cap:
            step = min(missing, cap - weights[best])
            weights[best] = min(weights[best] + step, cap) if step == missing else cap
            missing -= step


def exchange(
    objective: int,
    tau: float,
    mean: FloatArray,
    covariance: FloatArray,
    cap: float,
    weights: FloatArray,
) -> tuple[int, int]:
    """Twin of ``exchange.exchange``, of a whole covariance."""
    by_sharpe = objective == flag.SHARPE
    diagonal = covariance.diagonal()
    made, fresh, stale = 0, True, True
    for _ in range(1000 + 200 * len(weights)):
        if stale:
            gradient = weigh_columns(covariance, weights)
            m, v = add_in_order(weights * mean), max(add_in_order(weights * gradient), 0.0)
            spread, fresh, stale = add_in_order(weights * diagonal), True, False
        gone = v <= flag.CANCELLED * spread and (by_sharpe or tau == 0.0)
        if gone and fresh:
            return flag.ZERO_VARIANCE, made
        if gone or (not fresh and made % flag.PACE == 0):
            gradient = weigh_columns(covariance, weights)
            m, v = add_in_order(weights * mean), max(add_in_order(weights * gradient), 0.0)
            spread, fresh = add_in_order(weights * diagonal), True
            stale = not gone and jump(
                by_sharpe, tau, mean, covariance, cap, weights, gradient, m, v
            )
            continue
        s, t, scale = (1.0, m / v, m) if by_sharpe else (tau, 1.0, v)
        slope = s * mean - t * gradient
        open_slope = np.where(weights < cap, slope, -np.inf)
        i, lowest = int(np.argmax(open_slope)), np.min(slope[weights > 0.0])
        full = not (weights < cap).any()
        if full or slope[i] - lowest <= flag.TOLERANCE * max(scale, 1e-9 * tau * abs(m)):
            if fresh or full:
                return 0, made
            stale = True
            continue
        size = covariance[i, i] + diagonal
        bend = np.maximum(size - 2.0 * covariance[i], 1e-15 * size + 1e-300)
        score = (slope[i] - slope) / bend * (slope[i] - slope)
        j = int(np.argmax(np.where((weights > 0.0) & (slope < slope[i]), score, -1.0)))
        a, b, rise = mean[i] - mean[j], gradient[i] - gradient[j], slope[i] - slope[j]
        c = max(diagonal[i] + diagonal[j] - 2.0 * covariance[i, j], 0.0)
        step = _step(rise * v if by_sharpe else rise, m * c - a * b if by_sharpe else c)
        step = _move(i, j, step, cap, weights)
        gradient = gradient + step * (covariance[i] - covariance[j])
        m += step * a
        v += step * (2.0 * b + step * c)
        spread += step * (diagonal[i] - diagonal[j])
        made, fresh = made + 1, False
    return flag.NOT_CONVERGED, made


def _step(gain: float, bend: float) -> float:
    return gain / bend if bend > 0.0 else np.inf


def _move(i: int, j: int, step: float, cap: float, weights: FloatArray) -> float:
    room, held = float(cap - weights[i]), float(weights[j])
    step = min(step, held, room)
    weights[i] = cap if step == room < held else min(weights[i] + step, cap)
    weights[j] = 0.0 if step == held else weights[j] - step
    return step


def is_settled(
    objective: int, mean: FloatArray, covariance: FloatArray, cap: float, weights: FloatArray
) -> bool:
    """Twin of ``exchange.is_settled``, of a whole covariance."""
    gradient = weigh_columns(covariance, weights)
    m, v = add_in_order(weights * mean), max(add_in_order(weights * gradient), 0.0)
    if v <= flag.CANCELLED * add_in_order(weights * covariance.diagonal()):
        return False
    s, t, scale = (1.0, m / v, m) if objective == flag.SHARPE else (0.0, 1.0, v)
    slope = s * mean - t * gradient
    free = weights < cap
    rise = slope[free].max(initial=-np.inf) - slope[weights > 0.0].min()
    return bool(not free.any() or rise <= flag.TOLERANCE * scale)


def feasible_start(
    sharpe: bool, mean: FloatArray, cap: float, weights: FloatArray
) -> tuple[int, bool]:
    """Twin of ``start.feasible_start``."""
    held = add_in_order(weights * weights) > 0.0
    if sharpe:
        for warm in (held, False):
            start = weights.copy() if warm else np.zeros_like(weights)
            fill_by_preference(mean, cap, start)
            if add_in_order(start * mean) > 0.0:
                weights[:] = start
                return flag.SHARPE, warm
    if held:
        fill_by_preference(np.zeros_like(mean), cap, weights)
    return flag.UTILITY, held


def optimise(
    sharpe: bool, mean: FloatArray, covariance: FloatArray, cap: float, weights: FloatArray
) -> tuple[int, int]:
    """Twin of ``start.optimise``, of a whole covariance."""
    objective, warm = feasible_start(sharpe, mean, cap, weights)
    lost = flag.NO_POSITIVE_RETURN if sharpe and objective == flag.UTILITY else 0
    if warm and is_settled(objective, mean, covariance, cap, weights):
        return lost, 0
    target = mean if objective == flag.SHARPE else np.ones(len(mean))
    rounds = solve_active_set(target, covariance, cap, warm, weights)
    if rounds == 0 and objective == flag.UTILITY and not warm:
        fill_by_preference(-covariance.diagonal(), cap, weights)
    flags, made = exchange(objective, 0.0, mean, covariance, cap, weights)
    return flags | lost, made


def find_twin(
    mean: FloatArray, covariance: FloatArray, weights: FloatArray, variances: FloatArray
) -> bool:
    """Twin of ``pair_exchange.find_twin``."""
    variances[:] = covariance.diagonal()
    size = variances[:, None] + variances
    sizes = np.abs(mean)[:, None] + np.abs(mean)
    same = (np.abs(size - 2.0 * covariance) <= 1e-14 * size) & (size > 0.0)
    same &= np.abs(mean[:, None] - mean) <= 1e-14 * sizes
    np.fill_diagonal(same, False)
    return bool(same[weights > 0.0].any())


def solve_estimates(
    sharpe: bool,
    mean: FloatArray,
    covariance: FloatArray,
    max_weight: float,
    weights: FloatArray,
) -> tuple[int, int, float, float]:
    """Twin of ``pair_exchange.solve_estimates``."""
    n = len(mean)
    flags, made = (flag.CAP_RAISED if n * max_weight < 1.0 - 1e-12 else 0), 0
    cap = 1.0 / n if n * max_weight < 1.0 else max_weight
    largest, best = covariance.diagonal().max(), mean.max()
    if n == 1:
        weights[0] = 1.0
        flags |= flag.ONE_ASSET
        flags |= flag.NO_POSITIVE_RETURN if sharpe and best <= 0.0 else 0
        flags |= flag.ZERO_VARIANCE if largest == 0.0 else 0
    elif largest == 0.0 and (best <= 0.0 or not sharpe):
        weights[:] = 1.0 / n
        flags |= flag.NO_VARIANCE_AT_ALL
    else:
        more, made = optimise(sharpe, mean, covariance, cap, weights)
        flags |= more | (flag.TWINS if find_twin(mean, covariance, weights, np.empty(n)) else 0)
    return flags, made, *measure_portfolio(mean, covariance, weights)


def merge_draws(
    counts: IntArray, means: FloatArray, m2s: FloatArray, mean: FloatArray, m2: FloatArray
) -> int:
    """Twin of ``outcome.merge_draws``."""
    total = 0
    for count, block_mean, block_m2 in zip(counts, means, m2s, strict=True):
        delta = block_mean - mean
        mean += delta * (count / (total + count))
        m2 += block_m2 + delta * delta * (total * (count / (total + count)))
        total += int(count)
    return total
