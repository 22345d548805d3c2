"""What a caller may hand in, and what is said when it may not."""

import math
from typing import Any, get_args

import numpy as np

from optimize.job import Objective
from stats.compiled import FloatArray

_OBJECTIVES = get_args(Objective)


def check_estimates(mean: Any, covariance: Any) -> tuple[FloatArray, FloatArray]:
    """Read estimates given by a user: float64[n] and a symmetric float64[n, n], all finite.

    Raises
    ------
    ValueError
        A shape, a value or the symmetry is wrong; the message says which and the remedy.
    """
    mu = read_vector(mean, "mean")
    sigma = np.ascontiguousarray(covariance, np.float64)
    n = len(mu)
    if n == 0:
        raise ValueError("mean is empty: give at least one asset")
    if sigma.shape != (n, n):
        raise ValueError(
            f"covariance has shape {sigma.shape} for {n} means: it must be ({n}, {n}), "
            "in the order of mean"
        )
    if not np.isfinite(sigma).all():
        i, j = np.argwhere(~np.isfinite(sigma))[0]
        raise ValueError(f"covariance[{i}, {j}]={sigma[i, j]}: drop the asset or fill its returns")
    diagonal = sigma.diagonal()
    if (diagonal < 0.0).any():
        i = int(np.argmin(diagonal))
        raise ValueError(f"covariance[{i}, {i}]={diagonal[i]}: a variance must be >= 0")
    # 1e-9 of the pair's own size: what another library's rounding leaves, and no more.
    off = np.abs(sigma - sigma.T)
    if off.any():
        scale = np.sqrt(np.outer(diagonal, diagonal))
        if (off > 1e-9 * scale).any():
            i, j = np.unravel_index(int(np.argmax(off - 1e-9 * scale)), off.shape)
            raise ValueError(
                f"covariance[{i}, {j}]={sigma[i, j]} but covariance[{j}, {i}]={sigma[j, i]}: "
                "it must be symmetric; pass (covariance + covariance.T) / 2 if rounding did it"
            )
        sigma = (sigma + sigma.T) * 0.5
    return mu, sigma


def read_vector(values: Any, name: str) -> FloatArray:
    """Read a finite float64[n].

    Raises
    ------
    ValueError
        It has another shape, or a value is not finite.
    """
    vector = np.ascontiguousarray(values, np.float64)
    if vector.ndim != 1:
        raise ValueError(f"{name} has shape {vector.shape}: give one number an asset, ({name}[n])")
    if not np.isfinite(vector).all():
        i = int(np.argmin(np.isfinite(vector)))
        raise ValueError(f"{name}[{i}]={vector[i]}: drop the asset or give a finite number")
    return vector


def check_constraints(objective: str, max_weight: float) -> float:
    """Check the name of an objective and a cap in (0, 1].

    Raises
    ------
    ValueError
        The objective is unknown or the cap out of range.
    """
    if objective not in _OBJECTIVES:
        raise ValueError(f"objective={objective!r}: choose one of {', '.join(_OBJECTIVES)}")
    cap = float(max_weight)
    if not (math.isfinite(cap) and 0.0 < cap <= 1.0):
        raise ValueError(f"max_weight={max_weight}: it must be in (0, 1]; 1 means no cap")
    return cap


def check_start(start_weights: Any, n_assets: int) -> FloatArray:
    """Read start weights, or zeros (a cold start) for None.

    Raises
    ------
    ValueError
        Another number of weights than assets, or one is negative or not finite.
    """
    if start_weights is None:
        return np.zeros(n_assets)
    start = read_vector(start_weights, "start_weights")
    if len(start) != n_assets:
        raise ValueError(
            f"start_weights has {len(start)} values for {n_assets} assets: give one each"
        )
    if (start < 0.0).any():
        i = int(np.argmin(start))
        raise ValueError(f"start_weights[{i}]={start[i]}: must be >= 0, portfolios are long-only")
    return start


def check_count(value: int, name: str, *, least: int) -> int:
    """Check a whole number within bounds.

    Raises
    ------
    ValueError
        It is no whole number, or out of bounds.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ValueError(f"{name}={value!r}: give a whole number")
    if not least <= value < 2**63:
        raise ValueError(f"{name}={value}: it must be at least {least} and below 2^63")
    return int(value)
