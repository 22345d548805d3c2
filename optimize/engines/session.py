"""A host's own processes: whether they live, and their end."""

import contextlib
import os
import signal
from collections.abc import Collection

import psutil

_GONE_S = 1.0


def named_descendants(names: Collection[str]) -> list[psutil.Process]:
    """List the processes below this one that have one of these names."""
    below = psutil.Process().children(recursive=True)
    return [process for process in below if process.name() in names]


def lives(process: psutil.Process) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def kill_own_session() -> None:
    """Kill all other processes of the session that this process leads, if it leads one.

    They all descend from it, also those whose parents have ended: Ray's agents outlive a
    raylet that was killed by half a minute.
    """
    me = os.getpid()
    killed = []
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            if pid != me and os.getsid(pid) == me:
                killed.append(psutil.Process(pid))
                os.kill(pid, signal.SIGKILL)
    psutil.wait_procs(killed, timeout=_GONE_S)  # until then they may still write files
