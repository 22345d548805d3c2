"""What is written to the SQLite file, and what is deleted from it, inside a transaction."""

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Any

from optimize.decision import Decision

# A step of 200 decisions with 50 assets took 60 ms on a busy machine: an append hardly waits.
_PRUNED_AT_ONCE = 200
# An hour at one a second; a week of them would take gigabytes, and only the newest are read.
STATUSES_KEPT = 3600
# Space is given back to the disk when more than a quarter of the file is free, else it is used
# again: a steady state deletes as much as it writes.
_FREE_SHARE = 4
_PAGES_FREED_AT_ONCE = 1000

_INSERT_DECISION = """
    INSERT INTO decision (portfolio, id, row_end_ns, has_cloud, payload)
    VALUES (?, ?, ?, ?, CAST(? AS TEXT)) ON CONFLICT (portfolio, id) DO NOTHING"""
_INSERT_ASSET = "INSERT INTO asset_row VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_STATUS = """
    INSERT INTO status (portfolio, time_ns, payload)
    VALUES (?, ?, CAST(? AS TEXT)) ON CONFLICT (portfolio, time_ns) DO NOTHING"""


def insert_decisions(
    connection: sqlite3.Connection, decisions: Sequence[Decision], payloads: Sequence[bytes]
) -> int:
    """Insert decisions and a row for each of their assets; count those that were new."""
    new = []
    for decision, payload in zip(decisions, payloads, strict=True):
        values = (
            decision.portfolio,
            decision.id,
            decision.row_end_ns,
            decision.cloud is not None,
            payload,
        )
        if connection.execute(_INSERT_DECISION, values).rowcount:
            new.append(decision)
    for portfolio in {decision.portfolio for decision in new}:
        of_portfolio = [decision for decision in new if decision.portfolio == portfolio]
        series = _series(connection, portfolio, of_portfolio)
        connection.executemany(_INSERT_ASSET, _asset_rows(series, of_portfolio))
    return len(new)


def insert_statuses(
    connection: sqlite3.Connection, records: Sequence[tuple[str, int, bytes]]
) -> None:
    """Insert status records given as portfolio, time and payload."""
    connection.executemany(_INSERT_STATUS, records)


def _series(
    connection: sqlite3.Connection, portfolio: str, decisions: Sequence[Decision]
) -> dict[str, int]:
    """Give each symbol of a portfolio its number, a new one where it has none."""
    select = "SELECT symbol, series FROM series WHERE portfolio = ?"
    known = dict(connection.execute(select, (portfolio,)))
    # A dict keeps the order of the decisions, so that equal input makes equal files.
    symbols = dict.fromkeys(symbol for decision in decisions for symbol in decision.symbols)
    new = [(portfolio, symbol) for symbol in symbols if symbol not in known]
    if not new:
        return known
    connection.executemany("INSERT INTO series (portfolio, symbol) VALUES (?, ?)", new)
    return dict(connection.execute(select, (portfolio,)))


def _asset_rows(series: dict[str, int], decisions: Sequence[Decision]) -> Iterator[tuple[Any, ...]]:
    for decision in decisions:
        yield from zip(
            [series[symbol] for symbol in decision.symbols],
            repeat(decision.row_end_ns),
            repeat(decision.id),
            decision.prices.tolist(),
            decision.mean.tolist(),
            decision.volatility.tolist(),
            decision.skewness.tolist(),
            decision.kurtosis.tolist(),
            decision.weights.tolist(),
            decision.weight_stddev.tolist(),
            strict=False,
        )


def _portfolios(connection: sqlite3.Connection, table: str) -> Iterator[str]:
    """Step from one portfolio to the next; DISTINCT would read the whole index."""
    statement = {
        "decision": "SELECT min(portfolio) FROM decision WHERE portfolio > ?",
        "status": "SELECT min(portfolio) FROM status WHERE portfolio > ?",
    }[table]
    portfolio = ""
    while (found := connection.execute(statement, (portfolio,)).fetchone()[0]) is not None:
        portfolio = found
        yield found


def delete_decisions(connection: sqlite3.Connection, before_ns: int) -> int:
    """Delete the oldest decisions that are older, at most 200 a portfolio; count them."""
    deleted = 0
    for portfolio in list(_portfolios(connection, "decision")):
        oldest = connection.execute(
            """SELECT row_end_ns, id FROM decision WHERE portfolio = ? AND row_end_ns < ?
            ORDER BY row_end_ns, id LIMIT ?""",
            (portfolio, before_ns, _PRUNED_AT_ONCE),
        ).fetchall()
        if not oldest:
            continue
        deleted += len(oldest)
        series = connection.execute("SELECT series FROM series WHERE portfolio = ?", (portfolio,))
        connection.executemany(
            "DELETE FROM asset_row WHERE series = ? AND (row_end_ns, id) <= (?, ?)",
            [(number, *oldest[-1]) for (number,) in series.fetchall()],
        )
        connection.execute(
            "DELETE FROM decision WHERE portfolio = ? AND (row_end_ns, id) <= (?, ?)",
            (portfolio, *oldest[-1]),
        )
    return deleted


def delete_statuses(connection: sqlite3.Connection, before_ns: int) -> None:
    """Delete status records that are older, and all but the newest 3600 of a portfolio."""
    for portfolio in list(_portfolios(connection, "status")):
        beyond = connection.execute(
            "SELECT time_ns FROM status WHERE portfolio = ? ORDER BY time_ns DESC LIMIT 1 OFFSET ?",
            (portfolio, STATUSES_KEPT),
        ).fetchone()
        limit_ns = max(before_ns, beyond[0] + 1) if beyond else before_ns
        connection.execute(
            "DELETE FROM status WHERE portfolio = ? AND time_ns < ?", (portfolio, limit_ns)
        )


def give_space_back(connection: sqlite3.Connection) -> None:
    """Shorten the file a little where much of it is free."""
    free = connection.execute("PRAGMA freelist_count").fetchone()[0]
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    surplus = min(free - pages // _FREE_SHARE, _PAGES_FREED_AT_ONCE)
    # Python takes one step of a statement without columns, and one step frees one page.
    for _ in range(surplus):
        connection.execute("PRAGMA incremental_vacuum(1)")
