"""Whether a Cassandra really answers: a session of its own that asks once."""

import logging
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cassandra import DriverException
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT as DEFAULT_PROFILE
from cassandra.cluster import Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.policies import WhiteListRoundRobinPolicy

_ANSWER_S = 5.0
# The driver warns of each attempt on a server that is not up yet.
logging.getLogger("cassandra").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class CassandraLogin:
    """Where one node is and who asks.

    Attributes
    ----------
    host, port
        Of the node.
    user, password
        Role and password.
    ca_path
        Certificate that the node's must be signed with; None: no TLS.
    """

    host: str
    port: int
    user: str
    password: str
    ca_path: Path | None = None

    def __repr__(self) -> str:
        """Leave the password out."""
        return f"CassandraLogin({self.user} at {self.host}:{self.port})"


@contextmanager
def open_session(login: CassandraLogin) -> Iterator[Session]:
    """Open a session with this node alone; all threads of it end with the block.

    Raises
    ------
    cassandra.cluster.NoHostAvailable
        It does not answer or refuses.
    """
    tls = None
    if login.ca_path is not None:
        tls = ssl.create_default_context(cafile=login.ca_path)
    profile = ExecutionProfile(
        load_balancing_policy=WhiteListRoundRobinPolicy([login.host]), request_timeout=_ANSWER_S
    )
    cluster = Cluster(
        [login.host],
        port=login.port,
        auth_provider=PlainTextAuthProvider(login.user, login.password),
        protocol_version=5,
        execution_profiles={DEFAULT_PROFILE: profile},
        connect_timeout=_ANSWER_S,
        control_connection_timeout=_ANSWER_S,
        ssl_context=tls,
        ssl_options={"server_hostname": login.host} if tls else None,
        # One small write takes 44 ms where Nagle's algorithm waits, 1 ms where it does not.
        sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
    )
    try:
        yield cluster.connect()
    finally:
        cluster.shutdown()


def probe_node(login: CassandraLogin, n_nodes: int) -> str:
    """Log in to a node and ask it for its peers.

    Returns
    -------
    str
        Why it is not ready; empty if it is.
    """
    try:
        with open_session(login) as session:
            session.execute("select key from system.local").one()
            found = 1 + len(session.execute("select peer from system.peers_v2").all())
    except NoHostAvailable as error:
        return "; ".join(sorted({str(reason) for reason in error.errors.values()})) or str(error)
    except (DriverException, OSError) as error:
        return str(error)
    return "" if found >= n_nodes else f"{found} of {n_nodes} nodes are there"
