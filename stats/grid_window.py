"""Mean and covariance of the last W rows, from aggregates that merge and never subtract.

How, and why every bit is a function of the rows in the window: see ``row_blocks``.
"""

import numpy as np

from stats import row_blocks
from stats.compiled import FloatArray, IntArray

_NONE = -(2**62)


class GridWindow:
    """The last W rows of log returns of a growing number of symbols.

    Parameters
    ----------
    window_rows
        W, >= 2. Blocks have 20 rows, or W / 100 where that is more, so that memory stays near
        100 triangles of n (n + 1) / 2 doubles at most.

    Raises
    ------
    ValueError
        The window has less than two rows.
    """

    def __init__(self, window_rows: int) -> None:
        if window_rows < 2:
            raise ValueError(f"window_rows={window_rows}: must be >= 2")
        self.window_rows = window_rows
        size = min(window_rows, max(20, -(-window_rows // 100)))
        self._n_blocks = -(-window_rows // size)
        self._state: IntArray = np.array([window_rows, size, _NONE, _NONE, 0], np.int64)
        self._counts: IntArray = np.zeros(self._n_blocks, np.int64)
        self._prefix_counts: IntArray = np.zeros(2, np.int64)
        self._capacity = 0
        self._returns: FloatArray = np.zeros((window_rows, 0))
        self._blocks: FloatArray = np.zeros((self._n_blocks, 0))
        self._block_means: FloatArray = np.zeros((self._n_blocks, 0))
        self._prefixes: FloatArray = np.zeros((2, 0))
        self._prefix_means: FloatArray = np.zeros((2, 0))
        self.reserve(16)

    @property
    def rows_filled(self) -> int:
        """Rows in the window."""
        newest, first = (
            int(self._state[row_blocks.NEWEST_ROW]),
            int(self._state[row_blocks.FIRST_ROW]),
        )
        return 0 if newest == _NONE else min(self.window_rows, newest - first + 1)

    @property
    def arrays(
        self,
    ) -> tuple[
        FloatArray, FloatArray, FloatArray, IntArray, FloatArray, FloatArray, IntArray, IntArray
    ]:
        """All state, in the order in which the kernels take it."""
        return (
            self._returns,
            self._blocks,
            self._block_means,
            self._counts,
            self._prefixes,
            self._prefix_means,
            self._prefix_counts,
            self._state,
        )

    def reserve(self, n_symbols: int) -> None:
        """Make room for symbols; the rows they have missed are NaN."""
        if n_symbols <= self._capacity:
            return
        capacity = max(n_symbols, self._capacity + self._capacity // 2)
        self._capacity = capacity
        triangle = capacity * (capacity + 1) // 2
        self._returns = _widen(self._returns, capacity)
        self._blocks = _widen(self._blocks, triangle)
        self._block_means = _widen(self._block_means, capacity)
        self._prefixes = _widen(self._prefixes, triangle)
        self._prefix_means = _widen(self._prefix_means, capacity)
        self._scratch: FloatArray = np.zeros(
            (int(self._state[row_blocks.BLOCK_ROWS]) + 1, capacity)
        )

    def restart(self) -> None:
        """Forget all rows; the next one may have any number."""
        self._counts[:] = 0
        self._prefix_counts[:] = 0
        self._state[row_blocks.FIRST_ROW] = self._state[row_blocks.NEWEST_ROW] = _NONE
        self._state[row_blocks.BEFORE] = 0

    def push(self, row: int, values: FloatArray, n_symbols: int) -> None:
        """Append a row.

        Parameters
        ----------
        row
            Its absolute number: the one after the newest row.
        values
            float64[>= n_symbols], log returns, NaN where missing.

        Raises
        ------
        ValueError
            The row does not follow the newest one.
        """
        self.reserve(n_symbols)
        state = self._state
        if state[row_blocks.NEWEST_ROW] == _NONE:
            state[row_blocks.FIRST_ROW] = row
        elif row != state[row_blocks.NEWEST_ROW] + 1:
            raise ValueError(
                f"row={row}: must follow {state[row_blocks.NEWEST_ROW]}; restart() to jump"
            )
        row_blocks.push_row(row, values, n_symbols, self._scratch, *self.arrays)

    def read(
        self, ids: IntArray, open_values: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray, FloatArray, int]:
        """Read the members' statistics, without changing state.

        Parameters
        ----------
        ids
            int64[m], ascending symbol ids.
        open_values
            float64[>= n], log returns of a row that stands open as the newest; the oldest row
            is left out then where the window is full.

        Returns
        -------
        mean, covariance, volatility : FloatArray
            float64[m], float64[m, m] (ddof 1, exactly symmetric), float64[m].
        n_observations : int
            Rows in the window, with the open one.
        """
        n = len(ids)
        mean, covariance, volatility = np.empty(n), np.empty((n, n)), np.empty(n)
        open_rows = 0 if open_values is None else 1
        source = self._scratch[-1] if open_values is None else open_values
        count = row_blocks.read_window(
            open_rows, ids, source, mean, covariance, volatility, *self.arrays
        )
        return mean, covariance, volatility, int(count)


def _widen(array: FloatArray, columns: int) -> FloatArray:
    wider = np.full((len(array), columns), np.nan)
    wider[:, : array.shape[1]] = array
    return wider
