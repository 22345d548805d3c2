"""The simulated market has the habits of a real one and follows from its seed."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from ingest.files import FileTicks
from ingest.simulator import Market, SimulatedSource, Simulator

SECOND = 10**9
BEGIN = 1_700_000_000 * SECOND
HOUR_S = 3600


def trade(market: Market, seconds: int) -> FileTicks:
    parts = list(Simulator(market, BEGIN).chunks(until_ns=BEGIN + seconds * SECOND))
    return FileTicks(
        parts[0].symbols,
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("symbol_ids", "prices", "event_time_ns", "trade_ids", "clock_ns")
        ),
    )


def sampled(ticks: FileTicks, step_s: int, seconds: int) -> NDArray[np.float64]:
    """Log prices by asset and time, the last tick before each."""
    when = BEGIN + np.arange(0, seconds + 1, step_s) * SECOND
    rows = []
    for asset in range(len(ticks.symbols)):
        own = ticks.symbol_ids == asset
        last = np.searchsorted(ticks.event_time_ns[own], when, side="right") - 1
        rows.append(np.log(ticks.prices[own][last]))
    return np.array(rows)


@pytest.fixture(scope="module")
def hours() -> FileTicks:
    return trade(Market(n_assets=10, rate_per_s=50, seed=7), 4 * HOUR_S)


def test_equal_seeds_give_equal_ticks_and_others_other_ones() -> None:
    first, again, other = (trade(Market(8, 100, seed), 60) for seed in (3, 3, 4))
    for name in ("symbol_ids", "prices", "event_time_ns"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    assert not np.array_equal(first.prices[:100], other.prices[:100])


def test_prices_do_not_depend_on_when_it_begins() -> None:
    now, later = (next(Simulator(Market(5, 50, 1), t).chunks()) for t in (BEGIN, BEGIN + 5))
    np.testing.assert_array_equal(now.prices, later.prices)
    assert np.all(later.event_time_ns - now.event_time_ns == 5)


def test_ticks_are_in_order_positive_and_on_their_tick_size(hours: FileTicks) -> None:
    assert np.all(np.diff(hours.event_time_ns) >= 0)
    assert hours.event_time_ns[0] == BEGIN
    assert hours.event_time_ns[-1] < BEGIN + 4 * HOUR_S * SECOND
    assert np.all(hours.prices > 0)
    assert np.all(hours.trade_ids == -1)
    bitcoin = hours.prices[hours.symbol_ids == hours.symbols.index("BTCUSDT")]
    assert np.all(bitcoin == np.round(bitcoin, 1))
    assert 30_000 < bitcoin.min() < bitcoin.max() < 130_000


def test_every_asset_has_a_price_at_once() -> None:
    first = next(Simulator(Market(40, 1, 1), BEGIN).chunks())
    assert first.symbol_ids.tolist() == list(range(40))
    assert len(set(first.symbols)) == 40


def test_arrivals_are_a_poisson_process(hours: FileTicks) -> None:
    bitcoin = hours.event_time_ns[hours.symbol_ids == 0]
    gaps_s = np.diff(bitcoin[1:]) / SECOND
    assert stats.kstest(gaps_s, stats.expon(scale=gaps_s.mean()).cdf).pvalue > 1e-3
    counts = np.bincount((bitcoin - BEGIN) // SECOND, minlength=4 * HOUR_S)
    assert counts.var() / counts.mean() == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("rate", [1.0, 300.0, 20_000.0])
def test_the_rate_is_kept(rate: float) -> None:
    market = Market(n_assets=3, rate_per_s=rate, seed=2)  # too few assets for one that stops
    seconds = int(max(3, 2000 / rate))
    n = len(trade(market, seconds)) - 3
    assert abs(n - rate * seconds) < 5 * np.sqrt(rate * seconds)


def test_assets_move_together(hours: FileTicks) -> None:
    returns = np.diff(sampled(hours, 10, 4 * HOUR_S))
    correlation = np.corrcoef(returns)
    others = correlation[~np.eye(10, dtype=bool)]
    assert others.min() > 0.1
    assert 0.4 < others.mean() < 0.8
    assert np.linalg.eigvalsh(correlation)[0] > 0


def test_volatility_is_that_of_the_market_and_large_moves_are_common(hours: FileTicks) -> None:
    returns = np.diff(sampled(hours, 10, 4 * HOUR_S))
    a_year = returns.std(axis=1) * np.sqrt(365 * 86_400 / 10)
    assert np.all((a_year > 0.3) & (a_year < 3))
    assert np.all(stats.kurtosis(returns, axis=1) > 0.5)


def test_volatility_clusters(hours: FileTicks) -> None:
    # Ranks, so that single jumps do not decide.
    sizes = stats.rankdata(np.abs(np.diff(sampled(hours, 10, 4 * HOUR_S))), axis=1)
    near = [np.corrcoef(s[:-1], s[1:])[0, 1] for s in sizes]
    assert np.mean(near) > 0.05
    assert min(near) > 0


def test_trades_bounce_between_bid_and_ask(hours: FileTicks) -> None:
    own = hours.prices[hours.symbol_ids == 9]
    moves = np.diff(np.log(own))
    assert np.corrcoef(moves[:-1], moves[1:])[0, 1] < -0.02


def test_small_assets_stop_and_come_back_while_the_first_never_do(hours: FileTicks) -> None:
    longest = []
    for asset in range(10):
        times = hours.event_time_ns[hours.symbol_ids == asset]
        longest.append(np.diff(times).max() / SECOND)
    assert max(longest[:8]) < 60
    assert min(longest[8:]) > 120


def test_history_has_its_own_rate_and_ends_where_it_is_told() -> None:
    simulator = Simulator(Market(4, 1000, 1), BEGIN)
    past = list(simulator.chunks(until_ns=BEGIN + 100 * SECOND, rate_per_s=10))
    times = np.concatenate([part.event_time_ns for part in past])
    assert times[-1] < BEGIN + 100 * SECOND
    assert 800 < len(times) < 1200
    live = next(simulator.chunks())
    assert live.event_time_ns[0] >= BEGIN + 100 * SECOND
    assert 800 < len(live) < 1200


def test_it_goes_on_without_end_in_small_chunks() -> None:
    chunks = itertools.islice(Simulator(Market(500, 1e6, 1), BEGIN).chunks(), 50)
    assert max(len(chunk) for chunk in chunks) < 10_000


def test_history_comes_before_now_and_is_thinned() -> None:
    source = SimulatedSource(Market(n_assets=5, rate_per_s=10_000.0))
    past_begin = BEGIN - 300 * SECOND
    past, live = 0, 0
    for ticks in source.chunks(past_begin, BEGIN):
        if ticks.event_time_ns[0] >= BEGIN:
            live = len(ticks)
            break
        assert ticks.event_time_ns[-1] < BEGIN
        past += len(ticks)
    assert 50_000 < past < 61_000
    assert live > 5_000  # the live part has its own rate


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"n_assets": 0}, "n_assets=0"),
        ({"rate_per_s": 0.0}, "rate_per_s=0.0"),
        ({"rate_per_s": float("nan")}, "rate_per_s=nan"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_impossible_markets_are_refused_by_name(options: dict[str, float], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        Market(**options)


def test_it_goes_on_from_the_prices_it_is_given() -> None:
    market = Market(n_assets=5, rate_per_s=50)
    symbols = SimulatedSource(market).symbols
    given = {symbols[1]: 1234.5, symbols[4]: 0.75, "OTHER": 9.0}
    own, moved = (
        next(iter(SimulatedSource(market, prices).chunks(BEGIN, BEGIN))) for prices in ({}, given)
    )
    assert moved.symbols == symbols
    # Each at bid or ask, 1.5 basis points away at most, and on its tick size.
    assert moved.prices[1] == pytest.approx(1234.5, rel=3e-4)
    assert moved.prices[4] == pytest.approx(0.75, rel=3e-4)
    for kept in (0, 2, 3):
        assert moved.prices[kept] == own.prices[kept]
