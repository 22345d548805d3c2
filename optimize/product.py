"""The covariance of a drawn factor, in tiles: of all assets, or of those of a part.

Of 50 assets a draw's solve touches 13 columns, one by one 0.6 us each; all 50 take 2 us.
"""

import numpy as np

from optimize.lane_code import LANES, ROWS
from optimize.tiles import multiply_rows, multiply_wide_rows, scale_rows
from stats.compiled import FloatArray, IntArray, kernel, lean_kernel

_ACROSS = ROWS * LANES  # where a tile at the edge has its sums the other way round, unused
TILE = _ACROSS + LANES * LANES


@kernel
def fill_covariance(factor: FloatArray, covariance: FloatArray) -> None:
    """Fill float64[n, n] with B B', ``factor[k]`` being column k of B, zeros before its diagonal.

    Each element is summed in the order of columns. B's rows are laid out 8 by 8 first: read
    from rows of n, each vector would come from another page.
    """
    n = factor.shape[0]
    end = TILE + panel_room(n, n)
    space = np.empty(end + n)
    tile, panels, assets = space[:TILE], space[TILE:end], space[end:].view(np.int64)
    for x in range(n):
        assets[x] = x
    pack_rows(factor, panels)
    multiply_panels(LANES * n, assets, tile, panels, covariance)


@lean_kernel
def fill_part(
    factor: FloatArray,
    assets: IntArray,
    tile: FloatArray,
    panels: FloatArray,
    covariance: FloatArray,
) -> None:
    """Fill float64[m, m] with the covariance of m assets, in ascending order: the same bits.

    ``tile`` float64[TILE] is written over; ``panels`` float64[panel_room(m, n)] then holds their
    rows of B, 8 by 8.
    """
    pack_assets(factor, assets, panels)
    multiply_panels(LANES * factor.shape[0], assets, tile, panels, covariance)


@lean_kernel
def panel_room(m: int, n: int) -> int:
    """Give how many numbers the panels of m rows of n columns have."""
    return (m + LANES - 1) // LANES * LANES * n


@lean_kernel
def multiply_panels(
    size: int, assets: IntArray, tile: FloatArray, panels: FloatArray, covariance: FloatArray
) -> None:
    """Fill the products of some assets' rows of B; a row has zeros behind its asset's column.

    ``size`` is that of a panel of 8 rows.
    """
    m = assets.shape[0]
    whole = m // (2 * LANES) * 2 * LANES
    for right in range(0, whole, 2 * LANES):
        at, next_ = right // LANES * size, (right // LANES + 1) * size
        for top in range(0, right + LANES, ROWS):
            multiply_wide_rows(
                panels, top // LANES * size + top % LANES, panels, at, size,
                assets[top + ROWS - 1] + 1, covariance, top * m + right, right * m + top, m,
            )  # fmt: skip
        for top in range(right + LANES, right + 2 * LANES, ROWS):
            multiply_rows(
                panels, top // LANES * size + top % LANES, panels, next_, size,
                assets[top + ROWS - 1] + 1, covariance,
                top * m + right + LANES, (right + LANES) * m + top, m,
            )  # fmt: skip
    for right in range(whole, m, LANES):
        at = right // LANES * size
        for top in range(0, min(right + LANES, m), ROWS):
            left = top // LANES * size + top % LANES
            bottom = min(top + ROWS, m)
            count = assets[bottom - 1] + 1
            if right + LANES <= m and top + ROWS <= m:
                multiply_rows(
                    panels, left, panels, at, size, count,
                    covariance, top * m + right, right * m + top, m,
                )  # fmt: skip
            else:
                multiply_rows(panels, left, panels, at, size, count, tile, 0, _ACROSS, LANES)
                for row in range(bottom - top):
                    for lane in range(min(LANES, m - right)):
                        value = tile[LANES * row + lane]
                        covariance[top + row, right + lane] = value
                        covariance[right + lane, top + row] = value


@lean_kernel
def pack_rows(factor: FloatArray, panels: FloatArray) -> None:
    """Lay out 8 rows of B side by side: of column k those of panel p from 8 (p n + k) on."""
    n = factor.shape[0]
    for left in range(0, n, LANES):
        pack_panel(1.0, factor, left, min(left + LANES, n), panels, left * n)


@lean_kernel
def pack_panel(
    scale: float, factor: FloatArray, left: int, count: int, panels: FloatArray, at: int
) -> None:
    """Copy 8 elements of each of ``count`` rows, times a number: zeros beyond the last column."""
    n = factor.shape[0]
    if left + LANES <= n:
        scale_rows(scale, factor, left, n, count, panels, at, LANES)
        return
    for k in range(count):
        for lane in range(LANES):
            inside = left + lane < n
            panels[at + LANES * k + lane] = scale * factor[k, left + lane] if inside else 0.0


@lean_kernel
def pack_assets(factor: FloatArray, assets: IntArray, panels: FloatArray) -> None:
    """Lay out some assets' rows of B as `pack_rows` does all, each panel up to its last asset.

    Beyond the last row stands that row again. Column by column: nearly every line of B is read.
    """
    n, m = factor.shape[0], assets.shape[0]
    first = 0
    for k in range(assets[m - 1] + 1):
        column = factor[k]
        while assets[min(first + LANES, m) - 1] < k:
            first += LANES
        for left in range(first, m, LANES):
            for lane in range(LANES):
                asset = assets[min(left + lane, m - 1)]
                panels[left * n + LANES * k + lane] = column[asset]
