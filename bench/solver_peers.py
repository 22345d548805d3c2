"""Maximum Sharpe ratio, long only, by daqp: the quickest of the solvers for small dense programs.

The problem is written as the quadratic program
min y'covariance y / 2 - mean'y over y >= 0, or 0 <= y_i <= cap sum(y), and y scaled to a sum of
1: the form with the fewest constraints. It is imported when first called.
"""

from typing import Any

import numpy as np

from stats.compiled import FloatArray

_INFINITE = 1e30


def _program(
    mean: FloatArray, covariance: FloatArray, cap: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    # Scaled: daqp's tolerances are absolute. Copied: it takes no read-only arrays.
    n = len(mean)
    costs, slopes = covariance / covariance.diagonal().mean(), -mean / np.abs(mean).max()
    low, high = np.zeros(n), np.full(n, _INFINITE)
    if cap >= 1.0:
        return costs, slopes, np.zeros((0, n)), high, low
    rows = np.eye(n) - cap
    return (
        costs,
        slopes,
        rows,
        np.concatenate([high, np.zeros(n)]),
        np.concatenate([low, np.full(n, -_INFINITE)]),
    )


def _weights(y: FloatArray) -> FloatArray:
    held = np.maximum(y, 0.0)
    weights: FloatArray = held / held.sum()
    return weights


def daqp_max_sharpe(mean: FloatArray, covariance: FloatArray, cap: float) -> FloatArray:
    """Solve by daqp, a dual active set with its start at the unconstrained optimum."""
    import daqp

    y, *_ = daqp.solve(*_program(mean, covariance, cap))
    return _weights(y)


def daqp_model(mean: FloatArray, covariance: FloatArray, cap: float) -> Any:
    """Give daqp's model of a problem it has solved."""
    import daqp

    model = daqp.Model()
    model.setup(*_program(mean, covariance, cap))
    model.solve()
    return model


def daqp_next(model: Any, mean: FloatArray, covariance: FloatArray) -> FloatArray:
    """Solve the next problem by daqp's model, which starts from the active set of the last."""
    costs, slopes, *_ = _program(mean, covariance, 1.0)
    model.update(H=costs, f=slopes)
    y, *_ = model.solve()
    return _weights(y)
