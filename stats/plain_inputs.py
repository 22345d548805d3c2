"""Arguments for the kernels of the grid window and for their twins."""

from typing import Any

import numpy as np

from stats import comoments, plain_comoments
from stats.compiled import FloatArray
from stats.grid_window import GridWindow

_WINDOW_ROWS = 310


def uniforms(seed: int, count: int) -> FloatArray:
    """Make numbers in (0, 1) that look random and are the same everywhere (splitmix64)."""
    word = np.uint64
    h = (np.arange(1, count + 1, dtype=word) + word(seed) * word(count)) * word(0x9E3779B97F4A7C15)
    h = (h ^ (h >> word(30))) * word(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> word(27))) * word(0x94D049BB133111EB)
    h ^= h >> word(31)
    return ((h >> word(11)).astype(np.float64) + 0.5) * 2.0**-53


def make_returns(seed: int, rows: int, n: int) -> FloatArray:
    """Make log returns float64[rows, n] of 1e-3 a row."""
    # Four uniforms are near enough to a bell; a common part correlates the assets.
    draws = uniforms(seed, 4 * rows * (n + 1)).reshape(4, rows, n + 1).sum(axis=0) - 2.0
    out: FloatArray = 1e-3 * (draws[:, :n] + 0.5 * draws[:, n:])
    return out


def mean_and_row(seed: int, size: int) -> tuple[Any, ...]:
    """Give a mean of 20 rows and a row."""
    mean, row = make_returns(seed, 2, size)
    return 20, mean, row, np.zeros(size)


def two_means(seed: int, size: int) -> tuple[Any, ...]:
    """Give means of 20 and 7 rows."""
    mean, other = make_returns(seed, 2, size)
    return 20, mean, 7, other, np.zeros(size)


def _triangles(seed: int, size: int) -> tuple[FloatArray, FloatArray]:
    """Make 20 rows y and seven triangles, the first three of whose comoments are of rows y."""
    rows = make_returns(seed, 20, comoments.padded_columns(size))
    triangles = np.zeros((7, comoments.triangle_size(size)))
    for place in range(3):
        plain_comoments.add_products(rows, 5 * place, 20, size, triangles, -1, place)
    return rows, triangles


def products(seed: int, size: int) -> tuple[Any, ...]:
    """Give what `add_products` takes."""
    rows, triangles = _triangles(seed, size)
    return rows, 1, 17, size, triangles, seed % 2 - 1, 3


def merged_groups(seed: int, size: int) -> tuple[Any, ...]:
    """Give what `add_groups` takes."""
    rows, triangles = _triangles(seed, size)
    return rows, size, triangles, np.array([1, 0, 2]), 3


def written_covariance(seed: int, size: int) -> tuple[Any, ...]:
    """Give what `write_covariance` takes."""
    rows, triangles = _triangles(seed, size)
    parts, keep = (1, 4 if seed % 2 else 1, 7, 9, 13, 14, 15), bool(seed % 2)
    return triangles, 0, 1, rows, parts, keep, 0.01, np.zeros((size, size))


def _filled_window(seed: int, size: int, last_row: int) -> tuple[GridWindow, FloatArray]:
    window = GridWindow(_WINDOW_ROWS)
    rows = make_returns(seed, _WINDOW_ROWS + 1, size)
    for k, row in enumerate(rows[:-1]):
        window.push(last_row - _WINDOW_ROWS + 1 + k, row, size)
    return window, rows[-1]


def pushed_row(seed: int, size: int) -> tuple[Any, ...]:
    """Give a full window and the last row of a span: it closes a block and makes fronts."""
    row = 7 * _WINDOW_ROWS - 1
    window, values = _filled_window(seed, size, row - 1)
    return row, values, size, *window.arrays


def read_window(seed: int, size: int) -> tuple[Any, ...]:
    """Give a full window in the middle of a block, with an open row if the seed is odd.

    It was read not at all, once or twice: then this read, or the second, keeps the front.
    """
    window, values = _filled_window(seed, size, 7 * _WINDOW_ROWS + 132)
    for _ in range(seed % 3):
        window.read(np.arange(size))
    # Both ways of a read: all symbols, and some.
    ids = np.flatnonzero(uniforms(seed, size) < (0.9 if seed % 4 > 1 else 1.0))
    n = len(ids)
    out = np.zeros(n), np.zeros((n, n)), np.zeros(n)
    return seed % 2, ids, values, *out, *window.arrays[1:]
