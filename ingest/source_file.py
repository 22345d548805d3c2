"""What one file holds, found by reading its first block, and its ticks in order of time."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ingest import cells
from ingest.columns import Naming, RowReader, Ticks, malformed
from ingest.csv_file import CsvFile
from ingest.formats import SECOND_NS, FileFormatError, Kind
from ingest.merging import Block, clock
from ingest.recognise import interval_of_name, symbol_of_name
from ingest.ticks import SymbolTable


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file and all that reading it takes.

    Attributes
    ----------
    csv
        The file.
    reader
        Its rows' meaning.
    newest_first
        Its rows run backwards.
    first_ns
        Its clock begins here.
    latest_ns
        Event times beyond this cannot be right; see `ingest.merging.clock`.
    spacing_ns
        Candles' interval, closes' spacing; None for quotes, trades and a single close.
    pairs
        Its (exchange, symbol), in the order of their first rows; exchange "" where unknown.
    """

    csv: CsvFile
    reader: RowReader
    newest_first: bool
    first_ns: int
    latest_ns: int
    spacing_ns: int | None
    pairs: tuple[tuple[str, str], ...]

    def blocks(self, table: SymbolTable, naming: Naming, block_bytes: int) -> Iterator[Block]:
        """Read its ticks.

        A file that runs backwards is read to its end first, which takes 36 bytes a tick.

        Yields
        ------
        Block
            Clock, symbol ids, prices, event times, trade ids.
        """
        read: Iterator[Ticks] = self._ticks(table, naming, block_bytes)
        if self.newest_first:
            read = reversed(list(read))
        clock_ns = self.first_ns
        for ticks in read:
            clocks = clock(ticks.event_time_ns, clock_ns, self.latest_ns)
            if len(clocks):
                clock_ns = int(clocks[-1])
            yield (clocks, *ticks)

    def _ticks(self, table: SymbolTable, naming: Naming, block_bytes: int) -> Iterator[Ticks]:
        bad_rows: list[str] = []
        for batch in self.csv.batches(self.reader.needed(), block_bytes, bad_rows):
            backwards = np.arange(batch.num_rows - 1, -1, -1)
            rows = batch.take(pa.array(backwards)) if self.newest_first else batch
            yield self.reader.ticks(rows, table, naming)
            if bad_rows:
                yield malformed(len(bad_rows), table)
                bad_rows.clear()
        if bad_rows:
            yield malformed(len(bad_rows), table)


def examine(
    csv: CsvFile, symbol: str | None, time_column: str | None, block_bytes: int, latest_ns: int
) -> SourceFile:
    """Find out what a file holds.

    Where rows name their symbol or run backwards, the columns of symbols or times are read to
    the end (0.15 s a million rows), otherwise the first block alone.

    Parameters
    ----------
    csv
        The file.
    symbol
        The symbol of a file that does not name its own; None: from the file's name.
    time_column
        Of quotes and trades, instead of their layout's.
    block_bytes
        Text read at once.
    latest_ns
        Event times beyond this cannot be right.

    Raises
    ------
    FileFormatError
        A symbol, time column or interval cannot be told; names the remedy.
    """
    position = _time_position(csv, time_column)
    column = _first_block(csv, position, block_bytes)
    unit_ns = cells.time_unit(column, csv.recognised.layout.time_unit_ns)
    times = cells.times(column, unit_ns)
    reader = RowReader(csv.recognised, _symbol(csv, symbol), position, unit_ns)
    spacing_ns = None
    if reader.kind in {Kind.CANDLES, Kind.CLOSES}:
        spacing_ns = _spacing(_possible(times, latest_ns))
    if reader.kind is Kind.CANDLES and csv.has_rows:
        spacing_ns = spacing_ns or _interval_of_one(reader, csv, times, block_bytes)
        reader = replace(reader, interval_ns=spacing_ns)
    newest_first = _runs_backwards(_possible(times, latest_ns))
    return SourceFile(
        csv=csv,
        reader=reader,
        newest_first=newest_first,
        first_ns=_first(reader, csv, block_bytes, latest_ns, to_end=newest_first),
        latest_ns=latest_ns,
        spacing_ns=spacing_ns,
        pairs=_pairs(reader, csv, block_bytes),
    )


def _time_position(csv: CsvFile, time_column: str | None) -> int:
    layout, columns = csv.recognised.layout, csv.recognised.columns
    if layout.kind is Kind.CLOSES:
        return 0
    names = layout.times
    if time_column is not None and layout.kind in {Kind.QUOTES, Kind.TRADES}:
        names = (time_column,)
    found = [p for p in (csv.recognised.position(name) for name in names) if p is not None]
    if not found:
        raise FileFormatError(
            f"{csv.path}: time column {time_column!r} not found among {', '.join(columns)}"
        )
    return found[0]


def _symbol(csv: CsvFile, symbol: str | None) -> str:
    """Give the symbol of a file without a column of it, else ""."""
    is_wide = csv.recognised.layout.kind is Kind.CLOSES
    if is_wide or csv.recognised.position("symbol") is not None:
        if symbol is not None:
            raise FileFormatError(
                f"{csv.path}: names its symbols itself; leave --symbol {symbol} out"
            )
        return ""
    found = symbol or symbol_of_name(csv.path.name)
    if found is None:
        raise FileFormatError(
            f"{csv.path}: no symbol column, and its name begins with no symbol of "
            "A-Z 0-9 . _ / -; give it with --symbol"
        )
    return found


def _first_block(csv: CsvFile, position: int, block_bytes: int) -> pa.Array:
    first = next(csv.batches([position], block_bytes, []), None)
    return pa.array([], pa.string()) if first is None else first.column(0)


def _possible(times: NDArray[np.int64], latest_ns: int) -> NDArray[np.int64]:
    return times[(times > 0) & (times <= latest_ns)]


def _runs_backwards(times: NDArray[np.int64]) -> bool:
    """Tell whether times fall; a few out of order, as in any recording, do not make it so."""
    steps = times[1:] - times[:-1]
    return len(times) > 1 and bool(times[-1] < times[0] and np.sum(steps < 0) > np.sum(steps > 0))


def _spacing(times: NDArray[np.int64]) -> int | None:
    """Give the commonest step, of several the shortest; None where there is no step."""
    ordered = np.unique(times)
    steps, counts = np.unique(ordered[1:] - ordered[:-1], return_counts=True)
    return int(steps[np.argmax(counts)]) if len(steps) else None


def _interval_of_one(
    reader: RowReader, csv: CsvFile, opened: NDArray[np.int64], block_bytes: int
) -> int:
    """Tell the interval of a file with a single candle by its close time or the file's name."""
    position = reader.position(csv.recognised.layout.close_time)
    if position is not None and len(opened):
        closed = cells.times(_first_block(csv, position, block_bytes), reader.unit_ns)
        # Binance's close time is the last millisecond or microsecond of whole seconds.
        seconds = -(int(opened[0] - closed[0]) // SECOND_NS)
        if seconds > 0:
            return seconds * SECOND_NS
    found = interval_of_name(csv.path.name)
    if found is None:
        raise FileFormatError(
            f"{csv.path}: the interval of a single candle cannot be told; "
            f"put it into the file's name, like {reader.symbol or 'BTCUSDT'}-1m.csv"
        )
    return found


def _first(
    reader: RowReader, csv: CsvFile, block_bytes: int, latest_ns: int, *, to_end: bool
) -> int:
    """Give the first time that can be right, of a file that runs backwards the earliest."""
    found = []
    for batch in csv.batches([reader.time_position], block_bytes, []):
        times = _possible(reader.times(batch), latest_ns)
        if len(times):
            found.append(int(times.min() if to_end else times[0]))
        if found and not to_end:
            break
    return min(found, default=0)


def _pairs(reader: RowReader, csv: CsvFile, block_bytes: int) -> tuple[tuple[str, str], ...]:
    if reader.kind is Kind.CLOSES:
        names = [name.upper() for name in csv.recognised.columns[1:]]
        twins = {name for name in names if names.count(name) > 1}
        if twins:
            raise FileFormatError(f"{csv.path}: more than one column {', '.join(sorted(twins))}")
        return tuple(("", name) for name in names)
    if reader.symbol:
        return (("", reader.symbol),)
    positions = [
        p for p in (reader.position("exchange"), reader.position("symbol")) if p is not None
    ]
    found: dict[tuple[str, str], None] = {}
    for batch in csv.batches(sorted(positions), block_bytes, []):
        found |= dict.fromkeys(reader.pairs(batch)[0])
    return tuple(found)
