"""The engine that is always there: threads of this process, whose kernels hold no GIL."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from optimize.engines.mailbox import Mailbox
from optimize.engines.protocol import (
    BlockDone,
    BlocksFailed,
    EngineEvent,
    EngineReady,
    Evaluate,
    Phase,
    Readiness,
)
from optimize.engines.rates import WorkerRates
from optimize.job import DrawJob

_JOIN_S = 5.0  # a block of 32 draws takes 0.2 s at 500 assets, 1.4 s at 1000


class LocalEngine:
    """Evaluates blocks on ``workers`` threads, oldest first.

    Parameters
    ----------
    workers
        Threads.
    evaluate
        What is called with a job and a block.
    """

    name = "local"
    dispatch = "threads"

    def __init__(self, *, workers: int, evaluate: Evaluate) -> None:
        self._workers = workers
        self._evaluate = evaluate
        self._mailbox = Mailbox()
        self._rates = WorkerRates()
        self._queue: deque[tuple[int, DrawJob, int]] = deque()
        self._filled = threading.Condition()
        self._phase: Phase = "starting"
        self._threads: list[threading.Thread] = []

    def start(self, wake: Callable[[], None]) -> None:
        """Start the threads."""
        self._mailbox.attach(wake)
        self._phase = "ready"
        for index in range(self._workers):
            thread = threading.Thread(target=self._work, name=f"local-{index}", daemon=True)
            thread.start()
            self._threads.append(thread)
        self._mailbox.put(EngineReady(self._workers))

    def ready(self) -> Readiness:
        """Give the state as of now."""
        with self._filled:
            return Readiness(self._phase, self._workers, 0, "", self._rates.views())

    def submit(self, job_id: int, job: DrawJob, blocks: Sequence[int]) -> None:
        """Queue blocks behind those that wait."""
        with self._filled:
            self._queue.extend((job_id, job, block) for block in blocks)
            self._filled.notify(len(blocks))

    def collect(self, timeout_s: float) -> list[EngineEvent]:
        """Take what happened since the last call."""
        return self._mailbox.take(timeout_s)

    def cancel(self, job_id: int) -> None:
        """Drop a job's waiting blocks."""
        with self._filled:
            kept = [item for item in self._queue if item[0] != job_id]
            self._queue.clear()
            self._queue.extend(kept)

    def close(self) -> None:
        """End the threads after the blocks they are at."""
        with self._filled:
            self._phase = "closed"
            self._queue.clear()
            self._filled.notify_all()
        for thread in self._threads:
            thread.join(_JOIN_S)

    def _work(self) -> None:
        while (item := self._next()) is not None:
            job_id, job, block = item
            begun_ns = time.perf_counter_ns()
            try:
                result = self._evaluate(job, block)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is the block's answer
                reason = f"{type(error).__name__}: {error}"
                self._mailbox.put(BlocksFailed(job_id, (block,), reason))
            else:
                took_ns = time.perf_counter_ns() - begun_ns
                with self._filled:
                    name = threading.current_thread().name
                    self._rates.note(name, result.count, took_ns, self._workers)
                self._mailbox.put(BlockDone(job_id, result, self.name, took_ns))

    def _next(self) -> tuple[int, DrawJob, int] | None:
        with self._filled:
            self._filled.wait_for(lambda: self._queue or self._phase == "closed")
            return self._queue.popleft() if self._queue else None
