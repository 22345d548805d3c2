"""The keyspace and its tables: made once, by whichever machine is first.

Who makes them holds a row written by a lightweight transaction meanwhile, which expires after a
minute; others wait for the version's row. Every statement is harmless where its work is done, so
that one who takes over after a crash begins anew.
"""

import threading
import uuid

from storage.cassandra.errors import AbsentError
from storage.cassandra.link import Link
from storage.cassandra.tables import create_tables
from storage.protocol import StoreError, UnreachableError

SCHEMA_VERSION = 1
# Tables are made within 2 s on one node, 5 s on three.
_DDL_TIMEOUT_S = 30.0
_LOCK_S = 60
_WAIT_S, _WAITS = 0.25, 360
# Files expire one by one; some thirty of them are what its makers advise.
_WINDOWS = 30


def found_version(link: Link, doing: str) -> int:
    """Give the newest version that was applied; 0 where there is none.

    Raises
    ------
    StoreError
        It is newer than this program, or cannot be read.
    """
    keyspace = link.address.keyspace
    try:
        rows = link.run(doing, f"SELECT version FROM {keyspace}.schema_version WHERE part = 'all'")
    except AbsentError:
        return 0
    version = max((int(row[0]) for row in rows), default=0)
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{doing} {link.address.place}: keyspace {keyspace} has version {version} of the "
            f"schema, this program knows {SCHEMA_VERSION}; install the SilverBullet that made it, "
            "or choose another cassandra.keyspace"
        )
    return version


def apply_schema(link: Link, retention_s: float) -> bool:
    """Make the keyspace and its tables where they are not there; safe from many machines at once.

    Parameters
    ----------
    retention_s
        How long records are kept: it sets the time window of the files.

    Returns
    -------
    bool
        Whether this call made them.

    Raises
    ------
    StoreError
        The schema is newer than this program, or the user may not make one.
    """
    doing = "making the schema in"
    if found_version(link, doing) == SCHEMA_VERSION:
        return False
    address = link.address
    keyspace = address.keyspace
    for statement in (
        f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {{'class': "
        f"'NetworkTopologyStrategy', '{address.local_dc}': {address.replication}}}",
        f"CREATE TABLE IF NOT EXISTS {keyspace}.schema_version "
        "(part text, version int, PRIMARY KEY (part, version))",
        f"CREATE TABLE IF NOT EXISTS {keyspace}.schema_lock (part text PRIMARY KEY, holder uuid)",
    ):
        link.run_plain(doing, statement, _DDL_TIMEOUT_S)
    holder = uuid.uuid4()
    pause = threading.Event()
    for _ in range(_WAITS):
        if _take_lock(link, doing, holder):
            return _make_tables(link, doing, holder, retention_s)
        pause.wait(_WAIT_S)
        if found_version(link, doing) == SCHEMA_VERSION:
            return False
    raise UnreachableError(
        f"{doing} {address.place}: another machine has been at it for over a minute; "
        "run `silverbullet schema` again"
    )


def _take_lock(link: Link, doing: str, holder: uuid.UUID) -> bool:
    """Take the lock; with what was left of a try whose answer was lost, it is ours too."""
    row = link.run(
        doing,
        f"INSERT INTO {link.address.keyspace}.schema_lock (part, holder) VALUES ('all', ?) "
        f"IF NOT EXISTS USING TTL {_LOCK_S}",
        (holder,),
    )[0]
    return bool(row[0]) or holder in row


def _make_tables(link: Link, doing: str, holder: uuid.UUID, retention_s: float) -> bool:
    keyspace = link.address.keyspace
    made = found_version(link, doing) < SCHEMA_VERSION
    if made:
        window_hours = max(1, round(retention_s / 3600 / _WINDOWS))
        for statement in create_tables(keyspace, window_hours):
            link.run_plain(doing, statement, _DDL_TIMEOUT_S)
        link.run(
            doing,
            f"INSERT INTO {keyspace}.schema_version (part, version) VALUES ('all', ?) "
            "IF NOT EXISTS",
            (SCHEMA_VERSION,),
        )
    link.run(
        doing, f"DELETE FROM {keyspace}.schema_lock WHERE part = 'all' IF holder = ?", (holder,)
    )
    return made
