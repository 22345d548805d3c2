"""What a local Kafka or Cassandra is to be: where, how many nodes, on which ports."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cluster.jars import JarSet

PASSWORD_VARIABLE = "SILVERBULLET_SERVER_PASSWORD"  # noqa: S105 - the variable's name
"""Where a secure server finds the password by which its own nodes know each other."""
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class ServiceLayout:
    """What holds as long as a service's data do.

    Attributes
    ----------
    folder
        Of the service, absolute: one folder a node in it.
    n_nodes
        1 or 3.
    port_offset
        Added to every usual port.
    secure
        Whether clients need TLS and a password.
    """

    folder: Path
    n_nodes: int = 1
    port_offset: int = 0
    secure: bool = False

    @property
    def nodes(self) -> range:
        """Numbers of the nodes, from 1."""
        return range(1, self.n_nodes + 1)

    @property
    def ca_path(self) -> Path:
        """Certificate by which clients know a secure server."""
        return self.folder / "ca.pem"

    @property
    def identity_path(self) -> Path:
        """Key and certificate of a secure server."""
        return self.folder / "server.pem"

    def password_path(self, user: str) -> Path:
        """Give where a user's password is."""
        return self.folder / f"{user}.password"

    def node_folder(self, node: int) -> Path:
        """Give the folder of a node."""
        return self.folder / f"node{node}"

    def log_path(self, node: int) -> Path:
        """Give what a node's server writes to."""
        return self.node_folder(node) / "server.log"


@dataclass(frozen=True, slots=True)
class Port:
    """Where a server listens.

    Attributes
    ----------
    use
        ``client``, ``peers`` or ``jmx``.
    host, number
        The address.
    """

    use: str
    host: str
    number: int

    @property
    def address(self) -> str:
        """As ``host:port``."""
        return f"{self.host}:{self.number}"


class ServerKind(Protocol):
    """What servers differ in: text and arguments, nothing that runs.

    Attributes
    ----------
    name, version
        As the command has it.
    jars
        What it is made of.
    main_class
        Where it begins.
    stop_limit_s
        How long its orderly end may take.
    lasting
        Files that a node's folder holds from its preparation on.
    """

    name: str
    version: str
    jars: JarSet
    main_class: str
    stop_limit_s: float
    lasting: tuple[str, ...]

    def ports(self, layout: ServiceLayout, node: int) -> tuple[Port, ...]:
        """Give where a node listens, the clients' port first."""

    def files(self, layout: ServiceLayout, node: int) -> dict[str, str]:
        """Give name and text of the files in a node's folder."""

    def folders(self) -> tuple[str, ...]:
        """Name the folders that must be in a node's folder before its start."""

    def jvm_options(self, layout: ServiceLayout, node: int) -> list[str]:
        """Give the options of java, without class path and archive."""

    def arguments(self, layout: ServiceLayout, node: int) -> list[str]:
        """Give what the main class is told."""

    def first_run(self, layout: ServiceLayout, node: int, ids: tuple[str, ...]) -> list[str]:
        """Give class and arguments of what must run before a node's first start; or nothing.

        ``ids`` are made anew for each service: its own, then one for each node.
        """


def argument_file(arguments: list[str]) -> str:
    """Give the text of an argument file of java: one a line, in quotes, backslashes doubled."""
    escaped = (text.replace("\\", "\\\\").replace('"', '\\"') for text in arguments)
    return "".join(f'"{text}"\n' for text in escaped)
