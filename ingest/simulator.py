"""A market that does not exist: correlated assets with the habits of real ones.

Log prices follow a market factor and a part of their own; each has a volatility whose logarithm
reverts to its mean (Taylor's stochastic volatility, 1986), so quiet and wild times cluster, and
jumps (Merton, 1976). Trades come as a Poisson process and alternate at random between bid and
ask (Roll, 1984). Some assets stop trading for minutes and come back. Everything follows from
the seed: no clock is read, equal settings give equal ticks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingest.file_ticks import FileTicks
from ingest.listing import listing
from ingest.ticks import NO_TRADE_ID

_MARKET_VOLATILITY: Final = 0.5 / np.sqrt(365 * 86_400)  # of one second: 50 % a year
_MARKET_MEMORY_S: Final = 600.0
_OWN_MEMORY_S: Final = 30.0
_MARKET_LOG_SD: Final = 0.4  # of log volatility; kurtosis of returns is 3 exp(4 sd^2) of both
_OWN_LOG_SD: Final = 0.5
_JUMPS_PER_S: Final = 1 / 900
_JUMP_SECONDS: Final = 200.0  # a jump has the variance of so many quiet seconds
_STOPPING_SHARE: Final = 0.2  # of the assets
_MEAN_TRADING_S: Final = 600.0
_MEAN_SILENT_S: Final = 240.0
_SHORTEST_STEP_S: Final = 0.1  # prices move on this clock, or four times between two ticks
_LEAST_ROWS, _MOST_ROWS = 64, 8192  # of a chunk

MOST_HISTORY_TICKS: Final = 60_000
"""1.1 MB packed: history stays whole in the 5 MB that the embedded broker keeps."""


@dataclass(frozen=True, slots=True)
class Market:
    """What is simulated.

    Attributes
    ----------
    n_assets
        Number of assets.
    rate_per_s
        Ticks a second, of all assets together.
    seed
        Equal seeds give equal ticks.

    Raises
    ------
    ValueError
        A value is out of range.
    """

    n_assets: int = 20
    rate_per_s: float = 200.0
    seed: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.n_assets <= 10_000:
            raise ValueError(f"n_assets={self.n_assets}: must be from 1 to 10000")
        if not 0 < self.rate_per_s <= 1e9:
            raise ValueError(f"rate_per_s={self.rate_per_s}: must be above 0, at most 1e9")
        if self.seed < 0:
            raise ValueError(f"seed={self.seed}: must be 0 or above")


class Simulator:
    """The market's state from one chunk of ticks to the next.

    Parameters
    ----------
    market
        What is simulated.
    begin_ns
        Event time of the first ticks, UTC: one of each asset, so that all have a price.
    prices
        By symbol, where it goes on from; the others begin at their listing's prices.
    """

    def __init__(
        self, market: Market, begin_ns: int, prices: Mapping[str, float] | None = None
    ) -> None:
        self._market = market
        self._now_ns = begin_ns
        self._rng = np.random.Generator(np.random.PCG64(market.seed))
        self._listing = listing(market.n_assets)
        listed = zip(self._listing.symbols, self._listing.prices.tolist(), strict=True)
        known = prices or {}
        self._log_prices = np.log([known.get(symbol, price) for symbol, price in listed])
        n = market.n_assets
        self._moods = self._rng.standard_normal(n + 1)  # log volatility: the market's, then own
        self._moods *= np.array([_MARKET_LOG_SD, *([_OWN_LOG_SD] * n)])
        self._is_open = False
        self._is_trading = np.ones(n, np.bool_)
        self._switch_ns = np.full(n, np.iinfo(np.int64).max)
        stopping = np.arange(n - int(n * _STOPPING_SHARE), n)  # the big ones never stop
        self._switch_ns[stopping] = begin_ns + self._waits_ns(_MEAN_TRADING_S, len(stopping))

    def chunks(
        self, *, until_ns: int | None = None, rate_per_s: float | None = None
    ) -> Iterator[FileTicks]:
        """Go on trading.

        Parameters
        ----------
        until_ns
            Event time at which to end; None: never.
        rate_per_s
            Ticks a second, instead of the market's.

        Yields
        ------
        FileTicks
            About a second's ticks, 64 to 8192 of them, in order of time; fewer at ``until_ns``.
        """
        rate = self._market.rate_per_s if rate_per_s is None else rate_per_s
        length_ns = max(1, int(np.clip(rate, _LEAST_ROWS, _MOST_ROWS) / rate * 1e9))
        if not self._is_open:
            self._is_open = True
            yield self._ticks(
                np.arange(self._market.n_assets),
                self._log_prices,
                np.full(self._market.n_assets, self._now_ns),
            )
        while until_ns is None or self._now_ns < until_ns:
            end_ns = self._now_ns + length_ns
            ticks = self._trade(end_ns if until_ns is None else min(end_ns, until_ns), rate)
            if len(ticks):
                yield ticks

    def _trade(self, end_ns: int, rate_per_s: float) -> FileTicks:
        length_ns = end_ns - self._now_ns
        n = self._rng.poisson(rate_per_s * length_ns / 1e9)
        # Arrivals of a Poisson process, given their number: partial sums of exponentials.
        sums = np.cumsum(self._rng.standard_exponential(n + 1))
        when = sums[:-1] / sums[-1]
        event_time_ns = self._now_ns + (when * length_ns).astype(np.int64)
        shares = np.cumsum(self._listing.activity)
        ids = np.searchsorted(shares, self._rng.random(n) * shares[-1], side="right")
        path = self._walk(length_ns / 1e9, rate_per_s)
        steps = (when * (len(path) - 1)).astype(np.intp)
        traded = self._are_trading(ids, event_time_ns, end_ns)
        self._log_prices = path[-1]
        self._now_ns = end_ns
        return self._ticks(ids[traded], path[steps, ids][traded], event_time_ns[traded])

    def _ticks(
        self,
        ids: NDArray[np.int64],
        log_prices: NDArray[np.float64],
        event_time_ns: NDArray[np.int64],
    ) -> FileTicks:
        """Let each trade happen at bid or ask, rounded to the tick size."""
        side = self._rng.integers(0, 2, len(ids)) * 2 - 1
        prices = np.exp(log_prices) * (1 + side * self._listing.half_spread[ids])
        scale = self._listing.price_scale[ids]
        return FileTicks(
            symbols=self._listing.symbols,
            symbol_ids=ids.astype(np.int32),
            prices=np.maximum(np.rint(prices * scale), 1.0) / scale,
            event_time_ns=event_time_ns,
            trade_ids=np.full(len(ids), NO_TRADE_ID, np.int64),
            clock_ns=event_time_ns,
        )

    def _walk(self, length_s: float, rate_per_s: float) -> NDArray[np.float64]:
        """Move the log prices; gives them float64[k + 1, n] before and after each of k steps."""
        n = self._market.n_assets
        k = max(1, int(length_s / max(_SHORTEST_STEP_S, n / (4 * rate_per_s))))
        step_s = length_s / k
        memory_s = np.array([_MARKET_MEMORY_S, *([_OWN_MEMORY_S] * n)])
        log_sd = np.array([_MARKET_LOG_SD, *([_OWN_LOG_SD] * n)])
        kept = np.exp(-step_s / memory_s)
        pushes = self._rng.standard_normal((k, n + 1)) * log_sd * np.sqrt(1 - kept**2)
        moods = np.empty((k, n + 1))
        for step in range(k):
            moods[step] = self._moods = kept * self._moods + pushes[step]
        jumps = self._rng.poisson(_JUMPS_PER_S * step_s, (k, n + 1))
        shocks = self._rng.standard_normal((k, n + 1)) * np.exp(moods)
        shocks *= np.sqrt(step_s + _JUMP_SECONDS * jumps)
        market = _MARKET_VOLATILITY * shocks[:, :1] * self._listing.beta
        returns = market + self._listing.own_volatility * shocks[:, 1:]
        return np.vstack([self._log_prices, self._log_prices + np.cumsum(returns, axis=0)])

    def _are_trading(
        self, ids: NDArray[np.int64], event_time_ns: NDArray[np.int64], end_ns: int
    ) -> NDArray[np.bool_]:
        """Tell which ticks happen, bool[n]; assets stop and come back at their own times."""
        happens: NDArray[np.bool_] = self._is_trading[ids]
        while True:
            switching = np.flatnonzero(self._switch_ns < end_ns)
            if not len(switching):
                return happens
            for asset in switching.tolist():
                trading = not self._is_trading[asset]
                happens[(ids == asset) & (event_time_ns >= self._switch_ns[asset])] = trading
                self._is_trading[asset] = trading
                wait = _MEAN_TRADING_S if trading else _MEAN_SILENT_S
                self._switch_ns[asset] += self._waits_ns(wait, 1)[0]

    def _waits_ns(self, mean_s: float, n: int) -> NDArray[np.int64]:
        return 1 + (self._rng.exponential(mean_s, n) * 1e9).astype(np.int64)


@dataclass(frozen=True, slots=True)
class SimulatedSource:
    """The simulated market, without an end.

    Attributes
    ----------
    market
        What is simulated.
    prices
        By symbol, where it goes on from; see `ingest.newest.newest_ticks`.
    """

    market: Market
    prices: Mapping[str, float] = field(default_factory=dict)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names of the assets."""
        return listing(self.market.n_assets).symbols

    def chunks(self, begin_ns: int, live_ns: int) -> Iterator[FileTicks]:
        """Thin history to 60 000 ticks where it has more; see `ingest.feed.TickSource`."""
        simulator = Simulator(self.market, begin_ns, self.prices)
        if live_ns > begin_ns:
            thinned = MOST_HISTORY_TICKS * 1e9 / (live_ns - begin_ns)
            rate = min(self.market.rate_per_s, thinned)
            yield from simulator.chunks(until_ns=live_ns, rate_per_s=rate)
        yield from simulator.chunks()
