"""The broker and the store of a demo: embedded, or a Kafka and Cassandra that are kept going."""

import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from cluster.process import Child, SpawnError, spawn
from cluster.service_place import services_command, services_folder
from cluster.supervision import Backoff, Supervision
from ingest.broker import EmbeddedBroker
from silverbullet.children import GRACE_S
from silverbullet.demo_start import Watch
from silverbullet.own_services import KINDS, Wish, bring_up, open_service, settings_path
from silverbullet.services_progress import saying

# A look takes 0.1 ms; Kafka is back some 5 s after a kill, Cassandra some 8.
LOOK_INTERVAL_NS = 2_000_000_000
# Waits of 0.5, 2, 8 and 30 s: a `services up` or `down` by hand holds the folder for that long.
SERVER_RESTARTS = Backoff(factor=4.0, give_up_after=5)
Servers = dict[str, dict[str, Any]]
"""Settings, by section and key, that point at the servers of a demo."""


class KeptServers:
    """Looks at servers every 2 s and has those that died started again, by a process each.

    Parameters
    ----------
    names
        The services.
    trouble
        Says of a service which server died and why; empty where none did. A service that was
        taken down in good order is in no trouble.
    start
        Starts the process that brings a service up again; its exit code 0 says that it is up.
    """

    def __init__(
        self,
        names: Sequence[str],
        trouble: Callable[[str], str],
        start: Callable[[str], Child],
    ) -> None:
        self._trouble, self._start = trouble, start
        self._supervision = {name: Supervision(SERVER_RESTARTS) for name in names}
        self._starting: dict[str, Child] = {}
        self._looked_ns = dict.fromkeys(names, 0)

    def watch(self, now_ns: int) -> tuple[list[str], str]:
        """Start what is due; give lines to show, and why to give up or an empty string."""
        lines = []
        for name, supervision in self._supervision.items():
            if said := self._look(name, supervision, now_ns):
                lines.append(said)
            if supervision.given_up:
                remedy = services_command(services_folder(), "up", name)
                return lines, f"{name}: {supervision.given_up}; mend it: {remedy}"
        return lines, ""

    def _look(self, name: str, supervision: Supervision, now_ns: int) -> str:
        if name in self._starting:
            return self._reap(name, supervision, now_ns)
        if supervision.due(now_ns):
            supervision.started(now_ns)
            # Looked at again: in the meantime somebody may have started it, or taken it down.
            if self._trouble(name):
                self._starting[name] = self._start(name)
        elif supervision.due_ns is None and now_ns - self._looked_ns[name] >= LOOK_INTERVAL_NS:
            self._looked_ns[name] = now_ns
            if said := self._trouble(name):
                supervision.ended(now_ns, said)
                return f"{name}, {said}; it is started again"
        return ""

    def _reap(self, name: str, supervision: Supervision, now_ns: int) -> str:
        code = self._starting[name].poll()
        if code is None:
            return ""
        child = self._starting.pop(name)
        if code == 0:
            return f"{name} is up again"
        supervision.ended(now_ns, child.describe_exit())
        return "" if supervision.given_up else f"{child.describe_exit()}; it is tried again"

    def stop(self) -> None:
        """End what is starting servers; the servers stay."""
        for child in self._starting.values():
            child.terminate(GRACE_S)


def _trouble_of(name: str) -> str:
    try:
        open_service(name, services_folder()).check()
    except (SpawnError, ValueError) as error:
        return str(error)
    return ""


@contextmanager
def embedded_parts(folder: Path) -> Iterator[tuple[Servers, Watch]]:
    """Give the settings of a broker in this process and of an SQLite file."""
    with EmbeddedBroker() as broker:
        settings: Servers = {
            "kafka": {"bootstrap": broker.address, "fetch_wait_max_ms": 2},
            "storage": {"backend": "sqlite", "path": str(folder / "decisions.sqlite")},
        }
        yield settings, lambda _: ([], "")


@contextmanager
def real_parts(logs: Path) -> Iterator[tuple[Servers, Watch]]:
    """Start Kafka and Cassandra of this machine; give the settings that point at them.

    Parameters
    ----------
    logs
        Folder of the logs of what starts them again.

    Raises
    ------
    Refused
        One of them does not come up.
    """
    folder = services_folder()
    with saying(list(KINDS)) as tell:
        for name in KINDS:
            bring_up(name, folder, Wish(), tell)

    def start(name: str) -> Child:
        argv = [sys.executable, "-P", "-m", "silverbullet.cli", "services", "up", name]
        return spawn(argv, name=f"services up {name}", log_path=logs / f"{name}.log")

    kept = KeptServers(list(KINDS), _trouble_of, start)
    try:
        yield tomllib.loads(settings_path(folder).read_text()), kept.watch
    finally:
        kept.stop()
        click.echo("Kafka and Cassandra stay up: `silverbullet services down` ends them", err=True)
