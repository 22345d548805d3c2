"""Read-only connections that any number of threads share."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from storage.protocol import StoreError
from storage.sqlite.errors import explain
from storage.sqlite.file import identity, open_reader

# A query takes well under a millisecond to some tens, so few of a server's threads read at one
# time; further connections are opened at need and closed when handed back.
_MOST_IDLE = 8


class _Idle(NamedTuple):
    connection: sqlite3.Connection
    file: tuple[int, int]


class Readers:
    """Connections to read one file, one borrower each at a time.

    A connection whose file was replaced is not used again, and none is carried over a fork:
    SQLite's locks belong to the process that took them.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # Its append and pop are atomic, so that borrowing takes no lock.
        self._idle: list[_Idle] = []
        self._process = os.getpid()
        self._inherited: list[_Idle] = []
        self._closed = False

    @contextmanager
    def borrow(self, doing: str) -> Iterator[sqlite3.Connection | None]:
        """Lend a connection, or None while the file is not there or has no tables.

        Raises
        ------
        StoreError
            The file cannot be opened, or what was done with the connection failed.
        """
        file = identity(self._path)
        connection = self._take(file)
        try:
            yield connection
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            raise explain(error, self._path, doing) from error
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        if connection is not None and file is not None:
            self._give_back(_Idle(connection, file))

    def close(self) -> None:
        """Close what is idle now; what is lent out when it comes back."""
        self._closed = True
        while self._idle:
            self._idle.pop().connection.close()

    def _take(self, file: tuple[int, int] | None) -> sqlite3.Connection | None:
        if self._closed:
            raise StoreError(f"reading {self._path}: the store is closed; open it again")
        if self._process != os.getpid():
            # Kept, never closed: closing here would release the parent's locks.
            self._inherited, self._idle = self._idle, []
            self._process = os.getpid()
        while True:
            try:
                idle = self._idle.pop()
            except IndexError:
                return None if file is None else open_reader(self._path)
            if idle.file == file:
                return idle.connection
            idle.connection.close()

    def _give_back(self, idle: _Idle) -> None:
        if self._closed or len(self._idle) >= _MOST_IDLE:
            idle.connection.close()
        else:
            self._idle.append(idle)
