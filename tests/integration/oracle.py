"""A decision made again from the CSV with pandas, numpy and scipy; nothing of the project's."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import optimize, stats

MINUTE_NS = 60_000_000_000


def _epoch_ns(values: pd.Series, unit_ns: int) -> pd.Series:
    return values.astype("int64") * unit_ns


def read_tardis(path: Path, *, time_column: str = "local_timestamp") -> pd.DataFrame:
    """Read quotes (mid) or trades; columns symbol, price, time_ns and, of trades, id."""
    raw = pd.read_csv(path)
    several = raw["exchange"].nunique() > 1
    symbol = (raw["exchange"] + "/" + raw["symbol"]).str.upper() if several else raw["symbol"]
    is_quotes = "bid_price" in raw
    price = (raw["bid_price"] + raw["ask_price"]) / 2 if is_quotes else raw["price"]
    ticks = pd.DataFrame(
        {"symbol": symbol, "price": price, "time_ns": _epoch_ns(raw[time_column], 1_000)}
    )
    if "id" in raw:
        ticks["id"] = pd.to_numeric(raw["id"], errors="coerce")
    return ticks


def read_candles(folder: Path, *, time_column: str, unit_ns: int, strip: str) -> pd.DataFrame:
    """Read one-minute candles: the close, at the end of its minute; symbol from the name."""
    parts = []
    for path in sorted(folder.glob("*.csv")):
        raw = pd.read_csv(path)
        parts.append(
            pd.DataFrame(
                {
                    "symbol": re.sub(strip, "", path.stem),
                    "price": raw["close"],
                    "time_ns": _epoch_ns(raw[time_column], unit_ns) + MINUTE_NS,
                }
            )
        )
    return pd.concat(parts).sort_values("time_ns", kind="stable", ignore_index=True)


def read_closes(path: Path) -> pd.DataFrame:
    """Read wide closes: one column a symbol, blanks before a listing."""
    raw = pd.read_csv(path, parse_dates=["date"])
    long = raw.melt("date", var_name="symbol", value_name="price").dropna()
    long["time_ns"] = long["date"].dt.as_unit("ns").astype("int64")
    return long.sort_values("time_ns", kind="stable", ignore_index=True)


def count_late(ticks: pd.DataFrame, interval_ns: int) -> pd.Series:
    """Mark ticks whose row ended before the newest event time so far."""
    times = ticks["time_ns"]
    row_end = -(-times // interval_ns) * interval_ns
    return row_end < times.cummax().shift(fill_value=-(2**62))


@dataclass(frozen=True)
class Expected:
    """What a decision on the last row must hold."""

    row: int
    n_observations: int
    prices: pd.Series
    mean: pd.Series
    covariance: pd.DataFrame
    skewness: pd.Series
    kurtosis: pd.Series

    @property
    def symbols(self) -> list[str]:
        """Members of the universe."""
        return list(self.mean.index)

    @property
    def volatility(self) -> pd.Series:
        """Standard deviations."""
        return pd.Series(np.sqrt(np.diag(self.covariance)), self.mean.index)


def expect(
    ticks: pd.DataFrame,
    interval_ns: int,
    *,
    window: int = 300,
    window_ticks: int = 1000,
    stale_after: int = 120,
) -> Expected:
    """Sample, take the windows and find the members at the row of the last tick.

    ``ticks`` stand in the order of their arrival.

    A price at exactly a boundary belongs to the row that ends there, so row k holds the times
    in (k I, (k + 1) I].
    """
    used = ticks[~count_late(ticks, interval_ns)]
    used = used.assign(row=-(-used["time_ns"] // interval_ns) - 1)
    ordered = used.sort_values("time_ns", kind="stable")
    table = ordered.groupby(["row", "symbol"])["price"].last().unstack("symbol")
    rows = pd.RangeIndex(table.index[0], table.index[-1] + 1)
    returns = np.log(table.reindex(rows).ffill()).diff().iloc[1:].iloc[-window:]
    last_row = int(rows[-1])
    fresh = used.groupby("symbol")["row"].max() > last_row - stale_after
    members = [s for s in returns.columns if returns[s].notna().all() and fresh[s]]
    seen_first = list(dict.fromkeys(ticks["symbol"]))
    members.sort(key=seen_first.index)
    returns = returns[members]
    moves = _tick_returns(used, members, window_ticks)
    return Expected(
        row=last_row,
        n_observations=len(returns),
        prices=table.ffill().iloc[-1][members],
        mean=returns.mean(),
        covariance=returns.cov(),
        skewness=pd.Series({s: stats.skew(moves[s]) for s in members}),
        kurtosis=pd.Series({s: stats.kurtosis(moves[s]) for s in members}),
    )


def _tick_returns(
    used: pd.DataFrame, members: Sequence[str], window_ticks: int
) -> dict[str, np.ndarray]:
    """Give the last returns from tick to tick.

    A tick earlier than the symbol's newest is not used here; of several at one instant the
    last one counts.
    """
    found = {}
    for symbol, arrived in used[used["symbol"].isin(members)].groupby("symbol"):
        own = arrived[arrived["time_ns"] >= arrived["time_ns"].cummax()]
        prices = own.groupby("time_ns")["price"].last().to_numpy()
        found[str(symbol)] = np.diff(np.log(prices))[-window_ticks:]
    return found


def oas(covariance: np.ndarray, n_observations: int) -> np.ndarray:
    """Shrink to a multiple of the identity: Chen et al. 2010, eq. 23, as scikit-learn has it."""
    n = len(covariance)
    if n == 1:
        return covariance
    average = np.trace(covariance) / n
    alpha = np.mean(covariance**2)
    share = (alpha + average**2) / ((n_observations + 1) * (alpha - average**2 / n))
    share = min(share, 1.0)
    return (1 - share) * covariance + share * average * np.eye(n)


def bayes_stein(mean: np.ndarray, covariance: np.ndarray, n_observations: int) -> np.ndarray:
    """Shrink to the mean of the minimum-variance portfolio: Jorion 1986, of full rank."""
    n = len(mean)
    direction = np.linalg.solve(covariance, np.ones(n))
    target = direction @ mean / direction.sum()
    away = mean - target
    factor = max(0.0, n_observations - n - 2) / (n_observations - 1)
    distance = factor * away @ np.linalg.solve(covariance, away)
    share = (n + 2) / (n + 2 + n_observations * distance)
    return (1 - share) * mean + share * target


def best_weights(mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Give the long-only portfolio of most Sharpe ratio, else of least variance, by NNLS.

    Both are min w'Sw / 2 - b'w over w >= 0, scaled to sum 1 (b the means, or ones), which is
    the least squares problem |L'w - L^-1 b| with S = L L'.
    """
    scale = np.sqrt(np.diag(covariance))
    wanted = mean if mean.max() > 0 else np.ones(len(mean))
    factor = np.linalg.cholesky(covariance / np.outer(scale, scale))
    goal = np.linalg.solve(factor, wanted / scale)
    solved, _ = optimize.nnls(factor.T, goal / np.linalg.norm(goal))
    weights = solved / scale
    return weights / weights.sum()


def sharpe(weights: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> float:
    """Give a portfolio's Sharpe ratio."""
    return float(weights @ mean / np.sqrt(weights @ covariance @ weights))


@dataclass(frozen=True)
class Simulated:
    """A resampled portfolio from draws of scipy's own generators."""

    weights: np.ndarray
    ratios: np.ndarray

    def agrees(self, weights: np.ndarray, weight_stddev: np.ndarray, n_draws: int) -> None:
        """Hold another simulation of the same distribution against this one.

        Five standard errors of a difference are passed once in 1.7 million comparisons.
        """
        errors = 5 * np.sqrt(1 / n_draws + 1 / len(self.weights))
        mean = self.weights.mean(axis=0)
        squares = (self.weights - mean) ** 2
        assert (np.abs(weights - mean) <= errors * self.weights.std(axis=0) + 1e-4).all()
        variance_error = errors * squares.std(axis=0) + 1e-5
        assert (np.abs(weight_stddev**2 - squares.mean(axis=0)) <= variance_error).all()


def simulate_posterior(
    mean: np.ndarray, covariance: np.ndarray, n_observations: int, *, n_draws: int, seed: int
) -> Simulated:
    """Draw (mean, covariance) from their posterior and solve each draw."""
    n = len(mean)
    random = np.random.default_rng(seed)
    freedom = max(n_observations - 1, n + 2)
    # The mean of an inverse Wishart is its scale over (freedom - n - 1).
    spread = stats.invwishart(df=freedom, scale=covariance * (freedom - n - 1))
    sigmas = spread.rvs(n_draws, random_state=random).reshape(n_draws, n, n)
    weights, ratios = np.empty((n_draws, n)), np.empty(n_draws)
    for k, sigma in enumerate(sigmas):
        drawn = mean + np.linalg.cholesky(sigma / n_observations) @ random.standard_normal(n)
        weights[k] = best_weights(drawn, sigma)
        ratios[k] = sharpe(weights[k], drawn, sigma)
    return Simulated(weights, ratios)
