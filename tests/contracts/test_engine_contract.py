"""What every engine must do, over all there are."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest

from optimize.engines.protocol import BlockDone, Engine, EngineEvent, EngineReady
from tests.optimize.engines.rigs import (
    LEFT_S,
    bits,
    descendants,
    draw_job,
    expected,
    gather,
    make_engine,
    run_job,
    until,
    wait_ready,
)

ENGINES = [
    "local",
    pytest.param("ray", marks=pytest.mark.ray),
    pytest.param("spark", marks=pytest.mark.spark),
]
RESIDENT = [
    pytest.param("ray-resident", marks=pytest.mark.ray),
    pytest.param("spark-resident", marks=pytest.mark.spark),
]
ids = count(1)


@dataclass(frozen=True)
class Started:
    """An engine with two workers, and what it told while it started."""

    engine: Engine
    start_s: float
    woken: list[int]
    events: list[EngineEvent]


@pytest.fixture(scope="module", params=[*ENGINES, *RESIDENT])
def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Started]:
    """Start an engine; once its tests are over, see that its close ends everything."""
    engine = make_engine(request.param, tmp_path_factory.mktemp("engine"))
    before, woken = descendants(), []
    begun_s = time.monotonic()
    engine.start(lambda: woken.append(1))
    start_s = time.monotonic() - begun_s
    try:
        engine.submit(next(ids), draw_job(5), [])
        wait_ready(engine, 2)
        yield Started(engine, start_s, woken, engine.collect(5.0))
    finally:
        engine.close()
    # Here, not in a test: it would have to be the last one of its engine.
    assert engine.ready().phase == "closed"
    engine.submit(next(ids), draw_job(5), [0])
    engine.cancel(next(ids))
    engine.close()
    assert [event for event in engine.collect(0.1) if isinstance(event, BlockDone)] == []
    # What was ended by signal is reaped by its own parent, a moment later.
    until(lambda: descendants() <= before, "nothing of it to be left", LEFT_S)


@pytest.fixture
def engine(started: Started) -> Engine:
    return started.engine


def test_every_block_is_answered_once_with_the_bits_of_this_process(engine: Engine) -> None:
    for kind in ("exact", "resample", "cloud", "frontier"):
        job = draw_job(12, kind=kind)
        assert run_job(engine, job, next(ids)) == expected(job)


def test_answers_name_job_peer_and_the_time_they_took(engine: Engine) -> None:
    job, job_id = draw_job(5, slow_us=20_000, n_draws=32), next(ids)
    engine.submit(job_id, job, [0])
    done, _ = gather(engine, 1, job_id)
    engine.cancel(job_id)
    assert done[0].job_id == job_id
    assert done[0].peer.startswith(engine.name)
    assert 20e6 <= done[0].compute_ns < 5e9


def test_blocks_may_come_in_parts_and_jobs_at_once(engine: Engine) -> None:
    one, two = draw_job(5, seed=1), draw_job(40, seed=2)
    one_id, two_id = next(ids), next(ids)
    engine.submit(one_id, one, [7, 0, 3])
    engine.submit(two_id, two, range(8))
    engine.submit(one_id, one, [1, 2, 4, 5, 6])
    done, failed = gather(engine, 16, one_id, two_id)
    assert not failed
    for job_id, job in ((one_id, one), (two_id, two)):
        results = [event.result for event in done if event.job_id == job_id]
        results.sort(key=lambda result: result.block)
        assert [bits(result) for result in results] == expected(job)
        engine.cancel(job_id)


def test_block_that_raises_is_told_with_the_reason_and_does_no_harm(engine: Engine) -> None:
    job_id = next(ids)
    engine.submit(job_id, draw_job(5, max_weight=-1.0), range(8))
    done, failed = gather(engine, 8, job_id)
    assert not done
    assert sorted(block for event in failed for block in event.blocks) == list(range(8))
    assert {event.reason for event in failed} == {"ValueError: max_weight=-1.0: must be in (0, 1]"}
    engine.cancel(job_id)
    job = draw_job(5)
    assert run_job(engine, job, next(ids)) == expected(job)


def test_cancelled_job_is_not_finished_and_the_next_does_not_wait_for_it(engine: Engine) -> None:
    long_id = next(ids)
    job = draw_job(5, slow_us=100_000, n_draws=32 * 200)  # 10 s on two workers
    engine.submit(long_id, job, range(job.n_blocks))
    done, _ = gather(engine, 2, long_id)
    engine.cancel(long_id)
    begun_s = time.monotonic()
    short = draw_job(6)
    short_id = next(ids)
    engine.submit(short_id, short, range(short.n_blocks))
    results: list[BlockDone] = []
    while len(results) < short.n_blocks:
        for event in engine.collect(1.0):
            if isinstance(event, BlockDone):
                (results if event.job_id == short_id else done).append(event)
        assert time.monotonic() - begun_s < 8.0
    engine.cancel(short_id)
    assert len(done) < 100


def test_cancelling_what_it_does_not_know_is_harmless(engine: Engine) -> None:
    engine.cancel(2**40)
    job = draw_job(5)
    assert run_job(engine, job, next(ids)) == expected(job)


def test_collect_waits_no_longer_than_told_and_not_at_all_for_zero(engine: Engine) -> None:
    while engine.collect(0.5):  # a block that was cancelled elsewhere may still be answered
        pass
    begun_s = time.monotonic()
    assert engine.collect(0) == []
    assert engine.collect(0.2) == []
    assert 0.2 <= time.monotonic() - begun_s < 5.0


def test_ready_gives_workers_and_no_reason(engine: Engine) -> None:
    account = engine.ready()
    assert (account.phase, account.workers, account.reason) == ("ready", 2, "")


def test_start_returns_at_once_and_tells_when_it_is_ready(started: Started) -> None:
    assert started.start_s < 1.0
    assert EngineReady(2) in started.events
    assert started.woken
