"""Engines for tests: started, waited for, and made to do a job."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from cluster.process import spawn
from cluster.supervision import Backoff, Supervision
from optimize.engines.catalogue import HOSTED, build_engines
from optimize.engines.evaluator import Evaluator
from optimize.engines.fingerprint import load_evaluate
from optimize.engines.hosted import HostedEngine
from optimize.engines.local import LocalEngine
from optimize.engines.moves import Policy
from optimize.engines.protocol import BlockDone, BlocksFailed, Engine
from optimize.job import BlockResult, DrawJob, Kind, Objective
from tests.descendants import descendants

FAKE = "tests.optimize.engines.fake:evaluate"
UP_S = 150.0  # Ray or Spark on a busy machine with cold files
WAIT_S = 60.0
LEFT_S = 5.0


def until(check: Callable[[], bool], what: str, limit_s: float = WAIT_S) -> float:
    """Wait for a condition; give the seconds it took."""
    begun_s = time.monotonic()
    while not check():
        assert time.monotonic() - begun_s < limit_s, f"waited {limit_s:g} s in vain: {what}"
        time.sleep(0.02)
    return time.monotonic() - begun_s


def draw_job(
    n_assets: int,
    *,
    kind: Kind = "resample",
    objective: Objective = "max_sharpe",
    n_draws: int = 256,
    seed: int = 1,
    slow_us: int = 0,
    max_weight: float = 1.0,
) -> DrawJob:
    """Make a job from a seeded factor model; ``slow_us`` a block with the fake evaluate."""
    random = np.random.default_rng(n_assets + seed)
    factors = random.normal(size=(n_assets, 2 * n_assets))
    covariance = factors @ factors.T / (2 * n_assets) * 1e-4
    mean = random.normal(1.0, 1.0, n_assets) * 1e-3
    start = np.zeros(n_assets)
    for array in (mean, covariance, start):
        array.setflags(write=False)
    return DrawJob(
        kind, mean, covariance, slow_us or 300, objective, max_weight, start,
        1 if kind == "exact" else n_draws, 32, seed, 1,
    )  # fmt: skip


def bits(result: BlockResult) -> tuple[object, ...]:
    """Turn a result into what compares bit by bit."""
    return tuple(np.asarray(getattr(result, name)).tobytes() for name in BlockResult.__slots__)


def expected(job: DrawJob, evaluate: str = FAKE) -> list[tuple[object, ...]]:
    """Evaluate a job here, block by block."""
    return [bits(load_evaluate(evaluate)(job, block)) for block in range(job.n_blocks)]


def make_engine(
    name: str,
    logs: Path,
    *,
    workers: int = 2,
    address: str = "local",
    evaluate: str = FAKE,
    task_ms: float = 25.0,
) -> Engine:
    """Make an engine, not started: ``local``, ``ray``, ``ray-resident`` and so on."""
    name, _, dispatch = name.partition("-")
    if name == "local":
        return LocalEngine(workers=workers, evaluate=load_evaluate(evaluate))
    return HostedEngine(
        HOSTED[name],
        workers=workers,
        address=address,
        spawn=partial(spawn, log_path=logs / f"{name}-host.log"),
        restarts=Supervision(Backoff(first_ns=100_000_000)),
        clock=time.monotonic_ns,
        evaluate=evaluate,
        task_ms=task_ms,
        dispatch="resident" if dispatch == "resident" else "tasks",
    )


def make_engines(order: str, logs: Path, *, address: str = "local") -> list[Engine]:
    """Make the engines of an order, as the settings do: ``ray,spark``."""
    names = order.split(",")
    return build_engines(
        names,
        workers=2,
        addresses=dict.fromkeys(names, address),
        spawn=partial(spawn, log_path=logs / "hosts.log"),
        restarts=lambda: Supervision(Backoff(first_ns=100_000_000)),
        clock=time.monotonic_ns,
        evaluate=FAKE,
    )


def wait_ready(engine: Engine, workers: int = 1) -> None:
    """Wait until an engine takes blocks; fail at once if it never will."""

    def check() -> bool:
        account = engine.ready()
        assert account.phase != "failed", account.reason
        return account.phase == "ready" and account.workers >= workers

    until(check, f"{engine.name} to be ready", UP_S)


@contextmanager
def running(engine: Engine, workers: int = 1) -> Iterator[Engine]:
    """Start an engine, wait for it, and see that it leaves no process behind."""
    before = descendants()
    engine.start(lambda: None)
    try:
        wait_ready(engine, workers)
        engine.collect(0)
        yield engine
    finally:
        engine.close()
    # What was ended by signal is reaped by its own parent, a moment later.
    until(lambda: descendants() <= before, "nothing of it to be left", LEFT_S)


@contextmanager
def evaluating(
    engines: list[Engine], evaluate: str = FAKE, *, hedge_floor_ns: int = Policy().hedge_floor_ns
) -> Iterator[Evaluator]:
    """Run an evaluator over engines; an engine that failed is trusted again after 0.5 s."""
    policy = Policy(
        hold_ns=500_000_000, longest_hold_ns=1_000_000_000, hedge_floor_ns=hedge_floor_ns
    )
    before = descendants()
    evaluator = Evaluator(engines, evaluate=load_evaluate(evaluate), policy=policy)
    evaluator.start()
    try:
        yield evaluator
    finally:
        evaluator.close()
    until(lambda: descendants() <= before, "nothing of them to be left", LEFT_S)


def gather(
    engine: Engine, n_answers: int, *job_ids: int
) -> tuple[list[BlockDone], list[BlocksFailed]]:
    """Collect until so many blocks of these jobs are answered, well or not.

    A block that was under way when its job was cancelled may still be answered.
    """
    done: list[BlockDone] = []
    failed: list[BlocksFailed] = []
    limit_s = time.monotonic() + WAIT_S
    while len(done) + sum(len(event.blocks) for event in failed) < n_answers:
        assert time.monotonic() < limit_s, f"{len(done)} of {n_answers} blocks"
        for event in engine.collect(1.0):
            if isinstance(event, BlockDone) and event.job_id in job_ids:
                done.append(event)
            elif isinstance(event, BlocksFailed) and event.job_id in job_ids:
                failed.append(event)
    return done, failed


def run_job(engine: Engine, job: DrawJob, job_id: int) -> list[tuple[object, ...]]:
    """Do all blocks of a job on an engine; give their bits in block order."""
    engine.submit(job_id, job, range(job.n_blocks))
    done, failed = gather(engine, job.n_blocks, job_id)
    assert not failed
    engine.cancel(job_id)
    results = sorted((event.result for event in done), key=lambda result: result.block)
    assert [result.block for result in results] == list(range(job.n_blocks))
    return [bits(result) for result in results]
