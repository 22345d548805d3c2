"""Estimators of mean and covariance that a decision uses in place of the sample's.

Kernels of + - * / sqrt in a fixed order: what they return enters decisions.
"""

import math

import numpy as np

from stats.compiled import FloatArray, inlined, kernel

# A pivot of the factor below this share of its variance is rounding: the asset's returns are a
# linear combination of earlier ones. Two equal columns leave about n eps = 1e-13 at n = 500.
_DEPENDENT = 1e-11


@inlined
def factor_covariance(covariance: FloatArray, factor: FloatArray, scale: FloatArray) -> int:
    """Factor a positive semidefinite matrix as L D L', leaving dependent assets out.

    Four columns a pass: one load and store of a column for four products, without a branch or a
    division in the loop; 17 us at n = 50 became 6 with it.

    Parameters
    ----------
    covariance
        float64[n, n], of which the upper triangle is read.
    factor
        float64[n, n], written from each row's diagonal on: row k is column k of L D.
    scale
        float64[n], written: 1 / D, and 0 for an asset that is constant or a linear combination
        of earlier ones.

    Returns
    -------
    int
        Assets not left out: the rank.
    """
    n = len(scale)
    rank = 0
    for k in range(n):
        column, source = factor[k, k:], covariance[k, k:]
        for x in range(n - k):
            column[x] = source[x]
        whole = k // 4 * 4
        for j in range(0, whole, 4):
            f0, f1, f2, f3 = factor[j, k:], factor[j + 1, k:], factor[j + 2, k:], factor[j + 3, k:]
            p, q, r, s = (
                f0[0] * scale[j],
                f1[0] * scale[j + 1],
                f2[0] * scale[j + 2],
                f3[0] * scale[j + 3],
            )
            for x in range(n - k):
                column[x] = column[x] - ((p * f0[x] + q * f1[x]) + (r * f2[x] + s * f3[x]))
        for j in range(whole, k):
            f0, p = factor[j, k:], factor[j, k] * scale[j]
            for x in range(n - k):
                column[x] -= p * f0[x]
        scale[k] = 0.0
        if column[0] > _DEPENDENT * covariance[k, k]:
            scale[k] = 1.0 / column[0]
            rank += 1
    return rank


@inlined
def whiten(factor: FloatArray, scale: FloatArray, u: FloatArray, v: FloatArray) -> None:
    """Solve L x = u and L x = v in place; with D, u' S^-1 v is the sum of u_i v_i / D_i."""
    n = len(u)
    for k in range(n):
        column, p, q = factor[k, k + 1 :], u[k] * scale[k], v[k] * scale[k]
        below_u, below_v = u[k + 1 :], v[k + 1 :]
        for x in range(n - k - 1):
            below_u[x] -= p * column[x]
            below_v[x] -= q * column[x]


@kernel
def bayes_stein_means(
    mean: FloatArray, covariance: FloatArray, n_observations: int, out: FloatArray
) -> float:
    """Write the Bayes-Stein means; see ``bayes_stein``.

    Returns
    -------
    float
        The shrinkage in [0, 1]; NaN where an input is not finite.
    """
    n = len(mean)
    # An entry that is not finite turns zero into NaN, lane by lane: 0.1 us at n = 50.
    zeros, known = np.zeros(n), 0.0
    for i in range(n):
        for k in range(n):
            zeros[k] += 0.0 * covariance[i, k]
    for i in range(n):
        known += zeros[i] + 0.0 * mean[i]
    if known != 0.0:
        return np.nan
    factor, scale, ones, means = np.empty((n, n)), np.empty(n), np.ones(n), mean.copy()
    out[:] = mean
    rank = factor_covariance(covariance, factor, scale)
    whiten(factor, scale, ones, means)
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
        The shrinkage in [0, 1]; NaN where an entry is not finite, or its square.
    """
    n = len(covariance)
    # Column by column, so that several are added at once: a single sum waits for itself.
    sums = np.zeros(n)
    squares = trace = 0.0
    for i in range(n):
        for k in range(n):
            sums[k] += covariance[i, k] * covariance[i, k]
    for i in range(n):
        squares += sums[i]
        trace += covariance[i, i]
    if not squares < np.inf:
        return np.nan
    average = trace / n
    numerator = squares / (n * n) + average * average
    denominator = (n_observations + 1.0) * (squares / (n * n) - average * average / n)
    shrinkage = 1.0
    if n == 1:
        shrinkage = 0.0
    elif numerator < denominator:
        shrinkage = numerator / denominator
    keep = 1.0 - shrinkage
    for i in range(n):
        for k in range(n):
            out[i, k] = keep * covariance[i, k]
        out[i, i] += shrinkage * average
    return shrinkage


@kernel
def estimate_both(
    mean: FloatArray,
    covariance: FloatArray,
    n_observations: int,
    estimated_mean: FloatArray,
    estimated_covariance: FloatArray,
) -> tuple[float, float]:
    """Write the OAS covariance and the Bayes-Stein means under it, in one call from Python.

    Returns
    -------
    tuple of float
        Shrinkage of the covariance and of the means.
    """
    of_covariance = oas_covariance(covariance, n_observations, estimated_covariance)
    of_means = bayes_stein_means(mean, estimated_covariance, n_observations, estimated_mean)
    return of_covariance, of_means


def _read(values: FloatArray) -> FloatArray:
    """View as read-only and contiguous: kernels are compiled for one layout; 1 us, no copy."""
    array = np.ascontiguousarray(values, np.float64)
    if array.flags.writeable:
        array = array.view()
        array.setflags(write=False)
    return array


def _check(covariance: FloatArray, n_observations: int) -> FloatArray:
    array = _read(covariance)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not len(array):
        raise ValueError(f"covariance has shape {array.shape}: must be (n, n) with n >= 1")
    if n_observations < 2:
        raise ValueError(f"n_observations={n_observations}: must be >= 2")
    return array


def _refuse(mean: FloatArray, covariance: FloatArray) -> None:
    """Say why a kernel could not use its input."""
    if mean.shape != (len(covariance),) or not np.isfinite(mean).all():
        raise ValueError(f"mean has shape {mean.shape}: must be ({len(covariance)},) and finite")
    if not np.isfinite(covariance).all():
        raise ValueError("covariance has entries that are not finite: leave such assets out")
    raise ValueError("covariance has entries beyond 1e150: their squares are not finite")


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
    means, out = _read(mean), np.empty(len(array))
    shrinkage = np.nan
    if means.shape == out.shape:
        shrinkage = bayes_stein_means(means, array, n_observations, out)
    if math.isnan(shrinkage):
        _refuse(means, array)
    out.setflags(write=False)
    return out


def oas_and_bayes_stein(
    mean: FloatArray, covariance: FloatArray, n_observations: int
) -> tuple[FloatArray, FloatArray]:
    """Give ``bayes_stein`` of the means under ``oas`` of the covariance, and that covariance.

    One call of a kernel, with the bits of both: a live decision, whose caches are cold, saves
    what a second call costs.

    Raises
    ------
    ValueError
        As those of the two.
    """
    array = _check(covariance, n_observations)
    means, out, shrunk = _read(mean), np.empty(len(array)), np.empty(array.shape)
    shrinkages = (np.nan, np.nan)
    if means.shape == out.shape:
        shrinkages = estimate_both(means, array, n_observations, out, shrunk)
    if math.isnan(sum(shrinkages)):
        _refuse(means, array)
    out.setflags(write=False)
    shrunk.setflags(write=False)
    return out, shrunk


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
    if math.isnan(oas_covariance(array, n_observations, out)):
        _refuse(np.zeros(len(array)), array)
    out.setflags(write=False)
    return out
