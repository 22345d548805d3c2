"""The market as the decider sees it: ticks go in, rows close, moments come out.

Sans-IO: no clock, no thread, no random state. What comes out is a function of the ticks alone,
whatever the batches and the interleaving of partitions were. It stands on a symbol's ticks
being in one partition, as they are when Kafka keys them by symbol.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stats import pending
from stats.compiled import IntArray
from stats.grid import FloatColumn, IntColumn
from stats.member_reads import (
    KURTOSIS,
    MEAN,
    N_COLUMNS,
    PRICES,
    SKEWNESS,
    VOLATILITY,
    read_members,
)
from stats.moments import Moments
from stats.silence import SilenceWindows
from stats.snapshot import Arrays, WindowsCopy, copy_windows, restore_windows
from stats.tick_window import TickStatistics
from stats.universe import AssetView, Universe


@dataclass(frozen=True, slots=True)
class NotReady:
    """There are no moments yet, and why, in plain words."""

    reason: str


class _Members(NamedTuple):
    """Members after a row closed: ids, ascending; names, and their order where it is another."""

    row: int | None
    ids: IntArray
    names: tuple[str, ...]
    order: IntArray | None


class Market:
    """Windows of all symbols and the rule that says which of them count.

    Parameters
    ----------
    sample_interval_ns, allowed_lateness_ns
        Length of a row, and how long it waits for ticks behind its partition's newest.
    window_rows, window_ticks
        W of the grid window and N of the tick window, >= 2.
    min_observations
        Rows of returns before the first moments.
    stale_after
        Rows without a tick after which a symbol leaves the universe.
    defer_ticks
        A tick enters the tick window when its row closes, so that a row's statistics never
        depend on how ticks were batched (trigger ``row``); else at once (trigger ``tick``).
    partitions
        All partitions that ticks come from; a row waits for each of them.

    Attributes
    ----------
    last_receive_time_ns
        When the newest batch was received; 0 before the first.

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
        window_rows: int,
        window_ticks: int,
        min_observations: int,
        stale_after: int,
        defer_ticks: bool,
        partitions: Sequence[int] = (0,),
    ) -> None:
        if min_observations < 2:
            raise ValueError(f"min_observations={min_observations}: must be >= 2")
        if stale_after < 1:
            raise ValueError(f"stale_after={stale_after}: must be >= 1")
        self._windows = SilenceWindows(
            sample_interval_ns=sample_interval_ns,
            allowed_lateness_ns=allowed_lateness_ns,
            window_rows=window_rows,
            window_ticks=window_ticks,
            # After this many rows without any tick the window holds zeros only and every symbol
            # is stale: further rows change nothing.
            quiet_rows=max(2 * window_rows, stale_after),
            defer_ticks=defer_ticks,
            partitions=partitions,
        )
        self._universe = Universe(window_rows, min_observations, stale_after)
        self._interval_ns = sample_interval_ns
        self._members: _Members | None = None
        # Which of several partitions is read first decides who is numbered first: there members
        # stand by name, so that a decision does not depend on it.
        self._by_name = len(partitions) > 1
        self.last_receive_time_ns = 0

    @property
    def n_used(self) -> int:
        """Ticks used."""
        return int(self._windows.grid.state[pending.N_USED])

    @property
    def n_late(self) -> int:
        """Ticks not used because their own partition had passed their row."""
        return int(self._windows.grid.state[pending.N_LATE])

    @property
    def n_waiting(self) -> int:
        """Rows that hold ticks and have not closed: many where a partition is silent."""
        return int(self._windows.grid.state[pending.N_WAITING])

    @property
    def newest_times_ns(self) -> dict[int, int]:
        """Newest event time of each partition that has spoken; a row waits for the least."""
        return self._windows.grid.newest_times_ns

    @property
    def partitions(self) -> tuple[int, ...]:
        """All partitions that ticks come from."""
        return self._windows.grid.partitions

    @property
    def last_row(self) -> int | None:
        """Newest closed row, or None."""
        return self._windows.grid.last_row

    @property
    def rows_filled(self) -> int:
        """Rows of returns in the grid window."""
        return self._windows.rows.rows_filled

    @property
    def last_event_time_ns(self) -> int:
        """Newest event time used; 0 before the first tick."""
        return max(0, int(self._windows.grid.state[pending.NEWEST_USED_TIME]))

    def update(
        self,
        symbol_ids: IntColumn,
        prices: FloatColumn,
        event_time_ns: IntColumn,
        partitions: IntColumn,
        offsets: IntColumn,
        receive_time_ns: int,
    ) -> Iterator[int]:
        """Take a batch of admitted ticks, row by row.

        Parameters
        ----------
        symbol_ids, prices, event_time_ns, partitions, offsets
            [n] each, in the order of arrival; a symbol id of -1 is a clock message, whose price
            does not count.
        receive_time_ns
            When the batch was received, UTC.

        Returns
        -------
        Iterator[int]
            The number of each row that closes. While the caller holds it the state is exactly
            that at the row's end; the rest of the batch is taken as the iterator goes on, so it
            must be taken to its end, also where no row is awaited.

        Raises
        ------
        RuntimeError
            The iterator before was not taken to its end.
        ValueError
            On the way: a price, symbol id or partition that admission must have refused.
        """
        rows = self._windows.take(symbol_ids, prices, event_time_ns, partitions, offsets)
        self.last_receive_time_ns = receive_time_ns
        return rows

    def skip_silence(self) -> None:
        """Yield rows with ticks alone until the input ends; the last row has the same bits.

        Raises
        ------
        RuntimeError
            A row was closed before.
        """
        self._windows.skip_silence()

    def close(self) -> Iterator[int]:
        """End the input: close all rows up to that of the last tick.

        Returns
        -------
        Iterator[int]
            As that of ``update``.
        """
        return self._windows.end()

    def copy_state(self) -> WindowsCopy:
        """Copy what a market like this one can be made from, between two updates.

        Raises
        ------
        RuntimeError
            The iterator of the last update was not taken to its end.
        """
        self._windows.refuse_half_taken()
        return copy_windows(self._windows)

    def restore(self, arrays: Arrays) -> None:
        """Go on from a state that `snapshot.flatten` gave; to be called before the first tick.

        Raises
        ------
        ValueError
            It is not of a market with these parameters; this one is of no use any more.
        """
        restore_windows(self._windows, arrays)
        self._members = None

    def _find_members(self, symbols: Sequence[str]) -> _Members:
        """Find the members, who change with the closed rows alone: 10 us, not at each tick."""
        row = self.last_row
        if self._members is None or self._members.row != row:
            ids = np.zeros(0, np.int64)
            if row is not None:
                ids = self._universe.members(self._windows.grid.symbol_i, row, self.rows_filled)
            names, order = [symbols[i] for i in ids.tolist()], None
            if self._by_name and names:
                order = np.argsort(names)
                names = sorted(names)
            self._members = _Members(row, ids, tuple(names), order)
        return self._members

    def moments(self, symbols: Sequence[str]) -> Moments | NotReady:
        """Give the members' statistics of the rows closed so far.

        ``last_event_time_ns`` is that of the newest tick in these rows, ``last_receive_time_ns``
        when the batch was received that closed the last one.

        Parameters
        ----------
        symbols
            The symbol table, by id.
        """
        return self._read(symbols, open_row=False)

    def open_moments(self, symbols: Sequence[str]) -> Moments | NotReady:
        """Give the members' statistics with their newest prices as the row that stands open.

        Members are those of the last closed row. Where several rows wait for ticks, the open
        row stands for all of them.

        Parameters
        ----------
        symbols
            The symbol table, by id.
        """
        return self._read(symbols, open_row=True)

    def _read(self, symbols: Sequence[str], *, open_row: bool) -> Moments | NotReady:
        members = self._find_members(symbols)
        n = len(members.ids)
        if not n:
            return self._not_ready(symbols)
        grid, rows, ticks = self._windows.grid, self._windows.rows, self._windows.ticks
        table, covariance = np.empty((N_COLUMNS, n)), np.empty((n, n))
        _, triangles, vectors, state = rows.arrays
        count = read_members(
            int(open_row), members.ids, grid.symbol_f, table, covariance,
            triangles, vectors, state, *ticks.arrays[1:],
        )  # fmt: skip
        if members.order is not None:
            order = members.order
            table, covariance = table.take(order, axis=1), covariance[np.ix_(order, order)]
        table.setflags(write=False)
        covariance.setflags(write=False)
        return Moments(
            symbols=members.names,
            prices=table[PRICES],
            mean=table[MEAN],
            covariance=covariance,
            volatility=table[VOLATILITY],
            skewness=table[SKEWNESS],
            kurtosis=table[KURTOSIS],
            n_observations=count,
            sample_interval_ns=self._interval_ns,
            row=int(grid.state[pending.LAST_ROW]) + open_row,
            last_event_time_ns=int(
                grid.state[pending.NEWEST_USED_TIME if open_row else pending.NEWEST_CLOSED_TIME]
            ),
            last_receive_time_ns=self.last_receive_time_ns,
            offsets=grid.taken_offsets if open_row else grid.closed_offsets,
        )

    def _not_ready(self, symbols: Sequence[str]) -> NotReady:
        if self._windows.grid.last_row is None:
            return NotReady("no row has closed yet")
        need = min(self._universe.min_observations, self._windows.rows.window_rows)
        if self.rows_filled < need:
            return NotReady(f"{self.rows_filled} of at least {need} rows")
        # Symbols without a closed price are left out: the reason is of the closed rows alone.
        known = self._windows.grid.symbol_i[pending.FIRST_ROW] != pending.NONE
        views = zip(self.assets(symbols), known, strict=False)
        waiting = [view for view, is_known in views if is_known and view.state != "stale"]
        if not waiting:
            return NotReady(f"no symbol had a tick for {self._universe.stale_after} rows")
        return NotReady(f"no symbol is a member; {waiting[0].symbol}: {waiting[0].reason}")

    def assets(self, symbols: Sequence[str]) -> list[AssetView]:
        """Describe every symbol of the table: price, membership and the reason.

        Parameters
        ----------
        symbols
            The symbol table, by id.
        """
        grid = self._windows.grid
        known = (grid.symbol_i, grid.symbol_f, grid.last_row, self.rows_filled)
        return self._universe.describe(symbols, *known)

    def tick_statistics(self) -> TickStatistics:
        """Give the tick window's statistics of every symbol seen, by id."""
        self._windows.ticks.reserve(self._windows.grid.n_symbols)
        return self._windows.ticks.read(np.arange(self._windows.grid.n_symbols))
