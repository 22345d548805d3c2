"""The SQLite file: its tables, its version, and how it is opened.

``synchronous`` is FULL: `append` promises that what it returned from survives a power cut,
because the recorder then tells Kafka to forget it. Measured with 50 assets a decision on a
virtual disk, FULL keeps 4100 decisions a second in batches of 100 and 970 one by one, NORMAL
5500 and 1020: the promise costs little. Pages stay at 4096 bytes: one decision touches one page
an asset, so larger ones only make its write-ahead log larger (16 KiB: a third slower one by one).
"""

import sqlite3
from pathlib import Path

import platformdirs

from storage.protocol import StoreError
from storage.sqlite.errors import explain

APPLICATION_ID = 0x53427531  # "SBu1": tells our file from another program's
SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 5.0
_SWITCH_TRIES = 20

# `decision`: the payload is the JSON of the topic, as text, so that SQL's own JSON functions
# read it. `asset_row` is clustered by series (a symbol of a portfolio), so that a history is one
# range of one B-tree. NaN is NULL there.
_SCHEMA = (
    """CREATE TABLE decision (
        key INTEGER PRIMARY KEY, portfolio TEXT NOT NULL, id TEXT NOT NULL,
        row_end_ns INTEGER NOT NULL, has_cloud INTEGER NOT NULL, payload TEXT NOT NULL,
        UNIQUE (portfolio, id))""",
    "CREATE INDEX decision_by_time ON decision (portfolio, row_end_ns, id)",
    """CREATE INDEX decision_with_cloud ON decision (portfolio, row_end_ns, id)
        WHERE has_cloud""",
    """CREATE TABLE series (
        series INTEGER PRIMARY KEY, portfolio TEXT NOT NULL, symbol TEXT NOT NULL,
        UNIQUE (portfolio, symbol))""",
    """CREATE TABLE asset_row (
        series INTEGER NOT NULL, row_end_ns INTEGER NOT NULL, id TEXT NOT NULL,
        price REAL, mean REAL, volatility REAL, skewness REAL, kurtosis REAL,
        weight REAL, weight_stddev REAL,
        PRIMARY KEY (series, row_end_ns, id)) WITHOUT ROWID""",
    """CREATE TABLE status (
        key INTEGER PRIMARY KEY, portfolio TEXT NOT NULL, time_ns INTEGER NOT NULL,
        payload TEXT NOT NULL, UNIQUE (portfolio, time_ns))""",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)


def identity(path: Path) -> tuple[int, int] | None:
    """Tell which file a path names now (device and inode); None where there is none."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StoreError(
            f"looking for {path}: {error.strerror}; give this user the right to its folder"
        ) from error
    return status.st_dev, status.st_ino


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _has_schema(connection: sqlite3.Connection, path: Path) -> bool:
    """Tell whether our tables are there; False for an empty file.

    Raises
    ------
    StoreError
        The file is another program's, or of a newer version.
    """
    # In this order: another process may make the tables, and the id with them, in between.
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema LIMIT 4")]
    application = _number(connection, "application_id")
    if application != APPLICATION_ID:
        if not tables and application == 0:
            return False
        raise StoreError(
            f"opening {path}: a SQLite database of another program (tables: {', '.join(tables)}); "
            "choose another storage.path"
        )
    version = _number(connection, "user_version")
    if version != SCHEMA_VERSION:
        raise StoreError(
            f"opening {path}: written as version {version} of the schema, this program knows "
            f"{SCHEMA_VERSION}; install the SilverBullet that wrote it or choose another "
            "storage.path"
        )
    return True


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    # Threads hand connections on, one at a time; SQLite's own mutexes are compiled in.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )


def _switch_to_wal(connection: sqlite3.Connection) -> str:
    """Switch to a write-ahead log; give the journal mode that the file has then."""
    for _ in range(_SWITCH_TRIES):
        try:
            return str(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
        # SQLite does not wait here for another process that makes the file, but it does there.
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("COMMIT")
    return str(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Set what a writer needs and make the tables where the file is empty."""
    if not _has_schema(connection, path):
        # Both count only before the first page is written; the second gives space back.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    mode = _switch_to_wal(connection)
    if mode != "wal":
        raise StoreError(
            f"opening {path}: its file system allows no write-ahead log (journal mode {mode}); "
            "put storage.path on a local disk"
        )
    connection.execute("PRAGMA synchronous = FULL")
    # Some builds overwrite what is deleted with zeros: twice the writing for nothing secret.
    connection.execute("PRAGMA secure_delete = OFF")
    # One page an asset is written again and again: keep them all (32 MB; the default is 2).
    connection.execute("PRAGMA cache_size = -32000")
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not _has_schema(connection, path):
            for statement in _SCHEMA:
                connection.execute(statement)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def open_writer(path: Path, log_limit_bytes: int) -> sqlite3.Connection:
    """Open a file to write, making it, and the program's own data folder, where missing.

    ``log_limit_bytes`` is what is left of a larger write-ahead log when it begins anew.

    Raises
    ------
    StoreError
        It cannot be opened, is no SQLite database, is another program's or is newer.
    """
    own = Path(platformdirs.user_data_dir("silverbullet"))
    try:
        if own in path.absolute().parents:
            path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"making the folder {path.parent}: {error.strerror}; change storage.path"
        ) from error
    try:
        connection = _connect(path, "rwc")
        try:
            _prepare(connection, path)
            connection.execute(f"PRAGMA journal_size_limit = {log_limit_bytes}")
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise explain(error, path, "opening") from error
    return connection


def open_reader(path: Path) -> sqlite3.Connection | None:
    """Open a file to read only; None while it is not there or has no tables yet.

    Raises
    ------
    StoreError
        It cannot be opened, is no SQLite database, is another program's or is newer.
    """
    if identity(path) is None:
        return None
    try:
        connection = _connect(path, "ro")
        try:
            ready = _has_schema(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise explain(error, path, "opening") from error
    if ready:
        return connection
    connection.close()
    return None
