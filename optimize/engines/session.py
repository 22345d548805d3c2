"""A host's own processes: whether they live, their end, and when it is time for it."""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Collection

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


def on_sigterm(act: Callable[[], None]) -> None:
    """Call ``act`` on a thread of its own at SIGTERM; to be called on the main thread.

    The main thread may be inside foreign code for long, and foreign code may put its own
    handler in the place of ours: the wake-up descriptor is written to in both cases.
    """
    ours, pythons = socket.socketpair()
    pythons.setblocking(False)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.set_wakeup_fd(pythons.detach(), warn_on_full_buffer=False)

    def watch() -> None:
        while signal.SIGTERM not in ours.recv(64):
            continue
        act()

    threading.Thread(target=watch, name="sigterm", daemon=True).start()


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
