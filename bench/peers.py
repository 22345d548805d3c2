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
    "daqp",
    "skfolio",
)


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


def pypfopt_max_sharpe(mean: FloatArray, covariance: FloatArray, cap: float = 1.0) -> FloatArray:
    """Maximum Sharpe ratio, long only, by PyPortfolioOpt's default solver."""
    from pypfopt import EfficientFrontier

    frontier = EfficientFrontier(mean, covariance, weight_bounds=(0, cap))
    frontier.max_sharpe(risk_free_rate=0.0)
    weights: FloatArray = np.array(list(frontier.weights), np.float64)
    return weights


def skfolio_max_sharpe(mean: FloatArray, covariance: FloatArray, cap: float = 1.0) -> FloatArray:
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

    model = MeanRisk(
        objective_function=ObjectiveFunction.MAXIMIZE_RATIO,
        prior_estimator=Given(),
        max_weights=cap,
    )
    weights: FloatArray = np.asarray(model.fit(np.zeros((2, len(mean)))).weights_, np.float64)
    return weights


def is_installed(module: str) -> bool:
    """Tell whether a peer is there."""
    return find_spec(module) is not None
