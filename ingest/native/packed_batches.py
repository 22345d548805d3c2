"""Batches of packed messages into the ticks to use, where every one of them is to be used."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.native import packed_kernels as at
from ingest.offsets import Integers
from ingest.packed import KEPT_TABLE_BYTES, MAGIC, is_intact, split_table
from ingest.payloads import Payloads
from stats.compiled import FloatArray, IntArray

# Of tables whose symbols all have ids. A producer sends the same one again and again.
_MOST_TABLES = 256


@dataclass(frozen=True, slots=True)
class PackedTicks:
    """Columns of a `TickBatch`, and the last trade id used of each symbol behind them."""

    symbol_ids: NDArray[np.int32]
    prices: FloatArray
    event_time_ns: IntArray
    partitions: NDArray[np.int32]
    offsets: IntArray
    trade_ids: IntArray


class PackedReader:
    """Reads batches of packed messages in one pass.

    Parameters
    ----------
    find
        Gives a symbol's id, or None where it has none; an id stays.
    lowest, highest
        Prices taken.
    """

    def __init__(self, find: Callable[[str], int | None], lowest: float, highest: float) -> None:
        self._find = find
        self._prices = np.array([lowest, highest])
        self._known: dict[tuple[bytes, int], NDArray[np.int32]] = {}

    def read(
        self,
        payloads: Payloads,
        latest_ns: IntArray | int,
        partitions: Integers,
        offsets: Integers,
        trade_ids: IntArray,
    ) -> PackedTicks | None:
        """Take a batch.

        Parameters
        ----------
        latest_ns
            int64[n] or one for all: latest event time taken of each message.
        partitions, offsets
            int64[n], where each message stands.
        trade_ids
            int64[limit], the last one used of each symbol; not changed.

        Returns
        -------
        PackedTicks or None
            None where anything is not as it should be.
        """
        n, buffer, bounds = len(payloads), payloads.buffer, payloads.bounds
        if n == 0 or bounds[0] == bounds[1] or buffer[bounds[0]] != MAGIC[0]:
            return None
        heads = np.empty((at.N_HEADS, n), np.int64)
        total = at.read_heads(buffer, bounds, heads)
        if not total or not _are_intact(payloads, heads):
            return None
        tables = self._identify(payloads, heads)
        if tables is None:
            return None
        ids, places = tables
        sources = np.empty((4, n), np.int64)
        sources[0], sources[1], sources[2], sources[3] = latest_ns, partitions, offsets, places
        symbol_ids, partition_of = np.empty((2, total), np.int32)
        columns, prices, last = np.empty((2, total), np.int64), np.empty(total), trade_ids.copy()
        if not at.take_rows(
            buffer, bounds, heads, sources, ids, self._prices, last, symbol_ids, partition_of,
            columns, prices,
        ):  # fmt: skip
            return None
        return PackedTicks(symbol_ids, prices, columns[0], partition_of, columns[1], last)

    def _identify(
        self, payloads: Payloads, heads: IntArray
    ) -> tuple[NDArray[np.int32], NDArray[np.intp]] | None:
        """Give the ids of all tables' symbols, and where those of each message begin."""
        firsts, group = np.zeros(1, np.int64), heads[at.FIRST]
        if group[-1] != 0:  # sorted: else one table serves all, as one producer's batches have it
            firsts, group = np.unique(group, return_inverse=True)
        found = []
        for first in firsts.tolist():
            table = payloads.buffer[heads[at.TABLE, first] : payloads.bounds[first + 1]].tobytes()
            ids = self._ids(table, int(heads[at.SYMBOLS, first]))
            if ids is None:
                return None
            found.append(ids)
        starts = np.cumsum([0, *(len(ids) for ids in found)])
        return np.concatenate(found), starts[group]

    def _ids(self, table: bytes, n_symbols: int) -> NDArray[np.int32] | None:
        """Give the ids of a table's symbols, -1 of one without; None where it has too few."""
        key = table, n_symbols
        known = self._known.get(key)
        if known is None:
            ids = [self._find(name) for name in split_table(*key)]
            if len(ids) < n_symbols:
                return None
            known = np.array([-1 if found is None else found for found in ids], np.int32)
            if None not in ids and len(table) <= KEPT_TABLE_BYTES:
                if len(self._known) == _MOST_TABLES:
                    self._known.clear()
                self._known[key] = known
        return known


def _are_intact(payloads: Payloads, heads: IntArray) -> bool:
    view, bounds = payloads.buffer.data, payloads.bounds.tolist()
    crcs: list[int] = heads[at.CRC].tolist()
    return all(is_intact(view[bounds[i] : bounds[i + 1]], crc) for i, crc in enumerate(crcs))
