"""What people use for a portfolio of maximum Sharpe ratio, long only, as they would write it.

NNLS and daqp solve min y'covariance y / 2 - mean'y over y >= 0, or 0 <= y_i <= cap sum(y), and
scale y to a sum of 1: the quadratic program with the fewest constraints. With a mean of ones the
portfolio is that of minimum variance. Each library is imported when first called.
"""

from typing import Any, NamedTuple

import numpy as np

from stats.compiled import FloatArray

_INFINITE = 1e30


def nnls_max_sharpe(mean: FloatArray, covariance: FloatArray) -> FloatArray:
    """Solve by scipy's non-negative least squares: y = argmin |L'y - L^-1 mean|, L L' = covariance.

    Its active set is exact up to the rounding of the factor.
    """
    from scipy.linalg import cholesky, solve_triangular
    from scipy.optimize import nnls

    factor = cholesky(covariance, lower=True)
    y, _ = nnls(factor.T, solve_triangular(factor, mean, lower=True))
    weights: FloatArray = y / y.sum()
    return weights


class DaqpBounds(NamedTuple):
    """What daqp takes beside costs and slopes: the same for all problems of a size and cap."""

    rows: FloatArray
    upper: FloatArray
    lower: FloatArray


def daqp_bounds(n_assets: int, cap: float = 1.0) -> DaqpBounds:
    """Write y >= 0, and with a cap below 1 each y_i - cap sum(y) <= 0, as daqp takes them."""
    low, high = np.zeros(n_assets), np.full(n_assets, _INFINITE)
    if cap >= 1.0:
        return DaqpBounds(np.zeros((0, n_assets)), high, low)
    return DaqpBounds(
        np.eye(n_assets) - cap,
        np.concatenate([high, np.zeros(n_assets)]),
        np.concatenate([low, np.full(n_assets, -_INFINITE)]),
    )


def daqp_max_sharpe(mean: FloatArray, covariance: FloatArray, bounds: DaqpBounds) -> FloatArray:
    """Solve by daqp, a dual active set with its start at the unconstrained optimum."""
    import daqp

    y, *_ = daqp.solve(*_scaled(mean, covariance), *bounds)
    return _weights(y)


def daqp_model(mean: FloatArray, covariance: FloatArray, bounds: DaqpBounds) -> Any:
    """Give daqp's model of a problem it has solved."""
    import daqp

    model = daqp.Model()
    model.setup(*_scaled(mean, covariance), *bounds)
    model.solve()
    return model


def daqp_next(model: Any, mean: FloatArray, covariance: FloatArray) -> FloatArray:
    """Solve the next problem by daqp's model, which starts from the active set of the last."""
    costs, slopes = _scaled(mean, covariance)
    model.update(H=costs, f=slopes)
    y, *_ = model.solve()
    return _weights(y)


def _scaled(mean: FloatArray, covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Bring both to the size of 1: daqp's tolerances are absolute. It takes no read-only arrays."""
    return covariance / covariance.diagonal().mean(), -mean / np.abs(mean).max()


def _weights(y: FloatArray) -> FloatArray:
    held = np.maximum(y, 0.0)
    weights: FloatArray = held / held.sum()
    return weights


def pypfopt_max_sharpe(mean: FloatArray, covariance: FloatArray, cap: float = 1.0) -> FloatArray:
    """Solve by PyPortfolioOpt's default solver."""
    from pypfopt import EfficientFrontier

    frontier = EfficientFrontier(mean, covariance, weight_bounds=(0, cap))
    frontier.max_sharpe(risk_free_rate=0.0)
    weights: FloatArray = np.array(list(frontier.weights), np.float64)
    return weights


def skfolio_max_sharpe(mean: FloatArray, covariance: FloatArray, cap: float = 1.0) -> FloatArray:
    """Solve by skfolio's default solver, from given estimates."""
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
