"""What Cassandra's errors mean to the person who keeps the store, and the remedy."""

from typing import Literal

from storage.cassandra.address import CassandraAddress
from storage.protocol import ServerRefusedError, StoreError, UnreachableError

Cause = Literal[
    "unreachable", "login", "datacenter", "forbidden", "absent", "timeout", "tls", "refused"
]

_EXPLANATIONS: dict[Cause, tuple[str, str]] = {
    "unreachable": (
        "nobody answers ({detail})",
        "start it, or see cassandra.contact_points, cassandra.port and the TLS settings",
    ),
    "login": (
        "user {user!r} or the password is wrong",
        "set cassandra.user and cassandra.password_file (or SILVERBULLET_CASSANDRA__PASSWORD)",
    ),
    "datacenter": (
        "no node of data centre {local_dc!r} answers",
        "start one, or set cassandra.local_dc to what `nodetool status` names",
    ),
    "forbidden": (
        "user {user!r} may not do this ({detail})",
        "run `silverbullet schema` as a user who may create keyspaces, and "
        "GRANT SELECT and MODIFY ON KEYSPACE {keyspace} to this one",
    ),
    "absent": (
        "keyspace {keyspace} or a table of it is not there",
        "run `silverbullet schema`",
    ),
    "timeout": (
        "no answer in time ({detail})",
        "see that enough nodes for {replication} copies are up, or raise "
        "cassandra.request_timeout_s",
    ),
    "tls": (
        "TLS could not be set up ({detail})",
        "see cassandra.ca_file, cassandra.certificate_file, cassandra.key_file and "
        "cassandra.tls_name",
    ),
    "refused": ("refused: {detail}", "see the server's log"),
}


class AbsentError(ServerRefusedError):
    """The keyspace or its tables are not there."""


_KINDS: dict[Cause, type[StoreError]] = {
    "unreachable": UnreachableError,
    "datacenter": UnreachableError,
    "timeout": UnreachableError,
    "absent": AbsentError,
}


def explain(cause: Cause, detail: str, address: CassandraAddress, doing: str) -> StoreError:
    """Make an error that says what, where and the remedy, in one line.

    Parameters
    ----------
    detail
        The driver's own words.
    doing
        What was tried, such as ``reading``.
    """
    what, remedy = _EXPLANATIONS[cause]
    words = {
        "detail": " ".join(detail.split())[:300],
        "user": address.user,
        "keyspace": address.keyspace,
        "local_dc": address.local_dc,
        "replication": address.replication,
    }
    kind = _KINDS.get(cause, ServerRefusedError)
    return kind(f"{doing} {address.place}: {what.format(**words)}; {remedy.format(**words)}")
