"""Decisions and status in one SQLite file: one writer beside many readers."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import msgspec

from optimize.decision import Decision, decode_decision, encode_decision
from storage.faults import decision_fault, status_fault
from storage.protocol import AssetRow, DecisionQuery, StoreError
from storage.records import Status, decode_status, encode_status
from storage.sqlite.append import (
    delete_decisions,
    delete_statuses,
    give_space_back,
    insert_decisions,
    insert_statuses,
)
from storage.sqlite.queries import NEWEST_STATUSES, select_asset_rows, select_decisions, window
from storage.sqlite.readers import Readers
from storage.sqlite.writer import Writer


class SqliteStore:
    """A store as :class:`storage.protocol.Store` has it, for any number of threads.

    Parameters
    ----------
    path
        The file. A writer makes it; its folder must be there, except the program's own.
    read_only
        Never writes or makes the file: until someone does, every answer is empty.

    Raises
    ------
    StoreError
        The file cannot be opened, is no SQLite database, is another program's or is newer.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False) -> None:
        self.path = Path(path)
        self._readers = Readers(self.path)
        self._writer = None if read_only else Writer(self.path)
        with self._readers.borrow("opening"):
            pass

    def append(self, decisions: Sequence[Decision], statuses: Sequence[Status]) -> int:
        """Keep records, all or none, on disk when it returns; known ids have no effect.

        A status is known by its portfolio and time.

        Returns
        -------
        int
            Decisions that were new.

        Raises
        ------
        StoreError
            Nothing of the call was kept.
        """
        faults = [*map(decision_fault, decisions), *map(status_fault, statuses)]
        if any(faults):
            raise StoreError(f"writing {self.path}: {'; '.join(filter(None, faults))}; none kept")
        writer = self._writing()
        if not decisions and not statuses:
            return 0
        payloads = [encode_decision(decision) for decision in decisions]
        records = [(status.portfolio, status.time_ns, encode_status(status)) for status in statuses]
        with writer.transaction("writing") as connection:
            n_new = insert_decisions(connection, decisions, payloads)
            insert_statuses(connection, records)
        return n_new

    def decisions(self, query: DecisionQuery) -> list[Decision]:
        """Read decisions, ordered by row end and id; ``with_cloud`` only those with a cloud.

        An id that is not kept (any more) stands where its text would stand among the ids.

        Raises
        ------
        StoreError
            The file cannot be read, or holds what this version cannot decode.
        """
        with self._readers.borrow("reading") as connection:
            if connection is None:
                return []
            values = (query.portfolio, *window(connection, query))
            rows = connection.execute(select_decisions(query), values).fetchall()
        try:
            return [decode_decision(payload) for (payload,) in rows]
        except msgspec.DecodeError as error:
            raise self._undecodable("decision", error) from error

    def asset_history(self, symbol: str, query: DecisionQuery) -> list[AssetRow]:
        """Read one symbol's rows in the decisions that hold it; ``limit`` counts those.

        Raises
        ------
        StoreError
            The file cannot be read.
        """
        with self._readers.borrow("reading") as connection:
            if connection is None:
                return []
            values = (query.portfolio, symbol, *window(connection, query))
            rows = connection.execute(select_asset_rows(query), values).fetchall()
        return [
            AssetRow(row[0], row[1], symbol, *(math.nan if x is None else x for x in row[2:]))
            for row in rows
        ]

    def statuses(self, portfolio: str = "main", limit: int = 1) -> list[Status]:
        """Read the newest status records, newest first.

        Raises
        ------
        StoreError
            The file cannot be read, or holds what this version cannot decode.
        """
        with self._readers.borrow("reading") as connection:
            if connection is None:
                return []
            rows = connection.execute(NEWEST_STATUSES, (portfolio, max(limit, 0))).fetchall()
        try:
            return [decode_status(payload) for (payload,) in rows]
        except msgspec.DecodeError as error:
            raise self._undecodable("status", error) from error

    def prune(self, before_ns: int) -> int:
        """Delete some of what is older, oldest first; call again until it gives 0.

        One call deletes at most 200 decisions of a portfolio, so that appends come between.
        Of status records the newest 3600 of a portfolio stay at most.

        Returns
        -------
        int
            Decisions deleted.

        Raises
        ------
        StoreError
            Nothing was deleted.
        """
        with self._writing().transaction("deleting old records from") as connection:
            n_deleted = delete_decisions(connection, before_ns)
            delete_statuses(connection, before_ns)
            give_space_back(connection)
        return n_deleted

    def close(self) -> None:
        """Release the file; safe to call twice."""
        self._readers.close()
        if self._writer is not None:
            self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _writing(self) -> Writer:
        if self._writer is None:
            raise StoreError(f"writing {self.path}: opened read-only; open it again to write")
        return self._writer

    def _undecodable(self, kind: str, error: Exception) -> StoreError:
        return StoreError(
            f"reading {self.path}: a {kind} cannot be decoded ({error}); another version wrote "
            "it: install that one, or choose another storage.path"
        )
