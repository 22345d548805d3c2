"""Ticks made by tests."""

import numpy as np

from ingest.file_ticks import FileTicks

SECOND = 10**9
NOW = 1_750_000_000 * SECOND


def ticks_at(
    times: list[int], symbols: tuple[str, ...] = ("A",), ids: list[int] | None = None
) -> FileTicks:
    n = len(times)
    event_time_ns = np.array(times, np.int64)
    symbol_ids = np.array([0] * n if ids is None else ids, np.int32)
    return FileTicks(
        symbols, symbol_ids, np.ones(n), event_time_ns, np.full(n, -1), event_time_ns.copy()
    )
