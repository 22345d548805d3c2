"""Plain-numpy twins of sums of columns."""

import numpy as np

from stats.compiled import FloatArray


def add_in_order(values: FloatArray) -> float:
    """Add in order: numpy's own sum goes by pairs."""
    return float(np.cumsum(np.concatenate([[0.0], values]))[-1])


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
    gradient = weigh_columns(covariance, weights)
    return add_in_order(weights * mean), max(add_in_order(weights * gradient), 0.0)
