"""Plain-numpy twins of the kernels that draw: whole arrays, the same arithmetic, the same bits."""

import numpy as np

from optimize.lane_code import ROWS
from optimize.philox import CHI_SQUARES, NORMALS, WordArray
from stats.compiled import FloatArray

_LOW, _32 = np.uint64(0xFFFFFFFF), np.uint64(32)
_CENTRAL = (
    (3.3871328727963666080, 1.0),
    (1.3314166789178437745e2, 4.2313330701600911252e1),
    (1.9715909503065514427e3, 6.8718700749205790830e2),
    (1.3731693765509461125e4, 5.3941960214247511077e3),
    (4.5921953931549871457e4, 2.1213794301586595867e4),
    (6.7265770927008700853e4, 3.9307895800092710610e4),
    (3.3430575583588128105e4, 2.8729085735721942674e4),
    (2.5090809287301226727e3, 5.2264952788528545610e3),
)
_NEAR_TAIL = (
    (1.42343711074968357734, 1.0),
    (4.63033784615654529590, 2.05319162663775882187),
    (5.76949722146069140550, 1.67638483018380384940),
    (3.64784832476320460504, 6.89767334985100004550e-1),
    (1.27045825245236838258, 1.48103976427480074590e-1),
    (2.41780725177450611770e-1, 1.51986665636164571966e-2),
    (2.27238449892691845833e-2, 5.47593808499534494600e-4),
    (7.74545014278341407640e-4, 1.05075007164441684324e-9),
)
_FAR_TAIL = (
    (6.65790464350110377720, 1.0),
    (5.46378491116411436990, 5.99832206555887937690e-1),
    (1.78482653991729133580, 1.36929880922735805310e-1),
    (2.96560571828504891230e-1, 1.48753612908506148525e-2),
    (2.65321895265761230930e-2, 7.86869131145613259100e-4),
    (1.24266094738807843860e-3, 1.84631831751005468180e-5),
    (2.71155556874348757815e-5, 1.42151175831644588870e-7),
    (2.01033439929228813265e-7, 2.04426310338993978564e-15),
)


def fill_words(
    key: int,
    position: int,
    counter_1: int,
    counter_2: int,
    counter_3: int,
    first: WordArray,
    second: WordArray,
) -> None:
    """Twin of ``philox.fill_words``."""
    c0 = (np.arange(len(first), dtype=np.uint64) + np.uint64(position)) & _LOW
    c1, c2, c3 = (
        np.full_like(c0, counter & 0xFFFFFFFF) for counter in (counter_1, counter_2, counter_3)
    )
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        p0, p1 = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1 = (p1 >> _32) ^ c1 ^ np.uint64(k0), p1 & _LOW
        c2, c3 = (p0 >> _32) ^ c3 ^ np.uint64(k1), p0 & _LOW
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    first[:] = (c0 << _32) | c1
    second[:] = (c2 << _32) | c3


def logarithm(x: FloatArray) -> FloatArray:
    """Twin of ``normal.logarithm``, of an array."""
    fraction, exponent = np.frexp(x)
    low = fraction <= 0.5 * 1.4142135623730951
    f = np.where(low, 2.0 * fraction, fraction)
    power_of_two = (exponent - low).astype(np.float64)
    s = (f - 1.0) / (f + 1.0)
    z = s * s
    series = np.zeros_like(z)
    for power in range(21, 1, -2):
        series = z * (1 / power + series)
    result: FloatArray = power_of_two * 6.93147180369123816490e-01 + (
        2.0 * s + (2.0 * s * series + power_of_two * 1.90821492927058770002e-10)
    )
    return result


def _ratio(table: tuple[tuple[float, float], ...], r: FloatArray) -> tuple[FloatArray, FloatArray]:
    above, below = np.zeros_like(r), np.zeros_like(r)
    for numerator, denominator in reversed(table):
        above, below = numerator + r * above, denominator + r * below
    return above, below


def centred_uniforms(words: WordArray) -> FloatArray:
    """Twin of ``normal.centred_uniform``, of an array."""
    whole = (words >> np.uint64(11)).astype(np.int64) - 2**52
    return np.asarray((whole + 0.5) * 2.0**-53, np.float64)


def turn_normal(words: WordArray, out: FloatArray) -> None:
    """Twin of ``normal.turn_normal``."""
    q = centred_uniforms(words)
    above, below = _ratio(_CENTRAL, 0.180625 - q * q)
    p = 0.5 - np.abs(q)
    root = np.sqrt(-logarithm(p))
    near_above, near_below = _ratio(_NEAR_TAIL, root - 1.6)
    far_above, far_below = _ratio(_FAR_TAIL, root - 5.0)
    tail = np.where(root > 5.0, far_above / far_below, near_above / near_below)
    out[:] = np.where(p < 0.075, np.where(q > 0.0, tail, -tail), q * above / below)


def fill_normals(seed: int, round_: int, draw: int, out: FloatArray) -> None:
    """Twin of ``normal.fill_normals``."""
    for start in range(0, len(out), 1024):
        part = out[start : start + 1024]
        half = (len(part) + 1) // 2
        words = np.empty((2, half), np.uint64)
        fill_words(seed, start // 2, draw, round_, NORMALS * 65536, words[0], words[1])
        turn_normal(words.reshape(-1)[: len(part)], part)


def fill_gammas(
    seed: int, round_: int, draw: int, stream: int, shapes: FloatArray, out: FloatArray
) -> None:
    """Twin of ``gamma.fill_gammas``: all elements again, until each is accepted once."""
    out[:] = shapes
    waiting = np.ones(len(out), bool)
    d = shapes - 1.0 / 3.0
    for attempt in range(65):
        words = np.empty((2, len(out)), np.uint64)
        fill_words(seed, 0, draw, round_, stream * 65536 + attempt, words[0], words[1])
        x, u = np.empty(len(out)), centred_uniforms(words[1]) + 0.5
        turn_normal(words[0], x)
        root = 1.0 + x / np.sqrt(9.0 * d)
        v = root * root * root
        xx = x * x
        bound = 0.5 * xx + d * (1.0 - v + logarithm(np.where(root > 0.0, v, 1.0)))
        good = (root > 0.0) & ((u < 1.0 - 0.0331 * xx * xx) | (logarithm(u) < bound))
        out[:] = np.where(waiting & good, d * v, out)
        waiting &= ~good
        if not waiting.any():
            return


def solve_bartlett(
    factor: FloatArray, scale: float, chi: FloatArray, normals: FloatArray, out: FloatArray
) -> None:
    """Twin of ``posterior.solve_bartlett``."""
    n = len(factor)
    upper = np.zeros((n, n))
    upper[np.triu_indices(n, 1)] = normals[: n * (n - 1) // 2]
    out[:] = scale * factor
    for k in range(n - 1, -1, -1):
        end = min(k // ROWS * ROWS + ROWS, n)
        below = np.zeros(n)
        for j in range(n - 1, end - 1, -1):
            below += upper[k, j] * out[j]
        out[k] -= below
        for j in range(k + 1, end):
            out[k] -= upper[k, j] * out[j]
        out[k] *= 1.0 / chi[k]


def draw_posterior(
    mean: FloatArray,
    factor: FloatArray,
    n_observations: int,
    seed: int,
    round_: int,
    draw: int,
    drawn_mean: FloatArray,
    drawn_factor: FloatArray,
) -> None:
    """Twin of ``posterior.draw_posterior``."""
    n = len(mean)
    nu = max(n_observations - 1, n + 2)
    normals, gammas = np.empty(n * (n + 1) // 2), np.empty(n)
    fill_normals(seed, round_, draw, normals)
    shapes = 0.5 * (nu - np.arange(n - 1.0, -1.0, -1.0))
    fill_gammas(seed, round_, draw, CHI_SQUARES, shapes, gammas)
    solve_bartlett(factor, np.sqrt(nu - n - 1.0), np.sqrt(2.0 * gammas), normals, drawn_factor)
    drawn_mean[:] = 0.0
    for k in range(n):
        z = normals[n * (n - 1) // 2 + k] / np.sqrt(n_observations)
        drawn_mean += z * drawn_factor[k]
    drawn_mean += mean


def fill_covariance(factor: FloatArray, covariance: FloatArray) -> None:
    """Twin of ``product.fill_covariance``."""
    covariance[:] = 0.0
    for column in factor:
        covariance += column[:, None] * column
