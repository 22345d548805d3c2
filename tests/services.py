"""Real servers that tests share: whoever needs one first starts it, the last to leave ends it."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from cluster.cluster_state import start_ticks
from cluster.java_server import check_port
from cluster.process import SpawnError
from cluster.service_layout import ServiceLayout
from silverbullet.own_services import KINDS, Wish, bring_up, wipe

CASSANDRA_SUPERUSER = ("cassandra", "cassandra")
"""Role and password of the server behind `cassandra_contact`."""


def free_offset(n_nodes: int = 1) -> int:
    """Give an offset at which the ports of both services are free."""
    layout = ServiceLayout(Path("/"), n_nodes)
    for offset in random.Random(os.urandom(8)).sample(range(10_000, 22_000, 10), 100):
        moved = ServiceLayout(layout.folder, n_nodes, offset)
        try:
            for kind in KINDS.values():
                for node in moved.nodes:
                    for port in kind.ports(moved, node):
                        check_port(port)
        except SpawnError:
            continue
        return offset
    raise AssertionError("no hundred offsets have free ports")


class Users:
    """Who uses a shared server, across the processes of one run; a killed one does not count.

    Parameters
    ----------
    folder
        One file a process, called after its pid, with its time of start.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def enter(self) -> None:
        """Count this process."""
        (self._folder / str(os.getpid())).write_text(str(start_ticks(os.getpid())))

    def leave(self) -> None:
        """Count this process no more."""
        (self._folder / str(os.getpid())).unlink()

    def any(self) -> bool:
        """Tell whether there is one."""
        return any(
            str(start_ticks(int(path.name))) == path.read_text() for path in self._folder.iterdir()
        )


@contextmanager
def shared_service(name: str, factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give host:port of a server that all processes of this run share."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "services"
    users, lock = Users(folder / f"{name}-users"), FileLock(folder / f"{name}.lock")
    address = folder / f"{name}-address"
    with lock:
        if not users.any():
            offset = free_offset()
            bring_up(name, folder, Wish(port_offset=offset), lambda _: None)
            layout = ServiceLayout(folder, port_offset=offset)
            address.write_text(KINDS[name].ports(layout, 1)[0].address)
        users.enter()
    try:
        yield address.read_text()
    finally:
        with lock:
            users.leave()
            if not users.any():
                wipe(name, folder)


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give host:port of a real Kafka, one node, without a password; marker ``kafka``.

    Every test shares it: name topics and groups anew in each. Topics are not made by use.
    """
    with shared_service("kafka", tmp_path_factory) as address:
        yield address


@pytest.fixture(scope="session")
def cassandra_contact(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give host:port of a real Cassandra, one node, superuser `CASSANDRA_SUPERUSER`.

    Marker ``cassandra``. Every test shares it: name keyspaces anew in each.
    """
    with shared_service("cassandra", tmp_path_factory) as address:
        yield address
