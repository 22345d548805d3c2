"""Spark as tasks and as a place for workers."""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

from optimize.engines.host import Frames, run_host
from optimize.engines.spark_context import Spark
from optimize.engines.spark_worker import (
    evaluate_partition,
    nothing,
    probe_partition,
    serve_partition,
)

_WORKERS_UP_S = 100.0  # importing, and compiling kernels where the cache is cold
_PROBES = 20  # rounds in which every worker must have had a turn
_WARM_ROUNDS = 20  # 0.7 s; the first 100 jobs take 35 ms each in the median, later ones 15
_ATTEMPTS = 4  # of a task: one fewer worker may be killed under it without hurting a job
_RESIDENT_ATTEMPTS = 1_000  # of a task that stays as long as the pipeline


class SparkTasks:
    """Groups of blocks as Spark jobs of one partition."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._spark = Spark(options, _ATTEMPTS)

    def come_up(self) -> str:
        """Start or join Spark; have every worker load its kernels.

        Raises
        ------
        RuntimeError
            The workers differ from each other, or do not come.
        ConnectionError
            No master answers.
        """
        self._spark.start()
        fingerprint = self._probe()
        self._warm_up()
        return fingerprint

    def hold(self, frame: bytes) -> Any:
        """Broadcast the job, once for all its tasks."""
        return self._spark.broadcast(frame)

    def submit(self, job: Any, blocks: Sequence[int], budget_ns: int) -> Frames:
        """Start a Spark job of one partition."""
        evaluate = self._spark.options.evaluate
        work = partial(evaluate_partition, job, tuple(blocks), evaluate, budget_ns)
        return self._spark.run(work, [0])

    def drop(self, job: Any) -> None:
        """Delete the broadcast."""
        job.destroy(blocking=False)

    def lost(self) -> str:
        """Look whether the JVM lives."""
        return self._spark.lost()

    def leave(self) -> None:
        """Leave the cluster."""
        self._spark.leave()

    def _warm_up(self) -> None:
        """Do jobs until the JVM does them at half the time of its first ones."""
        for _ in range(_WARM_ROUNDS):
            jobs = [self._spark.run(nothing, [0]) for _ in range(self._spark.options.workers)]
            for job in jobs:
                job.result(_WORKERS_UP_S)

    def _probe(self) -> str:
        """Have every worker answer with its fingerprint."""
        work = partial(probe_partition, self._spark.options.evaluate)
        found: dict[str, str] = {}
        for _ in range(_PROBES):
            answer = self._spark.run(work)
            try:
                found |= dict(answer.result(_WORKERS_UP_S))
            except TimeoutError:
                raise RuntimeError(
                    f"no workers within {_WORKERS_UP_S:g} s: has the cluster "
                    f"{self._spark.options.workers} free cores?"
                ) from None
            if len(found) >= self._spark.options.workers:
                break
        if len(set(found.values())) != 1:
            names = ", ".join(sorted(set(found.values())))
            raise RuntimeError(f"workers of different fingerprints: {names}")
        return next(iter(found.values()))


class SparkPlaces:
    """Workers that stay, each as a Spark job of one task that does not end.

    Spark runs the task again, on a new worker, where its worker died.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._spark = Spark(options, _RESIDENT_ATTEMPTS)
        self._serving: list[Future[list[Any]]] = []

    def come_up(self) -> None:
        """Start or join Spark and place a worker on each processor that is ours."""
        self._spark.start()
        options = self._spark.options
        work = partial(serve_partition, options.endpoint, options.evaluate)
        self._serving = [self._spark.run(work, [index]) for index in range(options.workers)]

    def ended(self) -> str:
        """Look after the JVM, and for workers that were told to stop."""
        if lost := self._spark.lost():
            return lost
        for job in self._serving:
            if job.done():
                error = job.exception()
                reason = job.result()[0] if error is None else f"{error}".split("\n")[0]
                return f"a worker has ended: {reason}"
        return ""

    def leave(self) -> None:
        """Leave the cluster."""
        self._spark.leave()


if __name__ == "__main__":
    sys.exit(run_host("spark-host", SparkTasks, SparkPlaces))
