"""Tell a file's layout by its columns, its symbol by its name. Pure: text in, a layout out."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ingest.formats import LAYOUTS, SECOND_NS, WIDE_CLOSES, FileFormatError, Layout

_SEARCHED_LINES: Final = 20  # how far down the header may stand, below lines of text
_SHOWN_COLUMNS: Final = 12  # a wide file has hundreds
# As _plain spells them.
_WIDE_TIMES: Final = frozenset(
    ("", "date", "time", "datetime", "timestamp", "closetime", "unnamed:0", "index")
)
_FIELD_WORDS: Final = frozenset(
    re.findall(
        r"\w+",
        "open high low close adjclose volume price bid ask bidprice askprice size amount qty "
        "quantity quoteqty side id tradeid vwap count trades symbol exchange date time timestamp",
    )
)
_SYMBOL: Final = re.compile(r"[A-Z0-9._/-]{1,32}")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_EPOCH: Final = re.compile(r"\d{10}|\d{13}|\d{16}|\d{19}")
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}([ T].*)?|\d{10,19}(\.\d*)?")
_MISSING: Final = frozenset(("", "nan", "na", "n/a", "null", "none"))
_PERIOD: Final = re.compile(r"(\d+)(s|min|m|h|d|w)")  # 1M is a month, which has no fixed length
_PERIOD_S: Final = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_NAME_TAIL: Final = re.compile(
    r"[-_](\d+(s|min|m|h|d|w|mo)|d|daily|hourly|minute|trades|klines|candles"
    # Dates, but not the 210625 of a future.
    r"|(19|20)\d{2}([-_]\d{2}){0,2}|(19|20)\d{6})$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Recognised:
    """Where the ticks of a file stand.

    Attributes
    ----------
    layout
        The layout found.
    columns
        Column names as the file has them, by position.
    first_row
        Line, from 0, with which the data begin.
    """

    layout: Layout
    columns: tuple[str, ...]
    first_row: int

    def position(self, name: str) -> int | None:
        """Give the position of a column, whatever its spelling, or None."""
        found = [i for i, c in enumerate(self.columns) if _plain(c) == _plain(name)]
        return found[0] if found else None


def split_line(line: str) -> list[str]:
    """Give the cells of one line of CSV, without the blanks around them."""
    return [cell.strip() for cell in next(csv.reader([line]), [])]


def _plain(name: str) -> str:
    """Spell openTime, "Open time" and open_time alike."""
    return re.sub(r"[\s_]", "", name).lower()


def _has_columns(layout: Layout, cells: Sequence[str]) -> bool:
    found = {_plain(cell) for cell in cells}
    return any(_plain(t) in found for t in layout.times) and all(
        _plain(name) in found for name in (*layout.prices, *layout.others)
    )


def _heads_wide(cells: Sequence[str]) -> bool:
    """Tell whether cells may be the columns of closes: a time, then names that symbols can have."""
    names = cells[1:]
    fields = [name for name in names if _plain(name) in _FIELD_WORDS]
    return (
        bool(names)
        and _plain(cells[0]) in _WIDE_TIMES
        and all(_SYMBOL.fullmatch(name.upper()) for name in names)
        # OPEN and LOW are tickers too; as names of fields they come in company or in lower case.
        and len(fields) < 3
        and all(name.isupper() for name in fields)
    )


def _is_wide(cells: Sequence[str], row: Sequence[str]) -> bool:
    """Tell closes by their values too: their columns can have any name that a symbol can."""
    return (
        bool(row)
        and bool(_TIME.fullmatch(row[0]))
        and len(row) == len(cells)
        and _heads_wide(cells)
        and all(_NUMBER.fullmatch(c) or c.lower() in _MISSING for c in row[1:])
    )


def _shape(cells: Sequence[str]) -> str:
    """Give one letter a cell: t epoch time, i digits, n number, b boolean, x anything else."""
    letters = []
    for cell in cells:
        if _EPOCH.fullmatch(cell):
            letters.append("t")
        elif cell.isdigit():
            letters.append("i")
        elif _NUMBER.fullmatch(cell):
            letters.append("n")
        else:
            letters.append("b" if cell.lower() in {"true", "false"} else "x")
    return "".join(letters)


def _match(cells: list[str], row: list[str], line: int) -> Recognised | None:
    for layout in LAYOUTS:
        if _has_columns(layout, cells):
            return Recognised(layout, tuple(cells), line + 1)
        if layout.shape and re.fullmatch(layout.shape, _shape(cells)):
            return Recognised(layout, layout.headerless[: len(cells)], line)
    if _is_wide(cells, row):
        return Recognised(WIDE_CLOSES, tuple(cells), line + 1)
    return None


def _explain(rows: Sequence[Sequence[str]], where: str) -> str:
    # The line with most cells is the likeliest header: lines of text above it have few.
    columns = max(rows, key=len, default=[])
    shown = ", ".join(columns[:_SHOWN_COLUMNS]) + (", ..." if columns[_SHOWN_COLUMNS:] else "")
    expected = "; ".join(layout.expected for layout in (*LAYOUTS, WIDE_CLOSES))
    found = f"columns found: {shown}" if columns else "the file is empty, no columns found"
    return f"{where}: {found}; expected one of: {expected}"


def recognise(lines: Sequence[str], where: str) -> Recognised:
    """Tell a file's layout from its first lines.

    Parameters
    ----------
    lines
        The first lines, at least two where the file has them, without their ends.
    where
        The file, to be named in an error.

    Raises
    ------
    FileFormatError
        No known layout; names the columns found and those expected.
    """
    numbered = [(i, split_line(line)) for i, line in enumerate(lines) if line.strip()]
    searched = numbered[:_SEARCHED_LINES]
    for k, (i, cells) in enumerate(searched):
        row = numbered[k + 1][1] if k + 1 < len(numbered) else []
        found = _match(cells, row, i)
        if found is not None:
            return found
    # Without a row beneath it a header is all that tells closes: the file is one without rows.
    if len(searched) == 1 and _heads_wide(searched[0][1]):
        return Recognised(WIDE_CLOSES, tuple(searched[0][1]), searched[0][0] + 1)
    raise FileFormatError(_explain([cells for _, cells in searched], where))


def _stem(file_name: str) -> tuple[str, list[str]]:
    """Take extensions, dates, intervals and kinds of data off a file's name."""
    stem = re.sub(r"(\.csv)?(\.gz)?$", "", file_name, flags=re.IGNORECASE)
    stem = re.sub(r"^(binance|coinbase|kraken|bitstamp)_", "", stem, flags=re.IGNORECASE)
    tails = []
    while (tail := _NAME_TAIL.search(stem)) is not None:
        tails.append(tail[1])
        stem = stem[: tail.start()]
    return stem, tails


def symbol_of_name(file_name: str) -> str | None:
    """Give the symbol a file's name begins with, or None where that is no symbol.

    ``BTCUSDT-1m-2018-06.csv`` is BTCUSDT, ``BTC-USD.csv.gz`` is BTC-USD.
    """
    stem = _stem(file_name)[0].upper()
    return stem if _SYMBOL.fullmatch(stem) else None


def interval_of_name(file_name: str) -> int | None:
    """Give the interval that a file's name tells, in ns: one minute of ``BTCUSDT-1m.csv``."""
    for tail in _stem(file_name)[1]:
        period = _PERIOD.fullmatch(tail)
        if period is not None:
            return int(period[1]) * _PERIOD_S[period[2]] * SECOND_NS
    return None
