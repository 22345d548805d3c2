"""Reads: which rows count, and walks over the buckets that exist."""

import itertools
import uuid
from collections.abc import Iterable, Iterator
from typing import Final

from storage.cassandra.link import Link, Row
from storage.cassandra.tables import (
    CLOUD,
    DECISION,
    ID,
    LAST_NS,
    STATUS,
    Statements,
    asset_series,
    bucket_of,
    bucket_of_id,
)
from storage.protocol import DecisionQuery

Position = tuple[int, str]
FIRST: Final = (-1, "")
LAST: Final = (LAST_NS, "\U0010ffff")
_FIRST_BUCKET: Final = ""
_LAST_BUCKET: Final = "\U0010ffff"
# Buckets asked for at the same time: one, then two, four ...: the first holds all that most
# queries want.
_BUCKETS_AT_ONCE = 16
# A page of whole decisions of 40 kB is 4 MB.
_WHOLE_AT_ONCE, _KEYS_AT_ONCE = 100, 1000
_DOING = "reading"


class Reading:
    """One state of the store: rows of appends that were complete when it was made.

    Parameters
    ----------
    doing
        What it is made for, as an error says it.
    """

    def __init__(self, link: Link, cql: Statements, doing: str = _DOING) -> None:
        self._link = link
        self._cql = cql
        self._upto: dict[uuid.UUID, int] = {row[0]: row[1] for row in link.read(doing, cql.writers)}

    def counts(self, row: Row) -> bool:
        """Tell whether a row that begins with its writer and append number is of this state."""
        return bool(row[1] <= self._upto.get(row[0], -1))

    def has(self, rows: Iterable[Row]) -> bool:
        """Tell whether any of some rows counts."""
        return any(map(self.counts, rows))

    def window(self, query: DecisionQuery) -> tuple[Position, Position]:
        """Find the two exclusive positions that a query lies between.

        An id that is not kept (any more) stands where its text would stand among the ids.
        """
        low: Position = FIRST
        high: Position = LAST
        if query.start_ns is not None:
            low = (_int64(query.start_ns), "")
        if query.end_ns is not None:
            high = (_int64(query.end_ns), "")
        if query.after_id is not None:
            low = max(low, self._neighbour(query.portfolio, query.after_id, down=True) or FIRST)
        if query.before_id is not None:
            high = min(high, self._neighbour(query.portfolio, query.before_id, down=False) or LAST)
        return low, high

    def decisions(self, query: DecisionQuery) -> Iterator[str]:
        """Give the JSON of the decisions of a query, in its order, without end at its limit."""
        low, high = self.window(query)
        series = CLOUD if query.with_cloud else DECISION
        select = (self._cql.clouds if query.with_cloud else self._cql.decisions)[query.newest_first]
        rows = self._slices(query, series, select, (), low, high)
        if not query.with_cloud:
            for row in rows:
                yield row[4]
            return
        while page := list(itertools.islice(rows, _WHOLE_AT_ONCE)):
            yield from self._payloads(query.portfolio, page)

    def assets(self, symbol: str, query: DecisionQuery) -> Iterator[Row]:
        """Give one symbol's rows: stamp, row end, id, seven numbers."""
        low, high = self.window(query)
        select = self._cql.assets[query.newest_first]
        for row in self._slices(query, asset_series(symbol), select, (symbol,), low, high):
            if row[-1] or not query.with_cloud:
                yield row[:-1]

    def statuses(self, portfolio: str, limit: int) -> Iterator[str]:
        """Give the JSON of status records, newest first."""
        buckets = self.buckets(portfolio, STATUS, newest_first=True)
        last_ns = None
        for group in _in_groups(buckets, _BUCKETS_AT_ONCE):
            answers = [
                self._link.read(
                    _DOING, self._cql.statuses, (portfolio, bucket), min(limit, _WHOLE_AT_ONCE)
                )
                for bucket in group
            ]
            for row in itertools.chain.from_iterable(answers):
                if self.counts(row) and row[2] != last_ns:
                    last_ns = row[2]
                    yield row[3]

    def buckets(
        self,
        portfolio: str,
        series: str,
        first: str = _FIRST_BUCKET,
        last: str = _LAST_BUCKET,
        *,
        newest_first: bool,
    ) -> Iterator[str]:
        """Walk the buckets of a series, both bounds inclusive."""
        values = (portfolio, series, first, last)
        for row in self._link.read(_DOING, self._cql.buckets[newest_first], values, 200):
            yield row[0]

    def _neighbour(self, portfolio: str, decision_id: str, *, down: bool) -> Position | None:
        """Find the position of an id, or of the next below or above that is kept."""
        own = bucket_of_id(portfolio, decision_id)
        bounds = (_FIRST_BUCKET, own) if down else (own, _LAST_BUCKET)
        select = self._cql.ids_down_from if down else self._cql.ids_up_from
        further = (
            name for name in self.buckets(portfolio, ID, *bounds, newest_first=down) if name != own
        )
        # Its own first, whether or not it is there: most ids are known.
        for bucket in itertools.chain([own], further):
            values = (portfolio, bucket, decision_id)
            for row in self._link.read(_DOING, select, values, 20):
                if self.counts(row):
                    return row[2], row[3]
        return None

    def _slices(
        self,
        query: DecisionQuery,
        series: str,
        select: str,
        within: tuple[str, ...],
        low: Position,
        high: Position,
    ) -> Iterator[Row]:
        """Walk a series between two positions; gives each id once, of rows that count."""
        if low >= high:
            return
        page_rows = _WHOLE_AT_ONCE if series == DECISION else _KEYS_AT_ONCE
        page_rows = max(2, min(query.limit, page_rows))
        first, last = bucket_of(max(low[0], 0)), bucket_of(high[0])
        buckets = self.buckets(
            query.portfolio, series, first, last, newest_first=query.newest_first
        )
        previous = None
        for group in _in_groups(buckets, _BUCKETS_AT_ONCE):
            answers = [
                self._link.read(
                    _DOING, select, (query.portfolio, bucket, *within, *low, *high), page_rows
                )
                for bucket in group
            ]
            for row in itertools.chain.from_iterable(answers):
                if self.counts(row) and row[2:4] != previous:
                    previous = row[2:4]
                    yield row

    def _payloads(self, portfolio: str, keys: list[Row]) -> Iterator[str]:
        calls = [
            (self._cql.payload, (portfolio, bucket_of(row[2]), row[2], row[3], row[0], row[1]))
            for row in keys
        ]
        for answer in self._link.run_all(_DOING, [[call] for call in calls]):
            for row in answer:  # none where it was pruned meanwhile
                yield row[2]


def _in_groups(items: Iterator[str], largest: int) -> Iterator[list[str]]:
    """Take one, two, four ... items at a time, ``largest`` at most."""
    size = 1
    while group := list(itertools.islice(items, size)):
        yield group
        size = min(2 * size, largest)


def _int64(value: int) -> int:
    return max(-1, min(value, 2**63 - 1))
