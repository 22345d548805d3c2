"""What the evaluator hands out: jobs that are over, and how its engines are."""

from typing import NamedTuple

from optimize.engines.protocol import Phase, WorkerView
from optimize.job import BlockResult, DrawJob


class Completed(NamedTuple):
    """A job that is over.

    Attributes
    ----------
    job_id, job
        What was submitted.
    results
        Of all blocks, in block order; empty if ``failed``.
    engine, peers
        The engine that did most of the blocks, and who did any.
    degraded
        Whether some blocks were not done by the first engine in the order.
    late
        Whether it took longer than its deadline.
    failed
        Whether a block could not be evaluated anywhere.
    reason
        Why it is degraded, late or failed, in plain words; else empty.
    """

    job_id: int
    job: DrawJob
    results: tuple[BlockResult, ...]
    engine: str
    peers: tuple[str, ...]
    degraded: bool
    late: bool
    failed: bool
    reason: str


class EngineView(NamedTuple):
    """One engine for people: the fields of ``storage.records.EngineState``."""

    name: str
    state: Phase
    dispatch: str
    workers: int
    reason: str
    blocks_in_flight: int
    blocks_done: int
    restarts: int
    peers: tuple[WorkerView, ...] = ()
    job_p50_ms: float | None = None
    job_p99_ms: float | None = None
    canary_ms: float | None = None


class Counts(NamedTuple):
    """What dispatch counted since its start."""

    switches: int
    duplicates: int
    unequal: int
    stale: int
    unasked: int
