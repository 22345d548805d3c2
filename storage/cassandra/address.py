"""Where a Cassandra cluster is, and how this program logs in to it."""

import re
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CassandraAddress:
    """What is needed to reach one keyspace.

    Parameters
    ----------
    contact_points
        Addresses of some nodes; the rest are found from them.
    replication
        Copies of every row in ``local_dc``, the data centre that is spoken to.
    password
        Never shown: it is no part of the ``repr``.
    tls
        Encrypt, and check the nodes' certificates.
    tls_name
        Name that these must bear; empty: the first contact point.
    ca_path, certificate_path, key_path
        PEM files: whom to trust (empty: whom the system trusts), and what this program shows.
    requests_in_flight
        Most requests of one append that wait for an answer at the same time.

    Raises
    ------
    ValueError
        The name of the keyspace or data centre could stand for something else in a statement.
    """

    contact_points: tuple[str, ...] = ("127.0.0.1",)
    port: int = 9042
    keyspace: str = "silverbullet"
    replication: int = 1
    local_dc: str = "datacenter1"
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    tls_name: str = ""
    ca_path: str = ""
    certificate_path: str = ""
    key_path: str = ""
    request_timeout_s: float = 5.0
    requests_in_flight: int = 32

    def __post_init__(self) -> None:
        # Neither can be a parameter of a statement.
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,47}", self.keyspace):
            raise ValueError(f"keyspace {self.keyspace!r}: small letters, digits and _ only")
        if not re.fullmatch(r"[0-9A-Za-z_-]{1,64}", self.local_dc):
            raise ValueError(f"data centre {self.local_dc!r}: letters, digits, - and _ only")

    @property
    def place(self) -> str:
        """Where it is, as a message says it."""
        return f"Cassandra at {','.join(self.contact_points)}:{self.port}"
