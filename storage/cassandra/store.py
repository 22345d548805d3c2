"""Decisions and status in Cassandra: one writer beside many readers, as `tables` describes."""

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Self

import msgspec

from optimize.decision import Decision, decode_decision
from storage.cassandra.address import CassandraAddress
from storage.cassandra.errors import AbsentError
from storage.cassandra.link import Link
from storage.cassandra.reading import Reading
from storage.cassandra.schema import SCHEMA_VERSION, apply_schema, found_version
from storage.cassandra.tables import Statements
from storage.cassandra.writer import Writer
from storage.faults import decision_fault, status_fault
from storage.protocol import AssetRow, DecisionQuery, StoreError, UnreachableError
from storage.records import Status, decode_status


class CassandraStore:
    """A store as :class:`storage.protocol.Store` has it, for any number of threads.

    Parameters
    ----------
    address
        The cluster and keyspace.
    read_only
        Never writes or makes tables: until someone does, every answer is empty.
    retention_s
        Time to live of what is written, in seconds.

    Raises
    ------
    StoreError
        The login is refused, or the schema is newer or may not be made. A cluster that does not
        answer is no error here: it is connected to when it is needed.
    """

    def __init__(
        self,
        address: CassandraAddress,
        *,
        read_only: bool = False,
        retention_s: float = 86_400.0,
    ) -> None:
        self.address = address
        self._retention_s = retention_s
        self._link = Link(address)
        self._cql = Statements(address.keyspace)
        self._lock = threading.Lock()
        self._ready = False
        self._writer = None if read_only else Writer(self._link, self._cql, retention_s)
        try:
            self._is_ready("opening")
        except UnreachableError:
            return
        except BaseException:
            self._link.close()
            raise

    def append(self, decisions: Sequence[Decision], statuses: Sequence[Status]) -> int:
        """Keep records, all or none, on a quorum of their nodes when it returns.

        Known ids have no effect; a status is known by its portfolio and time.

        Returns
        -------
        int
            Decisions that were new.

        Raises
        ------
        StoreError
            Nothing of the call was kept; or, where an answer was lost at the very end, all of
            it, which the retry then finds known.
        """
        faults = [*map(decision_fault, decisions), *map(status_fault, statuses)]
        if any(faults):
            where = self.address.place
            raise StoreError(f"writing {where}: {'; '.join(filter(None, faults))}; none kept")
        with self._writing("writing") as writer:
            return writer.append(decisions, statuses)

    def decisions(self, query: DecisionQuery) -> list[Decision]:
        """Read decisions, ordered by row end and id; ``with_cloud`` only those with a cloud.

        An id that is not kept (any more) stands where its text would stand among the ids.

        Raises
        ------
        StoreError
            The cluster does not answer, or holds what this version cannot decode.
        """
        with self._nothing_where_absent():
            if query.limit > 0 and self._is_ready("reading"):
                found = islice(self._reading().decisions(query), _countable(query.limit))
                try:
                    return [decode_decision(payload.encode()) for payload in found]
                except msgspec.DecodeError as error:
                    raise self._undecodable("decision", error) from error
        return []

    def asset_history(self, symbol: str, query: DecisionQuery) -> list[AssetRow]:
        """Read one symbol's rows in the decisions that hold it; ``limit`` counts those.

        Raises
        ------
        StoreError
            The cluster does not answer.
        """
        with self._nothing_where_absent():
            if query.limit > 0 and self._is_ready("reading"):
                rows = islice(self._reading().assets(symbol, query), _countable(query.limit))
                return [AssetRow(row[3], row[2], symbol, *row[4:]) for row in rows]
        return []

    def statuses(self, portfolio: str = "main", limit: int = 1) -> list[Status]:
        """Read the newest status records, newest first.

        Raises
        ------
        StoreError
            The cluster does not answer, or holds what this version cannot decode.
        """
        with self._nothing_where_absent():
            if limit > 0 and self._is_ready("reading"):
                limit = _countable(limit)
                found = islice(self._reading().statuses(portfolio, limit), limit)
                try:
                    return [decode_status(payload.encode()) for payload in found]
                except msgspec.DecodeError as error:
                    raise self._undecodable("status", error) from error
        return []

    def prune(self, before_ns: int) -> int:
        """Delete some of what is older, oldest first; call again until it gives 0.

        One call deletes at most 200 decisions of a portfolio, so that appends come between.
        Of status records about the newest hour stays at most.

        Returns
        -------
        int
            Decisions deleted.

        Raises
        ------
        StoreError
            The step was not done, or in part; the next call does it.
        """
        with self._writing("deleting old records from") as writer:
            return writer.prune(before_ns)

    def close(self) -> None:
        """End the connections; safe to call twice."""
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _nothing_where_absent(self) -> Iterator[None]:
        """Leave it at an empty answer where the keyspace was dropped meanwhile."""
        try:
            yield
        except AbsentError:
            self._ready = False

    @contextmanager
    def _writing(self, doing: str) -> Iterator[Writer]:
        """Lend the writer, to one thread at a time."""
        if self._writer is None:
            place = self.address.place
            raise StoreError(f"{doing} {place}: opened read-only; open it again to write")
        with self._lock:
            self._is_ready(doing)
            try:
                yield self._writer
            except AbsentError:
                self._ready = False
                raise

    def _is_ready(self, doing: str) -> bool:
        """Tell whether the schema is there; a writer makes it."""
        if not self._ready:
            if self._writer is not None:
                apply_schema(self._link, self._retention_s)
                # A new one: what another had listed may have gone with the keyspace.
                self._writer = Writer(self._link, self._cql, self._retention_s)
            self._ready = found_version(self._link, doing) == SCHEMA_VERSION
        return self._ready

    def _reading(self) -> Reading:
        return Reading(self._link, self._cql)

    def _undecodable(self, kind: str, error: Exception) -> StoreError:
        return StoreError(
            f"reading {self.address.place}: a {kind} cannot be decoded ({error}); another version "
            "wrote it: install that one, or choose another cassandra.keyspace"
        )


def _countable(limit: int) -> int:
    return min(limit, sys.maxsize)
