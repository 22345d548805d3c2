"""The covariance out of tiles: sums, products and scale in one pass, each entry stored once."""

import numpy as np

from stats.comoments import HALF, TILE, TILE_SIZE, entry_place
from stats.compiled import FloatArray, IntArray, kernel
from stats.half_tiles import (
    add_halves,
    add_rows,
    load_half,
    place_half,
    place_half_within,
    place_transposed,
    place_transposed_within,
    scale_half,
    store_half,
    zero_half,
)


@kernel
def write_covariance(
    triangles: FloatArray,
    front: int,
    prefix: int,
    rows: FloatArray,
    parts: tuple[int, int, int, int, int, int],
    keep: bool,
    scale: float,
    covariance: FloatArray,
) -> None:
    """Write the whole matrix: two groups' comoments, each with rows to be added, merged.

    Parameters
    ----------
    triangles, front, prefix
        float64[m, any] and the places of the groups' comoments in it, -1: nothing.
    rows
        float64[any, >= n in whole tiles], rows y.
    parts
        Which rows: first and stop of the front's, first and stop of the prefix's, one
        more of the prefix or -1, and that of the merger.
    keep
        Store the prefix with its rows, not with the one more.
    covariance
        float64[n, n], written: exactly symmetric.
    """
    n, t = len(covariance), 0
    front_first, front_stop, first, stop, more, merger = parts
    is_kept = keep and first < stop
    for tile_row in range(0, n, TILE):
        for k in range(0, tile_row + TILE, TILE):
            for i in range(tile_row, min(n, tile_row + TILE), HALF):
                at = t + TILE * (i - tile_row)
                half = load_half(triangles, prefix, at) if prefix >= 0 else zero_half()
                half = add_rows(half, rows, first, stop, i, k)
                if is_kept:
                    store_half(half, triangles, prefix, at)
                if more >= 0:
                    half = add_rows(half, rows, more, more + 1, i, k)
                other = load_half(triangles, front, at) if front >= 0 else zero_half()
                other = add_rows(other, rows, front_first, front_stop, i, k)
                half = add_rows(add_halves(other, half), rows, merger, merger + 1, i, k)
                half = scale_half(half, scale)
                if tile_row + TILE <= n:
                    place_half(half, i, k, covariance)
                    if k < tile_row:
                        place_transposed(half, i, k, covariance)
                elif i < n:
                    place_half_within(half, i, k, covariance)
                    if k < tile_row:
                        place_transposed_within(half, i, k, covariance)
            t += TILE_SIZE


@kernel
def gather_triangle(triangles: FloatArray, place: int, ids: IntArray, out: FloatArray) -> None:
    """Write the members' triangle, as if there were no other symbols.

    Parameters
    ----------
    triangles, place
        float64[m, any] and which of them is read, -1: none, there are zeros already.
    ids
        int64[n], ascending.
    out
        float64[triangle_size(n)], written where a member stands.
    """
    n = len(ids)
    columns = np.empty(n, np.int64)
    for b in range(n):
        columns[b] = entry_place(ids[b], ids[b]) - entry_place(ids[b], 0)
    for a in range(n if place >= 0 else 0):
        line, to = entry_place(ids[a], 0), entry_place(a, 0)
        for tile in range(0, a + 1, TILE):
            for b in range(tile, min(a + 1, tile + TILE)):
                out[to + b - tile] = triangles[place, line + columns[b]]
            to += TILE_SIZE
        # Above the diagonal there may be no entry: it is that below.
        for b in range(a + 1, min(n, a // TILE * TILE + TILE)):
            out[entry_place(a, b)] = triangles[place, entry_place(ids[b], 0) + columns[a]]
