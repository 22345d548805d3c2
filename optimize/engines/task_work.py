"""Dispatch ``tasks``: blocks become tasks of a foreign scheduler."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any, Protocol

from optimize.engines import messages
from optimize.engines.grouping import group_blocks
from optimize.engines.moves import Policy, Shape
from optimize.engines.pace import Pace
from optimize.engines.peer_link import PeerLink
from optimize.engines.wire import decode, encode

_TASKS_AHEAD = 2  # a worker has one to do and one waiting; the rest can still be cancelled
_BUDGET = 4.0  # times the wanted length, after which a task hands back what it has not begun

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


class TaskWork:
    """Groups blocks, keeps workers supplied, sends results as they come.

    Parameters
    ----------
    tasks
        The scheduler.
    workers, task_ms
        Tasks at once, and the work that each should hold.
    link, inbox
        To the pipeline, and where what happens is taken from.
    """

    def __init__(
        self,
        tasks: Tasks,
        *,
        workers: int,
        task_ms: float,
        link: PeerLink,
        inbox: "SimpleQueue[Any]",
    ) -> None:
        self._tasks = tasks
        self._workers = workers
        self._task_ns = task_ms * 1e6
        self._link = link
        self._inbox = inbox
        self._pace = Pace(Policy())
        self._jobs: dict[int, _HostJob] = {}
        self._waiting: deque[tuple[int, tuple[int, ...]]] = deque()
        self._running = 0

    def come_up(self) -> tuple[str, int]:
        """Start the scheduler; give its fingerprint and the blocks at once."""
        return self._tasks.come_up(), self._workers

    def take(self, item: Any) -> None:
        """Take what came, and give workers what there is for them."""
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
        self._submit()

    def lost(self) -> str:
        """Say why there is no use in going on, or nothing."""
        return self._tasks.lost()

    def leave(self) -> None:
        """Leave a cluster that is not this host's own."""
        self._tasks.leave()

    def _group(self, job_id: int, blocks: tuple[int, ...]) -> None:
        job = self._jobs.get(job_id)
        if job is None:
            return
        groups = group_blocks(
            blocks,
            workers=self._workers,
            block_ns=self._pace.block_ns(job.shape),
            task_ns=self._task_ns,
        )
        self._waiting.extend((job_id, group) for group in groups)

    def _submit(self) -> None:
        """Keep workers supplied; what waits here can be cancelled without hurting a worker."""
        while self._waiting and self._running < _TASKS_AHEAD * self._workers:
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
