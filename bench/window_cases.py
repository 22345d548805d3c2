"""The windows beside the libraries people use for rolling moments and covariances."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench import peers
from bench.contest import Case, Contender, differ, returned
from bench.report import OURS
from bench.tick_driver import read_after_each
from stats import pending
from stats.compiled import FloatArray, IntArray
from stats.grid_window import GridWindow
from stats.returns import log_returns
from stats.tick_window import TickWindow

N_ASSETS = 50
WINDOW = 1000
_ROLLED_TICKS = 3000  # returns an asset: two windows after the one that fills
_READ_EVERY = 500
_ROWS_READ_EVERY = 10
_ROWS = 200
_PAIRS_OF_PRICES = 100_000
# Peers add and evict; their skewness of 1000 ticks is good to about 1e-8.
_ROLLING_TOLERANCE = 1e-6
_TOLERANCE = 1e-11


def make_prices(n_assets: int, ticks: int, seed: int = 1) -> FloatArray:
    """Make prices float64[n_assets, ticks]: a random walk of 1e-4 a tick, rounded to cents."""
    steps = 1e-4 * np.random.default_rng(seed).standard_normal((n_assets, ticks))
    prices: FloatArray = np.round(1000.0 * np.exp(np.cumsum(steps, axis=1)), 2)
    return prices


def make_inbox(prices: FloatArray, first: int) -> tuple[IntArray, FloatArray]:
    """Lay prices out as ticks, asset by asset in turn; ``first`` numbers their first instant."""
    n, ticks = prices.shape
    inbox_i = np.zeros((4, n * ticks), np.int64)
    inbox_i[pending.SYMBOL] = np.tile(np.arange(n), ticks)
    inbox_i[pending.TIME] = 10**18 + (first + np.repeat(np.arange(ticks), n)) * 10**7
    return inbox_i, np.ascontiguousarray(prices.T).ravel()


def _window_of(prices: FloatArray) -> TickWindow:
    window = TickWindow(WINDOW)
    window.reserve(len(prices))
    inbox = make_inbox(prices, 0)
    window.push(*inbox, 0, len(inbox[1]))
    window.read(np.arange(len(prices)))
    return window


def _peer(subject: str, call: Any, per_call: int, *arguments: Any) -> Contender:
    return Contender(subject, call, lambda: arguments, returned, per_call)


def rolling_case() -> Case:
    """Four moments after every tick; peers have all ticks at once, which no live program has."""
    prices = make_prices(N_ASSETS, _ROLLED_TICKS + 1)
    count = prices.size

    def fresh() -> tuple[Any, ...]:
        window = TickWindow(WINDOW)
        window.reserve(N_ASSETS)
        # Filled, so that its pages are there before the time begins.
        return *make_inbox(prices, 0), window, np.full((7, count), -1.0)

    def full_windows(_: None, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        series = arguments[-1].reshape(7, -1, N_ASSETS)[:, WINDOW:]
        return tuple(series[which].T for which in (1, 2, 3, 4))

    def full_rolled(found: peers.Moments, _: Any) -> tuple[Any, ...]:
        return tuple(one if one is None else one[:, WINDOW - 1 :] for one in found)

    contenders = [Contender(OURS, read_after_each, fresh, full_windows, count)]
    for subject, call in (
        ("polars, four moments", peers.polars_rolling),
        ("bottleneck, mean and variance alone", peers.bottleneck_rolling),
    ):
        contenders.append(Contender(subject, call, lambda: (prices, WINDOW), full_rolled, count))
    return Case(
        name=f"tick moments of {N_ASSETS} assets, window {WINDOW}, after every tick",
        unit="ns a tick",
        contenders=tuple(contenders),
        judge=lambda first, other: differ(first, other, _ROLLING_TOLERANCE),
    )


def on_demand_case() -> Case:
    """Four moments of all assets every 500 ticks; peers are spared keeping the window."""
    prices = make_prices(N_ASSETS, WINDOW + 1 + _READ_EVERY // N_ASSETS)
    start = prices.shape[1] - _READ_EVERY // N_ASSETS
    template = _window_of(prices[:, :start])
    inbox, ids = make_inbox(prices[:, start:], start), np.arange(N_ASSETS)

    def push_and_read(window: TickWindow) -> Any:
        window.push(*inbox, 0, _READ_EVERY)
        return window.read(ids)

    def four(found: Any, _: Any) -> tuple[Any, ...]:
        return found.mean, found.variance, found.skewness, found.kurtosis

    newest = np.ascontiguousarray(peers.log_returns(prices)[:, -WINDOW:])
    return Case(
        name=f"tick moments of {N_ASSETS} assets, window {WINDOW}, read every {_READ_EVERY} ticks",
        unit="ns a tick",
        contenders=(
            Contender(OURS, push_and_read, lambda: (copy.deepcopy(template),), four, _READ_EVERY),
            _peer("numpy, four moments", peers.numpy_moments, _READ_EVERY, newest),
            _peer("scipy, four moments", peers.scipy_moments, _READ_EVERY, newest),
            _peer("polars, four moments", peers.polars_moments, _READ_EVERY, newest),
            _peer(
                "bottleneck, mean and variance alone",
                peers.bottleneck_moments,
                _READ_EVERY,
                newest,
            ),
        ),
        judge=lambda first, other: differ(first, other, 1e-10),
    )


def _push_and_read_rows(window: GridWindow, rows: FloatArray, first: int) -> FloatArray:
    n = rows.shape[1]
    ids, found = np.arange(n), []
    for k, values in enumerate(rows):
        window.push(first + k, values, n)
        if (k + 1) % _ROWS_READ_EVERY == 0:
            found.append(window.read(ids)[1])
    return np.stack(found)


def covariance_case(n_assets: int) -> Case:
    """Covariance of a window of rows, read every 10 rows."""
    generator = np.random.default_rng(n_assets)
    rows = 1e-3 * generator.standard_normal((WINDOW + _ROWS, n_assets))
    rows += 5e-4 * generator.standard_normal((len(rows), 1))
    template = GridWindow(WINDOW)
    for k in range(WINDOW):
        template.push(k, rows[k], n_assets)
    contenders = [
        Contender(
            OURS,
            _push_and_read_rows,
            lambda: (copy.deepcopy(template), rows[WINDOW:], WINDOW),
            returned,
            _ROWS,
        ),
        _peer("numpy.cov", peers.numpy_covariances, _ROWS, rows, WINDOW, _ROWS_READ_EVERY),
    ]
    if n_assets <= 50:  # numbagg's result of all rows would take 96 MB at 100
        contenders.append(
            _peer("numbagg", peers.numbagg_covariances, len(rows), rows, WINDOW, _ROWS_READ_EVERY)
        )
    return Case(
        name=f"covariance of {n_assets} assets, window {WINDOW}, read every 10 rows",
        unit="us a row",
        contenders=tuple(contenders),
        judge=lambda first, other: differ((first,), (other,), _TOLERANCE),
    )


def log_return_case() -> Case:
    """Log returns of pairs of prices."""
    prices = make_prices(1, _PAIRS_OF_PRICES + 1)[0]
    out = np.empty(_PAIRS_OF_PRICES)
    return Case(
        name="log return",
        unit="ns a return",
        contenders=(
            Contender(
                OURS,
                log_returns,
                lambda: (prices[1:], prices[:-1], out),
                lambda _, arguments: arguments[2].copy(),
                _PAIRS_OF_PRICES,
            ),
            _peer("numpy.log", peers.log_returns, _PAIRS_OF_PRICES, prices),
        ),
        judge=lambda first, other: differ((first,), (other,), _TOLERANCE),
    )


WINDOW_CASES: tuple[Callable[[], Case], ...] = (
    rolling_case,
    on_demand_case,
    *(partial(covariance_case, n) for n in (10, 50, 100)),
    log_return_case,
)
