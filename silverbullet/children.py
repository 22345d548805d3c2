"""The parts of a demo as child processes: started, watched, started again, ended."""

import sys
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cluster.process import Child, spawn
from cluster.supervision import Backoff, Supervision

# Ends within 5 s of Ctrl-C: 3 s for what closes by itself, the rest for kill and reap, which
# took 1.2 s with Ray on two processors shared with ten other busy processes.
GRACE_S = 3.0
RESTARTS = Backoff(give_up_after=5)
REFUSED_EXIT = 2


class Children:
    """Child processes, one a command, and how they are kept going.

    Parameters
    ----------
    environment
        Settings as variables, over those of this process.
    folder
        Where each part's log goes.
    arguments
        Part to the arguments of its command.
    finite
        Parts that have an end: with exit code 0 there they are not started again.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        folder: Path,
        arguments: Mapping[str, list[str]],
        finite: Collection[str] = (),
    ) -> None:
        self._environment = environment
        self._folder = folder
        self._arguments = arguments
        self._finite = finite
        self._children: dict[str, Child] = {}
        self._supervision = {name: Supervision(RESTARTS) for name in arguments}

    def watch(self, now_ns: int) -> tuple[list[str], str]:
        """Start what is due; give lines to show, and why to give up or an empty string."""
        lines = []
        for name, supervision in self._supervision.items():
            if said := self._reap(name, now_ns):
                lines.append(said)
            if supervision.given_up:
                return lines, f"{supervision.given_up} (log: {self._log_path(name)})"
            if name not in self._children and supervision.due(now_ns):
                self._children[name] = self._start(name)
                supervision.started(now_ns)
        return lines, ""

    def _reap(self, name: str, now_ns: int) -> str:
        """Take note of a part that has ended; give a line to show, or an empty string."""
        child, supervision = self._children.get(name), self._supervision[name]
        if child is None or (code := child.poll()) is None:
            return ""
        del self._children[name]
        if code == 0 and name in self._finite:
            # Its supervision is told nothing, and so plans no start.
            return f"{name} has come to its end; the last decision stays"
        reason = child.describe_exit()
        if code == REFUSED_EXIT:
            supervision.give_up(reason)
            return ""
        supervision.ended(now_ns, reason)
        return f"{reason}; it is started again"

    def _log_path(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _start(self, name: str) -> Child:
        argv = [sys.executable, "-P", "-m", "silverbullet.cli", name, *self._arguments[name]]
        return spawn(argv, name=name, env=self._environment, log_path=self._log_path(name))

    def stop(self) -> None:
        """End all parts side by side, by pid."""
        with ThreadPoolExecutor(max_workers=len(self._arguments)) as pool:
            list(pool.map(lambda child: child.terminate(GRACE_S), self._children.values()))
