"""A server in Java as a process that outlives the command which started it."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import psutil

from cluster.cluster_state import boot_id, start_ticks
from cluster.jars import class_path
from cluster.java import Java
from cluster.process import SpawnError
from cluster.server_log import complaint, why_ended
from cluster.service_layout import (
    PASSWORD_VARIABLE,
    Port,
    ServerKind,
    ServiceLayout,
    argument_file,
)
from cluster.service_state import ServerProcess

_FIRST_RUN_LIMIT_S = 120.0  # 1.6 s where nothing else runs
# What would change a server that finds it, or tell it what is not its business.
_NOISE = (
    "KAFKA_", "CASSANDRA_", "SILVERBULLET_", "JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS", "CLASSPATH",
)  # fmt: skip
# Kept, so that what ends before this process is reaped.
_STARTED: list[subprocess.Popen[bytes]] = []


class JavaServer:
    """One node of a service: its files, its start.

    Parameters
    ----------
    jars
        Folder of its jars, which also takes its class-data archive.
    secret
        Password of the nodes among themselves; empty where there is none.
    """

    def __init__(
        self,
        kind: ServerKind,
        layout: ServiceLayout,
        node: int,
        java: Java,
        jars: Path,
        secret: str,
    ) -> None:
        self._kind, self._layout, self._node = kind, layout, node
        self._java, self._jars = java, jars
        self._folder = layout.node_folder(node)
        self._environment = {
            name: value for name, value in os.environ.items() if not name.startswith(_NOISE)
        }
        if secret:
            self._environment[PASSWORD_VARIABLE] = secret

    def write_files(self) -> None:
        """Write settings and folders; what the data are is left alone."""
        for name in self._kind.folders():
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        for name, text in self._kind.files(self._layout, self._node).items():
            (self._folder / name).write_text(text)

    def first_run(self, ids: tuple[str, ...]) -> None:
        """Run what must run before the first start.

        Raises
        ------
        SpawnError
            It fails.
        """
        run = self._kind.first_run(self._layout, self._node, ids)
        if not run:
            return
        # It is over before a second compiler would pay.
        options = [*self._kind.jvm_options(self._layout, self._node), "-XX:TieredStopAtLevel=1"]
        argv = self._argv("first_run.args", options, run)
        try:
            done = subprocess.run(
                argv, cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL,
                capture_output=True, text=True, errors="replace", timeout=_FIRST_RUN_LIMIT_S,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise SpawnError(f"{run[0]} is not done after {_FIRST_RUN_LIMIT_S:.0f} s") from None
        if done.returncode != 0:
            raise SpawnError(f"{run[0]} failed: {complaint(done.stdout + done.stderr)}")

    def start(self) -> ServerProcess:
        """Start it as a session of its own; the log of the time before is kept beside it."""
        options = self._kind.jvm_options(self._layout, self._node) + self._archive_options()
        run = [self._kind.main_class, *self._kind.arguments(self._layout, self._node)]
        argv = self._argv("java.args", options, run)
        log_path = self._layout.log_path(self._node)
        if log_path.exists():
            log_path.replace(log_path.with_suffix(".log.1"))
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                argv, cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        _STARTED.append(process)
        started = start_ticks(process.pid)
        if started is None:
            raise SpawnError(f"{self._kind.name} ended at once: {why_ended(log_path)}")
        return ServerProcess(self._node, process.pid, started, boot_id())

    def _argv(self, name: str, options: list[str], run: list[str]) -> list[str]:
        path = self._folder / name
        path.write_text(argument_file([*options, "-cp", class_path(self._jars)]))
        return [self._java.path, f"@{path}", *run]

    def _archive_options(self) -> list[str]:
        """Use the class-data archive; where there is none, have the first node record one."""
        archive = archive_path(self._jars, self._java)
        # A stale archive costs speed and, without these two, a warning.
        options = ["-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
        if archive.is_file():
            return [*options, f"-XX:SharedArchiveFile={archive}"]
        if self._node == 1:
            recording_path(self._folder).unlink(missing_ok=True)
            return [*options, f"-XX:ArchiveClassesAtExit={recording_path(self._folder)}"]
        return options


def reap() -> None:
    """Take note of the servers of this process that have ended: else their pids stay taken."""
    _STARTED[:] = [process for process in _STARTED if process.poll() is None]


def archive_path(jars: Path, java: Java) -> Path:
    """Give where a server's class-data archive is: it halves the time of a start."""
    return jars / f"classes-{java.version}.jsa"


def recording_path(folder: Path) -> Path:
    """Give where a node writes its archive at its end."""
    return folder / "classes.jsa"


def keep_recording(folder: Path, archive: Path) -> None:
    """Put what a node recorded, if it did, into the cache."""
    recorded = recording_path(folder)
    if recorded.is_file() and archive.parent.is_dir():
        new = archive.with_suffix(".new")
        shutil.move(recorded, new)  # the cache may be on another file system
        new.replace(archive)


def check_port(port: Port) -> None:
    """See that nothing listens on a port.

    Raises
    ------
    SpawnError
        Something does.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((port.host, port.number))
        except OSError as error:
            raise SpawnError(
                f"port {port.number} on {port.host}: {error.strerror}{_listener(port)}; "
                "end what listens there, or pass --folder and --port-offset for another place"
            ) from None


def _listener(port: Port) -> str:
    try:
        for found in psutil.net_connections("tcp"):
            ours = found.laddr and found.laddr.port == port.number
            if ours and found.status == psutil.CONN_LISTEN and found.pid:
                return f" by {psutil.Process(found.pid).name()} (pid {found.pid})"
    except psutil.Error:
        return ""  # it is another user's
    return ""
