"""Comoments in tiles: sums of a row's outer product with itself, row after row, in registers.

A comoment is the sum of (x - mean)(x - mean)' over a group's rows. It grows by a row x as

    y = sqrt(c / (c + 1)) (x - mean),  mean += (x - mean) / (c + 1),  comoment += y y'

and by another group by that one's comoment and y y', y = sqrt(a b / (a + b)) (mean B - mean A): a
sum of positive semidefinite terms, nothing is ever taken away. Each entry depends on two columns
only, so a missing (NaN) return touches one row and column.

The lower triangle is kept in tiles of 8 x 8 entries, tile row after tile row; a symbol that comes
later only appends tile rows. Rows are added, a strip of a tile at a time in registers, by fused
multiply-adds in one chain from what the tile held: the bits are the same whether a tile
was stored after each row or after many.
"""

import numpy as np

from stats.compiled import FloatArray, IntArray, inlined, kernel
from stats.tile_strips import STRIP, add_rows, add_strips, load_strip, store_strip, zero_strip

TILE = 8
TILE_SIZE = TILE * TILE


@inlined
def entry_place(i: int, k: int) -> int:
    """Give the place of an entry, i // 8 >= k // 8, in a triangle."""
    t = i // TILE
    return TILE_SIZE * (t * (t + 1) // 2 + k // TILE) + i % TILE * TILE + k % TILE


@inlined
def triangle_size(n: int) -> int:
    """Give the doubles of a triangle of ``n`` symbols, n (n + 1) / 2 and the rest of tiles."""
    return entry_place((n + TILE - 1) // TILE * TILE, 0)


@inlined
def padded_columns(n: int) -> int:
    """Give the columns of rows of ``n`` symbols: whole tiles, and an odd number of them.

    Rows of 512 columns lie in one set of the cache, and the products took 2.5 times as long.
    """
    return TILE * ((n + TILE - 1) // TILE | 1)


@inlined
def add_to_mean(count: int, mean: FloatArray, x: FloatArray, y: FloatArray) -> int:
    """Add a row to a group's mean, in place, and write the row's part y of the comoment.

    All are float64[n] that do not overlap; an empty group's mean does not count.

    Returns
    -------
    int
        Rows, with this one.
    """
    if count == 0:
        for i in range(len(y)):
            mean[i], y[i] = x[i], 0.0
        return 1
    share = 1.0 / (count + 1)
    weight = np.sqrt(count * share)
    for i in range(len(y)):
        difference = x[i] - mean[i]
        mean[i] += difference * share
        y[i] = weight * difference
    return count + 1


@inlined
def merge_means(
    count_a: int, mean_a: FloatArray, count_b: int, mean_b: FloatArray, y: FloatArray
) -> int:
    """Make the mean of group A that of both, and write the y that the comoment of both gains.

    All are float64[n] that do not overlap; an empty group's mean does not count, and y is 0.

    Returns
    -------
    int
        Rows of both.
    """
    count = count_a + count_b
    if count_a == 0 or count_b == 0:
        for i in range(len(y)):
            mean_a[i], y[i] = mean_b[i] if count_a == 0 else mean_a[i], 0.0
        return count
    share = count_b / count
    weight = np.sqrt(count_a * share)
    for i in range(len(y)):
        difference = mean_b[i] - mean_a[i]
        mean_a[i] += difference * share
        y[i] = weight * difference
    return count


@kernel
def add_products(
    rows: FloatArray,
    first: int,
    stop: int,
    n: int,
    triangles: FloatArray,
    source: int,
    out: int,
) -> None:
    """Write a triangle: another and y y' of some rows.

    Parameters
    ----------
    rows
        float64[>= stop, >= n in whole tiles].
    triangles
        float64[m, >= triangle_size(n)].
    source, out
        Which of them is read, -1: zeros, and which is written; they may be one.
    """
    t = 0
    for tile_row in range(0, n, TILE):
        for k in range(0, tile_row + TILE, TILE):
            for i in range(tile_row, min(n, tile_row + TILE), STRIP):
                at = t + TILE * (i - tile_row)
                strip = load_strip(triangles, source, at) if source >= 0 else zero_strip()
                store_strip(add_rows(strip, rows, first, stop, i, k), triangles, out, at)
            t += TILE_SIZE


@kernel
def add_groups(rows: FloatArray, n: int, triangles: FloatArray, places: IntArray, out: int) -> None:
    """Write the triangle of groups merged one after the other.

    Parameters
    ----------
    rows
        float64[len(places), >= n in whole tiles], each group's y; the first does not count.
    triangles, places, out
        float64[m, >= triangle_size(n)], which of them are the groups', and which is written.
    """
    t = 0
    for tile_row in range(0, n, TILE):
        for k in range(0, tile_row + TILE, TILE):
            for i in range(tile_row, min(n, tile_row + TILE), STRIP):
                at = t + TILE * (i - tile_row)
                strip = load_strip(triangles, places[0], at)
                for g in range(1, len(places)):
                    strip = add_strips(strip, load_strip(triangles, places[g], at))
                    strip = add_rows(strip, rows, g, g + 1, i, k)
                store_strip(strip, triangles, out, at)
            t += TILE_SIZE
