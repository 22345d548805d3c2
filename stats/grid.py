"""Ticks of all symbols on one clock: which row a tick belongs to and when a row closes.

Row k covers (k I, (k + 1) I] since the epoch, I being the sampling interval: a price at exactly
a boundary belongs to the row that ends there. A tick is late when its row ended before its own
partition's newest event time less the allowed lateness; a row closes when every partition has
passed its end in this sense. So rows are a function of the ticks alone.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stats import pending
from stats.compiled import FloatArray, IntArray

_NANOSECONDS_LIMIT = 2**62
# Ticks in lists that are copied item by item: with caches cold one takes 2 us instead of 8. In a
# loop slices are as quick for 4.
_FEW = 8

IntColumn = NDArray[np.integer] | Sequence[int]
FloatColumn = FloatArray | Sequence[float]


class Grid:
    """Rows of one sampling interval, made from ticks as they come.

    Parameters
    ----------
    sample_interval_ns
        Length of a row, > 0.
    allowed_lateness_ns
        How long a row waits for ticks behind its partition's newest, >= 0.
    quiet_rows
        Rows made after the last one with a tick; further ones are not made until a tick comes,
        so that a gap of years costs no more than one of minutes.
    partitions
        All partitions that ticks come from; a row waits for each of them.

    Raises
    ------
    ValueError
        A parameter is out of range.
    """

    def __init__(
        self,
        *,
        sample_interval_ns: int,
        allowed_lateness_ns: int,
        quiet_rows: int,
        partitions: Sequence[int] = (0,),
    ) -> None:
        if not 0 < sample_interval_ns < _NANOSECONDS_LIMIT:
            raise ValueError(f"sample_interval_ns={sample_interval_ns}: must be > 0")
        if not 0 <= allowed_lateness_ns < _NANOSECONDS_LIMIT:
            raise ValueError(f"allowed_lateness_ns={allowed_lateness_ns}: must be >= 0")
        if not partitions or len(set(partitions)) != len(partitions) or min(partitions) < 0:
            raise ValueError(f"partitions={tuple(partitions)}: must be different and >= 0")
        self.partitions = tuple(partitions)
        self._quiet_rows = quiet_rows
        self._position = np.full(max(partitions) + 1, -1, np.int64)
        self._position[list(partitions)] = np.arange(len(partitions))
        self.state: IntArray = np.full(pending.N_STATE, pending.NONE, np.int64)
        self.state[pending.INTERVAL] = sample_interval_ns
        self.state[pending.LATENESS] = allowed_lateness_ns
        for name in (pending.N_SYMBOLS, pending.N_USED, pending.N_LATE, pending.FREE_NODE):
            self.state[name] = 0
        self.state[pending.FIRST_WAITING] = self.state[pending.N_WAITING] = 0
        self.marks: IntArray = np.full((len(partitions), 3), pending.NONE, np.int64)
        self._rows: IntArray = np.full((64, 1 + 2 * len(partitions)), -1, np.int64)
        self.inbox_i: IntArray = np.zeros((4, 0), np.int64)
        self.inbox_f: FloatArray = np.zeros(0)
        self._pool_i: IntArray = np.zeros((4, 0), np.int64)
        self._pool_f: FloatArray = np.zeros(0)
        self._grow_pool(1024)
        self.symbol_i: IntArray = np.zeros((4, 0), np.int64)
        self.symbol_f: FloatArray = np.zeros((4, 0))
        self._grow_symbols(16)
        self._count = 0

    @property
    def n_symbols(self) -> int:
        """Symbols seen: the greatest id of a used tick, plus one."""
        return int(self.state[pending.N_SYMBOLS])

    @property
    def last_row(self) -> int | None:
        """Newest closed row."""
        row = int(self.state[pending.LAST_ROW])
        return None if row == pending.NONE else row

    @property
    def taken_offsets(self) -> dict[int, int]:
        """Newest offset taken of each partition that has spoken."""
        return self._marked(pending.NEWEST_OFFSET)

    @property
    def closed_offsets(self) -> dict[int, int]:
        """Newest offset of a tick in a closed row, of each partition that has one.

        A function of the ticks alone: not of how far each partition was read when a row closed.
        """
        return self._marked(pending.CLOSED_OFFSET)

    @property
    def newest_times_ns(self) -> dict[int, int]:
        """Newest event time of each partition that has spoken: its watermark, lateness aside."""
        return self._marked(pending.NEWEST)

    def _marked(self, column: int) -> dict[int, int]:
        marks = self.marks[:, column].tolist()
        return {
            p: mark for p, mark in zip(self.partitions, marks, strict=True) if mark != pending.NONE
        }

    @property
    def arrays(self) -> tuple[IntArray, FloatArray, IntArray, IntArray, FloatArray, IntArray]:
        """All state but the watermarks, in the order in which the kernels take it."""
        return (
            self._pool_i,
            self._pool_f,
            self._rows,
            self.symbol_i,
            self.symbol_f,
            self.state,
        )

    def load(
        self,
        symbol_ids: IntColumn,
        prices: FloatColumn,
        event_time_ns: IntColumn,
        partitions: IntColumn,
        offsets: IntColumn,
    ) -> None:
        """Copy a batch to the inbox.

        Copied because a kernel is compiled anew for read-only or strided arrays.
        """
        n = len(symbol_ids)
        if n > len(self.inbox_f):
            capacity = max(1024, 1 << (n - 1).bit_length())
            self.inbox_i, self.inbox_f = np.zeros((4, capacity), np.int64), np.zeros(capacity)
        inbox, self._count = self.inbox_i, n
        if isinstance(prices, list) and n <= _FEW and self.partitions == (0,):
            for i in range(n):
                inbox[pending.SYMBOL, i], inbox[pending.TIME, i] = symbol_ids[i], event_time_ns[i]
                inbox[pending.PARTITION, i], inbox[pending.OFFSET, i] = partitions[i], offsets[i]
                self.inbox_f[i] = prices[i]
            return
        inbox[pending.SYMBOL, :n] = symbol_ids
        inbox[pending.TIME, :n] = event_time_ns
        inbox[pending.OFFSET, :n] = offsets
        self.inbox_f[:n] = prices
        if self.partitions == (0,):
            inbox[pending.PARTITION, :n] = partitions
        else:
            known = np.clip(partitions, 0, len(self._position) - 1)
            found = self._position[known]
            inbox[pending.PARTITION, :n] = np.where(known == partitions, found, -1)

    def reserve(self, n_ticks: int, n_symbols: int) -> None:
        """Make room for waiting ticks and symbols before any tick is taken."""
        if n_ticks > len(self._pool_f):
            self._pool_i, self._pool_f = self._pool_i[:, :0], self._pool_f[:0]
            self._grow_pool(n_ticks)
        if n_symbols > self.symbol_f.shape[1]:
            self._grow_symbols(n_symbols)

    def put_waiting(self, ticks_i: IntArray, ticks_f: FloatArray) -> None:
        """Let ticks wait, in the place of those that do.

        Parameters
        ----------
        ticks_i
            int64[5, m]: row, its partition's place, symbol, event time, offset; rows ascending,
            ticks of a partition in the order of arrival.
        ticks_f
            float64[m]: price.
        """
        m = len(ticks_f)
        self._pool_i, self._pool_f = self._pool_i[:, :0], self._pool_f[:0]
        self._grow_pool(1 << max(10, m.bit_length()))
        numbers, place = np.unique(ticks_i[0], return_inverse=True)
        self.state[pending.FIRST_WAITING], self.state[pending.N_WAITING] = 0, len(numbers)
        self._rows = np.full((max(64, 2 * len(numbers)), self._rows.shape[1]), -1, np.int64)
        self._rows[: len(numbers), 0] = numbers
        for node in range(m):
            entry, head = self._rows[place[node]], 1 + 2 * int(ticks_i[1, node])
            if entry[head] < 0:
                entry[head] = node
            else:
                self._pool_i[pending.NEXT, entry[head + 1]] = node
            entry[head + 1] = node
        for name, values in zip(
            (pending.SYMBOL, pending.TIME, pending.OFFSET), ticks_i[2:], strict=True
        ):
            self._pool_i[name, :m] = values
        self._pool_f[:m] = ticks_f
        # The free ones are the others, and nobody follows the last that waits.
        self._pool_i[
            pending.NEXT, [int(e) for e in self._rows[: len(numbers), 2::2].flat if e >= 0]
        ] = -1
        self.state[pending.FREE_NODE] = m

    def admit(self, start: int) -> int:
        """Take ticks of the inbox from ``start`` on until one lets a row close.

        Returns
        -------
        int
            The first tick not taken; the batch's length where all were.

        Raises
        ------
        ValueError
            A tick has no finite positive price, no symbol, or comes from an unknown partition.
        """
        while True:
            start = pending.admit_ticks(
                start, self._count, self.inbox_i, self.inbox_f, self.marks, *self.arrays
            )
            reason = self.state[pending.STOPPED_FOR]
            if reason in (pending.BATCH_DONE, pending.ROW_TO_CLOSE):
                return int(start)
            self._make_room(int(reason), int(start))

    def _make_room(self, reason: int, at: int) -> None:
        symbol = int(self.inbox_i[pending.SYMBOL, at])
        if reason == pending.POOL_FULL:
            self._grow_pool(2 * len(self._pool_f))
        elif reason == pending.ROWS_FULL:
            self._grow_rows()
        elif reason == pending.SYMBOL_NEW:
            self._grow_symbols(1 << symbol.bit_length())
        elif reason == pending.PRICE_BAD:
            raise ValueError(
                f"price={self.inbox_f[at]} for symbol id {symbol} at tick {at} of the batch: "
                "must be > 0 and finite; admission must refuse it before it comes here"
            )
        elif reason == pending.PARTITION_BAD:
            raise ValueError(
                f"tick {at} of the batch is of no partition in {self.partitions}: "
                "name all partitions of the topic when the market is made"
            )
        else:
            raise ValueError(
                f"symbol id {symbol} at tick {at} of the batch: must be >= 0, or {pending.CLOCK} "
                "for a clock message"
            )

    def _grow_pool(self, capacity: int) -> None:
        # Called with no free node left (or none at all): the new nodes are all the free ones.
        # Of these only NEXT is read before it is written: zeros, whose pages come when they are
        # used. Filled, 524 288 waiting ticks took 24 ms to double (23 to 97), so 16 (11 to 69).
        old = len(self._pool_f)
        pool_i, pool_f = np.zeros((4, capacity), np.int64), np.zeros(capacity)
        pool_i[:, :old], pool_f[:old] = self._pool_i, self._pool_f
        pool_i[pending.NEXT, old:] = np.arange(old + 1, capacity + 1)
        pool_i[pending.NEXT, -1] = -1
        self._pool_i, self._pool_f = pool_i, pool_f
        self.state[pending.FREE_NODE] = old
        self.ordered_i: IntArray = np.zeros((2, capacity), np.int64)
        self.ordered_f: FloatArray = np.zeros(capacity)

    def _grow_rows(self) -> None:
        first, n = self.state[pending.FIRST_WAITING], self.state[pending.N_WAITING]
        rows = np.full((max(64, 2 * int(n)), self._rows.shape[1]), -1, np.int64)
        rows[:n] = self._rows[first : first + n]
        self._rows = rows
        self.state[pending.FIRST_WAITING] = 0

    def _grow_symbols(self, capacity: int) -> None:
        old = self.symbol_f.shape[1]
        symbol_i = np.full((4, capacity), pending.NONE, np.int64)
        symbol_f = np.full((4, capacity), np.nan)
        symbol_i[:, :old], symbol_f[:, :old] = self.symbol_i, self.symbol_f
        self.symbol_i, self.symbol_f = symbol_i, symbol_f

    def next_row(self, *, at_end: bool = False) -> int | None:
        """Give the row that closes next, or None; ``at_end`` of the input all rows close."""
        state = self.state
        first = pending.NONE
        if state[pending.N_WAITING]:
            first = int(self._rows[state[pending.FIRST_WAITING], 0])
        last = self.last_row
        quiet = last is None or last >= state[pending.LAST_TICK_ROW] + self._quiet_rows
        row = first if last is None or quiet else last + 1
        if row == pending.NONE:
            return None
        due = row <= state[pending.PASSED_ROW] or (at_end and first != pending.NONE)
        return row if due else None

    def close(self, row: int) -> int:
        """Close the row that ``next_row`` gave; its ticks stand in ``ordered`` by partition.

        Returns
        -------
        int
            Ticks in the row.
        """
        arrays = (self.ordered_i, self.ordered_f, self.marks, *self.arrays)
        return int(pending.close_row(row, *arrays))
