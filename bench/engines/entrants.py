"""Ours in the comparison of engines: one engine by itself, or the pipeline's order of them."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from bench.engines.jobs import EVALUATE, Mode
from cluster.process import spawn
from cluster.supervision import Supervision
from optimize.engines.catalogue import HOSTED, build_engines
from optimize.engines.evaluator import Evaluator
from optimize.engines.fingerprint import load_evaluate
from optimize.engines.hosted import HostedEngine
from optimize.engines.local import LocalEngine
from optimize.engines.messages import Job, Result
from optimize.engines.protocol import BlockDone, BlocksFailed, Dispatch, Engine
from optimize.engines.wire import decode, encode
from optimize.job import BlockResult, DrawJob

_UP_S = 150.0  # 3 to 20 s were seen; a cold cache compiles for 17 more
_ANSWER_S = 120.0
_DEADLINE_S = 60.0  # no hedging by the clock: engines are compared, not the schedule


class MissingError(RuntimeError):
    """A subject cannot take part here; the message says why and what helps."""


class Entrant(Protocol):
    """Somebody who can make decisions of blocks."""

    mode: Mode

    def start(self) -> None:
        """Come up; return when blocks are taken.

        Raises
        ------
        MissingError
            It cannot here.
        """

    def decide(self, job: DrawJob) -> list[BlockResult]:
        """Have all blocks of a job evaluated; give them in order."""

    def serialise(self, job: DrawJob, results: Sequence[BlockResult]) -> tuple[int, int]:
        """Serialise as it does on the way out and back; give the ns of each."""

    def close(self) -> None:
        """End every process it started."""


class EngineEntrant:
    """One engine, without the dispatch over several."""

    mode: Mode = "kernels"

    def __init__(self, name: str, dispatch: Dispatch, workers: int, logs: Path) -> None:
        self._engine: Engine
        self._wired = name in HOSTED
        if self._wired:
            self._engine = HostedEngine(
                HOSTED[name], workers=workers, dispatch=dispatch, evaluate=EVALUATE,
                spawn=partial(spawn, log_path=logs / f"{name}-host.log"),
                restarts=Supervision(), clock=time.monotonic_ns,
            )  # fmt: skip
        else:
            self._engine = LocalEngine(workers=workers, evaluate=load_evaluate(EVALUATE))
        self._workers = workers
        self._last_id = 0

    def start(self) -> None:
        """Start it, and wait until all workers are there."""
        self._engine.start(lambda: None)
        until_s = time.monotonic() + _UP_S
        told: dict[str, None] = {}  # why a host ended is told until the next one starts
        while (account := self._engine.ready()).workers < self._workers:
            told[account.reason] = None
            if account.phase == "failed" or account.restarts or time.monotonic() > until_s:
                raise MissingError("; ".join(filter(None, told)) or f"not up after {_UP_S:g} s")
            self._engine.collect(0.05)

    def decide(self, job: DrawJob) -> list[BlockResult]:
        """Submit the blocks, collect the results."""
        self._last_id += 1
        self._engine.submit(self._last_id, job, range(job.n_blocks))
        found: dict[int, BlockResult] = {}
        until_s = time.monotonic() + _ANSWER_S
        while len(found) < job.n_blocks:
            for event in self._engine.collect(1.0):
                match event:
                    case BlockDone(job_id, result) if job_id == self._last_id:
                        found[result.block] = result
                    case BlocksFailed(_, blocks, reason):
                        raise RuntimeError(f"blocks {blocks} failed: {reason}")
            if time.monotonic() > until_s:
                raise RuntimeError(f"{len(found)} of {job.n_blocks} blocks after {_ANSWER_S:g} s")
        self._engine.cancel(self._last_id)
        return [found[block] for block in sorted(found)]

    def serialise(self, job: DrawJob, results: Sequence[BlockResult]) -> tuple[int, int]:
        """Write and read the frames of the block protocol; local has none."""
        return time_frames(job, results) if self._wired else (0, 0)

    def close(self) -> None:
        """End it."""
        self._engine.close()


class PipelineEntrant:
    """The pipeline's evaluator over an order of engines; what the second costs is the question."""

    mode: Mode = "kernels"

    def __init__(self, order: Sequence[str], dispatch: Dispatch, workers: int, logs: Path) -> None:
        self._first = order[0]
        engines = build_engines(
            order, workers=workers, dispatch=dispatch, evaluate=EVALUATE,
            spawn=partial(spawn, log_path=logs / "pipeline-hosts.log"),
            restarts=Supervision, clock=time.monotonic_ns,
        )  # fmt: skip
        self._evaluator = Evaluator(engines, evaluate=load_evaluate(EVALUATE))

    def start(self) -> None:
        """Start the engines; wait until the first takes blocks."""
        self._evaluator.start()
        until_s = time.monotonic() + _UP_S
        while (view := self._evaluator.states()[0]).state != "ready":
            if view.state == "failed" or view.restarts or time.monotonic() > until_s:
                raise MissingError(view.reason or f"not ready after {_UP_S:g} s")
            time.sleep(0.05)

    def decide(self, job: DrawJob) -> list[BlockResult]:
        """Submit a job, take it when it is over."""
        self._evaluator.submit(job, _DEADLINE_S)
        completed = self._evaluator.wait(_ANSWER_S)
        if completed is None or completed.failed:
            reason = completed.reason if completed else f"no answer after {_ANSWER_S:g} s"
            raise RuntimeError(reason)
        return list(completed.results)

    def serialise(self, job: DrawJob, results: Sequence[BlockResult]) -> tuple[int, int]:
        """Write and read the frames of the block protocol."""
        return time_frames(job, results)

    def close(self) -> None:
        """End all engines."""
        self._evaluator.close()


def time_frames(job: DrawJob, results: Sequence[BlockResult]) -> tuple[int, int]:
    """Time writing and reading a job's frame, and the frames of its results, in ns."""
    began_ns = time.perf_counter_ns()
    decode(encode(Job(1, job)))
    between_ns = time.perf_counter_ns()
    for result in results:
        decode(encode(Result(1, result, 1)))
    return between_ns - began_ns, time.perf_counter_ns() - between_ns


def missing_engines() -> Mapping[str, str]:
    """Say of each engine with a host what this machine lacks for it; empty: nothing."""
    return {name: kind.missing() for name, kind in HOSTED.items()}
