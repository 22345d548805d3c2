"""Estimators of mean and covariance that a decision uses in place of the sample's.

Kernels of + - * / sqrt in a fixed order: what they return enters decisions.
"""

import numpy as np

from stats.compiled import FloatArray, kernel

# A pivot of the factor below this share of its variance is rounding: the asset's returns are a
# linear combination of earlier ones. Two equal columns leave about n eps = 1e-13 at n = 500.
_DEPENDENT = 1e-11


@kernel
def factor_covariance(covariance: FloatArray, factor: FloatArray, scale: FloatArray) -> int:
    """Factor a positive semidefinite matrix as L D L', leaving dependent assets out.

    Parameters
    ----------
    covariance
        float64[n, n].
    factor
        float64[n, n], written: L below the diagonal (the diagonal itself is left over).
    scale
        float64[n], written: 1 / D, and 0 for an asset that is constant or a linear combination
        of earlier ones.

    Returns
    -------
    int
        Assets not left out: the rank.
    """
    n = len(scale)
    column = np.empty(n)
    for i in range(n):
        for j in range(i + 1):
            factor[i, j] = covariance[i, j]
    rank = 0
    for k in range(n):
        scale[k] = 0.0
        if factor[k, k] > _DEPENDENT * covariance[k, k]:
            scale[k] = 1.0 / factor[k, k]
            rank += 1
        for i in range(k + 1, n):
            column[i] = factor[i, k]
            share = column[i] * scale[k]
            factor[i, k] = share
            for j in range(k + 1, i + 1):
                factor[i, j] -= share * column[j]
    return rank


@kernel
def whiten(factor: FloatArray, vector: FloatArray) -> None:
    """Solve L x = vector in place; with D this gives u' S^-1 v as sum of u_i v_i / D_i."""
    for i in range(len(vector)):
        for j in range(i):
            vector[i] -= factor[i, j] * vector[j]


@kernel
def bayes_stein_means(
    mean: FloatArray, covariance: FloatArray, n_observations: int, out: FloatArray
) -> float:
    """Write the Bayes-Stein means; see ``bayes_stein``.

    Returns
    -------
    float
        The shrinkage in [0, 1].
    """
    n = len(mean)
    factor, scale, ones, means = np.zeros((n, n)), np.empty(n), np.ones(n), mean.copy()
    out[:] = mean
    rank = factor_covariance(covariance, factor, scale)
    whiten(factor, ones)
    whiten(factor, means)
    total = weighted = 0.0
    for i in range(n):
        total += ones[i] * ones[i] * scale[i]
        weighted += ones[i] * means[i] * scale[i]
    if total <= 0.0:
        return 0.0
    target = weighted / total
    distance = 0.0
    for i in range(n):
        difference = means[i] - target * ones[i]
        distance += difference * difference * scale[i]
    distance *= max(0.0, n_observations - rank - 2.0) / (n_observations - 1.0)
    shrinkage = (rank + 2.0) / ((rank + 2.0) + n_observations * distance)
    for i in range(n):
        if covariance[i, i] > 0.0:
            out[i] = (1.0 - shrinkage) * mean[i] + shrinkage * target
    return shrinkage


@kernel
def oas_covariance(covariance: FloatArray, n_observations: int, out: FloatArray) -> float:
    """Write the OAS covariance; see ``oas``.

    Returns
    -------
    float
        The shrinkage in [0, 1].
    """
    n = len(covariance)
    squares = trace = 0.0
    for i in range(n):
        trace += covariance[i, i]
        for k in range(n):
            squares += covariance[i, k] * covariance[i, k]
    average = trace / n
    numerator = squares / (n * n) + average * average
    denominator = (n_observations + 1.0) * (squares / (n * n) - average * average / n)
    shrinkage = 1.0
    if n == 1:
        shrinkage = 0.0
    elif numerator < denominator:
        shrinkage = numerator / denominator
    for i in range(n):
        for k in range(n):
            out[i, k] = (1.0 - shrinkage) * covariance[i, k]
        out[i, i] += shrinkage * average
    return shrinkage


def _check(covariance: FloatArray, n_observations: int) -> FloatArray:
    array = np.array(covariance, np.float64, order="C")
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not len(array):
        raise ValueError(f"covariance has shape {array.shape}: must be (n, n) with n >= 1")
    if not np.isfinite(array).all():
        raise ValueError("covariance has entries that are not finite: leave such assets out")
    if n_observations < 2:
        raise ValueError(f"n_observations={n_observations}: must be >= 2")
    return array


def bayes_stein(mean: FloatArray, covariance: FloatArray, n_observations: int) -> FloatArray:
    """Shrink sample means towards the mean of the minimum-variance portfolio.

    Jorion, "Bayes-Stein estimation for portfolio analysis", Journal of Financial and
    Quantitative Analysis 21 (1986) 279-292: with N assets, T observations, 1'S^-1 mu / 1'S^-1 1
    = mu0 and d = (T - N - 2) / (T - 1) (mu - mu0)'S^-1 (mu - mu0), the shrinkage is
    (N + 2) / (N + 2 + T d). With T <= N + 2 it is 1: all means are mu0. N is the rank of S:
    assets that are a linear combination of earlier ones do not count twice. An asset with zero
    variance keeps its mean.

    Parameters
    ----------
    mean
        float64[n] sample means.
    covariance
        float64[n, n] sample covariance (ddof 1), positive semidefinite.
    n_observations
        T >= 2.

    Returns
    -------
    FloatArray
        float64[n], read-only.

    Raises
    ------
    ValueError
        Shapes differ, an entry is not finite, or T < 2.
    """
    array = _check(covariance, n_observations)
    means = np.array(mean, np.float64)
    if means.shape != (len(array),) or not np.isfinite(means).all():
        raise ValueError(f"mean has shape {means.shape}: must be ({len(array)},) and finite")
    out = np.empty(len(array))
    bayes_stein_means(means, array, n_observations, out)
    out.setflags(write=False)
    return out


def oas(covariance: FloatArray, n_observations: int) -> FloatArray:
    """Shrink a covariance towards a multiple of the identity (OAS).

    Chen, Wiesel, Eldar and Hero, "Shrinkage algorithms for MMSE covariance estimation", IEEE
    Transactions on Signal Processing 58 (2010) 5016-5029, eq. 23, in the form of scikit-learn
    (without the terms in 2 / n). The shrinkage does not depend on the covariance's scale, so
    with ddof 1, as the grid window has it, the result is scikit-learn's times T / (T - 1).

    Parameters
    ----------
    covariance
        float64[n, n] sample covariance.
    n_observations
        T >= 2 rows it was made from.

    Returns
    -------
    FloatArray
        float64[n, n], read-only, exactly symmetric where the sample is.

    Raises
    ------
    ValueError
        The shape is not square, an entry is not finite, or T < 2.
    """
    array = _check(covariance, n_observations)
    out = np.empty_like(array)
    oas_covariance(array, n_observations, out)
    out.setflags(write=False)
    return out
