"""What `prune` deletes: by the row's own time, a bounded step at a time.

Of a bucket that is over, whole partitions go; of the one that is not, the range up to the last
decision of the step. The rows that a step is found by, ``decision_by_time`` and the lists of
buckets, go last, so that a step that was broken off is found and done again.
"""

import itertools
from collections.abc import Iterator

from storage.cassandra.append import Entry, bucket_entries
from storage.cassandra.link import Call, Link, Row
from storage.cassandra.reading import FIRST, Reading
from storage.cassandra.tables import (
    DECISION,
    ID,
    STATUS,
    Statements,
    bucket_end_ns,
    bucket_of,
    bucket_of_id,
)

# As many as SQLite's step; with 50 assets it takes about 0.1 s.
_DECISIONS_AT_ONCE = 200
# An hour at one a second, as SQLite keeps: a bucket is five minutes, and the newest is not full.
_STATUS_BUCKETS_KEPT = 13
_STATUS_BUCKETS_AT_ONCE = 50
_DOING = "deleting old records from"


class Pruning:
    """One call of `prune`.

    Attributes
    ----------
    forgotten
        Entries of the lists that are gone: a later append writes them again.
    """

    def __init__(self, link: Link, cql: Statements, before_ns: int) -> None:
        self._link = link
        self._cql = cql
        self._before_ns = max(0, min(before_ns, 2**63 - 1))
        self._reading = Reading(link, cql, _DOING)
        self.forgotten: set[Entry] = set()

    def run(self) -> int:
        """Delete a step of every portfolio; count the decisions."""
        deleted = 0
        for (portfolio,) in self._link.run(_DOING, self._cql.portfolios):
            deleted += self._decisions(portfolio)
            self._statuses(portfolio)
        return deleted

    def _decisions(self, portfolio: str) -> int:
        deleted = 0
        last = bucket_of(self._before_ns)
        for bucket in self._reading.buckets(portfolio, DECISION, last=last, newest_first=False):
            rows = self._old(portfolio, bucket)
            step = list(itertools.islice(rows, _DECISIONS_AT_ONCE - deleted))
            deleted += len(step)
            if deleted >= _DECISIONS_AT_ONCE:
                self._delete(portfolio, bucket, step)
                break
            if bucket_end_ns(bucket) <= self._before_ns:
                self._drop(portfolio, bucket, step)
            elif step:
                self._delete(portfolio, bucket, step)
        return deleted

    def _old(self, portfolio: str, bucket: str) -> Iterator[Row]:
        values = (portfolio, bucket, *FIRST, self._before_ns, "")
        previous = None
        for row in self._link.read(_DOING, self._cql.decision_keys, values, _DECISIONS_AT_ONCE):
            if self._reading.counts(row) and row[2:4] != previous:
                previous = row[2:4]
                yield row

    def _delete(self, portfolio: str, bucket: str, step: list[Row]) -> None:
        """Delete the oldest decisions of a bucket."""
        here, until = (portfolio, bucket), step[-1][2:4]
        calls: list[Call] = [
            (self._cql.delete_assets, (*here, symbol, *until))
            for symbol in self._symbols(portfolio, bucket)
        ]
        calls.append((self._cql.delete_clouds, (*here, *until)))
        self._all(calls)
        self._delete_ids(portfolio, step)
        self._link.run(_DOING, self._cql.delete_decisions, (*here, *until))

    def _drop(self, portfolio: str, bucket: str, step: list[Row]) -> None:
        """Delete a bucket that holds nothing newer, and forget that it exists."""
        cql, here = self._cql, (portfolio, bucket)
        symbols = self._symbols(portfolio, bucket)
        self._all([(cql.drop["asset_by_time"], here), (cql.drop["cloud_by_time"], here)])
        self._delete_ids(portfolio, step)
        self._all([(cql.drop["decision_by_time"], here)])
        gone = bucket_entries(cql, portfolio, bucket, symbols)
        self.forgotten |= gone
        listed = [entry.values for entry in gone if entry.cql == cql.insert_bucket]
        own = (portfolio, DECISION, bucket)
        self._all([(cql.delete_bucket, values) for values in listed if values != own])
        self._all([(cql.drop["symbol_of_bucket"], here)])
        self._all([(cql.delete_bucket, own)])

    def _delete_ids(self, portfolio: str, step: list[Row]) -> None:
        places = [(portfolio, bucket_of_id(portfolio, row[3]), row[3]) for row in step]
        self._all([(self._cql.delete_id, place) for place in places])
        for bucket in sorted({place[1] for place in places}):
            here = (portfolio, bucket)
            if self._reading.has(self._link.read(_DOING, self._cql.ids, here, 20)):
                continue
            self._all([(self._cql.drop["decision_by_id"], here)])
            self._forget(portfolio, ID, bucket)

    def _statuses(self, portfolio: str) -> None:
        """Delete old status records, and all but about the newest hour of them."""
        newest = self._reading.buckets(portfolio, STATUS, newest_first=True)
        surplus = next(itertools.islice(newest, _STATUS_BUCKETS_KEPT, None), "")
        last = max(bucket_of(self._before_ns), surplus)
        old = self._reading.buckets(portfolio, STATUS, last=last, newest_first=False)
        for bucket in itertools.islice(old, _STATUS_BUCKETS_AT_ONCE):
            here = (portfolio, bucket)
            if bucket <= surplus or bucket_end_ns(bucket) <= self._before_ns:
                self._all([(self._cql.drop["status_by_time"], here)])
                self._forget(portfolio, STATUS, bucket)
            else:
                self._all([(self._cql.delete_statuses, (*here, self._before_ns))])

    def _forget(self, portfolio: str, series: str, bucket: str) -> None:
        values = (portfolio, series, bucket)
        self.forgotten.add(Entry(self._cql.insert_bucket, values))
        self._all([(self._cql.delete_bucket, values)])

    def _symbols(self, portfolio: str, bucket: str) -> list[str]:
        return [row[0] for row in self._link.read(_DOING, self._cql.symbols, (portfolio, bucket))]

    def _all(self, calls: list[Call]) -> None:
        self._link.run_all(_DOING, [[call] for call in calls])
