"""Recorded market data, read a second time by plain Python or pandas and compared."""

import csv
import gzip
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ingest.files import FileTicks, open_ticks, sniff

pytestmark = pytest.mark.market_data
MINUTE = 60 * 10**9


def whole(path: Path, **options: str) -> tuple[list[str], FileTicks]:
    """Read all ticks as one; gives their symbols too."""
    parts = list(open_ticks([path], **options))
    symbols = parts[-1].symbols
    columns = zip(
        *((p.symbol_ids, p.prices, p.event_time_ns, p.trade_ids, p.clock_ns) for p in parts),
        strict=True,
    )
    ticks = FileTicks(symbols, *(np.concatenate(column) for column in columns))
    return [symbols[i] for i in ticks.symbol_ids], ticks


def plain_rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("name", "n_rows", "n_symbols"),
    [
        ("bybit_quotes_2021-04-17.csv", 1404, 8),
        ("binance_quotes_2024-08-08.csv.gz", 335_931, 6),
        ("coinbase_quotes_1m_2018-04-04_05.csv.gz", 11_500, 4),
        ("bybit_trades_2021-04-17.csv", 101, 8),
        ("binance_trades_2024-08-08.csv.gz", 78_638, 6),
    ],
)
def test_every_quote_and_trade(market_data: Path, name: str, n_rows: int, n_symbols: int) -> None:
    rows = plain_rows(market_data / name)
    symbols, ticks = whole(market_data / name)
    assert len(rows) == len(ticks) == n_rows
    several = len({row["exchange"] for row in rows}) > 1
    names = [f"{r['exchange']}/{r['symbol']}".upper() if several else r["symbol"] for r in rows]
    times = [int(row["local_timestamp"]) * 1000 for row in rows]
    if "price" in rows[0]:
        prices = [float(row["price"]) for row in rows]
        ids = [int(r["id"]) if r["id"].isdigit() else -1 for r in rows]
    else:
        prices = [(float(row["bid_price"]) + float(row["ask_price"])) / 2 for row in rows]
        ids = [-1] * n_rows
    assert symbols == names
    assert len(set(names)) == n_symbols
    assert ticks.event_time_ns.tolist() == times
    assert ticks.prices.tolist() == prices
    assert ticks.trade_ids.tolist() == ids
    assert set(sniff([market_data / name]).symbols) == set(names)


def test_the_exchange_clock_can_be_chosen_though_it_runs_ahead(market_data: Path) -> None:
    path = market_data / "binance_trades_2024-08-08.csv.gz"
    _, local = whole(path)
    _, exchange = whole(path, time_column="timestamp")
    frame = pd.read_csv(path)
    lag = (frame.local_timestamp - frame.timestamp).median() * 1000
    assert lag == pytest.approx(-1.26e9, rel=0.02)
    assert np.median(local.event_time_ns - exchange.event_time_ns) == pytest.approx(lag, rel=1e-6)


def test_usd_m_futures_stop_while_the_others_go_on(market_data: Path) -> None:
    symbols, ticks = whole(market_data / "binance_quotes_2024-08-08.csv.gz")
    last = dict(zip(symbols, ticks.event_time_ns.tolist(), strict=True))
    midnight = pd.Timestamp("2024-08-09").value
    assert last["BINANCE-FUTURES/BTCUSDT"] < midnight < last["BINANCE/BTCUSDT"]


def test_klines_close_at_the_end_of_their_minute(market_data: Path) -> None:
    folder = market_data / "binance_klines_1m_2018-06-18"
    symbols, ticks = whole(folder)
    expected = []
    for order, path in enumerate(sorted(folder.iterdir())):
        frame = pd.read_csv(path)
        closes_at = (frame.close_time + 1) * 1_000_000
        name = path.name.split("-")[0]
        expected += [(t, order, name, c) for t, c in zip(closes_at, frame.close, strict=True)]
    expected.sort(key=lambda row: row[:2])
    assert len(ticks) == len(expected) == 9000
    assert symbols == [name for _, _, name, _ in expected]
    assert ticks.event_time_ns.tolist() == [time for time, *_ in expected]
    assert ticks.prices.tolist() == [close for *_, close in expected]
    assert np.all(ticks.event_time_ns % MINUTE == 0)
    assert sniff([folder]).spacing_ns == MINUTE


def test_minutes_without_volume_still_have_a_close(market_data: Path) -> None:
    path = market_data / "binance_klines_1m_2018-06-18" / "NEOETH-1m-2018-06-18.csv"
    assert (pd.read_csv(path).volume == 0).sum() == 209
    assert len(whole(path)[1]) == 1000


def test_neo_begins_a_minute_late(market_data: Path) -> None:
    symbols, ticks = whole(market_data / "binance_klines_1m_2018-06-18")
    first: dict[str, int] = {}
    for symbol, time in zip(symbols, ticks.event_time_ns.tolist(), strict=True):
        first.setdefault(symbol, time)
    begin = min(first.values())
    late = {symbol for symbol, time in first.items() if time > begin}
    assert late == {"NEOBTC", "NEOETH"}
    assert {first[symbol] - begin for symbol in late} == {MINUTE}


def test_candles_close_a_minute_after_they_open(market_data: Path) -> None:
    folder = market_data / "coinbase_candles_1m_2018-04-04_05"
    symbols, ticks = whole(folder)
    found = defaultdict(list)
    for symbol, time, price in zip(
        symbols, ticks.event_time_ns.tolist(), ticks.prices.tolist(), strict=True
    ):
        found[symbol].append((time, price))
    assert set(found) == {"BTC-EUR", "BTC-USD", "ETH-USD", "LTC-USD"}
    for symbol, rows in found.items():
        plain = plain_rows(folder / f"{symbol}.csv")
        assert rows == [((int(r["time"]) + 60) * 10**9, float(r["close"])) for r in plain]


def test_coinbase_stops_trading_while_quotes_go_on(market_data: Path) -> None:
    _, candles = whole(market_data / "coinbase_candles_1m_2018-04-04_05")
    _, quotes = whole(market_data / "coinbase_quotes_1m_2018-04-04_05.csv.gz")
    hour = 60 * MINUTE
    assert np.diff(candles.clock_ns).max() >= 7 * hour
    assert np.diff(quotes.clock_ns).max() < hour


@pytest.mark.parametrize(
    ("name", "spacing_ns"),
    [
        ("binance_closes_5m_2022-02_04.csv.gz", 5 * MINUTE),
        ("stock_prices_daily_1989_2018.csv.gz", 1440 * MINUTE),
    ],
)
def test_every_close_and_no_blank(market_data: Path, name: str, spacing_ns: int) -> None:
    frame = pd.read_csv(market_data / name, index_col=0, parse_dates=True)
    expected = frame.stack().dropna()
    symbols, ticks = whole(market_data / name)
    assert symbols == expected.index.get_level_values(1).tolist()
    times = expected.index.get_level_values(0).as_unit("ns")
    assert ticks.event_time_ns.tolist() == times.asi8.tolist()
    assert ticks.prices.tolist() == expected.tolist()
    found = sniff([market_data / name])
    assert found.symbols == tuple(frame.columns)
    assert found.spacing_ns == spacing_ns


def test_everything_at_once_is_in_order(market_data: Path) -> None:
    symbols, ticks = whole(market_data)
    assert np.all(np.diff(ticks.event_time_ns) >= 0)
    assert len(ticks) == 1404 + 101 + 335_931 + 78_638 + 9000 + 9687 + 11_500 + 249_990 + 106_931
    assert {"BYBIT/LTCUSDT", "BINANCE/BTCUSDT", "COINBASE/BTC-USD"} <= set(symbols)
    assert {"BTC-USD", "BTCUSDT", "AAPL"} <= set(symbols)  # files that name no exchange
