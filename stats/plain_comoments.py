"""The kernels of comoments and of the covariance again, in plain numpy: slower.

Numpy multiplies, then adds, and rounds twice: results agree to rounding, not in their bits.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stats.comoments import TILE
from stats.compiled import FloatArray, IntArray
from stats.tile_strips import STRIP

Places = NDArray[np.intp]


@lru_cache
def entries(n: int) -> tuple[Places, Places, Places]:
    """Give row, column and place in a triangle of each entry that is computed."""
    found = []
    for i in range(-(-n // STRIP) * STRIP):
        t = i // TILE
        for k in range(TILE * t + TILE):
            place = TILE * TILE * (t * (t + 1) // 2 + k // TILE) + i % TILE * TILE + k % TILE
            found.append((i, k, place))
    rows, columns, places = np.array(found, np.intp).reshape(-1, 3).T
    return rows, columns, places


def add_to_mean(count: int, mean: FloatArray, x: FloatArray, y: FloatArray) -> int:
    """As ``comoments.add_to_mean``."""
    n = len(y)
    if count == 0:
        mean[:n], y[:] = x[:n], 0.0
        return 1
    share = 1.0 / (count + 1)
    difference = x[:n] - mean[:n]
    mean[:n] += difference * share
    y[:] = np.sqrt(count * share) * difference
    return count + 1


def merge_means(
    count_a: int, mean_a: FloatArray, count_b: int, mean_b: FloatArray, y: FloatArray
) -> int:
    """As ``comoments.merge_means``."""
    n, count = len(y), count_a + count_b
    if count_a == 0 or count_b == 0:
        mean_a[:n], y[:] = mean_b[:n] if count_a == 0 else mean_a[:n], 0.0
        return count
    share = count_b / count
    difference = mean_b[:n] - mean_a[:n]
    mean_a[:n] += difference * share
    y[:] = np.sqrt(count_a * share) * difference
    return count


def _sum(
    n: int, rows: FloatArray, numbers: list[int], triangles: FloatArray, source: int
) -> FloatArray:
    i, k, places = entries(n)
    total = triangles[source, places] if source >= 0 else np.zeros(len(places))
    for r in numbers:
        total = total + rows[r, i] * rows[r, k]
    return total


def add_products(
    rows: FloatArray,
    first: int,
    stop: int,
    n: int,
    triangles: FloatArray,
    source: int,
    out: int,
) -> None:
    """As ``comoments.add_products``."""
    total = _sum(n, rows, list(range(first, stop)), triangles, source)
    triangles[out, entries(n)[2]] = total


def add_groups(rows: FloatArray, n: int, triangles: FloatArray, places: IntArray, out: int) -> None:
    """As ``comoments.add_groups``."""
    i, k, at = entries(n)
    total = triangles[places[0], at]
    for g in range(1, len(places)):
        total = (total + triangles[places[g], at]) + rows[g, i] * rows[g, k]
    triangles[out, at] = total


def write_covariance(
    triangles: FloatArray,
    front: int,
    prefix: int,
    rows: FloatArray,
    parts: tuple[int, int, int, int, int, int, int],
    keep: bool,
    scale: float,
    covariance: FloatArray,
) -> None:
    """As ``covariance.write_covariance``."""
    n = len(covariance)
    i, k, at = entries(n)
    front_first, kept_stop, front_stop, first, stop, more, merger = parts
    total = _sum(n, rows, list(range(first, stop)), triangles, prefix)
    if keep and first < stop:
        triangles[prefix, at] = total
    if more >= 0:
        total = total + rows[more, i] * rows[more, k]
    if kept_stop > front_first:
        kept = _sum(n, rows, list(range(front_first, kept_stop)), triangles, front)
        triangles[-1, at], front, front_first = kept, len(triangles) - 1, kept_stop
    total = _sum(n, rows, list(range(front_first, front_stop)), triangles, front) + total
    total = (total + rows[merger, i] * rows[merger, k]) * scale
    inside = (i < n) & (k < n)
    i, k, total = i[inside], k[inside], total[inside]
    covariance[i, k] = covariance[k, i] = total


def gather_triangle(triangles: FloatArray, place: int, ids: IntArray, out: FloatArray) -> None:
    """As ``covariance.gather_triangle``."""
    if place < 0 or not len(ids):
        return
    a, b, to = entries(len(ids))
    inside = (a < len(ids)) & (b < len(ids))
    a, b, to = a[inside], b[inside], to[inside]
    i, k, at = entries(int(ids[-1]) + 1)
    where = np.zeros((i.max() + 1, k.max() + 1), np.intp)
    where[i, k] = at
    high, low = np.maximum(ids[a], ids[b]), np.minimum(ids[a], ids[b])
    out[to] = triangles[place, where[high, low]]
