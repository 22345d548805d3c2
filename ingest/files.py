"""Ticks of recorded files: quotes, trades, candles and closes, in order of time.

``open_ticks(["data/"])`` is all it takes; `ingest.formats` lists the layouts. Blocks of text of
64 kB to 1 MB are read through Arrow, a million quotes in well under a second.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ingest.csv_file import CsvFile
from ingest.file_ticks import FileTicks
from ingest.formats import FileFormatError
from ingest.merging import END_OF_TIME, Block, Source, merge
from ingest.source_file import SourceFile, examine
from ingest.ticks import SymbolTable

__all__ = ["FileFormatError", "FileInput", "FileTicks", "open_ticks", "sniff"]

_BLOCK_BYTES: Final = 1 << 20
_LEAST_BLOCK_BYTES: Final = 1 << 17
_ALL_BLOCKS_BYTES: Final = 1 << 26  # of all files together, should all be open at once
_MOST_SYMBOLS: Final = 65_536  # what one packed message can name


@dataclass(frozen=True, slots=True)
class FileInput:
    """What `sniff` found.

    Attributes
    ----------
    layouts
        Names of the layouts, each once.
    symbols
        All symbols, named as in the ticks.
    spacing_ns
        The longest interval of its candle and close files; None where there are quotes or
        trades too, which have none.
    files
        The files, in order.
    """

    layouts: tuple[str, ...]
    symbols: tuple[str, ...]
    spacing_ns: int | None
    files: tuple[SourceFile, ...] = field(repr=False)


def find_files(paths: Sequence[str | Path]) -> list[Path]:
    """Give the files that some paths name: a file itself, of a folder all CSV and CSV.gz in it.

    Parameters
    ----------
    paths
        Files and folders; folders are searched to the bottom, in the order of names.

    Raises
    ------
    FileFormatError
        A path does not exist, a folder has no such file.
    """
    found: dict[Path, Path] = {}
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if _is_data(p))
            if not inside:
                raise FileFormatError(f"{path}: no .csv or .csv.gz file in this folder")
        elif path.exists():
            inside = [path]
        else:
            raise FileFormatError(f"{path}: no such file or folder")
        for file in inside:
            found.setdefault(file.resolve(), file)
    if not found:
        raise FileFormatError("no file given")
    return list(found.values())


def _is_data(path: Path) -> bool:
    hidden = path.name.startswith((".", "_"))
    return path.name.lower().endswith((".csv", ".csv.gz")) and path.is_file() and not hidden


def sniff(
    paths: Sequence[str | Path],
    *,
    symbol: str | None = None,
    time_column: str | None = None,
    latest_ns: int = END_OF_TIME,
) -> FileInput:
    """Tell what files hold, before a tick is read.

    Parameters
    ----------
    paths
        Files and folders.
    symbol
        Symbol of files that have no column of it; by default from their names.
    time_column
        Time column of quotes and trades; by default ``local_timestamp``, for exchanges' own
        clocks do not agree.
    latest_ns
        Event times beyond this (now and a minute, say) cannot be right: such rows are passed
        on as they are, but hold back no others.

    Raises
    ------
    FileFormatError
        A path, layout, symbol, time column or interval is not found, or there is no row.
    """
    found = find_files(paths)
    block_bytes = _block_bytes(len(found))
    opened = [CsvFile.open(path) for path in found]
    if not any(csv.has_rows for csv in opened):
        raise FileFormatError(f"{', '.join(map(str, found[:5]))}: columns but no rows")
    files = tuple(examine(csv, symbol, time_column, block_bytes, latest_ns) for csv in opened)
    spacings = [file.spacing_ns for file in files if file.csv.has_rows]
    known = [spacing for spacing in spacings if spacing is not None]
    named = _Naming(files)
    symbols = (named(*pair) for file in files for pair in file.pairs)
    return FileInput(
        layouts=tuple(dict.fromkeys(file.reader.recognised.layout.name for file in files)),
        symbols=tuple(dict.fromkeys(symbols)),
        spacing_ns=max(known) if known and len(known) == len(spacings) else None,
        files=files,
    )


class _Naming:
    """Names symbols; by exchange too where there are several."""

    def __init__(self, files: Sequence[SourceFile]) -> None:
        exchanges = {exchange.upper() for file in files for exchange, _ in file.pairs}
        self._by_exchange = len(exchanges - {""}) > 1

    def __call__(self, exchange: str, symbol: str) -> str:
        if exchange and self._by_exchange:
            return f"{exchange}/{symbol}".upper()
        return symbol.upper()


def _block_bytes(n_files: int) -> int:
    return max(_LEAST_BLOCK_BYTES, min(_BLOCK_BYTES, _ALL_BLOCKS_BYTES // n_files))


def open_ticks(
    paths: FileInput | Sequence[str | Path],
    *,
    symbol: str | None = None,
    time_column: str | None = None,
    latest_ns: int = END_OF_TIME,
) -> Iterator[FileTicks]:
    """Read files, merged by time.

    A quote's price is the mid of best bid and ask, a trade's its price, a candle's its close
    at open time + interval, a close's its own at the row's time. A missing price is left out;
    one that cannot be read is passed on as NaN. Several exchanges in one input make symbols
    ``EXCHANGE/SYMBOL``; symbols are in upper case.

    Parameters
    ----------
    paths
        Files and folders, or what `sniff` made of them (then the rest is not looked at).
    symbol, time_column, latest_ns
        See `sniff`.

    Yields
    ------
    FileTicks
        Never empty.

    Raises
    ------
    FileFormatError
        As `sniff`; also where a file breaks off in its middle.
    """
    if not isinstance(paths, FileInput):
        paths = sniff(paths, symbol=symbol, time_column=time_column, latest_ns=latest_ns)
    table = SymbolTable(_MOST_SYMBOLS)
    table.extend(paths.symbols)
    naming, block_bytes = _Naming(paths.files), _block_bytes(len(paths.files))

    def source(file: SourceFile) -> Source:
        return Source(file.first_ns, lambda: file.blocks(table, naming, block_bytes))

    symbols: tuple[str, ...] = ()
    for block in merge([source(file) for file in paths.files]):
        if len(symbols) != len(table):
            symbols = table.symbols
        yield _ticks(symbols, block)


def _ticks(symbols: tuple[str, ...], block: Block) -> FileTicks:
    clock_ns, ids, prices, times, trade_ids = block
    return FileTicks(symbols, ids, prices, times, trade_ids, clock_ns)
