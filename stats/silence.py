"""Windows for who looks at the last row alone: rows in which nobody ticked cost next to nothing.

Of a file of daily closes at rows of a second, 300 rows of the window behind each close are
silent; to close them one by one took 12 million rows and minutes for a folder of 0.8 million
ticks. Here a silent row is made only where a window that is read holds it. All bits are those
that `Windows` gives: its own rows that follow a silence are a function of the last W rows alone.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from stats import pending
from stats.compiled import FloatArray, IntArray
from stats.grid_window import GridWindow
from stats.windows import Windows


class _Held(NamedTuple):
    """A row behind at least W - 1 silent ones, and how each of those would be."""

    row: int
    values: FloatArray
    silent: FloatArray
    n_symbols: int


class LateGridWindow(GridWindow):
    """A grid window that puts a row behind a long silence in when it is looked at.

    Where the next row comes behind such a silence too, the one held has left the window: neither
    it nor the silence is ever put in.
    """

    def __init__(self, window_rows: int) -> None:
        super().__init__(window_rows)
        self._held: _Held | None = None

    def hold(self, row: int, values: FloatArray, silent: FloatArray, n_symbols: int) -> None:
        """Append a row behind so many silent ones that they fill the rest of the window.

        Parameters
        ----------
        row, values, n_symbols
            As those of ``push``.
        silent
            float64[>= n_symbols], the returns of each silent row.
        """
        self._held = _Held(row, values[:n_symbols].copy(), silent[:n_symbols].copy(), n_symbols)

    def settle(self) -> None:
        """Put in what is held."""
        held, self._held = self._held, None
        if held is None:
            return
        self.restart()
        for row in range(held.row - self.window_rows + 1, held.row):
            super().push(row, held.silent, held.n_symbols)
        super().push(held.row, held.values, held.n_symbols)

    @property
    def rows_filled(self) -> int:
        """Rows in the window."""
        self.settle()
        return super().rows_filled

    @property
    def arrays(self) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
        """All state, with what is held put in."""
        self.settle()
        return super().arrays

    def push(self, row: int, values: FloatArray, n_symbols: int) -> None:
        """Append a row; see `GridWindow.push`."""
        self.settle()
        super().push(row, values, n_symbols)

    def read(
        self, ids: IntArray, open_values: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray, FloatArray, int]:
        """Read the members' statistics; see `GridWindow.read`."""
        self.settle()
        return super().read(ids, open_values)


class SilenceWindows(Windows):
    """`Windows` that, once told to, yield rows with ticks alone until the input ends."""

    _late: LateGridWindow | None = None

    def skip_silence(self) -> None:
        """Leave silent rows out from now on.

        Raises
        ------
        RuntimeError
            A row was closed before.
        """
        if self.grid.last_row is not None:
            raise RuntimeError("rows were closed already: leave silence out from the beginning")
        self.rows = self._late = LateGridWindow(self.rows.window_rows)

    def _close_rows(self, *, at_end: bool) -> Iterator[int]:
        if self._late is None:
            yield from super()._close_rows(at_end=at_end)
            return
        if at_end:
            # What stands behind the last tick is made as ever, so that the end is the same.
            for _ in super()._close_rows(at_end=False):
                pass
            yield from super()._close_rows(at_end=True)
            return
        while (row := self._next_row_with_ticks()) is not None:
            self._close_one(row, self._late)
            yield row

    def _next_row_with_ticks(self) -> int | None:
        """Give the oldest waiting row if every partition has passed it."""
        rows, state = self.grid.arrays[2], self.grid.state
        if not state[pending.N_WAITING]:
            return None
        row = int(rows[state[pending.FIRST_WAITING], 0])
        return row if row <= state[pending.PASSED_ROW] else None

    def _close_one(self, row: int, rows: LateGridWindow) -> None:
        grid = self.grid
        last = grid.last_row
        is_behind_silence = last is not None and row - last >= rows.window_rows
        if last is not None and row > last + 1 and not is_behind_silence:
            self._fill_gap(last, row)
        prices = grid.symbol_f[pending.PRICE]
        silent = np.where(np.isnan(prices), np.nan, 0.0)
        n_ticks = grid.close(row)
        if self._defer_ticks:
            self.ticks.reserve(grid.n_symbols)
            self.ticks.push(grid.ordered_i, grid.ordered_f, 0, n_ticks)
        returns = grid.symbol_f[pending.RETURN]
        if is_behind_silence:
            rows.hold(row, returns, silent, grid.n_symbols)
        elif last is not None:
            rows.push(row, returns, grid.n_symbols)
