"""A host's own processes: their end, and when it is time for it."""

import contextlib
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

_GONE_S = 1.0
_AGAIN_S = 0.02


def on_signals(acts: Mapping[signal.Signals, Callable[[], None]]) -> None:
    """Call what belongs to a signal on a thread of its own; to be called on the main thread.

    The main thread may be inside foreign code for long, and foreign code may put its own
    handlers in the place of ours: the wake-up descriptor is written to in both cases.
    """
    ours, pythons = socket.socketpair()
    pythons.setblocking(False)
    for number in acts:
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(pythons.detach(), warn_on_full_buffer=False)

    def watch() -> None:
        while True:
            for number in ours.recv(64):
                if number in acts:
                    acts[signal.Signals(number)]()

    threading.Thread(target=watch, name="signals", daemon=True).start()


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


def sweep(folder: Path, limit_s: float) -> None:
    """Kill the rest of the session and delete a folder of its files, until there is none.

    A process that is being killed may still make a file, or another process.
    """
    deadline_s = time.monotonic() + limit_s
    while True:
        kill_own_session()
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists() or time.monotonic() > deadline_s:
            return
        threading.Event().wait(_AGAIN_S)
