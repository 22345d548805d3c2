"""The driver as this program uses it.

Its own defaults are wrong here in three places. Without TCP_NODELAY a write of 16 KB takes 44 ms
instead of 1.1 ms. Reconnection waits up to ten minutes; ours is tried every second. A node that is
connected and says nothing (a stopped process, a lost network) is asked again for up to 90 s, and a
third of the requests to three nodes fail all that time; here it is left within the time limit of a
request, whose requests go on to the next node.
"""

import socket
import ssl
from typing import Any

from cassandra import ConsistencyLevel
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile
from cassandra.io.libevreactor import LibevConnection
from cassandra.policies import (
    ConstantReconnectionPolicy,
    DCAwareRoundRobinPolicy,
    RetryPolicy,
    TokenAwarePolicy,
    WriteType,
)
from cassandra.query import tuple_factory

from storage.cassandra.address import CassandraAddress
from storage.cassandra.errors import explain

RECONNECT_S = 1.0
"""Between two tries to reach a node that is away."""
_LONGEST_SILENCE_S = 30.0
# They carry on the requests of a lost node; each node that is away holds one while it is tried.
_THREADS = 8


class _Patience(RetryPolicy):  # type: ignore[misc]
    """Sends again what a busy server did not get done in its own two seconds.

    Without it one late row of thousands would have all of an append written again. The time
    limit of the request ends it: two or three tries.
    """

    def on_read_timeout(self, *_: Any, **__: Any) -> tuple[int, None]:
        return self.RETRY, None

    def on_write_timeout(self, *_: Any, write_type: int, **__: Any) -> tuple[int, None]:
        # What a lightweight transaction did is not known: that is for its caller to find out.
        return (self.RETHROW if write_type == WriteType.CAS else self.RETRY), None


def make_cluster(address: CassandraAddress) -> Cluster:
    """Make what connects to a cluster; nothing is connected yet.

    Raises
    ------
    StoreError
        A file that TLS needs cannot be read.
    """
    limit_s = min(address.request_timeout_s, _LONGEST_SILENCE_S)
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(address.local_dc)),
        consistency_level=ConsistencyLevel.LOCAL_QUORUM,
        serial_consistency_level=ConsistencyLevel.LOCAL_SERIAL,
        request_timeout=address.request_timeout_s,
        retry_policy=_Patience(),
        row_factory=tuple_factory,
    )
    login = PlainTextAuthProvider(address.user, address.password) if address.user else None
    return Cluster(
        list(address.contact_points),
        port=address.port,
        protocol_version=5,
        connection_class=LibevConnection,
        auth_provider=login,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        reconnection_policy=ConstantReconnectionPolicy(RECONNECT_S, None),
        sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        connect_timeout=address.request_timeout_s,
        control_connection_timeout=address.request_timeout_s,
        # An interval and twice the wait (one of them may go to the other connection, on which the
        # driver hears of nodes): a request under way still has a tenth of its time left.
        idle_heartbeat_interval=limit_s / 5,
        idle_heartbeat_timeout=limit_s / 3,
        executor_threads=_THREADS,
        **_tls(address),
    )


def _tls(address: CassandraAddress) -> dict[str, Any]:
    if not address.tls:
        return {}
    try:
        context = ssl.create_default_context(cafile=address.ca_path or None)
        if address.certificate_path:
            context.load_cert_chain(address.certificate_path, address.key_path or None)
    except OSError as error:
        raise explain("tls", str(error), address, "opening") from error
    named = {"server_hostname": address.tls_name or address.contact_points[0]}
    return {"ssl_context": context, "ssl_options": named}
