"""Files with something wrong in them: read right, or named with what was expected."""

import gzip
import math
from pathlib import Path

import pytest

from ingest.files import FileFormatError, open_ticks
from tests.ingest.written_files import CANDLES, QUOTES, SECOND, TRADES, candles, rows, write


def test_bad_cells_cost_their_own_row_only(tmp_path: Path) -> None:
    def trade(price: str, when: str = "1700000000000000", symbol: str = "BTC") -> str:
        return f"x,{symbol},1,{when},7,buy,{price},1"

    lines = [trade("1.5"), trade("oops"), trade(""), trade(" 2.5 "), trade("1,5"), trade("inf")]
    lines += [trade("3.5", when="never"), trade("4.5", when=""), trade("nan"), trade("1e308")]
    lines += [trade("5.5", symbol=""), "x,BTC,1", trade("6.5"), trade("1_000"), trade("0x10")]
    found = rows(write(tmp_path, "t.csv", TRADES, *lines))
    good = [
        (symbol, price) for symbol, price, time, _ in found if time > 0 and not math.isnan(price)
    ]
    assert good == [
        ("BTC", 1.5),
        ("BTC", 2.5),
        ("BTC", math.inf),
        ("BTC", 1e308),
        ("", 5.5),
        ("BTC", 6.5),
    ]
    # All rows but the one without a price are there, to be refused and counted.
    assert len(found) == len(lines) - 1
    assert [(p, t) for _, p, t, _ in found if t <= 0 and not math.isnan(p)] == [
        (3.5, -1),
        (4.5, -1),
    ]
    assert [s for s, *_ in found].count("MALFORMED-ROW") == 2


def test_a_bad_side_of_a_quote_shows(tmp_path: Path) -> None:
    sides = [("0", "100"), ("-1", "5"), ("99", "oops"), ("1e308", "1.7e308"), ("1", "inf")]
    lines = [f"x,BTC,1,1700000000000000,1,{ask},{bid},1" for bid, ask in sides]
    prices = [row[1] for row in rows(write(tmp_path, "q.csv", QUOTES, *lines))]
    assert prices[:2] == [0.0, -1.0]
    assert math.isnan(prices[2])
    assert prices[3:] == [math.inf, math.inf]


def test_bytes_that_are_no_text_cost_their_own_row_only(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    lines = [TRADES.encode(), b"x,BTC,1,1700000000000000,7,buy,1.5,1"]
    lines += [
        b"x,\xff\xfe,1,1700000000000000,7,buy,2.5,1",
        b"x,BTC,1,1700000000000000,7,buy,\xff,1",
    ]
    lines += [b"x,BTC,\xff,\xff,7,buy,3.5,1", b"x,BTC,1,1700000000000000,\xff,buy,4.5,1"]
    path.write_bytes(b"\n".join(lines))
    found = rows(path)
    assert [row[1] for row in found if not math.isnan(row[1])] == [1.5, 2.5, 3.5, 4.5]
    assert found[1][0] == "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"
    assert (found[3][2], found[4][3]) == (-1, -1)


def test_an_impossible_time_holds_back_no_other_row(tmp_path: Path) -> None:
    def trades(name: str, *seconds: int) -> Path:
        lines = [f"x,{name},1,{1_700_000_000 + s}000000,7,buy,{s + 1},1" for s in seconds]
        return write(tmp_path, f"{name}.csv", TRADES, *lines)

    far = 10**10
    paths = [trades("A", 0, 2, far, 4, 6), trades("B", 1, 3, 5, -1_700_000_000, 7)]
    limit = 1_800_000_000 * SECOND
    found = [
        (ticks.symbols[i], price, clock // SECOND - 1_700_000_000)
        for ticks in open_ticks(paths, latest_ns=limit)
        for i, price, clock in zip(
            ticks.symbol_ids, ticks.prices, ticks.clock_ns.tolist(), strict=True
        )
    ]
    assert [(symbol, clock) for symbol, _, clock in found] == [
        ("A", 0),
        ("B", 1),
        ("A", 2),
        ("A", 2),  # the row of the far future is passed on behind its predecessor
        ("B", 3),
        ("A", 4),
        ("B", 5),
        ("B", 5),
        ("A", 6),
        ("B", 7),
    ]
    assert found[3][1] == far + 1


def test_out_of_order_rows_stay_as_they_are(tmp_path: Path) -> None:
    lines = [f"x,A,1,{1_700_000_000 + s}000000,7,buy,{s + 1},1" for s in (0, 5, 3, 6, 4, 9)]
    assert [row[1] for row in rows(write(tmp_path, "t.csv", TRADES, *lines))] == [1, 6, 4, 7, 5, 10]


def test_outlying_times_do_not_turn_a_file_round(tmp_path: Path) -> None:
    times = [5, 5, -1_700_000_000, 10**10, 5, 5, 6, 1]
    lines = [f"x,A,1,{1_700_000_000 + t}000000,7,buy,{k + 1},1" for k, t in enumerate(times)]
    path = write(tmp_path, "t.csv", TRADES, *lines)
    for latest_ns in (1_800_000_000 * SECOND, 2**63 - 1):
        assert [row[1] for row in rows(path, latest_ns=latest_ns)] == list(range(1, 9))


def test_a_symbol_that_has_two_columns_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "c.csv", "date,A,B,A", "2024-01-02,1,2,3")
    with pytest.raises(FileFormatError, match=r"c.csv: more than one column A"):
        rows(path)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.csv", b"", r"the file is empty, no columns found; expected one of: Tardis quotes"),
        ("a.csv", b"\n\n", r"the file is empty"),
        ("a.csv", b"\xef\xbb\xbf", r"the file is empty"),
        ("a.csv", b"x,y\n1,2\n", r"columns found: x, y; expected one of: .*wide closes"),
        ("a.csv", CANDLES.encode(), r"a.csv: columns but no rows$"),
        ("a.csv", b"date,BTC,ETH\n", r"a.csv: columns but no rows$"),
        ("a.csv", b"date,BTC,ETH", r"a.csv: columns but no rows$"),
        ("a.csv", b"date,BTC,ETH\n\n\n", r"a.csv: columns but no rows$"),
        ("a.csv", b"date,open,high,low\n", r"columns found: date, open, high, low; expected"),
        ("a.csv", b"PK\x03\x04....", r"a zip archive: unzip it first"),
        ("a.csv", "time,A\n".encode("utf-16"), r"UTF-16 text: save it as UTF-8"),
        (
            "a.csv.gz",
            gzip.compress(CANDLES.encode() * 99, mtime=0)[:40],
            r"cannot be read: Truncated",
        ),
        ("a.csv.gz", b"\x1f\x8b\x08\x00 no gzip at all", r"cannot be read"),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, name: str, content: bytes, problem: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=problem) as refusal:
        rows(path)
    assert str(path) in str(refusal.value)


def test_a_file_that_breaks_off_later_is_named(tmp_path: Path) -> None:
    whole = gzip.compress("\n".join([CANDLES, *candles(*range(90_000))]).encode())
    path = tmp_path / "X.csv.gz"
    path.write_bytes(whole[: len(whole) * 3 // 4])
    with pytest.raises(FileFormatError, match=r"X.csv.gz: cannot be read: Truncated"):
        rows(path)


def test_folders_and_paths_without_data_are_named(tmp_path: Path) -> None:
    write(tmp_path, "README.md", "no data")
    with pytest.raises(FileFormatError, match=r"no .csv or .csv.gz file in this folder"):
        rows(tmp_path)
    with pytest.raises(FileFormatError, match=r"gone.csv: no such file or folder"):
        rows(tmp_path / "gone.csv")
    with pytest.raises(FileFormatError, match="no file given"):
        rows()
