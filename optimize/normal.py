"""Normals and logarithms from + - * / and sqrt alone: the same bits on every machine.

A normal is the inverse of the distribution function at one uniform, by Wichura's algorithm
AS 241 (PPND16, Applied Statistics 37, 1988, 477-484), whose relative error is about 1e-16;
with this file's logarithm the quantiles are within 1e-15 of exact. One uniform a normal,
monotone, so near uniforms give near normals. 53 bits: the furthest normal is 8.2.
"""

import numpy as np

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
def centred_uniform(word: int) -> float:
    """Turn a word's upper 53 bits into (k + 1/2) / 2^53 - 1/2: exact, symmetric, never 0 or 1."""
    return (np.float64(np.int64(word >> np.uint64(11)) - 4503599627370496) + 0.5) * 2.0**-53


@lean_kernel
def far_quantile(r: float) -> float:
    """Return the normal quantile of tails below exp(-25), r = sqrt(-log p) > 5 (AS 241)."""
    r -= 5.0
    n = 2.71155556874348757815e-5 + r * 2.01033439929228813265e-7
    n = 2.65321895265761230930e-2 + r * (1.24266094738807843860e-3 + r * n)
    n = 1.78482653991729133580 + r * (2.96560571828504891230e-1 + r * n)
    n = 6.65790464350110377720 + r * (5.46378491116411436990 + r * n)
    d = 1.42151175831644588870e-7 + r * 2.04426310338993978564e-15
    d = 7.86869131145613259100e-4 + r * (1.84631831751005468180e-5 + r * d)
    d = 1.36929880922735805310e-1 + r * (1.48753612908506148525e-2 + r * d)
    return n / (1.0 + r * (5.99832206555887937690e-1 + r * d))


@kernel
def turn_tails(tails: FloatArray) -> None:
    """Turn tail probabilities float64[k] <= 0.075 into normal quantiles of 1 - p, in place.

    The first loop has no branch, so that eight are made at once.
    """
    roots = np.empty(tails.shape[0])
    for t in range(tails.shape[0]):
        root = np.sqrt(-logarithm(tails[t]))
        roots[t] = root
        r = root - 1.6
        n = 2.27238449892691845833e-2 + r * 7.74545014278341407640e-4
        n = 1.27045825245236838258 + r * (2.41780725177450611770e-1 + r * n)
        n = 5.76949722146069140550 + r * (3.64784832476320460504 + r * n)
        n = 1.42343711074968357734 + r * (4.63033784615654529590 + r * n)
        d = 5.47593808499534494600e-4 + r * 1.05075007164441684324e-9
        d = 1.48103976427480074590e-1 + r * (1.51986665636164571966e-2 + r * d)
        d = 1.67638483018380384940 + r * (6.89767334985100004550e-1 + r * d)
        tails[t] = n / (1.0 + r * (2.05319162663775882187 + r * d))
    for t in range(tails.shape[0]):
        if roots[t] > 5.0:
            tails[t] = far_quantile(roots[t])


@kernel
def turn_normal(words: WordArray, out: FloatArray) -> None:
    """Turn uint64[k] into float64[k] of standard normals (AS 241).

    All are made by the central formula, eight at once, for its first loop has no branch; then
    the 15 % beyond its range are gathered, made again, and put back.
    """
    size = out.shape[0]
    centred, tails, places = np.empty(size), np.empty(size + 8), np.empty(size, np.int64)
    for b in range(size):
        q = centred_uniform(words[b])
        centred[b] = q
        r = 0.180625 - q * q
        n = 3.3430575583588128105e4 + r * 2.5090809287301226727e3
        n = 4.5921953931549871457e4 + r * (6.7265770927008700853e4 + r * n)
        n = 1.9715909503065514427e3 + r * (1.3731693765509461125e4 + r * n)
        n = 3.3871328727963666080 + r * (1.3314166789178437745e2 + r * n)
        d = 2.8729085735721942674e4 + r * 5.2264952788528545610e3
        d = 2.1213794301586595867e4 + r * (3.9307895800092710610e4 + r * d)
        d = 6.8718700749205790830e2 + r * (5.3941960214247511077e3 + r * d)
        out[b] = q * n / (1.0 + r * (4.2313330701600911252e1 + r * d))
    n_tails = 0
    for b in range(size):
        p = 0.5 - abs(centred[b])
        tails[n_tails], places[n_tails] = p, b
        n_tails += 1 if p < 0.075 else 0
    # In whole vectors: what would be left over costs more one by one.
    whole = (n_tails + 7) // 8 * 8
    tails[n_tails:whole] = 0.05
    turn_tails(tails[:whole])
    for t in range(n_tails):
        b = places[t]
        out[b] = tails[t] if centred[b] > 0.0 else -tails[t]


@kernel
def fill_normals(seed: int, round_: int, draw: int, out: FloatArray) -> None:
    """Fill float64[n] with the first n standard normals of a draw."""
    words, n = np.empty(2 * _CHUNK, np.uint64), out.shape[0]
    for first in range(0, n, 2 * _CHUNK):
        size = min(2 * _CHUNK, n - first)
        half = (size + 1) // 2
        made = (half + 7) // 8 * 8
        left, right = words[:made], words[made : 2 * made]
        fill_stream(seed, round_, draw, NORMALS, 0, first // 2, left, right)
        # Turned at once: another call takes 0.2 us, and ten assets need but 55.
        for x in range(size - half if made > half else 0):
            words[half + x] = right[x]
        turn_normal(words[:size], out[first : first + size])
