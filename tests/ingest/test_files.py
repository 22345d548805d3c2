"""Ticks of hand-made files in every layout."""

import gzip
import math
import shutil
from pathlib import Path

import pytest

from ingest.files import FileFormatError, FileInput, open_ticks, sniff
from tests.ingest.written_files import CANDLES, DATA, MINUTE, QUOTES, SECOND, candles, rows, write


def test_quotes_are_mids_at_local_time_and_a_missing_side_is_left_out() -> None:
    base = 1_700_000_000_000_000_000
    assert rows(DATA / "tardis_quotes.csv") == [
        ("BTCUSDT", 100.5, base + 100_000_000, -1),
        ("ETHUSDT", 10.375, base + 150_000_000, -1),
        ("BTCUSDT", 101.5, base + 500_000_000, -1),
    ]


def test_the_time_column_can_be_chosen() -> None:
    found = rows(DATA / "tardis_quotes.csv", time_column="timestamp")
    assert [time - 1_700_000_000 * SECOND for *_, time, _ in found] == [0, 50_000_000, 400_000_000]
    with pytest.raises(FileFormatError, match=r"tardis_quotes.csv: time column 'tiem' not found"):
        rows(DATA / "tardis_quotes.csv", time_column="tiem")


def test_trades_of_several_exchanges_carry_the_exchange_and_bad_prices_are_passed_on() -> None:
    found = rows(DATA / "tardis_trades.csv")
    assert [(symbol, trade_id) for symbol, _, _, trade_id in found] == [
        ("BINANCE/BTCUSDT", 101),
        ("OKEX/BTCUSDT", -1),  # its id is no number
        ("BINANCE/BTCUSDT", 102),
        ("BINANCE/BTCUSDT", 103),
    ]
    prices = [price for _, price, _, _ in found]
    assert prices[:2] == [100.25, 100.75]
    assert math.isnan(prices[2])
    assert prices[3] == -3.5


def test_exchanges_are_counted_over_all_files(tmp_path: Path) -> None:
    a = write(tmp_path, "a.csv", QUOTES, "bybit,BTCUSDT,1,1700000000000000,1,2,1,1")
    b = write(tmp_path, "b.csv", QUOTES, "okex,BTCUSDT,1,1700000000000001,1,2,1,1")
    assert [row[0] for row in rows(a)] == ["BTCUSDT"]
    assert [row[0] for row in rows(a, b)] == ["BYBIT/BTCUSDT", "OKEX/BTCUSDT"]


def test_klines_are_closes_at_the_end_of_their_interval() -> None:
    begin = 1_704_067_200 * SECOND
    assert rows(DATA / "BTCUSDT-1m-2024-01.csv") == [
        ("BTCUSDT", 42298.61, begin + MINUTE, -1),
        ("BTCUSDT", 42320.0, begin + 2 * MINUTE, -1),
        ("BTCUSDT", 42325.5, begin + 3 * MINUTE, -1),
    ]


def test_klines_of_2025_are_in_microseconds_and_have_no_header() -> None:
    begin = 1_735_689_600 * SECOND
    assert rows(DATA / "ETHUSDT-5m-2025-01.csv") == [
        ("ETHUSDT", 3336.47, begin + 5 * MINUTE, -1),
        ("ETHUSDT", 3338.25, begin + 10 * MINUTE, -1),
    ]
    assert sniff([DATA / "ETHUSDT-5m-2025-01.csv"]).spacing_ns == 5 * MINUTE


def test_binance_trades_with_and_without_a_header() -> None:
    assert rows(DATA / "BTCUSDT-trades-2024-01-01.csv") == [
        ("BTCUSDT", 42283.58, 1_704_067_200_005_000_000, 3_353_280_001),
        ("BTCUSDT", 42283.59, 1_704_067_200_010_000_000, 3_353_280_002),
    ]
    assert rows(DATA / "ETHUSDT-trades-2025-01-01.csv") == [
        ("ETHUSDT", 3337.78, 1_735_689_600_000_123_000, 2_048_000_001),
        ("ETHUSDT", 3337.79, 1_735_689_600_000_456_000, 2_048_000_002),
    ]


def test_newest_first_is_read_backwards() -> None:
    begin = 1_522_800_000 * SECOND
    assert rows(DATA / "BTC-USD.csv") == [
        ("BTC-USD", 7422.0, begin + MINUTE, -1),
        ("BTC-USD", 7405.25, begin + 2 * MINUTE, -1),
        ("BTC-USD", 7407.5, begin + 3 * MINUTE, -1),
    ]


def test_a_line_of_text_above_and_newest_first_together() -> None:
    found = rows(DATA / "Binance_LTCUSDT_1h.csv")
    hour = 3600 * SECOND
    begin = 1_704_067_200 * SECOND
    assert found == [
        ("LTCUSDT", 73.0, begin + hour, -1),
        ("LTCUSDT", 73.1, begin + 2 * hour, -1),
        ("LTCUSDT", 73.25, begin + 3 * hour, -1),
    ]


def test_wide_closes_leave_blanks_out_and_keep_the_order_of_columns() -> None:
    day = 86_400 * SECOND
    begin = 1_704_153_600 * SECOND
    expected = [
        ("AAPL", 185.5, begin, -1),
        ("BTC-USD", 44000.5, begin, -1),
        ("AAPL", 184.25, begin + day, -1),
        ("LOW", 220.5, begin + day, -1),
        ("BTC-USD", 42800.25, begin + day, -1),
        ("LOW", 221.0, begin + 2 * day, -1),
    ]
    assert rows(DATA / "closes.csv") == expected
    assert rows(DATA / "closes_again.csv.gz") == expected
    assert sniff([DATA / "closes.csv"]).symbols == ("AAPL", "LOW", "BTC-USD")


def test_wide_closes_newest_first_keep_the_order_of_columns(tmp_path: Path) -> None:
    path = write(tmp_path, "c.csv", "date,B,A", "2024-01-03,3,4", "2024-01-02,1,2")
    assert [(symbol, price) for symbol, price, *_ in rows(path)] == [
        ("B", 1.0),
        ("A", 2.0),
        ("B", 3.0),
        ("A", 4.0),
    ]


@pytest.mark.parametrize(
    "when",
    [
        "2024-01-02 03:04:05",
        "2024-01-02T03:04:05Z",
        "2024-01-02T04:04:05+01:00",
        "2024-01-02 03:04:05 UTC",
        "1704164645",
        "1704164645.0",
        "1704164645000",
        "1704164645000000",
        "1704164645000000000",
    ],
)
def test_times_in_every_spelling(tmp_path: Path, when: str) -> None:
    path = write(tmp_path, "c.csv", "time,A", f"{when},1.5")
    assert rows(path) == [("A", 1.5, 1_704_164_645 * SECOND, -1)]


def test_a_folder_is_read_to_its_bottom_and_merged_by_time(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    write(tmp_path / "deep" / "er", "AAA-1m.csv", CANDLES, *candles(0, 1, 4, 6))
    write(tmp_path, "BBB-1m.csv", CANDLES, *candles(1, 2, 3, 9))
    write(tmp_path, "notes.txt", "not data")
    found = rows(tmp_path)
    assert [(symbol, price) for symbol, price, *_ in found] == [
        ("AAA", 1.0),
        ("BBB", 2.0),
        ("AAA", 2.0),  # of the same minute: BBB-1m.csv comes before deep/
        ("BBB", 3.0),
        ("BBB", 4.0),
        ("AAA", 5.0),
        ("AAA", 7.0),
        ("BBB", 10.0),
    ]
    assert rows(tmp_path, tmp_path / "BBB-1m.csv") == found  # named twice, read once


def test_a_candle_missing_does_not_change_the_interval(tmp_path: Path) -> None:
    path = write(tmp_path, "X.csv", CANDLES, *candles(0, 1, 5, 6, 7, 20))
    times = [row[2] // MINUTE - 25_380_000 for row in rows(path)]
    assert times == [1, 2, 6, 7, 8, 21]


def test_a_single_candle_takes_its_interval_from_close_time_or_name(tmp_path: Path) -> None:
    kline = (DATA / "BTCUSDT-1m-2024-01.csv").read_text().splitlines()[:2]
    assert rows(write(tmp_path, "A.csv", *kline))[0][2] == 1_704_067_260 * SECOND
    assert rows(write(tmp_path, "B-1h.csv", CANDLES, *candles(0)))[0][2] == 1_522_803_600 * SECOND
    with pytest.raises(FileFormatError, match=r"C.csv: the interval of a single candle.*C-1m.csv"):
        rows(write(tmp_path, "C.csv", CANDLES, *candles(0)))


def test_the_symbol_comes_from_the_name_or_is_given(tmp_path: Path) -> None:
    path = write(tmp_path, "my file (2).csv", CANDLES, *candles(0, 1))
    with pytest.raises(FileFormatError, match=r"my file \(2\).csv: no symbol column.*--symbol"):
        rows(path)
    assert {row[0] for row in rows(path, symbol="BTC-USD")} == {"BTC-USD"}
    with pytest.raises(FileFormatError, match=r"names its symbols itself; leave --symbol X out"):
        rows(DATA / "closes.csv", symbol="X")


def test_bom_crlf_quotes_and_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "X-1m.csv"
    text = f'"{CANDLES.replace(",", chr(34) + "," + chr(34))}"\r\n\r\n' + "\r\n\r\n".join(
        candles(0, 1)
    )
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert [row[1] for row in rows(path)] == [1.0, 2.0]
    klines = (DATA / "ETHUSDT-5m-2025-01.csv").read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + klines.replace(b"\n", b"\r\n"))
    assert [row[1] for row in rows(path)] == [3336.47, 3338.25]


def test_gzip_is_told_by_content_and_may_have_several_members(tmp_path: Path) -> None:
    first, second = "\n".join([CANDLES, *candles(0, 1, 2)]) + "\n", "\n".join(candles(3, 4))
    path = tmp_path / "X-1m.csv"
    path.write_bytes(gzip.compress(first.encode()) + gzip.compress(second.encode()))
    assert [row[1] for row in rows(path)] == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_a_file_of_columns_alone_does_no_harm_beside_others(tmp_path: Path) -> None:
    write(tmp_path, "A-1m.csv", CANDLES)
    write(tmp_path, "B-1m.csv", CANDLES, *candles(0, 1))
    assert [row[0] for row in rows(tmp_path)] == ["B", "B"]
    assert sniff([tmp_path]).spacing_ns == MINUTE


def test_sniff_tells_layouts_symbols_and_spacing(tmp_path: Path) -> None:
    found = sniff([DATA / "BTCUSDT-1m-2024-01.csv", DATA / "ETHUSDT-5m-2025-01.csv"])
    assert isinstance(found, FileInput)
    assert found.layouts == ("Binance klines",)
    assert found.symbols == ("BTCUSDT", "ETHUSDT")
    assert found.spacing_ns == 5 * MINUTE  # the longest: a row of it has a tick of every file
    assert sniff([DATA / "tardis_quotes.csv"]).spacing_ns is None
    assert sniff([DATA / "tardis_quotes.csv", DATA / "BTC-USD.csv"]).spacing_ns is None
    shutil.copy(DATA / "closes.csv", tmp_path)
    assert sniff([tmp_path]).layouts == ("wide closes",)


def test_what_was_sniffed_can_be_read_again_and_again() -> None:
    found = sniff([DATA])
    first, second = (
        [(t.symbols, t.event_time_ns.tolist(), t.prices.tolist()) for t in open_ticks(found)]
        for _ in range(2)
    )
    assert repr(first) == repr(second)
    assert sum(len(times) for _, times, _ in first) == 3 + 4 + 3 + 2 + 2 + 2 + 3 + 3 + 6 + 6
