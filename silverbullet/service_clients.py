"""How the program talks to a Kafka or Cassandra of its own: is it ready, who may log in."""

import json
import shlex
from collections.abc import Mapping

from cluster.cluster_state import write_private
from cluster.credentials import password
from cluster.kafka_server import BROKER_USER
from cluster.service_layout import ServerKind, ServiceLayout

USER = "silverbullet"
"""Whom a secure service lets in as a pipeline."""
Setting = str | int | bool
"""The value of a setting, of its own type."""
_ADMIN = "admin"
_FIRST = "cassandra"  # the superuser that Cassandra makes by itself, and its password


def probe(kind: ServerKind, layout: ServiceLayout, node: int, *, users_made: bool) -> str:
    """Ask a node through a client.

    Parameters
    ----------
    users_made
        Whether `make_users` has been through.

    Returns
    -------
    str
        Why it is not ready; empty if it is.
    """
    port = kind.ports(layout, node)[0]
    if kind.name == "kafka":
        from ingest.probe import probe_broker  # noqa: PLC0415 - it takes 0.1 s

        security = _kafka_login(layout, USER if users_made else BROKER_USER)
        return probe_broker(port.address, layout.n_nodes, security)
    from storage.cassandra_probe import CassandraLogin, probe_node  # noqa: PLC0415 - 0.3 s

    def asked_as(user: str, secret: str) -> str:
        ca_path = layout.ca_path if layout.secure else None
        login = CassandraLogin(port.host, port.number, user, secret, ca_path)
        return probe_node(login, layout.n_nodes)

    if not layout.secure:
        return asked_as(_FIRST, _FIRST)
    if users_made:
        return asked_as(USER, password(layout, USER))
    # An attempt that was cut off may have taken its rights from the first superuser.
    return asked_as(_FIRST, _FIRST) and asked_as(_ADMIN, password(layout, _ADMIN))


def make_users(kind: ServerKind, layout: ServiceLayout) -> None:
    """Make the pipeline's user of a secure service; again does no harm.

    Raises
    ------
    RuntimeError
        It is refused.
    """
    port = kind.ports(layout, 1)[0]
    if kind.name == "kafka":
        from ingest.users import make_user  # noqa: PLC0415

        broker = _kafka_login(layout, BROKER_USER)
        make_user(port.address, broker, USER, password(layout, USER))
        return
    from storage.cassandra_probe import CassandraLogin  # noqa: PLC0415
    from storage.cassandra_roles import make_roles  # noqa: PLC0415

    admin, user = (
        CassandraLogin(port.host, port.number, name, password(layout, name), layout.ca_path)
        for name in (_ADMIN, USER)
    )
    make_roles(admin, user)


def client_settings(kind: ServerKind, layout: ServiceLayout) -> dict[str, Setting]:
    """Give the settings that point a pipeline at a service; of passwords only their files."""
    ports = [kind.ports(layout, node)[0] for node in layout.nodes]
    user = USER if layout.secure else _FIRST
    found: dict[str, Setting] = {}
    if kind.name == "kafka":
        found["kafka.bootstrap"] = ",".join(port.address for port in ports)
        if layout.n_nodes > 1:
            found["kafka.replication_factor"] = layout.n_nodes
        if not layout.secure:
            return found
        found |= {"kafka.security_protocol": "sasl_ssl", "kafka.user": user}
    else:
        found = {
            "storage.backend": "cassandra",
            "cassandra.contact_points": ",".join(port.host for port in ports),
            "cassandra.port": ports[0].number,
            "cassandra.replication": layout.n_nodes,
            "cassandra.user": user,
        }
    found[f"{kind.name}.password_file"] = str(layout.password_path(user))
    if layout.secure:
        found[f"{kind.name}.ca_file"] = str(layout.ca_path)
        if kind.name == "cassandra":
            found["cassandra.tls"] = True
    return found


def as_options(settings: Mapping[str, Setting]) -> str:
    """Write settings as options of a command."""
    return " ".join(
        f"--set {name}={shlex.quote(value if isinstance(value, str) else json.dumps(value))}"
        for name, value in settings.items()
    )


def as_toml(settings: Mapping[str, Setting]) -> str:
    """Write settings as a settings file."""
    tables: dict[str, list[str]] = {}
    for name, value in settings.items():
        section, key = name.split(".")
        # TOML takes JSON's strings, whole numbers and booleans.
        tables.setdefault(section, []).append(f"{key} = {json.dumps(value)}\n")
    return "\n".join(f"[{name}]\n{''.join(lines)}" for name, lines in tables.items())


def write_password(kind: ServerKind, layout: ServiceLayout) -> None:
    """Put the well-known password of an open Cassandra where a pipeline can read it."""
    if kind.name == "cassandra" and not layout.secure:
        write_private(layout.password_path(_FIRST), _FIRST)


def _kafka_login(layout: ServiceLayout, user: str) -> dict[str, str]:
    if not layout.secure:
        return {}
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN" if user == BROKER_USER else "SCRAM-SHA-256",
        "sasl.username": user,
        "sasl.password": password(layout, user),
        "ssl.ca.location": str(layout.ca_path),
    }
