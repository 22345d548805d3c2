"""What people write for a cloud of random portfolios and for resampled ones.

Each library is imported when first called: none is needed to run the program.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from bench.kernels.solver_peers import daqp_bounds, daqp_max_sharpe, nnls_max_sharpe
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


def bartlett_draws(
    mean: FloatArray, covariance: FloatArray, n_observations: int, draws: int, seed: int
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Draw from the same posterior by numpy and LAPACK, as our own kernels do.

    Yields
    ------
    mean, root : FloatArray
        float64[n], float64[n, n]: root' root is the covariance.
    """
    from scipy.linalg import solve_triangular

    n = len(mean)
    nu = max(n_observations - 1, n + 2)
    generator = np.random.default_rng(seed)
    lower = np.linalg.cholesky(covariance * (nu - n - 1.0))
    degrees = nu - np.arange(n - 1.0, -1.0, -1.0)
    above, upper = np.triu_indices(n, 1), np.zeros((n, n))
    for _ in range(draws):
        upper[above] = generator.standard_normal(len(above[0]))
        np.fill_diagonal(upper, np.sqrt(generator.chisquare(degrees)))
        root = solve_triangular(upper, lower.T, check_finite=False)
        yield mean + generator.standard_normal(n) @ root / np.sqrt(n_observations), root


def daqp_resample(
    mean: FloatArray, covariance: FloatArray, n_observations: int, draws: int, seed: int
) -> FloatArray:
    """Optimal portfolios of draws by numpy, float64[draws, n], each by daqp."""
    bounds, out = daqp_bounds(len(mean)), np.empty((draws, len(mean)))
    drawn = bartlett_draws(mean, covariance, n_observations, draws, seed)
    for d, (mu, root) in enumerate(drawn):
        out[d] = daqp_max_sharpe(mu, root.T @ root, bounds) if mu.max() > 0.0 else np.nan
    return out


def nnls_resample(
    mean: FloatArray, covariance: FloatArray, n_observations: int, draws: int, seed: int
) -> FloatArray:
    """Optimal portfolios of draws by numpy, float64[draws, n], each by NNLS of its root."""
    from scipy.linalg import solve_triangular
    from scipy.optimize import nnls

    out = np.empty((draws, len(mean)))
    drawn = bartlett_draws(mean, covariance, n_observations, draws, seed)
    for d, (mu, root) in enumerate(drawn):
        y, _ = nnls(root, solve_triangular(root.T, mu, lower=True, check_finite=False))
        out[d] = y / y.sum() if mu.max() > 0.0 else np.nan
    return out
