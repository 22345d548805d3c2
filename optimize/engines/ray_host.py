"""Ray as tasks: the only file that imports ray."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import psutil

from optimize.engines.host import Frames, run_host
from optimize.engines.host_kind import SCHEDULER_FOLDER
from optimize.engines.session import lives, named_descendants
from optimize.engines.task import evaluate_group, worker_fingerprint

_WORKERS_UP_S = 100.0  # importing, and compiling kernels where the cache is cold
_OBJECT_STORE_BYTES = 80 * 2**20  # jobs only, 2 MB at 500 assets; Ray wants at least 75 MiB
_ESSENTIAL = ("gcs_server", "raylet")


class RayTasks:
    """A Ray of our own on loopback, or one that is joined by its address."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._essential: list[psutil.Process] = []
        self._ray: Any = None
        self._task: Any = None

    def come_up(self) -> str:
        """Start or join Ray; have every worker load its kernels.

        Raises
        ------
        RuntimeError
            The workers differ from each other.
        """
        import ray  # here, because it takes 2 s and the link is to be up before

        self._ray = ray
        options = self._options
        own: dict[str, Any] = {}
        if options.address == "local":
            own = {
                "num_cpus": options.workers,
                "object_store_memory": _OBJECT_STORE_BYTES,
                "_temp_dir": str(options.folder / SCHEDULER_FOLDER),
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
            names = ", ".join(sorted(set(found)))
            raise RuntimeError(f"workers of different fingerprints: {names}")
        return str(found[0])

    def hold(self, frame: bytes) -> Any:
        """Put the job into the object store, once for all its tasks."""
        return self._ray.put(frame)

    def submit(self, job: Any, blocks: Sequence[int], budget_ns: int) -> Frames:
        """Start a task."""
        reference = self._task.remote(job, blocks, self._options.evaluate, budget_ns)
        future: Frames = reference.future()
        return future

    def drop(self, job: Any) -> None:
        """Do nothing: the object goes with its last reference."""

    def lost(self) -> str:
        """Look after the processes of Ray; the driver itself would notice after a minute."""
        gone = [process.name() for process in self._essential if not lives(process)]
        return f"{gone[0]} of Ray has died" if gone else ""

    def leave(self) -> None:
        """Leave the cluster."""
        if self._ray is not None:
            self._ray.shutdown()


if __name__ == "__main__":
    sys.exit(run_host("ray-host", RayTasks))
