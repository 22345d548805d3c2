"""Brings up, looks at and takes down the Kafka and Cassandra of ours on this machine."""

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from cluster.cassandra_server import CASSANDRA
from cluster.cluster_state import FolderBusyError, write_private
from cluster.jars import JarError, Tell, present
from cluster.java import Java, MissingError, find_java, find_maven
from cluster.kafka_server import KAFKA
from cluster.local_service import LocalService
from cluster.process import SpawnError
from cluster.service_layout import ServerKind
from cluster.service_place import services_folder
from cluster.service_state import ServiceFolder, ServiceState
from silverbullet.options import Refused
from silverbullet.service_clients import Setting, as_toml, client_settings
from silverbullet.service_start import start

KINDS: Mapping[str, ServerKind] = {"kafka": KAFKA, "cassandra": CASSANDRA}
"""Service to what runs it, in the order in which they start and end."""


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


def examine_service(name: str) -> tuple[bool, str]:
    """Say beforehand whether `services up` could start a service in the usual folder.

    Returns
    -------
    bool, str
        Whether nothing lacks, and what there is to say.
    """
    if lacks := missing_for(name):
        return False, lacks
    service = open_service(name, services_folder())
    try:
        state = service.state()
        if state is not None and state.servers:
            service.check()
            return True, f"up in {service.folder.path}"
        service.check_fit(state or Wish().state(service.kind))
    except (SpawnError, ValueError) as error:
        return False, f"{error}; `silverbullet services up {name}` after that"
    return True, f"`silverbullet services up {name}` can start one"


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
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        text = f"{name}: no space left on the disk of its folder; make room there"
        raise Refused(text) from error


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
                f"or `{service.command('down', '--wipe')}` to delete them"
            )
        if state is not None and wish.differs(state):
            raise ValueError(
                f"{_described(state)} in {service.folder.path}: pass another --folder, or "
                f"`{service.command('down', '--wipe')}` and begin anew"
            )
        started = start(service, state or wish.state(service.kind), jars_cache(), tell)
    _write_settings(folder)
    return started


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
    _write_settings(folder)
    return True


def settings_path(folder: Path) -> Path:
    """Give the settings file that points a pipeline at all services of a folder."""
    return folder / "pipeline.toml"


def _write_settings(folder: Path) -> None:
    found: dict[str, Setting] = {}
    for name, kind in KINDS.items():
        service = open_service(name, folder)
        with told_in_one_line(name):
            state = service.state()
        if state is not None:
            found |= client_settings(kind, service.folder.layout(state))
    path = settings_path(folder)
    if found:
        write_private(path, as_toml(found))
    else:
        path.unlink(missing_ok=True)


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
