"""The stores that the contract suite runs on, and the plain oracle it compares them with."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol
from unittest import mock

import pytest

from optimize.decision import Decision
from storage.cassandra import CassandraAddress, CassandraStore, Link, apply_schema
from storage.protocol import AssetRow, DecisionQuery, Store, StoreError
from storage.records import Status
from storage.sqlite import SqliteStore
from tests.services import CASSANDRA_SUPERUSER


class Backend(Protocol):
    """How the suite opens one kind of store, here and in other processes, and makes it fail.

    ``load`` is how many decisions are written while how many threads read without a pause.
    """

    load: tuple[int, int]

    def open(self, *, read_only: bool = False) -> Store: ...

    def address(self) -> str: ...

    def refusing(self, symbol: str) -> AbstractContextManager[None]: ...


class SqliteBackend:
    load = (120, 16)

    def __init__(self, folder: Path) -> None:
        self.path = folder / "decisions.sqlite"

    def open(self, *, read_only: bool = False) -> Store:
        return SqliteStore(self.path, read_only=read_only)

    def address(self) -> str:
        """What `open_at` in another process needs."""
        return f"sqlite:{self.path}"

    @contextmanager
    def refusing(self, symbol: str) -> Iterator[None]:
        """Make the write of one symbol's row fail while the rest of its call goes well."""
        with sqlite3.connect(self.path) as connection:
            connection.execute(
                # A trigger takes no parameters; the symbol is the test's own.
                f"""CREATE TRIGGER refuse BEFORE INSERT ON asset_row WHEN NEW.series =
                (SELECT series FROM series WHERE symbol = '{symbol}')
                BEGIN SELECT RAISE(ABORT, 'injected'); END"""
            )
        connection.close()
        yield
        with sqlite3.connect(self.path) as connection:
            connection.execute("DROP TRIGGER refuse")
        connection.close()


def cassandra_address(contact: str, keyspace: str = "", **changes: Any) -> CassandraAddress:
    """Give the address of a keyspace of this process, or of another."""
    host, port = contact.rsplit(":", 1)
    user, password = CASSANDRA_SUPERUSER
    keyspace = keyspace or f"test_{os.getpid()}"
    return CassandraAddress(
        (host,), int(port), keyspace, **({"user": user, "password": password} | changes)
    )


class CassandraBackend:
    """One keyspace a process: what was in it is left in place, as of writers that never finished.

    So every test reads among rows that do not count, with the same ids as its own.
    """

    load = (60, 4)  # the server has to share the processors with them

    def __init__(self, contact: str) -> None:
        self._contact = contact
        self._address = cassandra_address(contact)
        link = Link(self._address)
        apply_schema(link, 86_400.0)
        link.run("clearing", f"DELETE FROM {self._address.keyspace}.writer WHERE part = 'all'")
        link.close()

    def open(self, *, read_only: bool = False) -> Store:
        return CassandraStore(self._address, read_only=read_only)

    def address(self) -> str:
        """What `open_at` in another process needs."""
        return f"cassandra:{self._contact}/{self._address.keyspace}"

    @contextmanager
    def refusing(self, symbol: str) -> Iterator[None]:
        """Make the write of one symbol's row fail while the rest of its call goes well."""
        run_all = Link.run_all

        def refuse(link: Link, doing: str, batches: Any) -> Any:
            good = [b for b in batches if not any(symbol in values for _, values in b)]
            answers = run_all(link, doing, good)
            if len(good) < len(batches):
                raise StoreError("injected")
            return answers

        with mock.patch.object(Link, "run_all", refuse):
            yield


BACKENDS = ["sqlite", pytest.param("cassandra", marks=pytest.mark.cassandra)]


def make_backend(name: str, folder: Path, request: pytest.FixtureRequest) -> Backend:
    if name == "sqlite":
        return SqliteBackend(folder)
    return CassandraBackend(request.getfixturevalue("cassandra_contact"))


def open_at(address: str, *, read_only: bool) -> Store:
    kind, place = address.split(":", 1)
    if kind == "sqlite":
        return SqliteStore(place, read_only=read_only)
    contact, keyspace = place.split("/")
    return CassandraStore(cassandra_address(contact, keyspace), read_only=read_only)


def prune_all(store: Store, before_ns: int) -> int:
    total = 0
    while deleted := store.prune(before_ns):
        total += deleted
    return total


class DictStore:
    """The oracle: what a store must answer, by the plainest means."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], Decision] = {}
        self.times: dict[tuple[str, int], Status] = {}

    def append(self, decisions: Sequence[Decision], statuses: Sequence[Status]) -> int:
        before = len(self.kept)
        for decision in decisions:
            self.kept.setdefault((decision.portfolio, decision.id), decision)
        for status in statuses:
            self.times.setdefault((status.portfolio, status.time_ns), status)
        return len(self.kept) - before

    def _chosen(self, query: DecisionQuery) -> list[Decision]:
        mine = [d for d in self.kept.values() if d.portfolio == query.portfolio]
        mine.sort(key=lambda d: (d.row_end_ns, d.id))
        chosen = list(mine)
        if query.after_id is not None:
            older = [d for d in mine if d.id <= query.after_id]
            if older:
                chosen = chosen[1 + mine.index(max(older, key=lambda d: d.id)) :]
        if query.before_id is not None:
            newer = [d for d in mine if d.id >= query.before_id]
            if newer:
                end = mine.index(min(newer, key=lambda d: d.id))
                chosen = [d for d in chosen if mine.index(d) < end]
        start = -1 if query.start_ns is None else query.start_ns
        end_ns = 2**63 if query.end_ns is None else query.end_ns
        chosen = [d for d in chosen if start <= d.row_end_ns < end_ns]
        if query.with_cloud:
            chosen = [d for d in chosen if d.cloud is not None]
        return chosen[::-1] if query.newest_first else chosen

    def decisions(self, query: DecisionQuery) -> list[Decision]:
        return self._chosen(query)[: query.limit]

    def asset_history(self, symbol: str, query: DecisionQuery) -> list[AssetRow]:
        rows = []
        for d in self._chosen(query):
            if symbol in d.symbols:
                i = d.symbols.index(symbol)
                arrays = (d.prices, d.mean, d.volatility, d.skewness, d.kurtosis)
                numbers = [float(a[i]) for a in (*arrays, d.weights, d.weight_stddev)]
                rows.append(AssetRow(d.id, d.row_end_ns, symbol, *numbers))
        return rows[: query.limit]

    def statuses(self, portfolio: str = "main", limit: int = 1) -> list[Status]:
        mine = [s for s in self.times.values() if s.portfolio == portfolio]
        return sorted(mine, key=lambda s: -s.time_ns)[:limit]

    def prune(self, before_ns: int) -> int:
        old = [key for key, d in self.kept.items() if d.row_end_ns < before_ns]
        for key in old:
            del self.kept[key]
        for place in [place for place in self.times if place[1] < before_ns]:
            del self.times[place]
        return len(old)
