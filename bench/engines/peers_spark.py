"""Spark by itself: as it comes, and as somebody who knows it would set it."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from bench.engines.jobs import Mode, run_share
from bench.engines.peers_pools import Shares
from optimize.job import BlockResult, DrawJob

# What a guide to small jobs says: no page, no progress line, one JVM collector thread for a heap
# of half a GB, never wait for a better place.
_TUNED: Mapping[str, str] = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.memory": "512m",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC",
    "spark.locality.wait": "0",
    "spark.python.worker.reuse": "true",
    "spark.python.unix.domain.socket.enabled": "true",
    "spark.broadcast.compress": "false",
    "spark.rdd.compress": "false",
}


def _partition(mode: Mode, job: DrawJob, shares: int, items: Iterable[int]) -> Iterator[Any]:
    for share in items:
        yield run_share(mode, job, share, shares)


def _held_partition(mode: Mode, held: Any, shares: int, items: Iterable[int]) -> Iterator[Any]:
    return _partition(mode, held.value, shares, items)


class Spark(Shares):
    """``parallelize(...).mapPartitions(...).collect()`` with default settings."""

    settings: Mapping[str, str] = {}

    def start(self) -> None:
        """Start a session on this machine's loopback."""
        # The one thing that is not default: nothing listens on other interfaces here.
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        from pyspark.sql import SparkSession

        builder: Any = SparkSession.builder
        builder = builder.master(f"local[{self.workers}]").appName("bench")
        for name, value in self.settings.items():
            builder = builder.config(name, value)
        self._session = builder.getOrCreate()
        self._context = self._session.sparkContext
        self._context.setLogLevel("ERROR")

    def _run(self, job: DrawJob, shares: int) -> Sequence[list[BlockResult]]:
        work = partial(_partition, self.mode, job, shares)
        found: list[list[BlockResult]] = (
            self._context.parallelize(range(shares), shares).mapPartitions(work).collect()
        )
        return found

    def close(self) -> None:
        """Stop the session; its JVM ends with this process."""
        self._session.stop()


class TunedSpark(Spark):
    """The same with settings for small jobs, and the job as a broadcast."""

    settings = _TUNED

    def _run(self, job: DrawJob, shares: int) -> Sequence[list[BlockResult]]:
        held = self._context.broadcast(job)
        work = partial(_held_partition, self.mode, held, shares)
        found: list[list[BlockResult]] = (
            self._context.parallelize(range(shares), shares).mapPartitions(work).collect()
        )
        held.destroy(blocking=False)
        return found
