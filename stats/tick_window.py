"""Mean, variance, skewness and kurtosis of the last N tick returns of each symbol.

How, and why every bit is a function of the ticks in the window: see ``tick_blocks``.
"""

from dataclasses import dataclass

import numpy as np

from stats import tick_blocks
from stats.compiled import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class TickStatistics:
    """Statistics of the tick window; float64[n] each, NaN where not defined.

    Attributes
    ----------
    count
        Tick returns in the window.
    mean, variance
        Of log returns from tick to tick; variance with ddof 1.
    skewness, kurtosis
        Biased estimators; excess kurtosis; NaN where the variance is zero.
    slope_mean, slope_variance
        Of dp/dt, price change by seconds between ticks (the 2019 prototype's statistics).
    """

    count: FloatArray
    mean: FloatArray
    variance: FloatArray
    skewness: FloatArray
    kurtosis: FloatArray
    slope_mean: FloatArray
    slope_variance: FloatArray


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
        self._returns: FloatArray = np.zeros((0, window_ticks))
        self._slopes: FloatArray = np.zeros((0, window_ticks))
        self._times: IntArray = np.zeros((0, window_ticks), np.int64)
        self._ticks_i: IntArray = np.zeros((0, 7), np.int64)
        self._ticks_f: FloatArray = np.zeros((0, 2))
        self._suffixes: FloatArray = np.zeros((0, window_ticks // tick_blocks.BLOCK, 7))
        self._prefixes: FloatArray = np.zeros((0, 7))
        self.reserve(16)

    @property
    def arrays(
        self,
    ) -> tuple[FloatArray, FloatArray, FloatArray, IntArray, IntArray, FloatArray, FloatArray]:
        """All state, in the order in which the kernels take it."""
        return (
            self._ticks_f,
            self._returns,
            self._slopes,
            self._times,
            self._ticks_i,
            self._suffixes,
            self._prefixes,
        )

    def reserve(self, n_symbols: int) -> None:
        """Make room for symbols."""
        old = len(self._ticks_i)
        if n_symbols <= old:
            return
        capacity = max(n_symbols, 2 * old)
        self._returns = _lengthen(self._returns, capacity)
        self._slopes = _lengthen(self._slopes, capacity)
        self._suffixes = _lengthen(self._suffixes, capacity)
        self._prefixes = _lengthen(self._prefixes, capacity)
        self._ticks_f = _lengthen(self._ticks_f, capacity)
        self._times = np.concatenate(
            (self._times, np.zeros((capacity - old, self.window_ticks), np.int64))
        )
        never, largest = tick_blocks.NO_TIME, tick_blocks.LARGEST_HASH
        fresh = np.array([0, never, never, -1, largest, -1, 0], np.int64)
        self._ticks_i = np.concatenate((self._ticks_i, np.tile(fresh, (capacity - old, 1))))

    def push(self, ticks_i: IntArray, ticks_f: FloatArray, start: int, stop: int) -> None:
        """Append ticks ``start`` to ``stop`` in their order; room must have been made.

        Parameters
        ----------
        ticks_i
            int64[>= 2, n]: symbol (-1: not used) and event time.
        ticks_f
            float64[n]: price.
        """
        tick_blocks.push_ticks(start, stop, ticks_i, ticks_f, *self.arrays[:5])

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
        return TickStatistics(*out)


def _lengthen(array: FloatArray, length: int) -> FloatArray:
    # Fresh pages of zeros cost nothing until they are written.
    longer = np.zeros((length, *array.shape[1:]))
    longer[: len(array)] = array
    return longer
