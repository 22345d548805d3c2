"""What the windows say at one moment: the input of every decision."""

import msgspec

from stats.compiled import FloatArray


class Moments(msgspec.Struct, frozen=True, gc=False):
    """Sample statistics of the universe's members; arrays are read-only.

    Attributes
    ----------
    symbols
        The n members, in the order of the symbol table; by name where ticks come from several
        partitions.
    prices
        float64[n], the price each member's row ends with.
    mean, covariance
        float64[n] and float64[n, n] of log returns per sampling interval (ddof 1), of the
        grid window.
    volatility
        float64[n], square roots of the covariance's diagonal.
    skewness, kurtosis
        float64[n] of tick returns in the tick window: biased estimators, excess kurtosis;
        NaN where the variance is zero.
    n_observations
        Rows in the grid window.
    sample_interval_ns
        Length of a row.
    row
        Newest row in the window, event time // sample_interval since the epoch; with trigger
        ``tick`` the one that stands open.
    last_event_time_ns, last_receive_time_ns
        Newest tick in the statistics, UTC.
    offsets
        Partition to the newest offset of a tick in these rows; with the open row, of any message
        read.
    """

    symbols: tuple[str, ...]
    prices: FloatArray
    mean: FloatArray
    covariance: FloatArray
    volatility: FloatArray
    skewness: FloatArray
    kurtosis: FloatArray
    n_observations: int
    sample_interval_ns: int
    row: int
    last_event_time_ns: int
    last_receive_time_ns: int
    offsets: dict[int, int]
