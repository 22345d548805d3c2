"""Mean, variance, skewness and kurtosis of the last N tick returns of each symbol.

How, and why every bit is a function of the ticks in the window: see ``tick_blocks``. A symbol
takes 24 bytes a tick of the window and 3 kB: 14 MB for 500 symbols and 1000 ticks.
"""

from dataclasses import dataclass

import numpy as np

from stats import tick_blocks, tick_rings
from stats.compiled import FloatArray, IntArray

STATISTICS = (
    "count", "mean", "variance", "skewness", "kurtosis", "slope_mean", "slope_variance",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TickStatistics:
    """Statistics of the tick window; float64[n] each, NaN where not defined.

    Attributes
    ----------
    table
        float64[7, n], read-only: those named in `STATISTICS`. Each is made an array of its own
        when asked for: seven of them took as long as to compute them for 50 symbols.
    """

    table: FloatArray

    def _row(self, place: int) -> FloatArray:
        row: FloatArray = self.table[place]
        return row

    @property
    def count(self) -> FloatArray:
        """Tick returns in the window."""
        return self._row(0)

    @property
    def mean(self) -> FloatArray:
        """Mean of log returns from tick to tick."""
        return self._row(1)

    @property
    def variance(self) -> FloatArray:
        """Their variance, ddof 1."""
        return self._row(2)

    @property
    def skewness(self) -> FloatArray:
        """Their skewness, the biased estimator; NaN where the variance is zero."""
        return self._row(3)

    @property
    def kurtosis(self) -> FloatArray:
        """Their excess kurtosis, the biased estimator; NaN where the variance is zero."""
        return self._row(4)

    @property
    def slope_mean(self) -> FloatArray:
        """Mean of dp/dt, price change by seconds between ticks (of the 2019 prototype)."""
        return self._row(5)

    @property
    def slope_variance(self) -> FloatArray:
        """Their variance, ddof 1."""
        return self._row(6)


class TickWindow:
    """The last N ticks of a growing number of symbols.

    Parameters
    ----------
    window_ticks
        N, >= 2: tick returns a symbol, each to the tick before.

    Raises
    ------
    ValueError
        The window has less than two ticks.
    """

    def __init__(self, window_ticks: int) -> None:
        if window_ticks < 2:
            raise ValueError(f"window_ticks={window_ticks}: must be >= 2")
        self.window_ticks = window_ticks
        self._ring: FloatArray = np.zeros((0, window_ticks, 2))
        self._times: IntArray = np.zeros((0, window_ticks), np.int64)
        self._ticks_i: IntArray = np.zeros((0, 9), np.int64)
        self._ticks_f: FloatArray = np.zeros((0, 2))
        self._sums: FloatArray = np.zeros((0, tick_blocks.n_sums(window_ticks), 6))
        self._inverses: FloatArray = np.zeros(window_ticks + 1)
        self._inverses[1:] = 1.0 / np.arange(1.0, window_ticks + 1.0)
        self.reserve(16)

    @property
    def arrays(self) -> tuple[FloatArray, FloatArray, IntArray, IntArray, FloatArray, FloatArray]:
        """All state, in the order in which the kernels take it."""
        return self._arrays

    def reserve(self, n_symbols: int) -> None:
        """Make room for symbols."""
        old = len(self._ticks_i)
        if n_symbols <= old:
            return
        capacity = max(n_symbols, 2 * old)
        self._ring = _lengthen(self._ring, capacity)
        self._sums = _lengthen(self._sums, capacity)
        self._ticks_f = _lengthen(self._ticks_f, capacity)
        self._times = np.concatenate(
            (self._times, np.zeros((capacity - old, self.window_ticks), np.int64))
        )
        never, largest = tick_rings.NO_TIME, tick_rings.LARGEST_HASH
        last = self.window_ticks - 1
        fresh = np.array([0, last, never, never, -1, largest, -1, 0, -1], np.int64)
        self._ticks_i = np.concatenate((self._ticks_i, np.tile(fresh, (capacity - old, 1))))
        self._arrays = (
            self._ticks_f, self._ring, self._times, self._ticks_i, self._sums, self._inverses,
        )  # fmt: skip

    def push(self, ticks_i: IntArray, ticks_f: FloatArray, start: int, stop: int) -> None:
        """Append ticks ``start`` to ``stop`` in their order; room must have been made.

        Parameters
        ----------
        ticks_i
            int64[>= 2, n]: symbol (-1: not used) and event time.
        ticks_f
            float64[n]: price.
        """
        tick_rings.push_ticks(start, stop, ticks_i, ticks_f, *self.arrays[:4])

    def read(self, ids: IntArray) -> TickStatistics:
        """Read the statistics of symbols.

        Parameters
        ----------
        ids
            int64[n], each less than what room was made for.
        """
        out = np.empty((7, len(ids)))
        tick_blocks.read_ticks(ids, out, *self.arrays[1:])
        out.setflags(write=False)
        return TickStatistics(out)


def _lengthen(array: FloatArray, length: int) -> FloatArray:
    # Fresh pages of zeros cost nothing until they are written.
    longer = np.zeros((length, *array.shape[1:]))
    longer[: len(array)] = array
    return longer
