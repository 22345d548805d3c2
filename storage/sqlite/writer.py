"""The one connection that writes a file."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.protocol import StoreError
from storage.sqlite.errors import explain
from storage.sqlite.file import BUSY_TIMEOUT_S, identity, open_writer

_log = logging.getLogger(__name__)

# SQLite copies the write-ahead log back at every 4 MB, but starts it anew only while no reader
# uses it; with readers always at work it would grow without end. Past this size the writer waits
# for them, this long at most, and again when the log has doubled.
WAL_LIMIT_BYTES = 32 * 2**20
_WAL_WAIT_S = 0.25


class Writer:
    """Transactions on one file, one at a time.

    Raises
    ------
    StoreError
        The file cannot be opened, is no SQLite database, is another program's or is newer.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file: tuple[int, int] | None = None
        self._connection: sqlite3.Connection | None = None
        self._wal_limit = WAL_LIMIT_BYTES
        self._closed = False
        self._open()

    @contextmanager
    def transaction(self, doing: str) -> Iterator[sqlite3.Connection]:
        """Begin a transaction; commit at the end, undo everything where that is not reached.

        Raises
        ------
        StoreError
            Nothing was written.
        """
        with self._lock:
            try:
                connection = self._open()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise explain(error, self._path, doing) from error
            self._bound_log(connection)

    def close(self) -> None:
        """Wait for the transaction under way and close; safe to call twice."""
        with self._lock:
            self._closed = True
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> sqlite3.Connection:
        """Give the connection, a new one where the file was moved or deleted."""
        if self._closed:
            raise StoreError(f"writing {self._path}: the store is closed; open it again")
        if self._connection is not None:
            if identity(self._path) == self._file:
                return self._connection
            _log.warning("%s was moved or deleted: a new file is begun", self._path)
            self._connection.close()
        self._connection = None
        self._connection = open_writer(self._path, WAL_LIMIT_BYTES)
        self._file = identity(self._path)
        return self._connection

    def _bound_log(self, connection: sqlite3.Connection) -> None:
        """Start the write-ahead log anew where it has grown past its limit."""
        try:
            size = Path(f"{self._path}-wal").stat().st_size
        except FileNotFoundError:
            return
        if size <= WAL_LIMIT_BYTES:
            self._wal_limit = WAL_LIMIT_BYTES
        if size <= self._wal_limit:
            return
        try:
            connection.execute(f"PRAGMA busy_timeout = {int(_WAL_WAIT_S * 1000)}")
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
        except sqlite3.Error as error:
            # What was written is safe in the log; only its size is not brought down yet.
            _log.warning("%s", explain(error, self._path, "emptying the write-ahead log of"))
            busy = 1
        self._wal_limit = 2 * size if busy else WAL_LIMIT_BYTES
        if busy:
            _log.warning(
                "%s-wal has %d MB: a reader holds it; see what keeps the file open that long",
                self._path,
                size >> 20,
            )
