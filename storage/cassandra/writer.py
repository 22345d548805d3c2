"""The one writer of a process: what is new, in which order it is written, and what is listed."""

import uuid
from collections.abc import Sequence

from optimize.decision import Decision
from storage.cassandra.append import (
    Entry,
    Stamp,
    decision_batches,
    entries,
    status_batches,
)
from storage.cassandra.link import Link
from storage.cassandra.pruning import Pruning
from storage.cassandra.reading import Reading
from storage.cassandra.tables import Statements, bucket_of, bucket_of_id
from storage.records import Status

_LONGEST_TTL_S = 630_720_000  # twenty years, the server's limit
# What is listed already is not written again; of ten thousand symbols these are five buckets.
_MOST_LISTED = 100_000


class Writer:
    """Writes to one keyspace; not for two threads at once.

    Parameters
    ----------
    retention_s
        Time to live of what is written, in seconds.
    """

    def __init__(self, link: Link, cql: Statements, retention_s: float) -> None:
        self._link = link
        self._cql = cql
        self._ttl_s = max(1, min(round(retention_s), _LONGEST_TTL_S))
        self._begin()

    def append(self, decisions: Sequence[Decision], statuses: Sequence[Status]) -> int:
        """Keep what is new; count the decisions of it."""
        new, new_statuses = self._unknown(decisions, statuses)
        if new or new_statuses:
            try:
                self._write(new, new_statuses)
            except BaseException:
                # What was written, or still is on its way, is never to count.
                self._begin()
                raise
        return len(new)

    def prune(self, before_ns: int) -> int:
        """Delete a step of what is older; count the decisions."""
        pruning = Pruning(self._link, self._cql, before_ns)
        try:
            return pruning.run()
        finally:
            self._listed -= pruning.forgotten

    def _begin(self) -> None:
        self._name = uuid.uuid4()
        self._append_number = 0
        self._listed: set[Entry] = set()

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
        reading, cql = Reading(self._link, self._cql, "writing"), self._cql
        calls = [
            (cql.has_id, (name, bucket_of_id(name, identity), identity)) for name, identity in by_id
        ] + [(cql.has_status, (name, bucket_of(time_ns), time_ns)) for name, time_ns in by_time]
        answers = map(reading.has, self._link.run_all("writing", [[call] for call in calls]))
        new = [decision for decision in by_id.values() if not next(answers)]
        return new, [status for status in by_time.values() if not next(answers)]

    def _write(self, decisions: Sequence[Decision], statuses: Sequence[Status]) -> None:
        """Write all rows, and last the number that lets them count."""
        number = self._append_number + 1
        stamp = Stamp(self._name, number, self._ttl_s)
        needed = entries(self._cql, decisions, statuses) - self._listed
        batches = decision_batches(self._cql, stamp, decisions)
        batches += status_batches(self._cql, stamp, statuses)
        self._link.run_all("writing", [[(entry.cql, entry.values)] for entry in needed] + batches)
        if len(self._listed) > _MOST_LISTED:
            self._listed.clear()
        self._listed |= needed
        # An hour more than the rows that it lets count.
        longer_s = min(self._ttl_s + 3600, _LONGEST_TTL_S)
        self._link.run("writing", self._cql.commit, (self._name, number, longer_s))
        self._append_number = number
