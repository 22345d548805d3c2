"""What is read from the SQLite file, each with the index that serves it.

Every read of decisions is one range of one index between two exclusive positions, a position
being (end of row, id). Ids count rows, so they alone would not order decisions made at different
sampling intervals.
"""

import sqlite3
from typing import Final

from storage.protocol import DecisionQuery

Position = tuple[int, str]
_FIRST: Final = (-1, "")
_LAST: Final = (2**63 - 1, "\U0010ffff")

_DECISIONS = """
    SELECT CAST(payload AS BLOB) FROM decision
    WHERE portfolio = ? AND (row_end_ns, id) > (?, ?) AND (row_end_ns, id) < (?, ?)"""
_WITH_CLOUD = " AND has_cloud"
_ASSET_ROWS = """
    SELECT id, row_end_ns, price, mean, volatility, skewness, kurtosis, weight, weight_stddev
    FROM asset_row AS a
    WHERE series = (SELECT series FROM series WHERE portfolio = ? AND symbol = ?)
    AND (row_end_ns, id) > (?, ?) AND (row_end_ns, id) < (?, ?)"""
_ASSET_WITH_CLOUD = """
    AND EXISTS (SELECT 1 FROM decision AS d JOIN series AS s ON s.portfolio = d.portfolio
    WHERE s.series = a.series AND d.id = a.id AND d.has_cloud)"""
_NEWEST_FIRST = " ORDER BY row_end_ns DESC, id DESC LIMIT ?"
_OLDEST_FIRST = " ORDER BY row_end_ns, id LIMIT ?"
_AT_OR_BEFORE = """
    SELECT row_end_ns, id FROM decision WHERE portfolio = ? AND id <= ?
    ORDER BY id DESC LIMIT 1"""
_AT_OR_AFTER = """
    SELECT row_end_ns, id FROM decision WHERE portfolio = ? AND id >= ?
    ORDER BY id LIMIT 1"""

NEWEST_STATUSES = """
    SELECT CAST(payload AS BLOB) FROM status WHERE portfolio = ?
    ORDER BY time_ns DESC LIMIT ?"""


def select_decisions(query: DecisionQuery) -> str:
    """Give the statement that reads decisions: portfolio, window, limit are its values."""
    order = _NEWEST_FIRST if query.newest_first else _OLDEST_FIRST
    return _DECISIONS + (_WITH_CLOUD if query.with_cloud else "") + order


def select_asset_rows(query: DecisionQuery) -> str:
    """Give the statement that reads one symbol: portfolio, symbol, window, limit."""
    order = _NEWEST_FIRST if query.newest_first else _OLDEST_FIRST
    return _ASSET_ROWS + (_ASSET_WITH_CLOUD if query.with_cloud else "") + order


def window(connection: sqlite3.Connection, query: DecisionQuery) -> tuple[int, str, int, str, int]:
    """Find the two exclusive positions a query lies between, and its limit.

    An id that is not kept (any more) stands where its text would stand among the ids: after a
    pruned id comes all that is left.
    """
    low: Position = _FIRST
    high: Position = _LAST
    if query.start_ns is not None:
        low = (_int64(query.start_ns), "")
    if query.end_ns is not None:
        high = (_int64(query.end_ns), "")
    if query.after_id is not None:
        values = (query.portfolio, query.after_id)
        low = max(low, connection.execute(_AT_OR_BEFORE, values).fetchone() or _FIRST)
    if query.before_id is not None:
        values = (query.portfolio, query.before_id)
        high = min(high, connection.execute(_AT_OR_AFTER, values).fetchone() or _LAST)
    # A negative limit would mean none to SQLite.
    return (*low, *high, _int64(max(query.limit, 0)))


def _int64(value: int) -> int:
    return max(-1, min(value, 2**63 - 1))
