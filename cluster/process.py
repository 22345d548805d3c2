"""Child processes that end with their parent and leave nothing behind.

A child is its own session. The kernel signals it when this process ends, however that
happens; when the child ends, whatever is left of its session is killed before its pid is free
again, so no stranger's process can be meant.
"""

import contextlib
import os
import queue
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import cache
from pathlib import Path

import psutil

_EXEC_CHILD = str(Path(__file__).with_name("exec_child.py"))
_SWEEP_LIMIT_S = 2.0  # a killed process is gone in milliseconds; longer means stuck in the kernel
_TAIL_BYTES = 4096


class SpawnError(RuntimeError):
    """A child process could not be started; the message says which and why."""


class Child:
    """A process started by `spawn`; its session is swept when it ends."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log_path: Path | None) -> None:
        self.name = name
        self.pid = process.pid
        self._process = process
        self._log_path = log_path
        self._lock = threading.Lock()
        self._code: int | None = None

    def poll(self) -> int | None:
        """Give the exit code, negative for a signal, or None while it runs."""
        with self._lock:
            if self._code is None and _has_ended(self.pid):
                # The zombie still holds the pid, so the session's number cannot be another's.
                end_session(self.pid)
                self._code = self._process.wait()
            return self._code

    def wait(self, timeout_s: float) -> int | None:
        """Wait for the end.

        Returns
        -------
        int or None
            The exit code, or None if it still runs after ``timeout_s`` seconds.
        """
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                descriptor = os.pidfd_open(self.pid)
                try:
                    poller = select.poll()
                    poller.register(descriptor, select.POLLIN)
                    poller.poll(max(0.0, timeout_s) * 1e3)
                finally:
                    os.close(descriptor)
        return self.poll()

    def terminate(self, grace_s: float = 5.0) -> int:
        """End it: SIGTERM, and SIGKILL to its whole session after ``grace_s`` seconds.

        Returns
        -------
        int
            The exit code.
        """
        if self.poll() is None:
            self._signal(signal.SIGTERM)
        code = self.wait(grace_s)
        if code is None:
            self._signal(signal.SIGKILL)
            code = self.wait(_SWEEP_LIMIT_S)
        if code is None:
            raise SpawnError(f"{self.name} (pid {self.pid}) does not end after SIGKILL")
        return code

    def describe_exit(self) -> str:
        """Say how it ended; after a failure of its own also what its log says last."""
        code = self.poll()
        if code is None:
            return f"{self.name} (pid {self.pid}) runs"
        how = f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
        last = self._last_line()
        return f"{self.name} (pid {self.pid}) ended: {how}" + (f": {last}" if last else "")

    def _signal(self, number: signal.Signals) -> None:
        with self._lock, contextlib.suppress(ProcessLookupError):
            if self._code is None:
                os.kill(self.pid, number)

    def _last_line(self) -> str:
        if self._log_path is None or self._code is None or self._code <= 0:
            return ""
        try:
            with self._log_path.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
                lines = log.read().decode(errors="replace").split("\n")
        except OSError:
            return f"see {self._log_path}"
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def spawn(
    argv: Sequence[str],
    *,
    name: str,
    env: Mapping[str, str] | None = None,
    log_path: Path | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> Child:
    """Start a program as a session of its own that ends when this process ends.

    Parameters
    ----------
    argv
        Program and arguments.
    name
        What messages call it.
    env
        Variables over those of this process.
    log_path
        File that takes its output; None: it writes where this process writes.
    death_signal
        What the kernel sends it when this process ends. A program that may not be able to
        answer SIGTERM must end itself after a time, or be given SIGKILL here.

    Raises
    ------
    SpawnError
        The program or the log file cannot be opened.
    """
    if shutil.which(argv[0]) is None:
        raise SpawnError(f"cannot start {name} ({argv[0]}): not found, or not executable")
    head = [sys.executable, "-S", "-E", _EXEC_CHILD, str(os.getpid()), str(int(death_signal))]
    environment = {**os.environ, **(env or {})}

    def start() -> subprocess.Popen[bytes]:
        with contextlib.ExitStack() as stack:
            output = None
            if log_path is not None:
                log_path.parent.mkdir(parents=True, exist_ok=True)
                output = stack.enter_context(log_path.open("ab"))
            return subprocess.Popen(
                [*head, *argv],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output is not None else None,
                start_new_session=True,
            )

    try:
        process = _spawner().call(start)
    except OSError as error:
        raise SpawnError(f"cannot start {name} ({argv[0]}): {error}") from error
    return Child(name, process, log_path)


def end_session(session: int, *, limit_s: float = _SWEEP_LIMIT_S) -> None:
    """Kill every process of a session but its leader, and wait until they are gone."""
    deadline = time.monotonic() + limit_s
    while members := _members(session):
        for process in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        _, alive = psutil.wait_procs(members, timeout=max(0.0, deadline - time.monotonic()))
        if alive and time.monotonic() >= deadline:
            names = ", ".join(f"{process.pid}" for process in alive)
            raise SpawnError(f"processes {names} of session {session} do not end after SIGKILL")


def _members(session: int) -> list[psutil.Process]:
    found = []
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            if pid != session and os.getsid(pid) == session:
                process = psutil.Process(pid)
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
    return found


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


class _Spawner:
    """A thread that starts all children and lives as long as this process.

    The kernel's death signal follows the thread that forked, not its process: a child started
    from a thread that ends early would be ended with it.
    """

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[
            tuple[Callable[[], subprocess.Popen[bytes]], Future[subprocess.Popen[bytes]]]
        ] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="spawner", daemon=True).start()

    def call(self, start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        answer: Future[subprocess.Popen[bytes]] = Future()
        self._calls.put((start, answer))
        return answer.result()

    def _run(self) -> None:
        while True:
            start, answer = self._calls.get()
            try:
                answer.set_result(start())
            except OSError as error:
                answer.set_exception(error)


@cache
def _spawner() -> _Spawner:
    return _Spawner()
