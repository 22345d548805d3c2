"""What people write for a cloud of random portfolios and for resampled ones.

Each library is imported when first called: none is needed to run the program.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bench.peers import nnls_max_sharpe
from stats.compiled import FloatArray


def numpy_portfolios(
    n_assets: int, counts: Sequence[int], sizes: Sequence[int], seed: int, dtype: Any = np.float64
) -> FloatArray:
    """Make random long-only portfolios, float[sum of counts, n]: so many of each size.

    As in `optimize.simplex`: any k of the n assets, with Dirichlet weights of concentration 1.
    Sets by the k least of n random numbers: of four ways tried the quickest (``permuted``,
    ``argpartition``, ``argsort`` take up to twice as long), exponentials quicker than
    ``dirichlet``, which makes gammas.
    """
    generator = np.random.default_rng(seed)
    weights = np.zeros((sum(counts), n_assets), dtype)
    first = 0
    for count, size in zip(counts, sizes, strict=True):
        part = weights[first : first + count]
        first += count
        if size == n_assets:
            generator.standard_exponential(part.shape, dtype, out=part)
            continue
        keys = generator.random(part.shape, np.float32)
        held = keys <= np.partition(keys, size - 1, axis=1)[:, size - 1 : size]
        part[held] = generator.standard_exponential(int(held.sum()), dtype)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


def numpy_cloud(
    mean: FloatArray,
    covariance: FloatArray,
    counts: Sequence[int],
    sizes: Sequence[int],
    seed: int,
) -> tuple[FloatArray, FloatArray]:
    """Return and volatility of random long-only portfolios, and one GEMM; in mean's precision."""
    weights = numpy_portfolios(len(mean), counts, sizes, seed, mean.dtype)
    variances = np.einsum("dx,dx->d", weights @ covariance, weights)
    return weights @ mean, np.sqrt(variances)


def daqp_max_sharpe(mean: FloatArray, covariance: FloatArray) -> FloatArray:
    """Maximum Sharpe ratio, long only, by the dual active-set solver daqp.

    min y'S y / 2 - mean'y, y >= 0, scaled to sum 1; both terms brought to the size of 1, where
    its tolerances are.
    """
    import daqp

    n = len(mean)
    unit = np.trace(covariance) / n
    y, _, _, _ = daqp.solve(
        covariance / unit, -mean / np.abs(mean).max(), np.empty((0, n)), np.full(n, 1e30),
        np.zeros(n),
    )  # fmt: skip
    weights: FloatArray = y / y.sum()
    return weights


def scipy_resample(
    mean: FloatArray, covariance: FloatArray, n_observations: int, draws: int, seed: int
) -> FloatArray:
    """Optimal portfolios of posterior draws, float64[draws, n], with scipy's own generators."""
    from scipy.stats import invwishart

    n = len(mean)
    nu = max(n_observations - 1, n + 2)
    generator = np.random.default_rng(seed)
    sigmas = invwishart(nu, covariance * (nu - n - 1)).rvs(draws, random_state=generator)
    out = np.empty((draws, n))
    for d, sigma in enumerate(np.reshape(sigmas, (draws, n, n))):
        mu = generator.multivariate_normal(mean, sigma / n_observations, method="cholesky")
        out[d] = nnls_max_sharpe(mu, sigma) if mu.max() > 0.0 else np.nan
    return out


def daqp_resample(
    mean: FloatArray, covariance: FloatArray, n_observations: int, draws: int, seed: int
) -> FloatArray:
    """Give the same: draws by numpy and LAPACK, as our own kernels make them, each into daqp."""
    from scipy.linalg import solve_triangular

    n = len(mean)
    nu = max(n_observations - 1, n + 2)
    generator = np.random.default_rng(seed)
    lower = np.linalg.cholesky(covariance * (nu - n - 1.0))
    degrees = nu - np.arange(n - 1.0, -1.0, -1.0)
    above = np.triu_indices(n, 1)
    upper, out = np.zeros((n, n)), np.empty((draws, n))
    for d in range(draws):
        upper[above] = generator.standard_normal(len(above[0]))
        np.fill_diagonal(upper, np.sqrt(generator.chisquare(degrees)))
        root = solve_triangular(upper, lower.T, check_finite=False)  # B', B B' the covariance
        mu = mean + generator.standard_normal(n) @ root / np.sqrt(n_observations)
        out[d] = daqp_max_sharpe(mu, root.T @ root) if mu.max() > 0.0 else np.nan
    return out
