"""Both windows in step with the grid: the order in which ticks enter and rows close."""

from collections.abc import Iterator, Sequence

import numpy as np

from stats import pending
from stats.grid import FloatColumn, Grid, IntColumn
from stats.grid_window import GridWindow
from stats.tick_window import TickWindow


class Windows:
    """The grid, the window of its rows, and the window of each symbol's ticks.

    Parameters
    ----------
    sample_interval_ns, allowed_lateness_ns, window_rows, window_ticks, defer_ticks, partitions
        As those of ``Market``.
    quiet_rows
        Rows made after the last one with a tick, at least two windows.

    Attributes
    ----------
    grid, rows, ticks
        The parts; read, not to be fed, by others.

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
        quiet_rows: int,
        defer_ticks: bool,
        partitions: Sequence[int],
    ) -> None:
        self.grid = Grid(
            sample_interval_ns=sample_interval_ns,
            allowed_lateness_ns=allowed_lateness_ns,
            quiet_rows=quiet_rows,
            partitions=partitions,
        )
        self.rows = GridWindow(window_rows)
        self.ticks = TickWindow(window_ticks)
        self._defer_ticks = defer_ticks
        self._busy = False

    def take(
        self,
        symbol_ids: IntColumn,
        prices: FloatColumn,
        event_time_ns: IntColumn,
        partitions: IntColumn,
        offsets: IntColumn,
    ) -> Iterator[int]:
        """Take a batch; yields each row that closes, before anything after it is taken.

        Raises
        ------
        RuntimeError
            The iterator before was not taken to its end.
        """
        self._begin()
        self.grid.load(symbol_ids, prices, event_time_ns, partitions, offsets)
        return self._take_loaded()

    def end(self) -> Iterator[int]:
        """Close all rows up to that of the last tick; yields each.

        Raises
        ------
        RuntimeError
            The iterator before was not taken to its end.
        """
        self._begin()
        return self._close_all()

    def refuse_half_taken(self) -> None:
        """Refuse to go on where rows of the last update are left.

        Raises
        ------
        RuntimeError
            The iterator before was not taken to its end.
        """
        if self._busy:
            raise RuntimeError(
                "the rows of the last update were not taken to their end: its ticks would be lost"
            )

    def _begin(self) -> None:
        self.refuse_half_taken()
        self._busy = True

    def _take_loaded(self) -> Iterator[int]:
        grid = self.grid
        position = 0
        while True:
            stop = grid.admit(position)
            if not self._defer_ticks:
                self.ticks.reserve(grid.n_symbols)
                self.ticks.push(grid.inbox_i, grid.inbox_f, position, stop)
            position = stop
            if grid.state[pending.STOPPED_FOR] == pending.BATCH_DONE:
                break
            yield from self._close_rows(at_end=False)
        self._busy = False

    def _close_all(self) -> Iterator[int]:
        yield from self._close_rows(at_end=True)
        self._busy = False

    def _close_rows(self, *, at_end: bool) -> Iterator[int]:
        grid = self.grid
        while (row := grid.next_row(at_end=at_end)) is not None:
            last = grid.last_row
            if last is not None and row > last + 1:
                self._fill_gap(last, row)
            n_ticks = grid.close(row)
            if self._defer_ticks:
                self.ticks.reserve(grid.n_symbols)
                self.ticks.push(grid.ordered_i, grid.ordered_f, 0, n_ticks)
            if last is not None:
                self.rows.push(row, grid.symbol_f[pending.RETURN], grid.n_symbols)
            yield row

    def _fill_gap(self, last: int, row: int) -> None:
        # Of the rows nobody ticked in, only the last W can still be in the window.
        first = max(last + 1, row - self.rows.window_rows)
        if first > last + 1:
            self.rows.restart()
        prices = self.grid.symbol_f[pending.PRICE]
        quiet = np.where(np.isnan(prices), np.nan, 0.0)
        for between in range(first, row):
            self.rows.push(between, quiet, self.grid.n_symbols)
