"""Independent answers in extended precision, and tapes of prices that are hard in some way."""

import numpy as np

EPS = float(np.finfo(np.float64).eps)
LONG = np.longdouble


def long_log_returns(prices: np.ndarray) -> np.ndarray:
    """Log returns along the first axis, rounded to 64 bits of mantissa only."""
    p = np.asarray(prices, LONG)
    return np.log1p((p[1:] - p[:-1]) / p[:-1])


def two_pass(returns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance (ddof 1) of long rows."""
    x = np.asarray(returns, LONG)
    mean = x.mean(axis=0)
    d = x - mean
    return mean, d.T @ d / (len(x) - 1)


def four_moments(x: np.ndarray) -> tuple[float, float, float, float]:
    """Mean, variance (ddof 1), biased skewness and excess kurtosis."""
    x = np.asarray(x, LONG)
    n, mean = len(x), x.mean()
    d = x - mean
    m2 = (d**2).sum()
    if m2 == 0:
        return float(mean), 0.0, float("nan"), float("nan")
    skewness = np.sqrt(LONG(n)) * (d**3).sum() / m2**1.5
    kurtosis = n * (d**4).sum() / m2**2 - 3
    return mean, m2 / (n - 1), skewness, kurtosis


def kappa(mean: float, variance: float) -> float:
    """Condition of a variance: how far the mean stands from zero in standard deviations."""
    return float(np.sqrt(1 + mean * mean / variance)) if variance > 0 else 1.0


def _iid(rng: np.random.Generator, rows: int, n: int) -> np.ndarray:
    return 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, (rows, n)), axis=0))


def _regime(rng: np.random.Generator, rows: int, n: int) -> np.ndarray:
    scale = np.where(np.arange(rows) // (rows // 6) % 2, 1e-2, 1e-5)
    return 100 * np.exp(np.cumsum(rng.normal(0, 1, (rows, n)) * scale[:, None], axis=0))


def _glitch(rng: np.random.Generator, rows: int, n: int) -> np.ndarray:
    prices = _iid(rng, rows, n)
    prices[rows // 3, 0] *= 50
    prices[rows // 2, -1] /= 1000
    return prices


def _fine_tick(rng: np.random.Generator, rows: int, n: int) -> np.ndarray:
    return 60_000 + np.cumsum(rng.integers(-2, 3, (rows, n)), axis=0) * 1e-5


def _trend(rng: np.random.Generator, rows: int, n: int) -> np.ndarray:
    return np.exp(np.cumsum(1e-3 + rng.normal(0, 1e-6, (rows, n)), axis=0))


def _constant(rng: np.random.Generator, rows: int, n: int) -> np.ndarray:
    return np.tile(rng.uniform(1, 100, n), (rows, 1))


TAPES = {
    "iid": _iid,
    "regime": _regime,
    "glitch": _glitch,
    "fine_tick": _fine_tick,
    "trend": _trend,
    "constant": _constant,
}
