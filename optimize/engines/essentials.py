"""The processes that an engine cannot do without, and which of them has died, and how.

Where one dies others follow within a millisecond: a JVM takes its Python workers along, a raylet
its actors. Whose connection closes first is chance, so the cause is looked for, not inferred.
"""

import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

_LOOK_AGAIN_S = 0.002
# Places in /proc/PID/stat behind the name; proc_pid_stat(5) counts them from 3.
_STATE, _STARTED, _EXIT_CODE = 0, 19, 49
_ENDED = ("Z", "X")


class Watched(NamedTuple):
    """A process: what people call it, and when it started, as its number may be another's one day.

    Its state is read from the file of the kernel: 10 us, a fifth of what psutil takes, and a host
    looks with every message.
    """

    title: str
    pid: int
    started: str

    def ended(self) -> str:
        """Say how it ended, as far as the kernel still knows; empty while it runs."""
        facts = _facts(self.pid)
        if not facts or facts[_STARTED] != self.started:
            return "has died"
        if facts[_STATE] not in _ENDED:
            return ""
        status = int(facts[_EXIT_CODE])
        if number := status & 0x7F:
            named = number in list(signal.Signals)  # most real-time signals have no name
            return f"was killed by {signal.Signals(number).name if named else number}"
        return f"ended with exit code {status >> 8}"


class Essentials:
    """A process and those below it that it cannot do without.

    Parameters
    ----------
    top
        The process.
    named
        Name of a process below it to what people call it; the cause before what it takes along.
    title
        What people call the process itself; empty: it is not looked after. Only a signal that
        killed it counts, as it tells its own reasons.
    """

    def __init__(self, top: int, named: Mapping[str, str], title: str = "") -> None:
        self._named = named
        self._pid = top
        self._top = _watch(title, top) if title else None
        self._below: list[Watched] = []

    def find(self) -> None:
        """Remember those that run now; takes some 10 ms."""
        try:
            below = psutil.Process(self._pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return
        names = {process.pid: _name(process) for process in below}
        found = [
            _watch(title, pid)
            for name, title in self._named.items()
            for pid, its_name in names.items()
            if its_name == name
        ]
        self._below = [watched for watched in found if watched is not None]

    def died(self, within_s: float = 0.0) -> str:
        """Say which has died, and how; empty where none has.

        Parameters
        ----------
        within_s
            How long to look again: a process closes its connections before it counts as ended.
        """
        for _ in range(round(within_s / _LOOK_AGAIN_S)):
            if found := self._look():
                return found
            threading.Event().wait(_LOOK_AGAIN_S)
        return self._look()

    def _look(self) -> str:
        top = self._top
        if top is not None and (how := top.ended()).startswith("was killed"):
            return f"{top.title} (pid {top.pid}) {how}"
        for watched in self._below:
            if how := watched.ended():
                return f"{watched.title} (pid {watched.pid}) {how}"
        return ""


def _facts(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _watch(title: str, pid: int) -> Watched | None:
    facts = _facts(pid)
    return Watched(title, pid, facts[_STARTED]) if facts else None


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.NoSuchProcess:
        return ""
