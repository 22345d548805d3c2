"""Plain-numpy twin of a product and a sum rounded once.

By Boldo and Melquiond (Emulation of a FMA and correctly rounded sums, IEEE Trans. Computers 57,
2008, 462-471): product and sums with what each rounds off, the small parts rounded to odd. Exact
where nothing over- or underflows.
"""

from typing import Any

import numpy as np

from stats.compiled import FloatArray, SingleArray

_SPLITTER = 134217729.0  # 2^27 + 1, by Veltkamp


def fused(a: Any, b: Any, c: Any) -> FloatArray:
    """Twin of ``lane_code.emit_fused``: a * b + c of arrays that broadcast."""
    high, low = _multiply(np.asarray(a, np.float64), np.asarray(b, np.float64))
    small, rest = _add(np.asarray(c, np.float64), low)
    large, middle = _add(high, small)
    return np.asarray(large + _add_to_odd(middle, rest))


def fused_singles(a: SingleArray, b: SingleArray, c: SingleArray) -> SingleArray:
    """Twin of ``lane_code.emit_fused`` of floats: a * b + c of arrays that broadcast.

    As doubles the product is exact; a sum rounded to odd rounds to the same float as the exact
    one, as it has more than two bits more.
    """
    exact = np.asarray(a, np.float64) * np.asarray(b, np.float64)
    return np.asarray(_add_to_odd(exact, np.asarray(c, np.float64)), np.float32)


def _multiply(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give a product and what it rounds off (Dekker)."""
    (a_high, a_low), (b_high, b_low) = _halve(a), _halve(b)
    product = a * b
    lost = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return product, lost


def _halve(value: FloatArray) -> tuple[FloatArray, FloatArray]:
    wide = _SPLITTER * value
    high = wide - (wide - value)
    return high, value - high


def _add(a: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give a sum and what it rounds off (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _add_to_odd(a: FloatArray, b: FloatArray) -> FloatArray:
    """Give a sum; of the two doubles round an inexact one that whose last bit is 1."""
    total, lost = _add(a, b)
    is_even = np.atleast_1d(total).view(np.int64).reshape(np.shape(total)) % 2 == 0
    towards = np.where(lost > 0.0, np.inf, -np.inf)
    return np.where((lost != 0.0) & is_even, np.nextafter(total, towards), total)
