"""A host: holds a foreign scheduler's driver and turns blocks into its tasks.

``python -m`` its module is started by `HostedEngine`, never by hand. It ends with its parent,
however that ends, and takes every process of its scheduler with it.
"""

import argparse
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from optimize.engines import messages
from optimize.engines.grouping import group_blocks
from optimize.engines.host_kind import SCHEDULER_FOLDER
from optimize.engines.moves import Policy, Shape
from optimize.engines.pace import Pace
from optimize.engines.peer_link import PeerLink
from optimize.engines.session import on_signals, sweep
from optimize.engines.wire import decode, encode

_WATCH_S = 0.5
_SHUTDOWN_LIMIT_S = 5.0
_TASKS_AHEAD = 2  # a worker has one to do and one waiting; the rest can still be cancelled
_BUDGET = 4.0  # times the wanted length, after which a task hands back what it has not begun
# The pipeline sweeps after a host that it ended itself; nobody does after one that it left.
_SWEEP_S, _ORPHAN_SWEEP_S = 0.5, 8.0

Frames = Future[list[bytes]]


class Tasks(Protocol):
    """A foreign scheduler as its host uses it, from one thread."""

    def come_up(self) -> str:
        """Start it with all workers, or join it; give the workers' fingerprint."""

    def hold(self, frame: bytes) -> Any:
        """Put a job where every worker can get it; give what `submit` calls it."""

    def submit(self, job: Any, blocks: Sequence[int], budget_ns: int) -> Frames:
        """Have a worker run `evaluate_group`."""

    def drop(self, job: Any) -> None:
        """Forget a job; tasks under way may still end."""

    def lost(self) -> str:
        """Say what of it has died that it cannot do without; empty where nothing has."""

    def leave(self) -> None:
        """Leave a cluster that is not this host's own."""


@dataclass(frozen=True, slots=True)
class _TaskDone:
    job_id: int
    blocks: tuple[int, ...]
    future: Frames


@dataclass(frozen=True, slots=True)
class _HostJob:
    held: Any
    shape: Shape


class Host:
    """Turns BLOCKS into tasks and sends their results as they come."""

    def __init__(self, name: str, options: argparse.Namespace, tasks: Tasks) -> None:
        self._name = f"{name}-{os.getpid()}"
        self._options = options
        self._tasks = tasks
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._link = PeerLink(options.endpoint, self._inbox, clock=time.monotonic_ns)
        self._pace = Pace(Policy())
        self._task_ns = options.task_ms * 1e6
        self._jobs: dict[int, _HostJob] = {}
        self._waiting: deque[tuple[int, tuple[int, ...]]] = deque()
        self._running = 0

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
            fingerprint = self._tasks.come_up()
            self._link.say(messages.Hello(self._name, fingerprint, self._options.workers))
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
            match item:
                case messages.Job(job_id, job):
                    shape = Shape(job.kind, job.n_assets, min(job.block_size, job.n_draws))
                    self._jobs[job_id] = _HostJob(self._tasks.hold(encode(item)), shape)
                case messages.Blocks(job_id, blocks):
                    self._group(job_id, blocks)
                case messages.Cancel(job_id):
                    if (dropped := self._jobs.pop(job_id, None)) is not None:
                        self._tasks.drop(dropped.held)
                case _TaskDone():
                    self._report(item)
                case messages.Stop(reason):
                    return reason
            self._submit()
            if lost := self._tasks.lost():
                return lost

    def _group(self, job_id: int, blocks: tuple[int, ...]) -> None:
        job = self._jobs.get(job_id)
        if job is None:
            return
        groups = group_blocks(
            blocks,
            workers=self._options.workers,
            block_ns=self._pace.block_ns(job.shape),
            task_ns=self._task_ns,
        )
        self._waiting.extend((job_id, group) for group in groups)

    def _submit(self) -> None:
        """Keep workers supplied; what waits here can be cancelled without hurting a worker."""
        while self._waiting and self._running < _TASKS_AHEAD * self._options.workers:
            job_id, blocks = self._waiting.popleft()
            job = self._jobs.get(job_id)
            if job is None:
                continue
            self._running += 1
            future = self._tasks.submit(job.held, blocks, int(_BUDGET * self._task_ns))
            future.add_done_callback(partial(self._done, job_id, blocks))

    def _done(self, job_id: int, blocks: tuple[int, ...], future: Frames) -> None:
        self._inbox.put(_TaskDone(job_id, blocks, future))

    def _report(self, done: _TaskDone) -> None:
        self._running -= 1
        error = done.future.exception()
        if error is not None:
            reason = f"{type(error).__name__}: {error}".split("\n")[0]
            self._link.say(messages.Failed(done.job_id, done.blocks, reason))
            return
        frames = done.future.result()
        for frame in frames:
            answer = decode(frame)
            job = self._jobs.get(done.job_id)
            if job is not None and isinstance(answer, messages.Result):
                self._pace.computed(job.shape, answer.compute_ns)
            self._link.say(answer)
        self._group(done.job_id, done.blocks[len(frames) :])

    def _is_orphan(self) -> bool:
        return os.getppid() != int(self._options.parent)

    def _terminated(self) -> None:
        self._inbox.put(messages.Stop("SIGTERM"))
        self._go_down(0)

    def _orphaned(self) -> None:
        """End after the pipeline: there is nobody to tell, and everything to take away."""
        self._end_hard(self._options.folder, _ORPHAN_SWEEP_S, 1)

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
            self._tasks.leave()

    def _end_own(self, code: int) -> None:
        if self._is_orphan():  # the pipeline was killed while it ended this host
            self._orphaned()
        self._end_hard(self._options.folder / SCHEDULER_FOLDER, _SWEEP_S, code)

    def _end_hard(self, folder: Path, limit_s: float, code: int) -> None:
        sweep(folder, limit_s)
        os._exit(code)


def run_host(name: str, make_tasks: Callable[[argparse.Namespace], Tasks]) -> int:
    """Run a host with the options that `HostedEngine` gives it."""
    parser = argparse.ArgumentParser(prog=name)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--workers", required=True, type=int)
    parser.add_argument("--address", required=True)
    parser.add_argument("--evaluate", required=True)
    parser.add_argument("--task-ms", required=True, type=float)
    parser.add_argument("--parent", required=True, type=int)
    options = parser.parse_args()
    return Host(name, options, make_tasks(options)).run()
