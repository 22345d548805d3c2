"""Ray as tasks and as a place for workers: the only file that imports ray."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from optimize.engines.essentials import Essentials
from optimize.engines.host import Frames, run_host
from optimize.engines.host_kind import SCHEDULER_FOLDER
from optimize.engines.knock import knock
from optimize.engines.ray_engine import RAY
from optimize.engines.resident import serve
from optimize.engines.task import evaluate_group, worker_fingerprint

_WORKERS_UP_S = 100.0  # importing, and compiling kernels where the cache is cold
_OBJECT_STORE_BYTES = 80 * 2**20  # jobs only, 2 MB at 500 assets; Ray wants at least 75 MiB
_REMEDY = "start it (`silverbullet cluster up --engine ray`), or set engine.ray_address"


class _Ray:
    """A Ray of our own on loopback, or one that is joined by its address."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.api: Any = None
        self._essentials = Essentials(os.getpid(), RAY.essential)

    def start(self) -> Any:
        """Start or join it; give the module.

        Raises
        ------
        ConnectionError
            The address does not answer.
        """
        if self.options.address != "local":
            knock([self.options.address.removeprefix("ray://")], _REMEDY)
        import ray  # here, because it takes 2 s and the link is to be up before

        self.api = ray
        own: dict[str, Any] = {}
        if self.options.address == "local":
            own = {
                "num_cpus": self.options.workers,
                "object_store_memory": _OBJECT_STORE_BYTES,
                "_temp_dir": str(self.options.folder / SCHEDULER_FOLDER),
                "include_dashboard": False,
            }
        # Always an address: without one it joins whatever cluster last ran on the machine.
        ray.init(address=self.options.address, log_to_driver=False, **own)
        self._essentials.find()
        return ray

    def lost(self) -> str:
        """Look after the processes of Ray; the driver itself would notice after a minute."""
        return self._essentials.died()

    def leave(self) -> None:
        """Leave the cluster."""
        if self.api is not None:
            self.api.shutdown()


class RayTasks:
    """Groups of blocks as Ray tasks."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._ray = _Ray(options)
        self._task: Any = None

    def come_up(self) -> str:
        """Start or join Ray; have every worker load its kernels.

        Raises
        ------
        RuntimeError
            The workers differ from each other.
        """
        ray, options = self._ray.start(), self._ray.options
        self._task = ray.remote(num_cpus=1, max_retries=2)(evaluate_group)
        probe = ray.remote(num_cpus=1)(worker_fingerprint)
        # As many at once as there are workers, so that each loads its kernels now.
        found = ray.get(
            [probe.remote(options.evaluate) for _ in range(options.workers)], timeout=_WORKERS_UP_S
        )
        if len(set(found)) != 1:
            names = ", ".join(sorted(set(found)))
            raise RuntimeError(f"workers of different fingerprints: {names}")
        return str(found[0])

    def hold(self, frame: bytes) -> Any:
        """Put the job into the object store, once for all its tasks."""
        return self._ray.api.put(frame)

    def submit(self, job: Any, blocks: Sequence[int], budget_ns: int) -> Frames:
        """Start a task."""
        reference = self._task.remote(job, blocks, self._ray.options.evaluate, budget_ns)
        future: Frames = reference.future()
        return future

    def drop(self, job: Any) -> None:
        """Do nothing: the object goes with its last reference."""

    def lost(self) -> str:
        """Look after the processes of Ray."""
        return self._ray.lost()

    def leave(self) -> None:
        """Leave the cluster."""
        self._ray.leave()


class RayPlaces:
    """Workers that stay, as Ray actors; Ray starts one that died again."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._ray = _Ray(options)
        self._serving: list[Any] = []
        self._actors: list[Any] = []

    def come_up(self) -> None:
        """Start or join Ray and place the actors."""
        ray, options = self._ray.start(), self._ray.options
        place = ray.remote(num_cpus=1, max_restarts=-1, max_task_retries=-1)(_Actor)
        self._actors = [place.remote() for _ in range(options.workers)]
        self._serving = [
            actor.serve.remote(options.endpoint, f"ray-actor-{index}", options.evaluate)
            for index, actor in enumerate(self._actors)
        ]

    def ended(self) -> str:
        """Look after the processes of Ray and for actors that were told to stop."""
        if lost := self._ray.lost():
            return lost
        ended, self._serving = self._ray.api.wait(
            self._serving, num_returns=len(self._serving), timeout=0
        )
        reasons = self._ray.api.get(ended)
        return f"a worker has ended: {reasons[0]}" if reasons else ""

    def leave(self) -> None:
        """Leave the cluster."""
        self._ray.leave()


class _Actor:
    def serve(self, endpoint: str, name: str, evaluate: str) -> str:
        return serve(endpoint, f"{name}-{os.getpid()}", evaluate)


if __name__ == "__main__":
    sys.exit(run_host("ray-host", RayTasks, RayPlaces))
