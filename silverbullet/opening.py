"""Opens the store that the settings choose."""

import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from silverbullet.options import Refused
from silverbullet.settings import Settings
from storage.protocol import ServerRefusedError, Store, StoreError, UnreachableError
from storage.recording import FIRST_WAIT_S, LONGEST_WAIT_S

if TYPE_CHECKING:
    from storage.cassandra import CassandraAddress

log = logging.getLogger("silverbullet")


def open_store(settings: Settings, *, read_only: bool = False) -> Store:
    """Open the store of the settings.

    Raises
    ------
    StoreError
        It cannot be opened. A Cassandra that does not answer is no error: it is connected to
        when it is needed.
    """
    storage = settings.storage
    # The driver takes 0.2 s to import: only who uses it waits for it.
    if storage.backend == "cassandra":
        from storage.cassandra import CassandraStore  # noqa: PLC0415

        address = cassandra_address(settings)
        return CassandraStore(address, read_only=read_only, retention_s=storage.retention_s)
    from storage.sqlite import SqliteStore  # noqa: PLC0415

    return SqliteStore(storage.path, read_only=read_only)


def told(error: StoreError) -> click.ClickException:
    """Make what ends a command: exit 1 as for Kafka where a server is the cause, else 2."""
    is_server = isinstance(error, UnreachableError | ServerRefusedError)
    return click.ClickException(str(error)) if is_server else Refused(str(error))


def store_place(settings: Settings) -> str:
    """Say where the store of the settings is."""
    if settings.storage.backend == "sqlite":
        return settings.storage.path
    place = ",".join(settings.cassandra.contact_points)
    return f"Cassandra at {place}:{settings.cassandra.port}, keyspace {settings.cassandra.keyspace}"


def cassandra_address(settings: Settings) -> "CassandraAddress":
    """Make the address of the settings; the password from its file, where there is one.

    Raises
    ------
    StoreError
        The file of the password cannot be read.
    """
    from storage.cassandra import CassandraAddress  # noqa: PLC0415

    given = settings.cassandra
    password = given.password.get_secret_value()
    if given.password_file and not password:
        password = _read_password(given.password_file)
    return CassandraAddress(
        contact_points=given.contact_points,
        port=given.port,
        keyspace=given.keyspace,
        replication=given.replication,
        local_dc=given.local_dc,
        user=given.user,
        password=password,
        tls=given.tls,
        tls_name=given.tls_name,
        ca_path=given.ca_file,
        certificate_path=given.certificate_file,
        key_path=given.key_file,
        request_timeout_s=given.request_timeout_s,
        requests_in_flight=given.requests_in_flight,
    )


def has_records(store: Store, portfolio: str, stop: threading.Event) -> bool:
    """Tell whether a store has records of a portfolio; waits until it can be reached.

    Raises
    ------
    StoreError
        It was reached and cannot be read.
    """
    wait_s = FIRST_WAIT_S
    while not stop.is_set():
        try:
            return bool(store.statuses(portfolio))
        except UnreachableError as error:
            log.error("%s; next try in %.1f s", error, wait_s)
        stop.wait(wait_s)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)
    return True


def _read_password(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise StoreError(
            f"cassandra.password_file={path}: {reason}; let it hold the password alone"
        ) from None
