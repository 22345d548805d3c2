"""Where exchanges begin: a feasible portfolio, near the last one if there is one."""

import numpy as np

from optimize.active_set import solve_active_set
from optimize.exchange import (
    NO_POSITIVE_RETURN,
    SHARPE,
    UTILITY,
    exchange,
    is_settled,
)
from stats.compiled import FloatArray, kernel, lean_kernel

# A sum this near to 1 is 1: to put right a last digit would make one more held asset.
ROUNDING = 1e-12


@lean_kernel
def fill_by_preference(preference: FloatArray, cap: float, weights: FloatArray) -> None:
    """Make weights feasible: into [0, cap], then to a sum of 1 by the preferred assets first."""
    n = weights.shape[0]
    total = 0.0
    for i in range(n):
        w = weights[i]
        weights[i] = min(w, cap) if w > 0.0 else 0.0
        total += weights[i]
    if total > 1.0 + ROUNDING:
        for i in range(n):
            weights[i] /= total
        return
    missing = 1.0 - total
    for _ in range(n):
        best = -1
        for i in range(n):
            if weights[i] < cap and (best < 0 or preference[i] > preference[best]):
                best = i
        if best < 0 or missing <= ROUNDING:
            return
        step = min(missing, cap - weights[best])
        if step == missing:
            weights[best] = min(weights[best] + step, cap)  # a sum may round up, past the cap
            return
        weights[best] = cap
        missing -= step


@lean_kernel
def expect(mean: FloatArray, weights: FloatArray) -> float:
    """Return mu'w, summed in order."""
    expected = 0.0
    for k in range(mean.shape[0]):
        expected += weights[k] * mean[k]
    return expected


@lean_kernel
def feasible_start(
    sharpe: bool, mean: FloatArray, cap: float, weights: FloatArray, start: FloatArray
) -> tuple[int, bool]:
    """Make the start feasible, in place; tell which objective is left and whether it is warm.

    A cold minimum variance keeps its zeros: what it starts from, if at all, is not known here.
    """
    held = expect(weights, weights) > 0.0
    if sharpe:
        for warm in (held, False):
            for i in range(weights.shape[0]):
                start[i] = weights[i] if warm else 0.0
            fill_by_preference(mean, cap, start)
            if expect(mean, start) > 0.0:
                for i in range(weights.shape[0]):
                    weights[i] = start[i]
                return SHARPE, warm
    if held:
        start[:] = 0.0
        fill_by_preference(start, cap, weights)
    return UTILITY, held


@kernel
def optimise(
    sharpe: bool,
    mean: FloatArray,
    covariance: FloatArray,
    cap: float,
    weights: FloatArray,
    work: FloatArray,
) -> tuple[int, int]:
    """Maximise the Sharpe ratio, or minimise variance where that is asked or all that is left.

    The optimum is found by the assets it holds; exchanges put right what that left, or do it
    all. ``weights`` holds the start (any; zeros for a cold one) and then the portfolio. A start
    that is optimal stays as it is, to the bit.
    """
    objective, warm = feasible_start(sharpe, mean, cap, weights, work[1])
    lost = NO_POSITIVE_RETURN if sharpe and objective == UTILITY else 0
    if warm and is_settled(objective, mean, covariance, cap, weights, work):
        return lost, 0
    target = mean if objective == SHARPE else np.ones(mean.shape[0])
    rounds = solve_active_set(target, covariance, cap, warm, weights, work)
    if rounds == 0 and objective == UTILITY and not warm:
        preference = work[0]
        for k in range(mean.shape[0]):
            preference[k] = -covariance[k, k]
        fill_by_preference(preference, cap, weights)
    flags, exchanges = exchange(objective, 0.0, mean, covariance, cap, weights, work)
    return flags | lost, exchanges
