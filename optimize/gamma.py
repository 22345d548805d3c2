"""Gamma draws by Marsaglia and Tsang (ACM Trans. Math. Software 26, 2000, 363-372).

Each element has its own positions in the stream, one an attempt, so a rejection moves nobody
else's numbers. Any shape >= 1: thousands cost what 1 costs.
"""

import numpy as np

from optimize.lane_code import LANES
from optimize.normal import logarithm, turn_words
from optimize.philox import WordArray, fill_stream
from optimize.writable import as_variable
from stats.compiled import FloatArray, kernel, lean_kernel


@lean_kernel
def uniform(word: int) -> float:
    """Turn a word's upper 53 bits into (k + 1/2) / 2^53: never 0; the last is 1, by rounding."""
    return (np.float64(np.int64(word >> np.uint64(11))) + 0.5) * 2.0**-53


@lean_kernel
def accept(shape: float, x: float, u: float) -> float:
    """Turn a normal and a uniform into a gamma draw of ``shape`` >= 1, or -1: rejected."""
    d = shape - 1.0 / 3.0
    root: float = 1.0 + x / np.sqrt(9.0 * d)
    if root <= 0.0:
        return -1.0
    v = root * root * root
    xx = x * x
    if u < 1.0 - 0.0331 * xx * xx:
        return d * v
    if logarithm(u) < 0.5 * xx + d * (1.0 - v + logarithm(v)):
        return d * v
    return -1.0


@lean_kernel
def try_all(shapes: FloatArray, words: WordArray, normals: FloatArray, out: FloatArray) -> None:
    """Fill what the quick test accepts and -1 elsewhere, without a branch: eight at once.

    Of shapes over 100 it accepts 99 %.
    """
    for k in range(out.shape[0]):
        d, x = shapes[k] - 1.0 / 3.0, normals[k]
        root = 1.0 + x / np.sqrt(9.0 * d)
        xx = x * x
        quick = (uniform(words[k]) < 1.0 - 0.0331 * xx * xx) & (root > 0.0)
        out[k] = d * (root * root * root) if quick else -1.0


@kernel
def try_again(seed: int, round_: int, draw: int, stream: int, shape: float, k: int) -> float:
    """Give element k by its next attempts, the first of which is rejected."""
    words = np.empty((4, LANES), np.uint64)
    normals = words[2:].reshape(-1).view(np.float64)
    # At worst 5 % are rejected (shape 1): 64 in a row happen once in 1e83.
    for attempt in range(1, 65):
        fill_stream(seed, round_, draw, stream, attempt, k, words[0], words[1])
        turn_words(words[0], normals)
        value = accept(shape, normals[0], uniform(words[1, 0]))
        if value > 0.0:
            return value
    return shape


@kernel
def fill_gammas(
    seed: int, round_: int, draw: int, stream: int, shapes: FloatArray, out: FloatArray
) -> None:
    """Fill float64[n] with gamma draws of scale 1 and ``shapes`` >= 1.

    An element's normal is of its first word's upper half, its uniform of its second word.
    """
    n = out.shape[0]
    words = np.empty((4, (n + LANES - 1) // LANES * LANES), np.uint64)
    normals = words[2:].reshape(-1).view(np.float64)
    fill_stream(seed, round_, draw, stream, as_variable(0), as_variable(0), words[0], words[1])
    turn_words(words[0], normals)
    try_all(shapes, words[1], normals, out)
    for k in range(n):
        if out[k] >= 0.0:
            continue
        value = accept(shapes[k], normals[k], uniform(words[1, k]))
        out[k] = value if value > 0.0 else try_again(seed, round_, draw, stream, shapes[k], k)
