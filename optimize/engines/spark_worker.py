"""What Spark runs in its Python processes: the daemon that forks workers, and their tasks.

``python -m`` this module is Spark's ``spark.python.daemon.module``. It loads everything before
the first fork: a worker then takes milliseconds to come, instead of 4 s of imports and kernels
each, and shares their memory. Frozen, what was loaded is also left out of the full garbage
collection that Spark's daemon makes after every task: an empty job takes 20 ms instead of 120.
"""

import gc
import importlib
import os
import runpy
import socket
import sys
from collections.abc import Iterable, Sequence
from typing import Protocol

from optimize.engines.resident import serve
from optimize.engines.task import evaluate_group, worker_fingerprint

EVALUATE_VARIABLE = "SILVERBULLET_SPARK_EVALUATE"
"""Names what the daemon loads before it forks."""


class Held(Protocol):
    """A job where every worker can get it; a broadcast is one."""

    value: bytes


def evaluate_partition(
    job: Held, blocks: Sequence[int], evaluate: str, budget_ns: int, _: Iterable[int]
) -> list[bytes]:
    """Evaluate blocks on a worker; the partition's own elements mean nothing."""
    return evaluate_group(job.value, blocks, evaluate, budget_ns)


def probe_partition(evaluate: str, _: Iterable[int]) -> list[tuple[str, str]]:
    """Give a worker's host with its pid, and its fingerprint."""
    return [(f"{socket.gethostname()}:{os.getpid()}", worker_fingerprint(evaluate))]


def nothing(_: Iterable[int]) -> list[bytes]:
    """Do nothing."""
    return []


def serve_partition(endpoint: str, evaluate: str, elements: Iterable[int]) -> list[str]:
    """Stay as a worker of the pipeline's own dispatch; give why it ended."""
    index = next(iter(elements))
    return [serve(endpoint, f"spark-task-{index}-{os.getpid()}", evaluate)]


def _serve() -> None:
    importlib.import_module(sys.argv[1])
    worker_fingerprint(os.environ[EVALUATE_VARIABLE])
    gc.collect()
    gc.freeze()
    runpy.run_module("pyspark.daemon", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _serve()
