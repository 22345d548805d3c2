import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stats import pending
from stats.grid import Grid
from stats.market import Market
from stats.windows import Windows
from tests.stats.tapes import SECOND, RowOracle, Tick, feed, random_batches, random_tape


def make_market(**changes) -> Market:
    given_ = {
        "sample_interval_ns": SECOND,
        "allowed_lateness_ns": 0,
        "window_rows": 20,
        "window_ticks": 50,
        "min_observations": 2,
        "stale_after": 100_000,
        "defer_ticks": True,
    }
    return Market(**(given_ | changes))


def row_prices(market: Market) -> dict[int, float]:
    prices = market._windows.grid.symbol_f[pending.PRICE]
    return {s: float(p) for s, p in enumerate(prices) if not np.isnan(p)}


def tick(symbol: int, price: float, time_s: float, partition: int = 0) -> Tick:
    return Tick(symbol, price, round(time_s * SECOND), partition, 0)


def test_a_price_at_exactly_a_boundary_belongs_to_the_row_that_ends_there():
    market = make_market()
    assert list(feed(market, [tick(0, 1.0, 10.5), tick(0, 2.0, 11.0)])) == []
    after = Tick(0, 3.0, 11 * SECOND + 1, 0, 0)
    for row in feed(market, [after]):
        assert row == 10
        assert row_prices(market) == {0: 2.0}
    assert market.last_row == 10


def test_rows_match_a_resampling_by_pandas():
    ticks = random_tape(3, partitions=1, per_partition=4, jitter_ms=0)[0]
    frame = pd.DataFrame(
        {"symbol": [t.symbol for t in ticks], "price": [t.price for t in ticks]},
        index=pd.to_datetime([t.time for t in ticks]),
    )
    wide = {s: g["price"] for s, g in frame.sort_index(kind="stable").groupby("symbol")}
    expected = pd.DataFrame(
        {s: p.resample("1s", closed="right", label="right").last() for s, p in wide.items()}
    ).ffill()
    market = make_market(allowed_lateness_ns=SECOND)
    got = {}
    for row in feed(market, ticks):
        got[row] = row_prices(market)
    for row in market.close():
        got[row] = row_prices(market)
    assert len(got) == len(expected) > 50
    for when, prices in expected.iterrows():
        assert got[when.value // SECOND - 1] == prices.dropna().to_dict()


TICKS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(-1, 1), st.integers(-30, 40), st.integers(1, 999)),
    max_size=120,
)


@settings(max_examples=150, deadline=None)
@given(TICKS, st.integers(1, 3), st.integers(0, 30), st.integers(3, 12), st.integers(0, 2**32))
def test_rows_and_late_ticks_match_an_oracle(steps, partitions, lateness, interval, seed):
    ticks, time = [], [1000] * 3
    for i, (p, s, step, price) in enumerate(steps):
        p = p % partitions  # noqa: PLW2901
        time[p] = max(1, time[p] + step)
        symbol = 2 * p + s if s >= 0 else pending.CLOCK
        ticks.append(Tick(symbol, float(price), time[p], p, i))
    market = make_market(
        sample_interval_ns=interval, allowed_lateness_ns=lateness, partitions=range(partitions)
    )
    # Rows of this test follow closely enough that none is left out for silence.
    oracle = RowOracle(interval, lateness, partitions)
    got = {}
    for batch in random_batches(ticks, np.random.default_rng(seed)):
        for row in feed(market, batch):
            got[row] = row_prices(market)
        for t in batch:
            oracle.take(t)
        assert (market.n_late, market.n_used) == (oracle.n_late, len(oracle.used))
        assert got == oracle.rows(at_end=False)
    for row in market.close():
        got[row] = row_prices(market)
    assert got == oracle.rows(at_end=True)
    assert list(got) == sorted(got)


@pytest.mark.market_data
def test_rows_of_recorded_quotes_match_a_resampling_by_pandas(market_data):
    quotes = pd.read_csv(market_data / "binance_quotes_2024-08-08.csv.gz")
    names = quotes["exchange"] + "/" + quotes["symbol"]
    ids, table = pd.factorize(names)
    prices = ((quotes["ask_price"] + quotes["bid_price"]) / 2).to_numpy()
    times = quotes["local_timestamp"].to_numpy() * 1000
    market = make_market(allowed_lateness_ns=SECOND, window_ticks=1000)
    got = {}
    for at in range(0, len(ids), 5000):
        part = slice(at, at + 5000)
        batch = ids[part], prices[part], times[part]
        zeros = np.zeros(len(batch[0]), np.int32)
        for row in market.update(*batch, zeros, zeros.astype(np.int64), 1):
            got[row] = row_prices(market)
    for row in market.close():
        got[row] = row_prices(market)
    assert market.n_used == len(ids) - market.n_late
    frame = pd.DataFrame({"symbol": ids, "price": prices}, index=pd.to_datetime(times))
    frame = frame.sort_index(kind="stable")
    wide = {
        s: g["price"].resample("1s", closed="right", label="right").last()
        for s, g in frame.groupby("symbol")
    }
    expected = pd.DataFrame(wide).ffill()
    assert market.n_late == 0
    assert len(table) > 3
    assert len(got) == len(expected) > 500
    for when, row in expected.iterrows():
        assert got[when.value // SECOND - 1] == row.dropna().to_dict()


def test_late_ticks_are_counted_and_not_used():
    market = make_market(allowed_lateness_ns=2 * SECOND)
    on_time = [tick(0, 1.0, 10.5), tick(0, 2.0, 13.0), tick(0, 3.0, 10.9)]
    assert list(feed(market, on_time)) == []
    # Row 10 ends at 11 s and has passed when the newest event time is beyond 13 s.
    assert list(feed(market, [tick(0, 4.0, 13.1), tick(0, 9.0, 10.95)])) == [10]
    assert market.n_late == 1
    assert market.n_used == 4


def test_a_row_waits_for_every_partition():
    market = make_market(partitions=(0, 5))
    assert list(feed(market, [tick(0, 1.0, t) for t in range(1, 300)])) == []
    assert market.n_waiting == 299
    assert list(feed(market, [tick(1, 1.0, 100.5, partition=5)])) == list(range(100))
    assert list(feed(market, [tick(1, 1.0, 400.0, partition=5)])) == list(range(100, 298))


def test_a_clock_message_stands_in_for_the_ticks_of_a_silent_partition():
    market = make_market(partitions=(0, 5))
    assert list(feed(market, [tick(0, 1.0, t) for t in range(1, 300)])) == []
    clock = tick(pending.CLOCK, math.nan, 100.5, partition=5)
    assert list(feed(market, [clock])) == list(range(100))
    # A tick that comes although the clock had passed its row is late.
    assert list(feed(market, [tick(1, 1.0, 99.5, partition=5)])) == []
    assert (market.n_used, market.n_late) == (299, 1)
    assert market.newest_times_ns == {0: 299 * SECOND, 5: 100_500_000_000}
    # An older clock takes nothing back.
    assert list(feed(market, [tick(pending.CLOCK, 1.0, 50.0, partition=5)])) == []
    assert list(feed(market, [tick(1, 1.0, 100.6, partition=5)])) == []
    assert market.n_used == 300


def test_more_ticks_rows_and_symbols_than_there_was_room_for():
    market = make_market(partitions=(0, 1))
    ticks = [tick(s, 1.0 + s, 1 + r) for r in range(300) for s in range(70)]
    assert list(feed(market, ticks)) == []
    rows = list(feed(market, [tick(70, 5.0, 301.5, partition=1)]))
    assert rows == list(range(299))
    assert list(market.close())[-1] == 301
    assert row_prices(market) == {s: 1.0 + s for s in range(70)} | {70: 5.0}
    assert market.n_used == 21_001


@pytest.mark.parametrize("window_rows", [2, 23, 64])
def test_a_long_silence_skips_rows_and_keeps_every_bit(window_rows):
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.choice([1, 1, 1, 2, 700, 5000], 200, p=[0.3, 0.3, 0.3, 0.06, 0.02, 0.02]))
    ticks = [
        tick(int(rng.integers(0, 3)), float(rng.uniform(1, 2)), 10**9 + float(t)) for t in times
    ]
    settings_ = {
        "sample_interval_ns": SECOND,
        "allowed_lateness_ns": 0,
        "window_rows": window_rows,
        "window_ticks": 5,
        "defer_ticks": True,
        "partitions": (0,),
    }
    results = []
    for quiet_rows in (2 * window_rows, 10**9):
        windows = Windows(quiet_rows=quiet_rows, **settings_)
        bits = {}
        for t in ticks:
            columns = (np.array([value]) for value in (t.symbol, t.price, t.time, 0, 0))
            for row in windows.take(*columns):
                if windows.rows.rows_filled >= 2:
                    read = windows.rows.read(np.arange(windows.grid.n_symbols))
                    bits[row] = (*(part.tobytes() for part in read[:3]), read[3])
        results.append(bits)
    skipping, whole = results
    assert len(skipping) < len(whole) / 2
    assert not [row for row, bits in skipping.items() if bits != whole[row]]
    with_ticks = {int(t) - 1 for t in times[:-1] + 10**9}
    # The first two rows have less than two returns.
    assert with_ticks - set(skipping) <= {min(with_ticks), min(with_ticks) + 1}


def test_a_gap_of_a_century_takes_no_time():
    market = make_market(sample_interval_ns=1000)
    ticks = [tick(0, 1.0, 1.0), tick(0, 2.0, 1.001), tick(0, 3.0, 3.2e9), tick(0, 4.0, 3.3e9)]
    rows = list(feed(market, ticks)) + list(market.close())
    assert len(rows) < 1200 + 2 * 100_001
    assert rows[-1] == 33 * 10**14 - 1


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (Tick(0, float("nan"), SECOND, 0, 0), r"price=nan for symbol id 0 at tick 1"),
        (Tick(0, -3.0, SECOND, 0, 0), r"price=-3.0"),
        (Tick(0, float("inf"), SECOND, 0, 0), r"price=inf"),
        (Tick(-2, 1.0, SECOND, 0, 0), r"symbol id -2"),
        (Tick(0, 1.0, SECOND, 4, 0), r"no partition in \(0,\)"),
        (Tick(0, 1.0, SECOND, -1, 0), r"no partition in \(0,\)"),
    ],
)
def test_what_admission_must_have_refused_is_an_error(bad, message):
    market = make_market()
    with pytest.raises(ValueError, match=message):
        list(feed(market, [tick(0, 1.0, 1.0), bad]))


@pytest.mark.parametrize("partition", [-1, 1, 3, 7])
def test_a_partition_that_was_not_named_is_an_error(partition):
    market = make_market(partitions=(2, 4))
    with pytest.raises(ValueError, match=r"tick 1 of the batch is of no partition in \(2, 4\)"):
        list(feed(market, [tick(0, 1.0, 1.0, partition=4), tick(0, 1.0, 1.0, partition)]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sample_interval_ns": 0}, "sample_interval_ns=0"),
        ({"allowed_lateness_ns": -1}, "allowed_lateness_ns=-1"),
        ({"partitions": ()}, r"partitions=\(\)"),
        ({"partitions": (1, 1)}, r"partitions=\(1, 1\)"),
    ],
)
def test_parameters_out_of_range_are_refused(changes, message):
    parameters = {"sample_interval_ns": 1, "allowed_lateness_ns": 0, "quiet_rows": 9}
    with pytest.raises(ValueError, match=message):
        Grid(**(parameters | changes))
