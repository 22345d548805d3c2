"""Plain-numpy twins of the kernels that draw: whole arrays, the same arithmetic, the same bits."""

from collections.abc import Sequence

import numpy as np

from optimize.lane_code import ROWS
from optimize.lane_math import CENTRAL, FAR, LOGARITHM
from optimize.philox import CHI_SQUARES, NORMALS, WordArray
from optimize.plain_fused import fused
from stats.compiled import FloatArray

_LOW, _32 = np.uint64(0xFFFFFFFF), np.uint64(32)
_52, _ROOT_HALF = np.uint64(52), np.uint64(0x3FE6A09E667F3BCD)
_FAR_QUANTILE = (
    5.073495094621145, 1.4264999063061876, 0.002855883458635267, -0.0017103525594519644,
    0.0005983700088282583, -0.00017323160431617139, 4.35236442572943e-05, -7.738702653624442e-06,
    -2.286261404115693e-06, 2.0577857488830073e-06,
)  # fmt: skip


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


def depths(value: FloatArray, power: float, coefficients: Sequence[float]) -> FloatArray:
    """Twin of what `optimize.lane_math` has for -log(value / 2^power)."""
    bits = value.view(np.uint64)
    e = (bits - _ROOT_HALF) >> _52
    r = (bits - (e << _52)).view(np.float64) - 1.0
    return fused(
        -r, _polynomial(r, coefficients), (power - e.astype(np.float64)) * 0.6931471805599453
    )


def _polynomial(x: FloatArray, coefficients: Sequence[float]) -> FloatArray:
    total = np.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = fused(x, total, coefficient)
    return total


def odds(words: WordArray) -> FloatArray:
    """Give 2 k + 1 of the upper 32 bits k of words, then of the lower."""
    halves = np.concatenate([words >> _32, words & _LOW])
    return np.asarray(2.0 * halves.astype(np.float64) + 1.0)


def turn_words(words: WordArray, out: FloatArray) -> None:
    """Twin of ``normal.turn_words``."""
    odd = odds(words)
    depth = depths(odd * (2.0**33 - odd), 64.0, LOGARITHM)
    x = (odd - 2.0**32) * 2.0**-32
    s = np.sqrt(depth) - 3.75
    far = np.full_like(s, _FAR_QUANTILE[-1])
    for coefficient in _FAR_QUANTILE[-2::-1]:
        far = coefficient + s * far
    out[:] = np.where(depth >= FAR, np.copysign(far, x), x * _polynomial(depth, CENTRAL))


def fill_normals(seed: int, round_: int, draw: int, out: FloatArray) -> None:
    """Twin of ``normal.fill_normals``."""
    for start in range(0, len(out), 2048):
        part = out[start : start + 2048]
        words = np.empty((2, len(part) // 4), np.uint64)
        fill_words(seed, start // 4, draw, round_, NORMALS * 65536, words[0], words[1])
        turn_words(words.reshape(-1), part)


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
        x, u = np.empty(2 * len(out)), ((words[1] >> np.uint64(11)) + 0.5) * 2.0**-53
        turn_words(words[0], x)
        x = x[: len(out)]
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
            below = fused(upper[k, j], out[j], below)
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
    normals, gammas = np.empty((n * (n + 1) // 2 + 31) // 32 * 32), np.empty(n)
    fill_normals(seed, round_, draw, normals)
    shapes = 0.5 * (nu - np.arange(n - 1.0, -1.0, -1.0))
    fill_gammas(seed, round_, draw, CHI_SQUARES, shapes, gammas)
    solve_bartlett(factor, np.sqrt(nu - n - 1.0), np.sqrt(2.0 * gammas), normals, drawn_factor)
    drawn_mean[:] = 0.0
    for k in range(n):
        z = normals[n * (n - 1) // 2 + k] / np.sqrt(n_observations)
        drawn_mean[:] = fused(z, drawn_factor[k], drawn_mean)
    drawn_mean += mean


def fill_covariance(factor: FloatArray, covariance: FloatArray) -> None:
    """Twin of ``product.fill_covariance``."""
    covariance[:] = 0.0
    for column in factor:
        covariance[:] = fused(column[:, None], column, covariance)
