"""Decisions and status in Cassandra: one writer beside many readers, as `tables` describes."""

import sys
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Self

import msgspec

from optimize.decision import Decision, decode_decision
from storage.cassandra.address import CassandraAddress
from storage.cassandra.append import (
    Entry,
    Stamp,
    decision_batches,
    entries,
    status_batches,
)
from storage.cassandra.errors import AbsentError
from storage.cassandra.link import Link
from storage.cassandra.pruning import Pruning
from storage.cassandra.reading import Reading
from storage.cassandra.schema import SCHEMA_VERSION, apply_schema, found_version
from storage.cassandra.tables import Statements, bucket_of, bucket_of_id
from storage.faults import decision_fault, status_fault
from storage.protocol import AssetRow, DecisionQuery, StoreError, UnreachableError
from storage.records import Status, decode_status

_LONGEST_TTL_S = 630_720_000  # twenty years, the server's limit
# What is listed already is not written again; of ten thousand symbols a bucket five buckets.
_MOST_LISTED = 100_000


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
        self._read_only = read_only
        self._retention_s = retention_s
        self._link = Link(address)
        self._cql = Statements(address.keyspace)
        self._lock = threading.Lock()
        self._ready = False
        self._begin_writer()
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
        self._refuse_where_read_only("writing")
        with self._lock:
            self._is_ready("writing")
            new, new_statuses = self._unknown(decisions, statuses)
            if new or new_statuses:
                try:
                    self._write(new, new_statuses)
                except BaseException as error:
                    # What was written, or still is on its way, is never to count.
                    self._begin_writer()
                    self._ready = not isinstance(error, AbsentError)
                    raise
        return len(new)

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
        self._refuse_where_read_only("deleting old records from")
        with self._lock:
            self._is_ready("deleting old records from")
            pruning = Pruning(self._link, self._cql, before_ns)
            try:
                return pruning.run()
            finally:
                self._listed -= pruning.forgotten

    def close(self) -> None:
        """End the connections; safe to call twice."""
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begin_writer(self) -> None:
        self._writer = uuid.uuid4()
        self._append_number = 0
        self._listed: set[Entry] = set()

    @contextmanager
    def _nothing_where_absent(self) -> Iterator[None]:
        """Leave it at an empty answer where the keyspace was dropped meanwhile."""
        try:
            yield
        except AbsentError:
            self._ready = False

    def _refuse_where_read_only(self, doing: str) -> None:
        if self._read_only:
            place = self.address.place
            raise StoreError(f"{doing} {place}: opened read-only; open it again to write")

    def _is_ready(self, doing: str) -> bool:
        """Tell whether the schema is there; a writer makes it."""
        if not self._ready:
            if not self._read_only:
                apply_schema(self._link, self._retention_s)
            self._ready = found_version(self._link, doing) == SCHEMA_VERSION
        return self._ready

    def _reading(self) -> Reading:
        return Reading(self._link, self._cql)

    def _unknown(
        self, decisions: Sequence[Decision], statuses: Sequence[Status]
    ) -> tuple[list[Decision], list[Status]]:
        """Find what is not kept yet; the first of several with one id."""
        by_id: dict[tuple[str, str], Decision] = {}
        for decision in decisions:
            by_id.setdefault((decision.portfolio, decision.id), decision)
        by_time: dict[tuple[str, int], Status] = {}
        for status in statuses:
            by_time.setdefault((status.portfolio, status.time_ns), status)
        reading, cql = self._reading(), self._cql
        calls = [
            (cql.has_id, (name, bucket_of_id(name, identity), identity)) for name, identity in by_id
        ] + [(cql.has_status, (name, bucket_of(time_ns), time_ns)) for name, time_ns in by_time]
        answers = map(reading.has, self._link.run_all("writing", [[call] for call in calls]))
        new = [decision for decision in by_id.values() if not next(answers)]
        return new, [status for status in by_time.values() if not next(answers)]

    def _write(self, decisions: Sequence[Decision], statuses: Sequence[Status]) -> None:
        """Write all rows, and last the number that lets them count."""
        number = self._append_number + 1
        ttl_s = max(1, min(round(self._retention_s), _LONGEST_TTL_S))
        stamp = Stamp(self._writer, number, ttl_s)
        needed = entries(self._cql, decisions, statuses) - self._listed
        batches = decision_batches(self._cql, stamp, decisions)
        batches += status_batches(self._cql, stamp, statuses)
        self._link.run_all("writing", [[(entry.cql, entry.values)] for entry in needed] + batches)
        if len(self._listed) > _MOST_LISTED:
            self._listed.clear()
        self._listed |= needed
        # An hour more than the rows that it lets count.
        longer_s = min(ttl_s + 3600, _LONGEST_TTL_S)
        self._link.run("writing", self._cql.commit, (self._writer, number, longer_s))
        self._append_number = number

    def _undecodable(self, kind: str, error: Exception) -> StoreError:
        return StoreError(
            f"reading {self.address.place}: a {kind} cannot be decoded ({error}); another version "
            "wrote it: install that one, or choose another cassandra.keyspace"
        )


def _countable(limit: int) -> int:
    return min(limit, sys.maxsize)
