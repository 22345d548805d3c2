"""Pools of processes that a user would take instead: multiprocessing, dask, joblib."""

import pickle
import time
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from bench.engines.jobs import Mode, run_share
from optimize.job import BlockResult, DrawJob


def time_pickle(job: DrawJob, results: Sequence[BlockResult]) -> tuple[int, int]:
    """Time pickling and unpickling a job, and its results, in ns."""
    began_ns = time.perf_counter_ns()
    pickle.loads(pickle.dumps(job, protocol=5))  # noqa: S301 - its own bytes
    between_ns = time.perf_counter_ns()
    pickle.loads(pickle.dumps(list(results), protocol=5))  # noqa: S301 - its own bytes
    return between_ns - began_ns, time.perf_counter_ns() - between_ns


class Shares:
    """A job in as many shares as there are workers; `_run` is what peers differ in."""

    def __init__(self, mode: Mode, workers: int) -> None:
        self.mode: Mode = mode
        self.workers = workers

    def decide(self, job: DrawJob) -> list[BlockResult]:
        """Have every share done; an empty block is one share."""
        shares = min(self.workers, job.n_blocks)
        return [result for share in self._run(job, shares) for result in share]

    def _run(self, job: DrawJob, shares: int) -> Sequence[list[BlockResult]]:
        raise NotImplementedError

    def serialise(self, job: DrawJob, results: Sequence[BlockResult]) -> tuple[int, int]:
        """Pickle and unpickle, as all of them do one way or the other."""
        return time_pickle(job, results)


class Pool(Shares):
    """``multiprocessing.Pool`` as it comes."""

    def start(self) -> None:
        """Start the processes, and have each load its kernels."""
        from multiprocessing import Pool as ProcessPool

        self._pool = ProcessPool(self.workers)

    def _run(self, job: DrawJob, shares: int) -> Sequence[list[BlockResult]]:
        calls = [(self.mode, job, share, shares) for share in range(shares)]
        return self._pool.starmap(run_share, calls, chunksize=1)

    def close(self) -> None:
        """End the processes."""
        self._pool.terminate()
        self._pool.join()


class Dask(Shares):
    """``dask.distributed``: a scheduler and worker processes of one thread each."""

    def start(self) -> None:
        """Start a cluster on loopback, without its page."""
        dask: Any = import_module("distributed")
        self._cluster = dask.LocalCluster(
            n_workers=self.workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
        )
        self._client = dask.Client(self._cluster)

    def _run(self, job: DrawJob, shares: int) -> Sequence[list[BlockResult]]:
        # pure=False: else the scheduler would answer an equal call from its memory.
        futures = [
            self._client.submit(run_share, self.mode, job, share, shares, pure=False)
            for share in range(shares)
        ]
        found: list[list[BlockResult]] = self._client.gather(futures)
        return found

    def close(self) -> None:
        """End the cluster."""
        self._client.close()
        self._cluster.close()


class Joblib(Shares):
    """``joblib.Parallel`` with its own processes (loky), kept between calls."""

    def start(self) -> None:
        """Start the processes; with one worker joblib calls in its own."""
        from joblib import Parallel, delayed

        self._parallel = Parallel(n_jobs=self.workers)
        self._parallel.__enter__()
        self._delayed = delayed(run_share)

    def _run(self, job: DrawJob, shares: int) -> Sequence[list[BlockResult]]:
        found: Any = self._parallel(
            self._delayed(self.mode, job, share, shares) for share in range(shares)
        )
        return list(found)

    def close(self) -> None:
        """End the processes."""
        self._parallel.__exit__(None, None, None)
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown(wait=True, kill_workers=True)
