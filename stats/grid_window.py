"""Mean and covariance of the last W rows, from aggregates that merge and never subtract.

How, and why every bit is a function of the rows in the window: see ``row_blocks``.
"""

import numpy as np

from stats import row_blocks, row_reads
from stats.comoments import padded_columns, triangle_size
from stats.compiled import FloatArray, IntArray

_NONE = -(2**62)
# No bit depends on it, only on the spans that it makes. With 8 rows a push of 500 symbols took 1.6
# times as long; with 24 one read every ten rows was no quicker.
_BLOCK_ROWS = 16
_LINE_BYTES, _LINE_DOUBLES = 64, 8
_LEAST_ALIGNED = 128


class GridWindow:
    """The last W rows of log returns of a growing number of symbols.

    Parameters
    ----------
    window_rows
        W, >= 2. Of n symbols it takes W n doubles for the rows and about 2 sqrt(W / 16) + 2
        triangles of n (n + 1) / 2: 24 MB at 500 symbols and 1000 rows.

    Raises
    ------
    ValueError
        The window has less than two rows.
    """

    def __init__(self, window_rows: int) -> None:
        if window_rows < 2:
            raise ValueError(f"window_rows={window_rows}: must be >= 2")
        self.window_rows = window_rows
        size = min(_BLOCK_ROWS, window_rows)
        blocks = max(1, round((window_rows / size) ** 0.5))
        n_spans = -(-window_rows // (size * blocks))
        means, span_rows = row_blocks.N_MIDDLES + n_spans, size * blocks
        self._state: IntArray = np.zeros(row_blocks.HEADER + means + span_rows, np.int64)
        self._state[: row_blocks.N_SPANS + 1] = window_rows, size, blocks, n_spans
        self._capacity = 0
        self._returns: FloatArray = np.zeros((window_rows, 0))
        self._triangles: FloatArray = np.zeros((means + blocks, 0))
        vectors = means + 2 * span_rows + size + row_blocks.N_SCRATCH
        self._vectors: FloatArray = np.zeros((vectors, 0))
        self.restart()
        self.reserve(16)

    @property
    def rows_filled(self) -> int:
        """Rows in the window."""
        state = self._state
        newest = int(state[row_blocks.NEWEST_ROW])
        if newest == _NONE:
            return 0
        return min(self.window_rows, newest - int(state[row_blocks.FIRST_ROW]) + 1)

    @property
    def arrays(self) -> tuple[FloatArray, FloatArray, FloatArray, IntArray]:
        """All state, in the order in which the kernels take it."""
        return self._returns, self._triangles, self._vectors, self._state

    def reserve(self, n_symbols: int) -> None:
        """Make room for symbols; the rows they have missed are NaN."""
        if n_symbols <= self._capacity:
            return
        self._capacity = padded_columns(max(n_symbols, self._capacity + self._capacity // 2))
        self._returns = _widen(self._returns, self._capacity)
        self._triangles = _widen(self._triangles, triangle_size(self._capacity))
        self._vectors = _widen(self._vectors, self._capacity)

    def restart(self) -> None:
        """Forget all rows; the next one may have any number."""
        state = self._state
        state[row_blocks.N_SPANS + 1 :] = 0
        state[row_blocks.FIRST_ROW] = state[row_blocks.NEWEST_ROW] = _NONE
        row_blocks.forget_front(state)

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
        row_blocks.push_row(row, values, n_symbols, *self.arrays)

    def read(
        self, ids: IntArray, open_values: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray, FloatArray, int]:
        """Read the members' statistics; what a read may keep for the next changes no bit.

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
        mean, covariance, volatility = np.empty(n), _empty_square(n), np.empty(n)
        open_rows = 0 if open_values is None else 1
        source = self._vectors[0] if open_values is None else open_values
        count = row_reads.read_window(
            open_rows, ids, source, mean, covariance, volatility, *self.arrays[1:]
        )
        return mean, covariance, volatility, int(count)


def _empty_square(n: int) -> FloatArray:
    """Give room for a matrix, where it is large at a cache line's beginning.

    A read of 200 symbols takes 11 us then, not 15; asking for the address takes 1 us.
    """
    if n < _LEAST_ALIGNED:
        return np.empty((n, n))
    return _at_line(np.empty(n * n + _LINE_DOUBLES - 1), n, n)


def _at_line(raw: FloatArray, rows: int, columns: int) -> FloatArray:
    start = -raw.ctypes.data % _LINE_BYTES // raw.itemsize
    return raw[start : start + rows * columns].reshape(rows, columns)


def _widen(array: FloatArray, columns: int) -> FloatArray:
    """Copy to an array with more columns, NaN, at a cache line's beginning.

    A register of eight doubles is a line then; it would be in two.
    """
    rows, n_before = array.shape
    raw = np.full(rows * columns + _LINE_DOUBLES - 1, np.nan)
    wider = _at_line(raw, rows, columns)
    wider[:, :n_before] = array
    return wider
