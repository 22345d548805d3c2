"""Clusters that outlive the command that started them: start, look at, end by pid."""

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil

from cluster.cluster_state import ClusterFolder, ClusterState, boot_id, start_ticks
from cluster.keeper import MARK
from cluster.process import SpawnError, end_session

LOOPBACK = "127.0.0.1"
_GRACE_S = 5.0  # Ray's nodes take 1 to 3 s to end, Spark's JVMs 1 s
_KILLED_S = 2.0
_TAIL_BYTES = 4096
MODULES: Mapping[str, str] = {"ray": "cluster.ray_cluster", "spark": "cluster.spark_cluster"}
"""Engine to the module that keeps its cluster."""


@dataclass(frozen=True, slots=True)
class ClusterView:
    """A cluster as it is now.

    Attributes
    ----------
    state
        What its keeper said last.
    alive
        Whether its keeper runs.
    since
        When that started.
    pids
        Of all its processes, the keeper first.
    memory_bytes
        Theirs, shared pages in parts (PSS).
    """

    state: ClusterState
    alive: bool
    since: datetime | None
    pids: tuple[int, ...]
    memory_bytes: int


def free_port(port: int) -> int:
    """Give a port of loopback that is free; 0: any.

    Raises
    ------
    SpawnError
        It is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise SpawnError(f"port {port} on {LOOPBACK}: {error.strerror}") from None
        return int(probe.getsockname()[1])


class Launch:
    """A cluster that comes up.

    Parameters
    ----------
    folder
        Held by the caller.

    Raises
    ------
    OSError
        It cannot be started.
    """

    def __init__(self, folder: ClusterFolder, engine: str, port: int, workers: int) -> None:
        self._folder = folder
        folder.log_path.parent.mkdir(exist_ok=True)
        # -P: a module of the user's in the present folder must not stand before ours.
        argv = [sys.executable, "-P", "-m", MODULES[engine], f"--folder={folder.path}"]
        argv += [f"--port={port}", f"--workers={workers}"]
        with folder.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                argv,
                cwd=folder.path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def poll(self) -> ClusterState | None:
        """Give its state when it is up, None until then.

        Raises
        ------
        SpawnError
            It ended.
        """
        code = self._process.poll()
        state = self._folder.read()
        if code is not None:
            told = (state.reason if state else "") or self._last_line()
            raise SpawnError(
                f"exit code {code}: {told or 'no word'} (log: {self._folder.log_path})"
            )
        return state if state is not None and state.phase == "up" else None

    def abandon(self) -> None:
        """End whatever has come up of it."""
        if not end(self._folder) and self._process.poll() is None:
            end_session(self._process.pid)
            self._process.kill()
        self._process.wait()
        self._folder.clear()

    def _last_line(self) -> str:
        with self._folder.log_path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = log.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def keeper_lives(state: ClusterState) -> bool:
    """Tell whether the very process that wrote a state runs."""
    return state.boot == boot_id() and start_ticks(state.pid) == state.start_ticks


def look(folder: ClusterFolder) -> ClusterView | None:
    """See how a cluster is; None where there is none.

    Raises
    ------
    ValueError
        Its file is of another version.
    """
    state = folder.read()
    if state is None:
        return None
    if not keeper_lives(state):
        return ClusterView(state, False, None, tuple(_orphans(state, folder)), 0)
    pids, memory, since = [state.pid], 0, None
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
            if os.getsid(process.pid) == state.pid:
                memory += process.memory_full_info().pss
                if process.pid == state.pid:
                    since = datetime.fromtimestamp(process.create_time(), UTC)
                else:
                    pids.append(process.pid)
    return ClusterView(state, True, since, tuple(pids), memory)


def end(folder: ClusterFolder) -> bool:
    """End a cluster with all its processes and files but the logs; False: there is none.

    Raises
    ------
    SpawnError
        A process does not end after SIGKILL.
    ValueError
        Its file is of another version.
    """
    state = folder.read()
    if state is None:
        return False
    if keeper_lives(state):
        with contextlib.suppress(psutil.NoSuchProcess):
            keeper = psutil.Process(state.pid)
            keeper.terminate()
            psutil.wait_procs([keeper], timeout=_GRACE_S)
            if keeper_lives(state):
                keeper.kill()  # first: as long as it lives, it may not reap what is killed
                psutil.wait_procs([keeper], timeout=_KILLED_S)
    if keeper_lives(state):
        raise SpawnError(f"process {state.pid} does not end after SIGKILL")
    if _orphans(state, folder):
        end_session(state.pid)
    folder.clear(state.scratch)
    return True


def _orphans(state: ClusterState, folder: ClusterFolder) -> list[int]:
    """List what is left of a keeper's session after its end.

    The kernel gives a number to nobody while it is a session's; so where a process has it now
    that is not the keeper, the session is gone. Else its members are ours if one of them bears
    our mark: a session of the same number may have come and lost its leader since.
    """
    if state.boot != boot_id() or start_ticks(state.pid) is not None:
        return []
    members, ours = [], False
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
            if pid != state.pid and os.getsid(pid) == state.pid:
                members.append(pid)
                ours = ours or psutil.Process(pid).environ().get(MARK) == str(folder.path)
    return members if ours else []
