"""Ray by itself, as its own documentation shows it: tasks, actors, a compiled graph."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from typing import Any

from bench.engines.jobs import Mode, run_share
from bench.engines.peers_pools import Shares
from optimize.engines.ray_engine import RAY
from optimize.job import BlockResult, DrawJob

_STORE_BYTES = 80 * 2**20  # as our own Ray has it
_ANSWER_S = 120.0


class _BareRay(Shares):
    """Ray on loopback, with as many processors as workers."""

    def start(self) -> None:
        """Start Ray."""
        os.environ.update(RAY.environment("local"))
        import ray

        self._ray: Any = ray
        self._folder = tempfile.mkdtemp(prefix="sb-b-")
        ray.init(
            address="local", num_cpus=self.workers, object_store_memory=_STORE_BYTES,
            include_dashboard=False, log_to_driver=False, _temp_dir=self._folder,
        )  # fmt: skip
        self._place()

    def _place(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """End Ray."""
        self._ray.shutdown()
        shutil.rmtree(self._folder, ignore_errors=True)


class RayTasks(_BareRay):
    """One task a worker; the job goes through the object store once."""

    def _place(self) -> None:
        self._task = self._ray.remote(num_cpus=1)(run_share)

    def _run(self, job: DrawJob, shares: int) -> Sequence[list[BlockResult]]:
        held = self._ray.put(job)
        tasks = [self._task.remote(self.mode, held, share, shares) for share in range(shares)]
        found: list[list[BlockResult]] = self._ray.get(tasks, timeout=_ANSWER_S)
        return found


class _Worker:
    def __init__(self, mode: Mode, index: int, workers: int) -> None:
        self._mode: Mode = mode
        self._index = index
        self._workers = workers

    def run(self, job: DrawJob) -> list[BlockResult]:
        shares = min(self._workers, job.n_blocks)
        return run_share(self._mode, job, self._index, shares) if self._index < shares else []


class RayActors(_BareRay):
    """One actor a worker, called with the job."""

    def _place(self) -> None:
        place = self._ray.remote(num_cpus=1)(_Worker)
        self._actors = [place.remote(self.mode, k, self.workers) for k in range(self.workers)]

    def _run(self, job: DrawJob, shares: int) -> Sequence[list[BlockResult]]:
        calls = [actor.run.remote(job) for actor in self._actors[:shares]]
        found: list[list[BlockResult]] = self._ray.get(calls, timeout=_ANSWER_S)
        return found


class RayCompiledGraph(RayActors):
    """The same actors in a compiled graph; an empty block has a graph of one actor."""

    def _place(self) -> None:
        from ray.dag import InputNode, MultiOutputNode

        super()._place()
        self._ray.get([actor.__ray_ready__.remote() for actor in self._actors])
        self._graph: Any = None
        self._size = 0
        self._nodes = InputNode, MultiOutputNode

    def _compile(self, shares: int) -> None:
        # An actor is in one compiled graph at a time.
        if self._graph is not None:
            self._graph.teardown()
        make_input, join = self._nodes
        with make_input() as job:
            graph = join([actor.run.bind(job) for actor in self._actors[:shares]])
        self._graph = graph.experimental_compile()
        self._size = shares

    def _run(self, job: DrawJob, shares: int) -> Sequence[list[BlockResult]]:
        if shares != self._size:
            self._compile(shares)
        found: list[list[BlockResult]] = self._ray.get(self._graph.execute(job), timeout=_ANSWER_S)
        return found

    def close(self) -> None:
        """Take the graph down, then Ray."""
        if self._graph is not None:
            self._graph.teardown()
        super().close()
