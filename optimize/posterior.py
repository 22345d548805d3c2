"""Draws of (mean, covariance) from their posterior: normal-inverse-Wishart by Bartlett.

Sigma ~ inverse Wishart with nu = max(W - 1, n + 2) degrees of freedom, scaled so that its
mean is the estimate S; mu given Sigma ~ N(estimate, Sigma / W). With S = L L' and an upper
Bartlett factor U (chi variables on the diagonal, normals above; U U' ~ Wishart(nu, I)),
Sigma = B B' with B = sqrt(nu - n - 1) L U^-T, which is lower triangular: half the work of a
lower factor, and mu costs one product with B.

Factors are kept by columns: ``factor[k]`` is column k, zeros before its diagonal.
"""

import numpy as np

from optimize.gamma import fill_gammas
from optimize.lane_code import LANES, ROWS, fused
from optimize.normal import fill_normals, whole_normals
from optimize.philox import CHI_SQUARES
from optimize.product import pack_panel
from optimize.solve_tiles import solve_rows, solve_wide_rows
from optimize.tiles import scale_rows, weigh_rows
from stats.compiled import FloatArray, kernel, lean_kernel


@lean_kernel
def degrees_of_freedom(n_observations: int, n_assets: int) -> int:
    """Give nu: W - 1, but at least n + 2, so that the posterior mean exists."""
    return max(n_observations - 1, n_assets + 2)


@lean_kernel
def fill_shapes(n_observations: int, out: FloatArray) -> None:
    """Fill float64[n] with the shapes of the gammas: twice one is the square of a chi of U."""
    n = out.shape[0]
    nu = degrees_of_freedom(n_observations, n)
    for k in range(n):
        out[k] = 0.5 * (nu - (n - 1 - k))


@kernel
def solve_bartlett(
    factor: FloatArray, scale: float, chi: FloatArray, normals: FloatArray, out: FloatArray
) -> None:
    """Fill columns of B = scale L U^-T, U having ``chi`` on its diagonal and normals above.

    Row k of U stands in ``normals`` from n (n - 1) / 2 - (n - k) (n - k - 1) / 2 on. Rows of B
    are solved 16 at a time, so that what is read again and again stays in the first cache.
    """
    n = factor.shape[0]
    space = np.empty((2 * LANES + 1) * n)
    panel, inverse = space[n:], space[:n]
    for k in range(n):
        inverse[k] = 1.0 / chi[k]
    whole = n // (2 * LANES) * 2 * LANES
    for left in range(0, whole, 2 * LANES):
        bottom = left + 2 * LANES
        for half in range(0, 2 * LANES, LANES):
            scale_rows(scale, factor, left + half, n, bottom, panel, half, 2 * LANES)
        for top in range(bottom - ROWS, -1, -ROWS):
            solve_wide_rows(panel, top, bottom, normals, start_row(n, top), n, inverse)
        for half in range(0, 2 * LANES, LANES):
            scale_rows(1.0, panel, half, 2 * LANES, bottom, out, left + half, n)
    for left in range(whole, n, LANES):
        solve_panel(left, factor, scale, normals, inverse, panel, out)
    for k in range(1, n):
        out[k, :k] = 0.0


@lean_kernel
def solve_panel(
    left: int,
    factor: FloatArray,
    scale: float,
    normals: FloatArray,
    inverse: FloatArray,
    panel: FloatArray,
    out: FloatArray,
) -> None:
    """Solve the last rows of B, from ``left`` on: 8 of them, or as many as there are."""
    n = factor.shape[0]
    bottom = min(left + LANES, n)
    pack_panel(scale, factor, left, bottom, panel, 0)
    whole = bottom // ROWS * ROWS
    solve_last_rows(whole, bottom, normals, inverse, panel)
    for top in range(whole - ROWS, -1, -ROWS):
        solve_rows(panel, top, bottom, normals, start_row(n, top), n, inverse)
    for k in range(bottom):
        for lane in range(bottom - left):
            out[k, left + lane] = panel[LANES * k + lane]


@lean_kernel
def start_row(n: int, k: int) -> int:
    """Give where column 0 of row k of U would stand among the normals."""
    return n * (n - 1) // 2 - (n - k) * (n - k - 1) // 2 - (k + 1)


@lean_kernel
def solve_last_rows(
    top: int, bottom: int, normals: FloatArray, inverse: FloatArray, panel: FloatArray
) -> None:
    """Solve the rows of a panel, fewer than 4, that are left over at its end."""
    n = inverse.shape[0]
    for k in range(bottom - 1, top - 1, -1):
        first = start_row(n, k)
        for lane in range(LANES * k, LANES * k + LANES):
            value = panel[lane]
            for j in range(k + 1, bottom):
                value -= normals[first + j] * panel[lane + LANES * (j - k)]
            panel[lane] = value * inverse[k]


@kernel
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
    """Draw mu float64[n] and the columns of B, Sigma = B B', of draw number ``draw``."""
    n = mean.shape[0]
    nu = degrees_of_freedom(n_observations, n)
    above = n * (n - 1) // 2
    size = whole_normals(above + n)
    space = np.empty(size + 2 * n)
    normals, chi, shapes = space[:size], space[size:-n], space[-n:]
    fill_normals(seed, round_, draw, normals)
    fill_shapes(n_observations, shapes)
    fill_gammas(seed, round_, draw, CHI_SQUARES, shapes, chi)
    for k in range(n):
        chi[k] = np.sqrt(2.0 * chi[k])
    solve_bartlett(factor, np.sqrt(nu - n - 1.0), chi, normals, drawn_factor)
    root = np.sqrt(float(n_observations))
    for k in range(n):
        normals[k] = normals[above + k] / root
    add_columns(mean, normals, drawn_factor, drawn_mean)


@lean_kernel
def add_columns(mean: FloatArray, weights: FloatArray, factor: FloatArray, out: FloatArray) -> None:
    """Fill float64[n] with mean + B weights."""
    n = mean.shape[0]
    whole = n // LANES * LANES
    for left in range(0, whole, LANES):
        weigh_rows(weights, factor, left, n, left + LANES, out, left)
    for x in range(whole, n):
        out[x] = 0.0
        for k in range(x + 1):
            out[x] = fused(weights[k], factor[k, x], out[x])
    for x in range(n):
        out[x] += mean[x]
