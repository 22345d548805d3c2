"""Layouts are told apart by columns, symbols and intervals by names."""

from pathlib import Path

import pytest

from ingest.formats import LAYOUTS, WIDE_CLOSES, FileFormatError
from ingest.recognise import interval_of_name, recognise, symbol_of_name

DATA = Path(__file__).parents[1] / "data"
KLINE = "1704067200000,1,2,0.5,1.5,10,1704067259999,15,3,5,7,0"


@pytest.mark.parametrize(
    ("file", "layout", "first_row"),
    [
        ("tardis_quotes.csv", "Tardis quotes", 1),
        ("tardis_trades.csv", "Tardis trades", 1),
        ("BTCUSDT-1m-2024-01.csv", "Binance klines", 1),
        ("ETHUSDT-5m-2025-01.csv", "Binance klines", 0),
        ("BTCUSDT-trades-2024-01-01.csv", "Binance trades", 0),
        ("ETHUSDT-trades-2025-01-01.csv", "Binance trades", 1),
        ("BTC-USD.csv", "Coinbase candles", 1),
        ("Binance_LTCUSDT_1h.csv", "CryptoDataDownload candles", 2),
        ("closes.csv", "wide closes", 1),
    ],
)
def test_each_layout_is_told_by_its_columns(file: str, layout: str, first_row: int) -> None:
    found = recognise((DATA / file).read_text().splitlines(), file)
    assert (found.layout.name, found.first_row) == (layout, first_row)


@pytest.mark.parametrize(
    "header",
    [
        "Open time,Open,High,Low,Close,Volume,Close time,Quote asset volume,x,y,z,Ignore",
        "openTime,open,high,low,close,volume,closeTime,quoteVolume,count,a,b,ignore",
        "ignore,close,low,high,open,OPEN_TIME",
    ],
)
def test_spelling_and_order_of_columns_do_not_matter(header: str) -> None:
    found = recognise([header, KLINE], "klines.csv")
    assert found.layout.name == "Binance klines"
    assert found.columns[found.position("close") or 0].lower() == "close"


@pytest.mark.parametrize("n_columns", [6, 7])
def test_trades_without_a_header_have_or_lack_the_best_match(n_columns: int) -> None:
    cells = ["28457", "4.1", "12", "48.0", "1499865549590", "False", "True"]
    row = ",".join(cells[:n_columns])
    found = recognise([row], "trades.csv")
    assert found.layout.name == "Binance trades"
    assert found.columns[4] == "time"
    assert len(found.columns) == n_columns


def test_volumes_as_large_as_times_do_not_hide_klines() -> None:
    row = "1704067200000,1,2,0.5,1.5,1234567890,1704067259999,1234567890.5,3,5,7,0"
    assert recognise([row], "SHIBUSDT-1m.csv").layout.name == "Binance klines"


def test_lines_of_text_above_are_passed_over() -> None:
    text = ["Downloaded by hand, on a rainy day", "", "No warranty: none, at all"]
    assert recognise([*text, KLINE, KLINE], "x.csv").first_row == 3
    wide = [*text, "date,AAPL,MSFT", "2024-01-02,1.5,2.5"]
    assert recognise(wide, "x.csv").first_row == 4


@pytest.mark.parametrize("name", ["date", "Time", "timestamp", "", "Unnamed: 0", "datetime"])
@pytest.mark.parametrize(
    "when", ["2024-01-02", "2024-01-02T10:00:00Z", "1704067200", "1704067200000"]
)
def test_wide_closes_need_a_time_first(name: str, when: str) -> None:
    assert recognise([f"{name},AAPL,LOW", f"{when},,220.5"], "x.csv").layout is WIDE_CLOSES


@pytest.mark.parametrize(
    "lines",
    [
        ["a,b,c", "1,2,3"],
        ["date,open,high,low,close,volume", "2024-01-02,1,2,0.5,1.5,100"],
        ["DATE,OPEN,HIGH,LOW,CLOSE", "2024-01-02,1,2,0.5,1.5"],
        ["time,price", "1704067200,5.5"],
        ["date,AAPL,comment", "2024-01-02,1.5,good day"],
        ["date,AAPL", "yesterday,1.5"],
        ["date,AAPL,MSFT", "2024-01-02,1.5"],
        ["exchange,symbol,local_timestamp,bid_price", "bybit,BTCUSDT,1700000000000000,1"],
    ],
)
def test_other_columns_are_refused_with_what_was_found_and_expected(lines: list[str]) -> None:
    with pytest.raises(FileFormatError) as refusal:
        recognise(lines, "some/file.csv")
    message = str(refusal.value)
    assert message.startswith("some/file.csv: columns found: ")
    assert all(name in message for name in lines[0].split(","))
    assert all(layout.expected in message for layout in (*LAYOUTS, WIDE_CLOSES))


def test_an_empty_file_says_so() -> None:
    with pytest.raises(FileFormatError, match=r"^empty.csv: the file is empty.*expected one of"):
        recognise([], "empty.csv")


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("BTCUSDT-1m-2018-06.csv", "BTCUSDT"),
        ("BTCUSDT-1m-2018-06-18.csv.gz", "BTCUSDT"),
        ("BTC-USD.csv", "BTC-USD"),
        ("BTC-USD-5min-2021.CSV", "BTC-USD"),
        ("ethusdt-trades-2025-01-01.csv", "ETHUSDT"),
        ("BTCUSD_PERP-1m-2021-01.csv", "BTCUSD_PERP"),
        ("BTCUSDT_210625-1h-2021-05.csv", "BTCUSDT_210625"),
        ("Binance_BTCUSDT_1h.csv", "BTCUSDT"),
        ("XRPUSDT_20240101.csv", "XRPUSDT"),
        ("1INCHUSDT-1d.csv", "1INCHUSDT"),
        ("my file (2).csv", None),
        (f"{'A' * 33}.csv", None),
    ],
)
def test_symbols_stand_first_in_names(name: str, symbol: str | None) -> None:
    assert symbol_of_name(name) == symbol


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("BTCUSDT-1m-2018-06.csv", 60),
        ("BTCUSDT-15m.csv.gz", 900),
        ("Binance_BTCUSDT_4h.csv", 14_400),
        ("BTC-USD-1d-2020.csv", 86_400),
        ("BTC-USD-1s.csv", 1),
        ("BTC-USD-1M.csv", None),
        ("BTC-USD.csv", None),
    ],
)
def test_intervals_stand_in_names(name: str, seconds: int | None) -> None:
    assert interval_of_name(name) == (None if seconds is None else seconds * 10**9)
