"""Plain-numpy twins of columns and sums of them."""

import numpy as np

from optimize.columns import ByteArray
from stats.compiled import FloatArray


def add_in_order(values: FloatArray) -> float:
    """Add in order: numpy's own sum goes by pairs."""
    return float(np.cumsum(np.concatenate([[0.0], values]))[-1])


def make_column(i: int, covariance: FloatArray, ready: ByteArray, factor: FloatArray) -> int:
    """Twin of ``columns.make_column``."""
    if ready[i]:
        return 0
    terms = factor[: i + 1, i, None] * factor[: i + 1]
    row, whole = np.zeros(len(covariance)), len(terms) // 4 * 4
    for k in range(0, whole, 4):
        row = row + (terms[k] + terms[k + 1]) + (terms[k + 2] + terms[k + 3])
    for term in terms[whole:]:
        row = row + term
    covariance[i] = row
    ready[i] = 1
    return 1


def weigh_columns(covariance: FloatArray, weights: FloatArray) -> FloatArray:
    """Twin of ``columns.weigh_columns``."""
    held = np.flatnonzero(weights)
    terms, gradient = weights[held, None] * covariance[held], np.zeros(len(weights))
    whole = len(held) // 4 * 4
    for h in range(0, whole, 4):
        gradient = gradient + (terms[h] + terms[h + 1]) + (terms[h + 2] + terms[h + 3])
    for term in terms[whole:]:
        gradient = gradient + term
    return gradient


def measure_portfolio(
    mean: FloatArray, covariance: FloatArray, weights: FloatArray
) -> tuple[float, float]:
    """Twin of ``pair_exchange.measure_portfolio``."""
    gradient = np.cumsum(weights[:, None] * covariance, axis=0)[-1]
    return add_in_order(weights * mean), max(add_in_order(weights * gradient), 0.0)
