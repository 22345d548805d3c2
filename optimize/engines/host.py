"""A host: the process that holds a foreign scheduler's driver.

``python -m`` its module is started by `HostedEngine`, never by hand. It ends with its parent,
however that ends, and takes every process of its scheduler with it.
"""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from optimize.engines import messages
from optimize.engines.host_kind import SCHEDULER_FOLDER
from optimize.engines.peer_link import PeerLink
from optimize.engines.resident_work import Places, ResidentWork
from optimize.engines.session import on_signals, sweep
from optimize.engines.task_work import Frames, Tasks, TaskWork

__all__ = ["Frames", "Host", "Tasks", "run_host"]

_WATCH_S = 0.5
_SHUTDOWN_LIMIT_S = 5.0
# The pipeline sweeps after a host that it ended itself; nobody does after one that it left.
_SWEEP_S, _ORPHAN_SWEEP_S = 0.5, 8.0


class Work(Protocol):
    """What a host does between coming up and going down."""

    def come_up(self) -> tuple[str, int]:
        """Start; give the fingerprint and how many blocks this host itself takes at once."""

    def take(self, item: Any) -> None:
        """Take a message of the pipeline, or what the work itself put into the inbox."""

    def lost(self) -> str:
        """Say why there is no use in going on, or nothing."""

    def leave(self) -> None:
        """Leave a cluster that is not this host's own."""


class Host:
    """Comes up, works until told to stop, takes everything down.

    Parameters
    ----------
    name, options
        As its command line has them.
    make_work
        Makes the work, given the link to the pipeline and the inbox that it fills.
    """

    def __init__(
        self,
        name: str,
        options: argparse.Namespace,
        make_work: Callable[[PeerLink, "SimpleQueue[Any]"], Work],
    ) -> None:
        self._name = f"{name}-{os.getpid()}"
        self._options = options
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._link = PeerLink(options.endpoint, self._inbox, clock=time.monotonic_ns)
        self._work = make_work(self._link, self._inbox)

    def run(self) -> int:
        """Come up, serve until told to stop, take everything down.

        Returns
        -------
        int
            The exit code.
        """
        on_signals({signal.SIGTERM: self._terminated, signal.SIGHUP: self._orphaned})
        if self._is_orphan():  # before the kernel's signal for it could be taken
            self._orphaned()
        self._link.start()
        self._link.say(messages.Hello(self._name, "", 0))
        reason, code = "", 0
        try:
            self._link.say(messages.Hello(self._name, *self._work.come_up()))
            reason = self._serve()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the pipeline is told why
            # Ray's own handler of SIGTERM raises SystemExit in the middle of its init.
            reason, code = f"{type(error).__name__}: {error}".split("\n")[0], 1
        print(f"{self._name} ends: {reason}", file=sys.stderr, flush=True)
        self._link.say(messages.Stop(reason))
        self._link.close()
        self._go_down(code)
        return code

    def _serve(self) -> str:
        """Work until there is a reason to end; give it."""
        while True:
            try:
                item = self._inbox.get(timeout=_WATCH_S)
            except Empty:
                item = None
            if isinstance(item, messages.Stop):
                return item.reason
            # First: what work fails of is, where the scheduler has died, only a consequence.
            if lost := self._work.lost():
                return lost
            self._work.take(item)

    def _is_orphan(self) -> bool:
        return os.getppid() != int(self._options.parent)

    def _terminated(self) -> None:
        self._inbox.put(messages.Stop("SIGTERM"))
        self._go_down(0)

    def _orphaned(self) -> None:
        """End after the pipeline: there is nobody to tell, and everything to take away."""
        sweep(self._options.folder, _ORPHAN_SWEEP_S)
        os._exit(1)

    def _go_down(self, code: int) -> None:
        """End the scheduler, and this process with it where the scheduler is its own.

        One of our own has nothing to lose: killing Ray takes 0.1 s, its shutdown 1.4 to 4 s.
        """
        if self._options.address == "local":
            self._end_own(code)
        timer = threading.Timer(_SHUTDOWN_LIMIT_S, self._end_own, (1,))
        timer.daemon = True
        timer.start()
        if threading.current_thread() is threading.main_thread():
            self._work.leave()

    def _end_own(self, code: int) -> None:
        if not self._is_orphan():
            sweep(self._options.folder / SCHEDULER_FOLDER, _SWEEP_S)
        # Again: a pipeline that is killed closes the connection first, and is this process's
        # parent until the kernel is done with it.
        if self._is_orphan():
            self._orphaned()
        os._exit(code)


def run_host(
    name: str,
    make_tasks: Callable[[argparse.Namespace], Tasks],
    make_places: Callable[[argparse.Namespace], Places],
) -> int:
    """Run a host with the options that `HostedEngine` gives it."""
    parser = argparse.ArgumentParser(prog=name)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--workers", required=True, type=int)
    parser.add_argument("--address", required=True)
    parser.add_argument("--evaluate", required=True)
    parser.add_argument("--task-ms", required=True, type=float)
    parser.add_argument("--dispatch", required=True, choices=("tasks", "resident"))
    parser.add_argument("--parent", required=True, type=int)
    options = parser.parse_args()

    def make_work(link: PeerLink, inbox: "SimpleQueue[Any]") -> Work:
        if options.dispatch == "resident":
            return ResidentWork(make_places(options))
        return TaskWork(
            make_tasks(options),
            workers=options.workers, task_ms=options.task_ms, link=link, inbox=inbox,
        )  # fmt: skip

    return Host(name, options, make_work).run()
