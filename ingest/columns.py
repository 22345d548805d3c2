"""Blocks of a CSV file into ticks: one way for each kind of row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ingest import cells
from ingest.formats import FileFormatError, Kind
from ingest.recognise import Recognised
from ingest.ticks import NO_TRADE_ID, SymbolTable

MALFORMED_SYMBOL: Final = "MALFORMED-ROW"
"""Symbol of a row with too few or too many cells; its price is NaN, so admission refuses it."""

Naming = Callable[[str, str], str]
"""Gives a tick's symbol from its exchange ("" where unknown) and its symbol in the file."""


class Ticks(NamedTuple):
    """Ticks of one block, in the file's order.

    Attributes
    ----------
    symbol_ids, prices, event_time_ns, trade_ids
        int32[n], float64[n], int64[n], int64[n].
    """

    symbol_ids: NDArray[np.int32]
    prices: NDArray[np.float64]
    event_time_ns: NDArray[np.int64]
    trade_ids: NDArray[np.int64]

    def only(self, kept: NDArray[np.bool_]) -> "Ticks":
        """Give the ticks where ``kept``, bool[n], is set."""
        ids, prices, times, trades = self
        return Ticks(ids[kept], prices[kept], times[kept], trades[kept])


def malformed(n: int, table: SymbolTable) -> Ticks:
    """Give ticks that admission refuses, one for each row that has not its header's cells."""
    return Ticks(
        np.full(n, table.intern(MALFORMED_SYMBOL), np.int32),
        np.full(n, np.nan),
        np.full(n, cells.NO_TIME, np.int64),
        np.full(n, NO_TRADE_ID, np.int64),
    )


@dataclass(frozen=True, slots=True)
class RowReader:
    """Turns blocks of one file into ticks.

    Attributes
    ----------
    recognised
        Layout and columns.
    symbol
        Of a file without a symbol column, else "".
    time_position
        Position of the time column.
    unit_ns
        Of its epoch times; None for text. See `cells.time_unit`.
    interval_ns
        Of candles: what is added to their open time; else 0.
    """

    recognised: Recognised
    symbol: str
    time_position: int
    unit_ns: int | None
    interval_ns: int = 0

    @property
    def kind(self) -> Kind:
        """What a row holds."""
        return self.recognised.layout.kind

    def position(self, name: str) -> int | None:
        """Give the position of a column."""
        return self.recognised.position(name) if name else None

    def needed(self) -> list[int]:
        """Give the positions of all columns that are read."""
        layout = self.recognised.layout
        if self.kind is Kind.CLOSES:
            return list(range(len(self.recognised.columns)))
        names = [*layout.prices, layout.trade_id, "symbol", "exchange"]
        found = [self.position(name) for name in names if name]
        return sorted({self.time_position, *(p for p in found if p is not None)})

    def times(self, batch: pa.RecordBatch) -> NDArray[np.int64]:
        """Give the event time of every row, int64[n] ns; -1 where it cannot be read."""
        opened = cells.times(batch.column(f"{self.time_position}"), self.unit_ns)
        return np.where(opened >= 0, opened + self.interval_ns, opened)

    def ticks(self, batch: pa.RecordBatch, table: SymbolTable, naming: Naming) -> Ticks:
        """Turn a block into ticks; rows whose price is missing are left out."""
        if self.kind is Kind.CLOSES:
            return self._closes(batch, table, naming)
        prices, missing = self._prices(batch)
        ids = self._symbol_ids(batch, table, naming)
        id_position = self.position(self.recognised.layout.trade_id)
        trade_ids = (
            np.full(len(prices), NO_TRADE_ID, np.int64)
            if id_position is None
            else cells.trade_ids(batch.column(f"{id_position}"))
        )
        found = Ticks(ids, prices, self.times(batch), trade_ids)
        return found.only(~missing) if missing.any() else found

    def _column(self, batch: pa.RecordBatch, name: str) -> pa.Array:
        position = self.position(name)
        if position is None:
            raise FileFormatError(f"column {name!r} is missing")
        return batch.column(f"{position}")

    def _prices(self, batch: pa.RecordBatch) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        names = self.recognised.layout.prices
        prices, missing = cells.numbers(self._column(batch, names[0]))
        if self.kind is not Kind.QUOTES:
            return prices, missing
        ask, no_ask = cells.numbers(self._column(batch, names[1]))
        with np.errstate(over="ignore", invalid="ignore"):
            mid = (prices + ask) / 2
            # The mean of a good and a bad price would look like a price: let the bad one show.
            worst = np.minimum(prices, ask)
            return np.where(worst > 0, mid, worst), missing | no_ask

    def _symbol_ids(
        self, batch: pa.RecordBatch, table: SymbolTable, naming: Naming
    ) -> NDArray[np.int32]:
        if self.symbol:
            return np.full(batch.num_rows, table.intern(naming("", self.symbol)), np.int32)
        pairs, inverse = self.pairs(batch)
        ids = np.array([table.intern(naming(*pair)) for pair in pairs], dtype=np.int32)
        return ids[inverse]

    def pairs(self, batch: pa.RecordBatch) -> tuple[list[tuple[str, str]], NDArray[np.int64]]:
        """Give the different (exchange, symbol) of a block as they come, and each row's place."""
        codes, symbols = _decoded(self._column(batch, "symbol"))
        exchanges = [""]
        if self.position("exchange") is not None:
            outer, exchanges = _decoded(self._column(batch, "exchange"))
            codes = outer * len(symbols) + codes
        used, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
        by_first = np.argsort(first)
        places = np.empty_like(by_first)
        places[by_first] = np.arange(len(by_first))
        n = len(symbols)
        pairs = [(exchanges[code // n], symbols[code % n]) for code in used[by_first].tolist()]
        return pairs, places[inverse]

    def _closes(self, batch: pa.RecordBatch, table: SymbolTable, naming: Naming) -> Ticks:
        positions = [i for i in range(batch.num_columns) if i != self.time_position]
        columns = [cells.numbers(batch.column(f"{i}")) for i in positions]
        kept = ~np.stack([missing for _, missing in columns], axis=1)
        names = [naming("", self.recognised.columns[i]) for i in positions]
        ids = np.array([table.intern(name) for name in names], dtype=np.int32)
        prices = np.stack([values for values, _ in columns], axis=1)
        shape = kept.shape
        return Ticks(
            np.broadcast_to(ids, shape)[kept],
            prices[kept],
            np.broadcast_to(self.times(batch)[:, None], shape)[kept],
            np.full(int(kept.sum()), NO_TRADE_ID, np.int64),
        )


def _decoded(column: pa.Array) -> tuple[NDArray[np.int64], list[str]]:
    """Give the codes of a column of few different texts, int64[n], and the texts."""
    texts = [text.decode(errors="replace").strip() for text in column.dictionary.to_pylist()]
    texts.append("")  # a missing symbol: none has that name, so admission refuses it
    codes = pc.fill_null(column.indices, len(texts) - 1)
    found: NDArray[np.int64] = codes.to_numpy(zero_copy_only=False).astype(np.int64)
    return found, texts
