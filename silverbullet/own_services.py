"""Brings up, looks at and takes down the Kafka and Cassandra of ours on this machine."""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs
from rich.console import Console

from cluster.cassandra_server import CASSANDRA
from cluster.cluster_state import FolderBusyError
from cluster.credentials import make_certificates, password
from cluster.jars import JarError, ensure_jars, present
from cluster.java import Java, MissingError, find_java, find_maven
from cluster.kafka_server import BROKER_USER, KAFKA
from cluster.local_service import LocalService
from cluster.process import SpawnError
from cluster.service_layout import ServerKind, ServiceLayout
from cluster.service_state import ServiceFolder, ServiceState
from silverbullet.options import Refused
from silverbullet.service_clients import make_users, probe

KINDS: Mapping[str, ServerKind] = {"kafka": KAFKA, "cassandra": CASSANDRA}
"""Service to what runs it, in the order in which they start and end."""
_POLL_S = 0.05
_CONNECT_S = 1.0
# Kafka takes 2 to 5 s, Cassandra 4 to 13, where nothing else runs.
_READY_S, _READY_NODE_S = 120.0, 60.0
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What `services up` was asked for; None: as it is, or the usual.

    Attributes
    ----------
    n_nodes, port_offset, secure
        See `cluster.service_layout.ServiceLayout`.
    """

    n_nodes: int | None = None
    port_offset: int | None = None
    secure: bool | None = None

    def state(self, kind: ServerKind) -> ServiceState:
        """Give a service that has never been up."""
        return ServiceState(
            version=kind.version,
            n_nodes=self.n_nodes or 1,
            port_offset=self.port_offset or 0,
            secure=bool(self.secure),
        )

    def differs(self, state: ServiceState) -> bool:
        """Tell whether a service is laid out otherwise."""
        asked = (self.n_nodes, self.port_offset, self.secure)
        have = (state.n_nodes, state.port_offset, state.secure)
        return any(a is not None and a != h for a, h in zip(asked, have, strict=True))


def services_folder() -> Path:
    """Give the usual folder of the services' settings, data and logs."""
    return Path(platformdirs.user_state_dir("silverbullet")) / "services"


def jars_cache() -> Path:
    """Give where jars are kept."""
    root = os.environ.get("SILVERBULLET_CACHE") or platformdirs.user_cache_dir("silverbullet")
    return Path(root) / "jars"


def open_service(name: str, folder: Path) -> LocalService:
    """Give a service of a folder; nothing is made or started."""
    # Kafka splits the names of data folders at commas, java class paths at colons.
    if set(str(folder)) & set(",:\n"):
        raise Refused(f"{folder}: a folder of services has no comma or colon in its name")
    return LocalService(KINDS[name], ServiceFolder(folder.absolute() / name))


def missing_for(name: str) -> str:
    """Say what this machine lacks to run a service, with the remedy; empty if nothing."""
    try:
        find_java()
        if not present(KINDS[name].jars, jars_cache()):
            find_maven()
    except MissingError as error:
        return str(error)
    return ""


@contextmanager
def told_in_one_line(name: str) -> Iterator[None]:
    """Tell in one line what goes wrong with a service.

    Raises
    ------
    Refused
        Whatever it is.
    """
    try:
        yield
    except (FolderBusyError, JarError, MissingError, SpawnError, ValueError) as error:
        raise Refused(f"{name}: {error}") from None


def bring_up(name: str, folder: Path, wish: Wish, tell: Tell) -> bool:
    """Start a service, or those of its servers that do not run, and wait until it answers.

    Parameters
    ----------
    folder
        Of all services.
    tell
        Takes a line on what is under way.

    Returns
    -------
    bool
        Whether there was something to start.

    Raises
    ------
    Refused
        A program, port or file is missing or taken, it is laid out otherwise, or it does not
        come up.
    """
    service = open_service(name, folder)
    with told_in_one_line(name), service.folder.hold():
        state = service.state()
        if state is None and service.folder.node_folders():
            raise ValueError(
                f"{service.folder.path} holds data and no service.json: pass another --folder, "
                f"or `silverbullet services down {name} --wipe` to delete them"
            )
        if state is not None and wish.differs(state):
            raise ValueError(
                f"{_described(state)} in {service.folder.path}: pass another --folder, or "
                f"`silverbullet services down {name} --wipe` and begin anew"
            )
        return _start(service, state or wish.state(service.kind), tell)


def take_down(name: str, folder: Path) -> bool:
    """End a service; its data stay. Tell whether there was one to end.

    Raises
    ------
    Refused
        A process does not end.
    """
    service = open_service(name, folder)
    if not service.folder.path.exists():
        return False
    with told_in_one_line(name), service.folder.hold():
        ended = service.stop()
        if ended:
            _keep_archive(service)
        return ended


def wipe(name: str, folder: Path) -> bool:
    """End a service and delete its data; tell whether there was anything.

    Raises
    ------
    Refused
        A process does not end.
    """
    service = open_service(name, folder)
    if not service.folder.path.exists():
        return False
    with told_in_one_line(name), service.folder.hold():
        if service.folder.state_path.exists():
            service.stop(orderly=False)
        service.folder.wipe()
    return True


def _start(service: LocalService, state: ServiceState, tell: Tell) -> bool:
    name, java = service.kind.name, find_java()
    jars = ensure_jars(service.kind.jars, jars_cache(), tell)
    done, started = False, list[int]()
    try:
        tell(f"{service.kind.jars.title} starts")
        started = service.start(state, java, jars, _secret(service, state))
        tell(f"{service.kind.jars.title} has started; waiting until {name} answers")
        _await(service, tell)
        if state.secure and not state.users_made:
            _make_users(service)
        done = True
    finally:
        # Too late, or Ctrl-C: nothing half up is left. Nodes that ran before are not touched.
        if not done and len(started) in (0, state.n_nodes):
            service.stop()
    return bool(started)


def _secret(service: LocalService, state: ServiceState) -> str:
    """Give the password of the nodes among themselves, and make what a secure one needs."""
    if not state.secure:
        return ""
    layout = service.folder.layout(state)
    make_certificates(layout)
    return password(layout, BROKER_USER) if service.kind.name == "kafka" else ""


def _make_users(service: LocalService) -> None:
    state = service.state()
    if state is not None:
        try:
            make_users(service.kind, service.folder.layout(state))
        except RuntimeError as error:  # of either client
            raise SpawnError(str(error)) from error
        service.folder.write(replace(state, users_made=True))
        _await(service, lambda _: None)


def _await(service: LocalService, tell: Tell) -> None:
    state = service.state()
    if state is None:
        raise SpawnError("its folder was deleted")
    layout = service.folder.layout(state)
    waiting, reason = list(layout.nodes), "nothing listens"
    limit_s = _READY_S + _READY_NODE_S * layout.n_nodes
    for _ in range(round(limit_s / _POLL_S)):
        service.check()
        if _listens(service, layout, waiting[0]):
            said = reason
            reason = probe(service.kind, layout, waiting[0], users_made=state.users_made)
            if not reason:
                waiting.pop(0)
                if not waiting:
                    return
            elif reason != said:
                tell(f"{service.kind.name}, node {waiting[0]}: {reason}")
        threading.Event().wait(_POLL_S)
    raise SpawnError(f"not ready after {limit_s:.0f} s: node {waiting[0]}: {reason}")


def _listens(service: LocalService, layout: ServiceLayout, node: int) -> bool:
    port = service.kind.ports(layout, node)[0]
    try:
        socket.create_connection((port.host, port.number), timeout=_CONNECT_S).close()
    except OSError:
        return False
    return True


def _keep_archive(service: LocalService) -> None:
    try:
        java: Java = find_java()
    except MissingError:
        return  # it has gone since; the archive would be of no use
    service.keep_archive(java, jars_cache() / service.kind.jars.name)


def _described(state: ServiceState) -> str:
    nodes = "1 node" if state.n_nodes == 1 else f"{state.n_nodes} nodes"
    secure = "secure" if state.secure else "not secure"
    return f"there is one of {nodes}, ports +{state.port_offset}, {secure},"


@contextmanager
def saying(names: Sequence[str]) -> Iterator[Tell]:
    """Tell on stderr what is under way: one moving line on a terminal, else a line each."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda line: console.print(line, soft_wrap=True, highlight=False, markup=False)
        return
    with console.status(", ".join(names)) as status:
        yield status.update
