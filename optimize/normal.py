"""Normals and logarithms from + - * /, fused + * and sqrt: the same bits on every machine.

A normal is the quantile of one uniform u = (k + 1/2) / 2^32, k of 32 random bits: monotone, so near
uniforms give near normals; the furthest is 6.3, met once in 2^31. With x = 2 u - 1 and
L = -log(1 - x^2) it is x Q(L), Q smooth, without a division and for all but one in 6000 without
a branch (`optimize.lane_math`). It is within 4e-10 of itself, less than a step of the uniform
makes: 2.0 ns with its word, where AS 241 of 53 bits, to 1e-15, took 4.4.
"""

import numpy as np

from optimize.lane_code import LANES
from optimize.lane_math import FAR, fill_quantiles
from optimize.philox import NORMALS, WordArray, fill_stream
from stats.compiled import FloatArray, kernel, lean_kernel

_LN2_HIGH = 6.93147180369123816490e-01  # ln 2 to 33 bits, so that exponent * high is exact
_LN2_LOW = 1.90821492927058770002e-10
_MANTISSA, _EXPONENT_ONE = 0x000FFFFFFFFFFFFF, 0x3FF0000000000000
_CHUNK = 512  # positions made at a time: 8 kB of words stay in the first cache


@lean_kernel
def logarithm(x: float) -> float:
    """Natural logarithm of a positive normal double, within 2 units in the last place.

    x = 2^e f with f in [sqrt(1/2), sqrt(2)); log f = 2 artanh(s), s = (f - 1) / (f + 1),
    |s| < 0.1716, whose series to s^21 leaves 1e-18.
    """
    bits = np.float64(x).view(np.int64)
    exponent = (bits >> 52) - 1023
    f = np.int64((bits & _MANTISSA) | _EXPONENT_ONE).view(np.float64)
    if f > 1.4142135623730951:
        f *= 0.5
        exponent += 1
    s = (f - 1.0) / (f + 1.0)
    z = s * s
    tail = z * (1 / 13 + z * (1 / 15 + z * (1 / 17 + z * (1 / 19 + z * (1 / 21)))))
    tail = z * (1 / 3 + z * (1 / 5 + z * (1 / 7 + z * (1 / 9 + z * (1 / 11 + tail)))))
    return exponent * _LN2_HIGH + (2.0 * s + (2.0 * s * tail + exponent * _LN2_LOW))


@lean_kernel
def far_quantile(depth: float) -> float:
    """Give the normal of L = ``depth`` in [8, 21.5], by a polynomial in its root: within 2e-10."""
    s: float = np.sqrt(depth) - 3.75
    z = -2.286261404115693e-06 + s * 2.0577857488830073e-06
    z = 4.35236442572943e-05 + s * (-7.738702653624442e-06 + s * z)
    z = 0.0005983700088282583 + s * (-0.00017323160431617139 + s * z)
    z = 0.002855883458635267 + s * (-0.0017103525594519644 + s * z)
    return 5.073495094621145 + s * (1.4264999063061876 + s * z)


@lean_kernel
def turn_far(values: FloatArray) -> None:
    """Turn what `fill_quantiles` left as L into normals."""
    for k in range(values.shape[0]):
        if abs(values[k]) >= FAR:
            values[k] = np.copysign(far_quantile(abs(values[k])), values[k])


@lean_kernel
def turn_words(words: WordArray, out: FloatArray) -> None:
    """Turn both halves of uint64[k] into float64[2 k] of standard normals, k whole vectors."""
    far, k = 0, words.shape[0]
    for b in range(0, k, LANES):
        far |= fill_quantiles(words, b, out, b, k)
    if far:
        turn_far(out)


@lean_kernel
def whole_normals(n: int) -> int:
    """Round up to normals of whole vectors of words: what would be left over costs more."""
    return (n + 4 * LANES - 1) // (4 * LANES) * (4 * LANES)


@kernel
def fill_normals(seed: int, round_: int, draw: int, out: FloatArray) -> None:
    """Fill float64[whole_normals(n)] with standard normals of a draw, four a position."""
    words = np.empty(2 * _CHUNK, np.uint64)
    for start in range(0, out.shape[0], 4 * _CHUNK):
        part = out[start : start + 4 * _CHUNK]
        size = part.shape[0] // 4
        fill_stream(
            seed, round_, draw, NORMALS, 0, start // 4, words[:size], words[size : 2 * size]
        )
        turn_words(words[: 2 * size], part)
