"""All that a decision takes from both windows, in one call from Python.

With three calls and a gathered column it took 28 us where caches are cold, as those of a live
feed are, with one 13.
"""

import numpy as np

from stats.compiled import FloatArray, IntArray, kernel
from stats.pending import NEWEST_PRICE, PRICE
from stats.returns import log_returns
from stats.row_reads import read_window
from stats.tick_blocks import read_ticks

# Rows of the table that a read writes; the first seven are those of ``read_ticks``.
SKEWNESS, KURTOSIS, PRICES, MEAN, VOLATILITY, N_COLUMNS = 3, 4, 7, 8, 9, 10


@kernel
def read_members(
    open_rows: int,
    ids: IntArray,
    symbol_f: FloatArray,
    table: FloatArray,
    covariance: FloatArray,
    triangles: FloatArray,
    vectors: FloatArray,
    state: IntArray,
    ring: FloatArray,
    times: IntArray,
    ticks_i: IntArray,
    sums: FloatArray,
    inverses: FloatArray,
) -> int:
    """Write the members' prices and the statistics of both windows.

    Parameters
    ----------
    open_rows
        1 where the newest prices stand as a row after the newest, else 0.
    ids
        int64[n], ascending.
    symbol_f
        What the grid knows of each symbol, see ``pending``.
    table
        float64[N_COLUMNS, n], written.
    covariance
        float64[n, n], written.
    triangles, vectors, state
        Of ``GridWindow``.
    ring, times, ticks_i, sums, inverses
        Of ``TickWindow``.

    Returns
    -------
    int
        Rows in the grid window.
    """
    opened, price = vectors[0], PRICE
    if open_rows == 1:
        opened, price = np.empty(symbol_f.shape[1]), NEWEST_PRICE
        log_returns(symbol_f[NEWEST_PRICE], symbol_f[PRICE], opened)
    mean, volatility = table[MEAN], table[VOLATILITY]
    rows = read_window(
        open_rows, ids, opened, mean, covariance, volatility, triangles, vectors, state
    )
    read_ticks(ids, table, ring, times, ticks_i, sums, inverses)
    for a in range(len(ids)):
        table[PRICES, a] = symbol_f[price, ids[a]]
    return rows
