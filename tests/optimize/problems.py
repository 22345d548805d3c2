"""Random portfolio problems, and jobs of them."""

import math
from collections.abc import Iterable
from typing import Any

import daqp
import numpy as np
from hypothesis import strategies as st
from scipy.optimize import nnls

from optimize.evaluate import evaluate_block, merge_blocks
from optimize.job import DrawJob
from optimize.outcome import Outcome


def returns(seed: int, n_assets: int, rows: int) -> np.ndarray:
    """Returns with a market factor of random strength, volatilities over a decade, a drift."""
    rng = np.random.default_rng([seed, n_assets, rows])
    factor = rng.choice([0.0, 1.0, 4.0]) * rng.normal(size=(rows, 1))
    own = rng.normal(size=(rows, n_assets)) * 10 ** rng.uniform(-0.5, 0.5, n_assets)
    drift = rng.normal(scale=0.05, size=n_assets) + rng.choice([-0.05, 0.0, 0.05])
    return 0.01 * (own + factor * rng.uniform(0.5, 1.5, n_assets) + drift)


def estimates(seed: int, n_assets: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    sample = returns(seed, n_assets, rows)
    return sample.mean(axis=0), np.cov(sample, rowvar=False).reshape(n_assets, n_assets)


@st.composite
def problems(draw: Any, most: int = 60) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean, covariance of full rank, and a cap."""
    n = draw(st.integers(2, most))
    rows = n + 5 + draw(st.integers(5, 200))
    mean, covariance = estimates(draw(st.integers(0, 10**6)), n, rows)
    cap = draw(st.sampled_from([1.0, 0.5, 0.3, 2.5 / n, 1.2 / n]))
    return mean, covariance, min(1.0, max(cap, 1.0 / n))


def sparse(seed: int, n_assets: int) -> tuple[np.ndarray, np.ndarray]:
    """Estimates whose optimum holds a tenth to a third of the assets: one strong market factor."""
    rng = np.random.default_rng([seed, n_assets, 1])
    rows = max(300, 2 * n_assets)
    market = 0.6 * rng.normal(size=(rows, 1)) * rng.uniform(0.5, 1.5, n_assets)
    sample = market + rng.normal(size=(rows, n_assets)) + rng.uniform(0.05, 0.25, n_assets)
    return sample.mean(axis=0), np.cov(sample, rowvar=False)


def dense(seed: int, n_assets: int) -> tuple[np.ndarray, np.ndarray]:
    """Estimates whose optimum holds most: weakly correlated, means nearly Sigma w for a w > 0."""
    rng = np.random.default_rng([seed, n_assets, 2])
    rows = max(300, 2 * n_assets)
    market = 0.2 * rng.normal(size=(rows, 1)) * rng.uniform(0.5, 1.5, n_assets)
    sample = market + rng.normal(size=(rows, n_assets)) * rng.uniform(0.5, 1.5, n_assets)
    covariance = np.cov(sample, rowvar=False)
    mean = covariance @ rng.uniform(0.2, 1.8, n_assets) / n_assets
    return mean * (1.0 + 0.05 * rng.normal(size=n_assets)), covariance


FAMILIES = {"sparse": sparse, "dense": dense}


@st.composite
def family_problems(draw: Any) -> tuple[np.ndarray, np.ndarray, float, np.ndarray]:
    """Mean, covariance, a cap and a start of either family."""
    n = draw(st.integers(4, 80))
    seed = draw(st.integers(0, 10**6))
    mean, covariance = FAMILIES[draw(st.sampled_from(sorted(FAMILIES)))](seed, n)
    cap = draw(st.sampled_from([1.0, 0.1, 0.3, 5.0 / n, 1.5 / n]))
    start = np.random.default_rng(seed).dirichlet(np.full(n, 0.3))
    return mean, covariance, min(1.0, max(cap, 1.0 / n)), start


def daqp_optimum(target: np.ndarray, covariance: np.ndarray, cap: float) -> np.ndarray:
    """Solve min y'Sy/2 - target'y, 0 <= y_i <= cap sum(y), by a dual active set."""
    n = len(target)
    unit = covariance.diagonal().mean()
    rows = np.eye(n) - cap
    most = np.concatenate([np.full(n, 1e30), np.zeros(n)])
    least = np.concatenate([np.zeros(n), np.full(n, -1e30)])
    y, _, flag, _ = daqp.solve(
        covariance / unit, -target / np.abs(target).max(), rows, most, least,
        primal_tol=1e-12, dual_tol=1e-12,
    )  # fmt: skip
    assert flag == 1
    y = np.clip(y, 0.0, None)
    return np.minimum(y / y.sum(), cap)


def make_job(mean: np.ndarray, covariance: np.ndarray, **changes: Any) -> DrawJob:
    settings: dict[str, Any] = {
        "kind": "resample",
        "n_observations": 200,
        "objective": "max_sharpe",
        "max_weight": 1.0,
        "start_weights": np.zeros(len(mean)),
        "n_draws": 100,
        "block_size": 32,
        "seed": 11,
        "round": 0,
    }
    settings |= {"mean": mean, "covariance": covariance} | changes
    for array in (settings["mean"], settings["covariance"], settings["start_weights"]):
        array.setflags(write=False)
    return DrawJob(**settings)


def nnls_optimum(target: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Solve min y'Sy/2 - target'y, y >= 0, scaled to sum 1: the uncapped optimum.

    Target mu gives the maximum Sharpe ratio (if one is positive), target 1 minimum variance.
    """
    scale = np.sqrt(covariance.diagonal())
    lower = np.linalg.cholesky(covariance / np.outer(scale, scale))
    y, _ = nnls(lower.T, np.linalg.solve(lower, target / scale), maxiter=100 * len(scale))
    y /= scale
    return y / y.sum()


def sharpe(weights: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> float:
    return float(weights @ mean / math.sqrt(weights @ covariance @ weights))


def volatility(weights: np.ndarray, covariance: np.ndarray) -> float:
    return math.sqrt(weights @ covariance @ weights)


def run(job: DrawJob, blocks: Iterable[int] | None = None) -> Outcome:
    """Evaluate blocks, all of them unless told which, and merge."""
    blocks = range(job.n_blocks) if blocks is None else blocks
    return merge_blocks(job, [evaluate_block(job, block) for block in blocks])
