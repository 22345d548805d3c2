"""The process that holds the Ray driver; the only file that imports ray.

``python -m optimize.engines.ray_host`` is started by `RayEngine`, never by hand. It ends with
its parent, however that ends, and takes every process of its Ray with it.
"""

import argparse
import os
import shutil
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import psutil

from optimize.engines import messages
from optimize.engines.fingerprint import fingerprint, load_evaluate
from optimize.engines.grouping import group_blocks
from optimize.engines.moves import Policy, Shape
from optimize.engines.pace import Pace
from optimize.engines.peer_link import PeerLink
from optimize.engines.ray_engine import RAY_FOLDER
from optimize.engines.session import kill_own_session, lives, named_descendants, on_sigterm
from optimize.engines.wire import decode, encode

_WATCH_S = 0.5
_WORKERS_UP_S = 100.0  # importing, and compiling kernels where the cache is cold
_SHUTDOWN_LIMIT_S = 5.0
_OBJECT_STORE_BYTES = 80 * 2**20  # jobs only, 2 MB at 500 assets; Ray wants at least 75 MiB
_SWEEPS, _SWEEP_WAIT_S = 20, 0.02  # 0.4 s in all
_TASKS_AHEAD = 2  # a worker has one to do and one waiting; the rest can still be cancelled
_BUDGET = 4.0  # times the wanted length, after which a task hands back what it has not begun
_ESSENTIAL = ("gcs_server", "raylet")


def evaluate_group(
    frame: bytes, blocks: Sequence[int], evaluate: str, budget_ns: int
) -> list[bytes]:
    """Evaluate blocks on a Ray worker; the job comes, and the results go, as wire frames.

    Stops before the next block once ``budget_ns`` are spent: the rest is the host's to give out
    again. So a wrong guess of a block's time never holds results, or a worker, for long.
    """
    job = decode(frame)
    if not isinstance(job, messages.Job):
        raise TypeError(f"{type(job).__name__} instead of a job")
    function = load_evaluate(evaluate)
    frames: list[bytes] = []
    limit_ns = time.perf_counter_ns() + budget_ns
    for block in blocks:
        begun_ns = time.perf_counter_ns()
        if frames and begun_ns > limit_ns:
            break
        answer: messages.Message
        try:
            result = function(job.job, block)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the block's answer
            answer = messages.Failed(job.job_id, (block,), f"{type(error).__name__}: {error}")
        else:
            answer = messages.Result(job.job_id, result, time.perf_counter_ns() - begun_ns)
        frames.append(encode(answer))
    return frames


def worker_fingerprint(evaluate: str) -> str:
    """Compute a Ray worker's fingerprint; loads its kernels on the way."""
    return fingerprint(load_evaluate(evaluate))


@dataclass(frozen=True, slots=True)
class _TaskDone:
    job_id: int
    blocks: tuple[int, ...]
    future: "Future[list[bytes]]"


@dataclass(frozen=True, slots=True)
class _HostJob:
    reference: Any
    shape: Shape


class RayHost:
    """Turns BLOCKS into Ray tasks and sends their results as they come."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._inbox: SimpleQueue[Any] = SimpleQueue()
        self._link = PeerLink(options.endpoint, self._inbox, clock=time.monotonic_ns)
        self._name = f"ray-host-{os.getpid()}"
        self._pace = Pace(Policy())
        self._task_ns = options.task_ms * 1e6
        self._jobs: dict[int, _HostJob] = {}
        self._waiting: deque[tuple[int, tuple[int, ...]]] = deque()
        self._running = 0
        self._essential: list[psutil.Process] = []
        self._ray: Any = None
        self._task: Any = None

    def run(self) -> int:
        """Come up, serve until told to stop, take everything down.

        Returns
        -------
        int
            The exit code.
        """
        self._link.start()
        self._link.say(messages.Hello(self._name, "", 0))
        on_sigterm(self._terminated)
        reason, code = "", 0
        try:
            print_ = self._come_up()
            self._link.say(messages.Hello(self._name, print_, self._options.workers))
            reason = self._serve()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the pipeline is told why
            # Ray's own handler of SIGTERM raises SystemExit in the middle of its init.
            reason, code = f"{type(error).__name__}: {error}".split("\n")[0], 1
        print(f"{self._name} ends: {reason}", file=sys.stderr, flush=True)
        self._link.say(messages.Stop(reason))
        self._link.close()
        self._go_down(code)
        return code

    def _come_up(self) -> str:
        import ray  # here, because it takes 2 s and the link is to be up before

        self._ray = ray
        options = self._options
        own: dict[str, Any] = {}
        if options.address == "local":
            own = {
                "num_cpus": options.workers,
                "object_store_memory": _OBJECT_STORE_BYTES,
                "_temp_dir": str(options.folder / RAY_FOLDER),
                "include_dashboard": False,
            }
        # Always an address: without one it joins whatever cluster last ran on the machine.
        ray.init(address=options.address, log_to_driver=False, **own)
        self._essential = named_descendants(_ESSENTIAL)
        self._task = ray.remote(num_cpus=1, max_retries=2)(evaluate_group)
        probe = ray.remote(num_cpus=1)(worker_fingerprint)
        # As many at once as there are workers, so that each loads its kernels now.
        found = ray.get(
            [probe.remote(options.evaluate) for _ in range(options.workers)], timeout=_WORKERS_UP_S
        )
        if len(set(found)) != 1:
            raise RuntimeError(
                f"workers of different fingerprints: {', '.join(sorted(set(found)))}"
            )
        return str(found[0])

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
                    self._jobs[job_id] = _HostJob(self._ray.put(encode(item)), shape)
                case messages.Blocks(job_id, blocks):
                    self._group(job_id, blocks)
                case messages.Cancel(job_id):
                    self._jobs.pop(job_id, None)
                case _TaskDone():
                    self._report(item)
                case messages.Stop(reason):
                    return reason
            self._submit()
            # The driver itself would notice after a minute.
            if gone := [process.name() for process in self._essential if not lives(process)]:
                return f"{gone[0]} of Ray has died"

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
            reference = self._task.remote(
                job.reference, blocks, self._options.evaluate, int(_BUDGET * self._task_ns)
            )
            reference.future().add_done_callback(
                lambda future, job_id=job_id, blocks=blocks: self._inbox.put(
                    _TaskDone(job_id, blocks, future)
                )
            )

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

    def _terminated(self) -> None:
        self._inbox.put(messages.Stop("SIGTERM"))
        self._go_down(0)

    def _go_down(self, code: int) -> None:
        """End Ray, and this process with it where Ray is its own.

        A Ray of our own has nothing to lose: killing it takes 0.1 s, its shutdown 1.4 to 4 s.
        """
        if self._options.address == "local":
            self._end_hard(code)
        timer = threading.Timer(_SHUTDOWN_LIMIT_S, self._end_hard, (1,))
        timer.daemon = True
        timer.start()
        if self._ray is not None and threading.current_thread() is threading.main_thread():
            self._ray.shutdown()

    def _end_hard(self, code: int) -> None:
        self._sweep()
        os._exit(code)

    def _sweep(self) -> None:
        kill_own_session()
        folder = self._options.folder
        doomed = folder if self._is_orphan() else folder / RAY_FOLDER
        for _ in range(_SWEEPS):  # a process that is being killed may still make a file
            shutil.rmtree(doomed, ignore_errors=True)
            if not doomed.exists():
                return
            threading.Event().wait(_SWEEP_WAIT_S)

    def _is_orphan(self) -> bool:
        """Tell whether nobody else is left to sweep.

        The death signal comes with the first thread of the pipeline that ends; for some
        milliseconds more the process is still the parent.
        """
        for _ in range(_SWEEPS):
            if os.getppid() != self._options.parent:
                return True
            threading.Event().wait(_SWEEP_WAIT_S)
        return False


def main(argv: Sequence[str] | None = None) -> int:
    """Run a host; see `RayEngine` for what the options are."""
    parser = argparse.ArgumentParser(prog="ray_host", description=__doc__)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--workers", required=True, type=int)
    parser.add_argument("--address", required=True)
    parser.add_argument("--evaluate", required=True)
    parser.add_argument("--task-ms", required=True, type=float)
    parser.add_argument("--parent", required=True, type=int)
    return RayHost(parser.parse_args(argv)).run()


if __name__ == "__main__":
    # Ray finds the tasks by their module's name, which must not be __main__.
    from optimize.engines.ray_host import main as run_main

    sys.exit(run_main())
