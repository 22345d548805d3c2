"""The plain-numpy twin of the read of both windows."""

from typing import Any

import numpy as np

from stats import member_reads as at
from stats import pending, plain, plain_rows, plain_ticks
from stats.compiled import FloatArray, IntArray


def read_members(
    open_rows: int,
    ids: IntArray,
    symbol_f: FloatArray,
    table: FloatArray,
    covariance: FloatArray,
    triangles: FloatArray,
    vectors: FloatArray,
    state: IntArray,
    *ticks: Any,
) -> int:
    """As ``member_reads.read_members``."""
    newest, closed = symbol_f[pending.NEWEST_PRICE], symbol_f[pending.PRICE]
    opened = vectors[0]
    if open_rows:
        opened = np.empty(len(newest))
        plain.log_returns(newest, closed, opened)
    rows = plain_rows.read_window(
        open_rows, ids, opened, table[at.MEAN], covariance, table[at.VOLATILITY],
        triangles, vectors, state,
    )  # fmt: skip
    plain_ticks.read_ticks(ids, table[: at.PRICES], *ticks)
    table[at.PRICES] = (newest if open_rows else closed)[ids]
    return rows
