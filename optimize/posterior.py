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
from optimize.normal import fill_normals
from optimize.philox import CHI_SQUARES
from stats.compiled import FloatArray, kernel


@kernel
def degrees_of_freedom(n_observations: int, n_assets: int) -> int:
    """Give nu: W - 1, but at least n + 2, so that the posterior mean exists."""
    return max(n_observations - 1, n_assets + 2)


@kernel
def solve_bartlett(
    factor: FloatArray, scale: float, chi: FloatArray, normals: FloatArray, out: FloatArray
) -> None:
    """Fill columns of B = scale L U^-T, U having ``chi`` on its diagonal and normals above.

    Row k of U stands in ``normals`` from n (n - 1) / 2 - (n - k) (n - k - 1) / 2 on.
    """
    n = factor.shape[0]
    for k in range(n - 1, -1, -1):
        column, source = out[k], factor[k]
        first = n * (n - 1) // 2 - (n - k) * (n - k - 1) // 2 - (k + 1)
        column[:k] = 0.0
        for x in range(k, n):
            column[x] = scale * source[x]
        whole = k + 1 + (n - k - 1) // 4 * 4
        for j in range(k + 1, whole, 4):
            p, q, r, s = (
                normals[first + j],
                normals[first + j + 1],
                normals[first + j + 2],
                normals[first + j + 3],
            )
            f0, f1, f2, f3 = out[j], out[j + 1], out[j + 2], out[j + 3]
            for x in range(j, n):
                column[x] = column[x] - ((p * f0[x] + q * f1[x]) + (r * f2[x] + s * f3[x]))
        for j in range(whole, n):
            p, f0 = normals[first + j], out[j]
            for x in range(j, n):
                column[x] -= p * f0[x]
        for x in range(k, n):
            column[x] /= chi[k]


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
    normals, chi, shapes = np.empty(above + n), np.empty(n), np.empty(n)
    fill_normals(seed, round_, draw, normals)
    for k in range(n):
        shapes[k] = 0.5 * (nu - (n - 1 - k))
    fill_gammas(seed, round_, draw, CHI_SQUARES, shapes, chi)
    for k in range(n):
        chi[k] = np.sqrt(2.0 * chi[k])
    solve_bartlett(factor, np.sqrt(nu - n - 1.0), chi, normals, drawn_factor)
    root = np.sqrt(float(n_observations))
    for x in range(n):
        drawn_mean[x] = mean[x]
    for k in range(n):
        z, column = normals[above + k] / root, drawn_factor[k]
        for x in range(k, n):
            drawn_mean[x] += z * column[x]
