"""The window of single ticks beside the libraries people use for rolling moments."""

import copy
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from bench.contest import Case, Contender, differ, returned
from bench.kernels import tick_peers
from bench.kernels.add_evict import AddEvict, make_add_evict
from bench.kernels.tick_driver import read_after_each, read_in_batches
from bench.kernels.tick_names import LIVE, N_ASSETS, ON_DEMAND, READ_EVERY, ROLLING, WINDOW
from bench.rows import FROM_PYTHON, OURS
from stats import pending
from stats.compiled import FloatArray, IntArray
from stats.returns import log_returns
from stats.tick_window import TickWindow

READS: Final = 40
ROLLED_TICKS: Final = 3000  # returns an asset: two windows after the one that fills
_PAIRS_OF_PRICES: Final = 100_000
# Peers add and evict; their skewness of 1000 ticks is good to about 1e-8.
_ROLLING_TOLERANCE: Final = 1e-6
_NO_RESULT: Final = (None, None, None, None)


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
    # Never two assets at one instant: their windows would turn at the same tick.
    inbox_i[pending.TIME] = 10**18 + (first * n + np.arange(n * ticks)) * 200_003
    return inbox_i, np.ascontiguousarray(prices.T).ravel()


def full_window(prices: FloatArray) -> TickWindow:
    """Give a window that has taken prices of all assets and was read."""
    window = TickWindow(WINDOW)
    window.reserve(len(prices))
    inbox = make_inbox(prices, 0)
    window.push(*inbox, 0, len(inbox[1]))
    window.read(np.arange(len(prices)))
    return window


def _add_evict_of(prices: FloatArray) -> AddEvict:
    state = make_add_evict(len(prices), WINDOW)
    inbox = make_inbox(prices, 0)
    tick_peers.add_evict_after_each(*inbox, state, np.empty((4, len(inbox[1]))))
    return state


def _peer(subject: str, call: Any, per_call: int, *arguments: Any) -> Contender:
    return Contender(subject, call, lambda: arguments, returned, per_call)


def _four(found: Any, _: Any) -> tuple[Any, ...]:
    return found.mean, found.variance, found.skewness, found.kurtosis


def _no_result(*_: Any) -> tuple[None, ...]:
    return _NO_RESULT


def _full_windows(first: int) -> Callable[[None, tuple[Any, ...]], tuple[Any, ...]]:
    """Take four series that begin with a row of what was written, of full windows alone."""

    def take(_: None, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        series = arguments[-1].reshape(len(arguments[-1]), -1, N_ASSETS)[:, WINDOW:]
        return tuple(series[first + which].T for which in range(4))

    return take


def _full_rolled(found: tick_peers.Moments, _: Any) -> tuple[Any, ...]:
    return tuple(one if one is None else one[:, WINDOW - 1 :] for one in found)


def rolling_case() -> Case:
    """Four moments after every tick; libraries have all ticks at once, as no live program has."""
    prices = make_prices(N_ASSETS, ROLLED_TICKS + 1)
    inbox, count = make_inbox(prices, 0), prices.size

    def blank(rows: int) -> FloatArray:
        # Filled, so that its pages are there before the time begins.
        return np.full((rows, count), -1.0)

    def fresh() -> tuple[Any, ...]:
        window = TickWindow(WINDOW)
        window.reserve(N_ASSETS)
        return *inbox, window, blank(7)

    def fresh_add_evict() -> tuple[Any, ...]:
        return *inbox, make_add_evict(N_ASSETS, WINDOW), blank(4)

    def library(subject: str, call: Any) -> Contender:
        return Contender(subject, call, lambda: (prices, WINDOW), _full_rolled, count)

    return Case(
        name=ROLLING,
        unit="ns a tick",
        contenders=(
            Contender(OURS, read_after_each, fresh, _full_windows(1), count),
            Contender("add_evict, four moments", tick_peers.add_evict_after_each, fresh_add_evict,
                      _full_windows(0), count),
            Contender("bound", tick_peers.bound_after_each,
                      lambda: (*inbox, np.ones(N_ASSETS), blank(4)), _no_result, count),
            library("polars, four moments", tick_peers.polars_rolling),
            library("bottleneck, mean and variance alone", tick_peers.bottleneck_rolling),
        ),
        judge=lambda first, other: differ(first, other, _ROLLING_TOLERANCE),
    )  # fmt: skip


def _windows_read(prices: FloatArray, start: int) -> list[FloatArray]:
    """Give the returns of the window at each read: of keeping them libraries are spared."""
    returns, step = tick_peers.log_returns(prices), READ_EVERY // N_ASSETS
    ends = range(start - 1 + step, prices.shape[1], step)
    return [np.ascontiguousarray(returns[:, end - WINDOW : end]) for end in ends]


def on_demand_case() -> Case:
    """Four moments of all assets every 500 ticks; libraries are spared keeping the window."""
    start, count = WINDOW + 1, READS * READ_EVERY
    prices = make_prices(N_ASSETS, start + count // N_ASSETS)
    template, evicting = full_window(prices[:, :start]), _add_evict_of(prices[:, :start])
    inbox, ids = make_inbox(prices[:, start:], start), np.arange(N_ASSETS)
    windows = _windows_read(prices, start)

    def from_python(window: TickWindow) -> Any:
        for first in range(0, count, READ_EVERY):
            window.push(*inbox, first, first + READ_EVERY)
            found = window.read(ids)
        return found

    def library(subject: str, call: Callable[[FloatArray], tick_peers.Moments]) -> Contender:
        return _peer(subject, lambda: [call(window) for window in windows][-1], count)

    return Case(
        name=ON_DEMAND,
        unit="ns a tick",
        contenders=(
            Contender(OURS, read_in_batches,
                      lambda: (*inbox, READ_EVERY, ids, copy.deepcopy(template),
                               np.ones((7, N_ASSETS))),
                      lambda _, made: tuple(made[-1][1:5]), count),
            Contender(FROM_PYTHON, from_python, lambda: (copy.deepcopy(template),), _four, count),
            Contender("add_evict, four moments", tick_peers.add_evict_in_batches,
                      lambda: (*inbox, READ_EVERY, copy.deepcopy(evicting),
                               np.ones((4, N_ASSETS))),
                      lambda _, made: tuple(made[-1]), count),
            Contender("bound", tick_peers.bound_in_batches,
                      lambda: (*inbox, READ_EVERY, prices[:, start - 1].copy(),
                               np.ones((4, N_ASSETS))),
                      _no_result, count),
            library("numpy, four moments", tick_peers.numpy_moments),
            library("scipy, four moments", tick_peers.scipy_moments),
            library("polars, four moments", tick_peers.polars_moments),
            library("bottleneck, mean and variance alone", tick_peers.bottleneck_moments),
        ),
        judge=lambda first, other: differ(first, other, 1e-9),
    )  # fmt: skip


def live_case() -> Case:
    """Moments of one asset after each tick, a call of Python each: as a live program has to."""
    prices = make_prices(N_ASSETS, WINDOW + 1 + READ_EVERY // N_ASSETS)
    start = prices.shape[1] - READ_EVERY // N_ASSETS
    template, evicting = full_window(prices[:, :start]), _add_evict_of(prices[:, :start])
    inbox, ids = make_inbox(prices[:, start:], start), np.arange(N_ASSETS)

    def push_and_read(window: TickWindow) -> list[Any]:
        found = []
        for t in range(READ_EVERY):
            window.push(*inbox, t, t + 1)
            at = t % N_ASSETS
            found.append(window.read(ids[at : at + 1]))
        return found

    def two(found: list[Any], _: Any) -> tuple[Any, ...]:
        means, variances = zip(*((one.mean[0], one.variance[0]) for one in found), strict=True)
        return np.array(means), np.array(variances)

    def library_arguments() -> tuple[Any, ...]:
        slots = evicting.counts[:, 1].copy()
        return *inbox, prices[:, start - 1].copy(), evicting.returns.copy(), slots

    return Case(
        name=LIVE,
        unit="ns a tick",
        contenders=(
            Contender(OURS, push_and_read, lambda: (copy.deepcopy(template),), two, READ_EVERY),
            Contender("bottleneck, mean and variance alone", tick_peers.bottleneck_live,
                      library_arguments, lambda found, _: tuple(found), READ_EVERY),
        ),
        judge=lambda first, other: differ(first, other, 1e-9),
    )  # fmt: skip


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
            _peer("numpy.log", tick_peers.log_returns, _PAIRS_OF_PRICES, prices),
        ),
        judge=lambda first, other: differ((first,), (other,), 1e-11),
    )


TICK_CASES: Final[tuple[Callable[[], Case], ...]] = (
    rolling_case,
    on_demand_case,
    live_case,
    log_return_case,
)
