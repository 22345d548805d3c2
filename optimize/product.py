"""The covariance of a drawn factor, all of it: in tiles it costs what a few columns cost without.

Of 50 assets a draw's solve touches 13 columns, one by one 0.6 us each; all 50 take 2 us.
"""

import numpy as np

from optimize.lane_code import LANES, ROWS
from optimize.tiles import multiply_rows, multiply_wide_rows, scale_rows
from stats.compiled import FloatArray, kernel, lean_kernel

_SPARE = ROWS * LANES  # where a tile at the edge has its sums the other way round, unused


@kernel
def fill_covariance(factor: FloatArray, covariance: FloatArray) -> None:
    """Fill float64[n, n] with B B', ``factor[k]`` being column k of B, zeros before its diagonal.

    Each element is summed in the order of columns. B's rows are laid out 8 by 8 first: read
    from rows of n, each vector would come from another page.
    """
    n = factor.shape[0]
    size = LANES * n
    space = np.empty(_SPARE + LANES * LANES + (n + LANES - 1) // LANES * size)
    tile, panels = space[: _SPARE + LANES * LANES], space[_SPARE + LANES * LANES :]
    pack_rows(factor, panels)
    whole = n // (2 * LANES) * 2 * LANES
    for right in range(0, whole, 2 * LANES):
        for top in range(0, right + LANES, ROWS):
            multiply_wide_rows(
                panels, top // LANES * size + top % LANES, panels, right * n, size, top + ROWS,
                covariance, top * n + right, right * n + top, n,
            )  # fmt: skip
        for top in range(right + LANES, right + 2 * LANES, ROWS):
            multiply_rows(
                panels, top // LANES * size + top % LANES, panels, (right + LANES) * n, size,
                top + ROWS, covariance, top * n + right + LANES, (right + LANES) * n + top, n,
            )  # fmt: skip
    for right in range(whole, n, LANES):
        for top in range(0, min(right + LANES, n), ROWS):
            left = top // LANES * size + top % LANES
            count = min(top + ROWS, n)
            if right + LANES <= n and top + ROWS <= n:
                multiply_rows(
                    panels, left, panels, right * n, size, count,
                    covariance, top * n + right, right * n + top, n,
                )  # fmt: skip
            else:
                multiply_rows(panels, left, panels, right * n, size, count, tile, 0, _SPARE, LANES)
                for row in range(count - top):
                    for lane in range(min(LANES, n - right)):
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
