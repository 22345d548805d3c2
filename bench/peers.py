"""What people use for the jobs of our kernels, as they would write it.

Each is imported when first called: none is needed to run the program.
"""

from importlib.util import find_spec

import numpy as np

from stats.compiled import FloatArray

PACKAGES = (
    "numpy",
    "numba",
    "llvmlite",
    "bottleneck",
    "numbagg",
    "polars",
    "scipy",
    "pyportfolioopt",
)


def numpy_covariances(rows: FloatArray, window: int, every: int) -> FloatArray:
    """Covariance of the last ``window`` rows after each ``every`` rows behind the first window."""
    ends = range(window + every, len(rows) + 1, every)
    return np.stack([np.cov(rows[end - window : end], rowvar=False) for end in ends])


def numbagg_covariances(rows: FloatArray, window: int, every: int) -> FloatArray:
    """Give the same; numbagg makes one after every row, of which most are not wanted."""
    import numbagg

    found: FloatArray = numbagg.move_covmatrix(rows, window=window)
    return found[window + every - 1 :: every]


def nnls_max_sharpe(mean: FloatArray, covariance: FloatArray) -> FloatArray:
    """Maximum Sharpe ratio, long only: y = argmin |L'y - L^-1 mean|, y >= 0, scaled to sum 1.

    With covariance = L L' this is max mean'y - y'covariance y / 2, whose optimum is the
    tangency portfolio but for its scale.
    """
    from scipy.linalg import cholesky, solve_triangular
    from scipy.optimize import nnls

    factor = cholesky(covariance, lower=True)
    y, _ = nnls(factor.T, solve_triangular(factor, mean, lower=True))
    weights: FloatArray = y / y.sum()
    return weights


def pypfopt_max_sharpe(mean: FloatArray, covariance: FloatArray) -> FloatArray:
    """Maximum Sharpe ratio, long only, by PyPortfolioOpt's default solver."""
    from pypfopt import EfficientFrontier

    frontier = EfficientFrontier(mean, covariance)
    frontier.max_sharpe(risk_free_rate=0.0)
    weights: FloatArray = np.array(list(frontier.weights), np.float64)
    return weights


def skfolio_max_sharpe(mean: FloatArray, covariance: FloatArray) -> FloatArray:
    """Maximum Sharpe ratio, long only, by skfolio's default solver from given estimates."""
    from skfolio.optimization import MeanRisk, ObjectiveFunction
    from skfolio.prior import BasePrior, ReturnDistribution

    class Given(BasePrior):  # type: ignore[misc]
        def __init__(self) -> None:
            pass

        def fit(self, X: FloatArray, y: object = None, **_: object) -> "Given":  # noqa: N803, ARG002
            self.return_distribution_ = ReturnDistribution(
                mu=mean, covariance=covariance, returns=X
            )
            return self

    model = MeanRisk(objective_function=ObjectiveFunction.MAXIMIZE_RATIO, prior_estimator=Given())
    weights: FloatArray = np.asarray(model.fit(np.zeros((2, len(mean)))).weights_, np.float64)
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


def numpy_cloud(
    mean: FloatArray, covariance: FloatArray, count: int, seed: int, n_concentrations: int
) -> tuple[FloatArray, FloatArray]:
    """Return and volatility of random long-only portfolios: Dirichlet draws and one GEMM.

    Concentrations go round 1, 1/2, ... by draw, as in `optimize.cloud`.
    """
    generator = np.random.default_rng(seed)
    weights = np.empty((count, len(mean)))
    for k in range(n_concentrations):
        part = weights[k::n_concentrations]
        part[:] = generator.dirichlet(np.full(len(mean), 0.5**k), len(part))
    variances = ((weights @ covariance) * weights).sum(axis=1)
    return weights @ mean, np.sqrt(variances)


def is_installed(module: str) -> bool:
    """Tell whether a peer is there."""
    return find_spec(module) is not None
