"""Tapes of ticks in several partitions, and the rows they must become, by plain Python."""

import math
from dataclasses import dataclass

import numpy as np

from stats import pending
from stats.market import Market
from stats.moments import Moments

SECOND = 10**9


@dataclass(frozen=True)
class Tick:
    symbol: int
    price: float
    time: int
    partition: int
    offset: int


def random_tape(
    seed: int,
    *,
    partitions: int = 3,
    per_partition: int = 2,
    count: int = 1500,
    jitter_ms: int = 400,
) -> list[list[Tick]]:
    """Ticks of each partition in their order: some out of order, some at one instant, some late."""
    rng = np.random.default_rng(seed)
    tapes = []
    for p in range(partitions):
        # About 15 ticks a second, in steps of 10 ms; one in twenty up to 4 s behind.
        times = np.cumsum(rng.integers(0, 14, count)) * 10 + 5000
        times -= rng.integers(0, jitter_ms // 10 + 1, count) * 10
        times -= np.where(rng.random(count) < 0.05, rng.integers(0, 10 * jitter_ms + 1, count), 0)
        symbols = p * per_partition + rng.integers(0, per_partition, count)
        prices = np.round(100 * np.exp(np.cumsum(rng.normal(0, 1e-3, count))), 2)
        tapes.append(
            [
                Tick(int(s), float(x), 1_700_000_000 * SECOND + int(t) * 10**6, p, i)
                for i, (s, x, t) in enumerate(zip(symbols, prices, times, strict=True))
            ]
        )
    return tapes


def interleave(tapes: list[list[Tick]], rng: np.random.Generator) -> list[Tick]:
    """Merge partitions in random order, each keeping its own."""
    owners = np.repeat(np.arange(len(tapes)), [len(tape) for tape in tapes])
    rng.shuffle(owners)
    streams = [iter(tape) for tape in tapes]
    return [next(streams[p]) for p in owners]


def feed(market: Market, ticks: list[Tick], receive_time_ns: int = 7):
    """Update with one batch; yields its rows."""
    return market.update(
        np.array([t.symbol for t in ticks], np.int32),
        np.array([t.price for t in ticks], np.float64),
        np.array([t.time for t in ticks], np.int64),
        np.array([t.partition for t in ticks], np.int32),
        np.array([t.offset for t in ticks], np.int64),
        receive_time_ns,
    )


def random_batches(ticks: list[Tick], rng: np.random.Generator):
    largest = int(rng.choice([1, 3, 20, 200, 5000]))
    at = 0
    while at < len(ticks):
        stop = at + int(rng.integers(0, largest + 1))
        yield ticks[at:stop]
        at = stop


def fingerprint(moments: Moments) -> bytes:
    """Every bit that must not depend on how the ticks came."""
    arrays = (
        moments.prices, moments.mean, moments.covariance, moments.volatility, moments.skewness,
        moments.kurtosis,
    )  # fmt: skip
    facts = (
        moments.symbols, moments.row, moments.n_observations, moments.last_event_time_ns,
        moments.offsets,
    )  # fmt: skip
    return repr(facts).encode() + b"".join(array.tobytes() for array in arrays)


class RowOracle:
    """The rules of rows, tick by tick, without any cleverness."""

    def __init__(self, interval: int, lateness: int, partitions: int) -> None:
        self.interval, self.lateness = interval, lateness
        self.newest: list[float] = [-math.inf] * partitions
        self.used: list[Tick] = []
        self.n_late = 0

    def take(self, tick: Tick) -> None:
        if tick.symbol == pending.CLOCK:
            pass
        elif self.end(tick) < self.newest[tick.partition] - self.lateness:
            self.n_late += 1
        else:
            self.used.append(tick)
        self.newest[tick.partition] = max(self.newest[tick.partition], tick.time)

    def end(self, tick: Tick) -> int:
        """End of the row whose interval (begin, end] holds the tick."""
        return -(-tick.time // self.interval) * self.interval

    def rows(self, *, at_end: bool) -> dict[int, dict[int, float]]:
        """Row number to symbol to price, previous prices carried on."""
        by_row: dict[int, list[Tick]] = {}
        for tick in sorted(self.used, key=lambda t: t.partition):
            by_row.setdefault(self.end(tick) // self.interval - 1, []).append(tick)
        if not by_row:
            return {}
        passed = min(self.newest) - self.lateness
        last = max(by_row)
        while (last + 2) * self.interval < passed:
            last += 1
        result: dict[int, dict[int, float]] = {}
        prices: dict[int, float] = {}
        for row in range(min(by_row), last + 1):
            if not at_end and not (row + 1) * self.interval < passed:
                break
            best: dict[int, int] = {}
            for tick in by_row.get(row, []):
                if tick.time >= best.get(tick.symbol, 0):
                    best[tick.symbol], prices[tick.symbol] = tick.time, tick.price
            result[row] = dict(prices)
        return result
