"""A Kafka or Cassandra on this machine: started, looked at, ended, wiped, by pid."""

import base64
import contextlib
import secrets
import shutil
import signal
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import psutil

from cluster.java import Java
from cluster.java_server import (
    JavaServer,
    archive_path,
    check_port,
    keep_recording,
    reap,
    recording_path,
)
from cluster.process import SpawnError
from cluster.room import no_room
from cluster.server_log import why_ended
from cluster.service_layout import Port, ServerKind, ServiceLayout
from cluster.service_place import services_command
from cluster.service_state import ServerProcess, ServiceFolder, ServiceState, end_processes

_KILLED_S = 5.0


@dataclass(frozen=True, slots=True)
class ServerView:
    """A server as it is now.

    Attributes
    ----------
    node, ports
        Which, and where it listens.
    pid
        None where it does not run.
    since
        When it started.
    memory_bytes
        Its own, shared pages in parts (PSS).
    reason
        What its log says where it has ended by itself.
    """

    node: int
    ports: tuple[Port, ...]
    pid: int | None
    since: datetime | None = None
    memory_bytes: int = 0
    reason: str = ""


class LocalService:
    """One service in one folder; whoever starts or ends it holds the folder.

    Parameters
    ----------
    kind
        Which server.
    folder
        Where it is.
    """

    def __init__(self, kind: ServerKind, folder: ServiceFolder) -> None:
        self.kind = kind
        self.folder = folder

    def command(self, word: str, *options: str) -> str:
        """Write a command on this service, as it is to be typed."""
        return services_command(self.folder.path.parent, word, self.kind.name, *options)

    def state(self) -> ServiceState | None:
        """Give what holds of it; None where it has never been up.

        Raises
        ------
        ValueError
            Its file is of another version.
        """
        return self.folder.read()

    def check_fit(self, state: ServiceState) -> list[int]:
        """See that the servers that do not run could be started, and give their nodes.

        Raises
        ------
        SpawnError
            A port is taken, the disk is full, or a file is missing that their data are of no use
            without.
        """
        layout = self.folder.layout(state)
        alive = {server.node for server in state.servers if server.lives}
        missing = [node for node in layout.nodes if node not in alive]
        if missing and (full := no_room(self.folder.path)):
            raise SpawnError(full)
        for node in missing:
            for port in self.kind.ports(layout, node):
                check_port(port)
            for name in self.kind.lasting if state.prepared else ():
                path = layout.node_folder(node) / name
                if not path.exists():
                    raise SpawnError(
                        f"{path} is missing, the data are of no use without: bring it back, or "
                        f"`{self.command('down', '--wipe')}` and begin anew"
                    )
        return missing

    def start(self, state: ServiceState, java: Java, jars: Path, secret: str = "") -> list[int]:
        """Start the servers that do not run.

        Parameters
        ----------
        state
            What it is to be; its servers are those started before.
        secret
            Password of the nodes among themselves, where it is secure.

        Returns
        -------
        list of int
            The nodes started; those before them have been asked to stay.

        Raises
        ------
        SpawnError
            A port is taken, data are missing, or a server does not start.
        """
        missing = self.check_fit(state)
        layout = self.folder.layout(state)
        alive = tuple(server for server in state.servers if server.lives)
        servers = {
            node: JavaServer(self.kind, layout, node, java, jars, secret) for node in missing
        }
        self._prepare(state, layout, servers)
        state = replace(state, version=self.kind.version, prepared=True, servers=alive)
        for server in servers.values():
            state = self._note(state, server.start())
        return missing

    def check(self) -> None:
        """See that all its servers run.

        Raises
        ------
        SpawnError
            One has ended.
        """
        state = self.folder.read()
        if state is None:
            return
        for server in state.servers:
            if not server.lives:
                log_path = self.folder.layout(state).log_path(server.node)
                raise SpawnError(
                    f"node {server.node} ended: {why_ended(log_path)} (log: {log_path})"
                )

    def look(self) -> list[ServerView]:
        """See how its servers are; none where it has never been up.

        Raises
        ------
        ValueError
            Its file is of another version.
        """
        state = self.folder.read()
        if state is None:
            return []
        layout = self.folder.layout(state)
        started = {server.node: server for server in state.servers}
        return [self._view(layout, node, started.get(node)) for node in layout.nodes]

    def stop(self, *, orderly: bool = True) -> bool:
        """End its servers, SIGKILL when that takes too long; data stay.

        Parameters
        ----------
        orderly
            False: SIGKILL at once, for data that are to be deleted.

        Returns
        -------
        bool
            Whether there was one to end.

        Raises
        ------
        SpawnError
            A process does not end after SIGKILL.
        """
        state = self.folder.read()
        if state is None or not state.servers:
            return False
        # All at once: the last of three that go one by one waits for a quorum in vain.
        running = [server for server in state.servers if server.lives]
        if not orderly or not end_processes(running, signal.SIGTERM, self.kind.stop_limit_s):
            for server in running:
                recording_path(self.folder.path / f"node{server.node}").unlink(missing_ok=True)
            if not end_processes(running, signal.SIGKILL, _KILLED_S):
                pids = ", ".join(str(server.pid) for server in running if server.lives)
                raise SpawnError(f"processes {pids} do not end after SIGKILL")
        reap()
        self.folder.write(replace(state, servers=()))
        return bool(running)

    def keep_archive(self, java: Java, jars: Path) -> None:
        """Put the class-data archive that an orderly end has left into the cache."""
        for folder in self.folder.node_folders():
            keep_recording(folder, archive_path(jars, java))

    def _prepare(
        self, state: ServiceState, layout: ServiceLayout, servers: dict[int, JavaServer]
    ) -> None:
        for node, server in servers.items():
            folder = layout.node_folder(node)
            if not state.prepared and folder.exists():
                shutil.rmtree(folder)  # what an earlier attempt left: no server has run on it
            folder.mkdir(parents=True, exist_ok=True)
            server.write_files()
        if not state.prepared:
            self.folder.write(state)
            ids = tuple(_identifier() for _ in range(layout.n_nodes + 1))
            for server in servers.values():
                server.first_run(ids)

    def _note(self, state: ServiceState, server: ServerProcess) -> ServiceState:
        """Write down a server that was started; one that is not written down nobody could end."""
        state = replace(state, servers=(*state.servers, server))
        try:
            self.folder.write(state)
        except OSError:
            end_processes([server], signal.SIGKILL, _KILLED_S)
            raise
        return state

    def _view(self, layout: ServiceLayout, node: int, server: ServerProcess | None) -> ServerView:
        ports = self.kind.ports(layout, node)
        if server is None:
            return ServerView(node, ports, None)
        with contextlib.suppress(psutil.Error):
            if server.lives:
                process = psutil.Process(server.pid)
                since = datetime.fromtimestamp(process.create_time(), UTC)
                memory = process.memory_full_info().pss
                return ServerView(node, ports, server.pid, since, memory)
        return ServerView(node, ports, None, reason=why_ended(layout.log_path(node)))


def _identifier() -> str:
    """Make one as Kafka's tools do: 16 random bytes in base64, not beginning with a dash."""
    while True:
        made = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        if not made.startswith("-"):
            return made
