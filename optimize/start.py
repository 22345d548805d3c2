"""Where exchanges begin: a feasible portfolio, near the last one if there is one."""

from optimize.exchange import (
    NO_POSITIVE_RETURN,
    SHARPE,
    UTILITY,
    ByteArray,
    exchange,
    make_column,
)
from stats.compiled import FloatArray, kernel

# A sum this near to 1 is 1: to put right a last digit would make one more held asset.
ROUNDING = 1e-12


@kernel
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
            weights[best] += step
            return
        weights[best] = cap
        missing -= step


@kernel
def expect(mean: FloatArray, weights: FloatArray) -> float:
    """Return mu'w, summed in order."""
    expected = 0.0
    for k in range(mean.shape[0]):
        expected += weights[k] * mean[k]
    return expected


@kernel
def optimise(
    sharpe: bool,
    mean: FloatArray,
    covariance: FloatArray,
    ready: ByteArray,
    factor: FloatArray,
    cap: float,
    weights: FloatArray,
    work: FloatArray,
) -> tuple[int, int]:
    """Maximise the Sharpe ratio, or minimise variance where that is asked or all that is left.

    ``weights`` holds the start (any; zeros for a cold one) and then the portfolio. The start of
    a cold minimum variance makes every column.
    """
    n = weights.shape[0]
    start = work[1]
    if sharpe:
        start[:] = weights
        fill_by_preference(mean, cap, start)
        if expect(mean, start) <= 0.0:
            start[:] = 0.0
            fill_by_preference(mean, cap, start)
        if expect(mean, start) > 0.0:
            weights[:] = start
            return exchange(SHARPE, 0.0, mean, covariance, ready, factor, cap, weights, work)
    preference = work[0]
    preference[:] = 0.0
    if expect(weights, weights) == 0.0:
        for k in range(n):
            make_column(k, covariance, ready, factor)
            preference[k] = -covariance[k, k]
    fill_by_preference(preference, cap, weights)
    flags, exchanges = exchange(UTILITY, 0.0, mean, covariance, ready, factor, cap, weights, work)
    return (flags | NO_POSITIVE_RETURN if sharpe else flags), exchanges
