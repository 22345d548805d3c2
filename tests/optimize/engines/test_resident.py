"""Workers that stay, as real processes: shared blocks, deaths, silence, foreign kinds."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from optimize.engines.fingerprint import fingerprint, load_evaluate
from optimize.engines.mailbox import Mailbox
from optimize.engines.protocol import (
    BlockDone,
    BlocksFailed,
    EngineEvent,
    EngineLost,
    EngineReady,
)
from optimize.engines.reception import Reception
from tests.optimize.engines.rigs import FAKE, bits, draw_job, expected, until

ROOT = Path(__file__).parents[3]
SERVE = "import sys; from optimize.engines.resident import serve; print(serve(*sys.argv[1:]))"
ids = count(1)


class Place:
    """A reception and the workers that connect to it."""

    def __init__(self, folder: Path) -> None:
        self.endpoint = f"ipc://{folder}/peers.sock"
        self.mailbox = Mailbox()
        self.mailbox.attach(lambda: None)
        self.condemned: list[tuple[str, bool]] = []
        self.reception = Reception(
            "ray", "resident", self.mailbox, lambda *told: self.condemned.append(told)
        )
        self.reception.open(self.endpoint, fingerprint(load_evaluate(FAKE)))
        self.workers: list[subprocess.Popen[bytes]] = []
        self.events: list[EngineEvent] = []

    def start(self, name: str, evaluate: str = FAKE, **environment: str) -> subprocess.Popen[bytes]:
        worker = subprocess.Popen(
            [sys.executable, "-c", SERVE, self.endpoint, name, evaluate],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
        )
        self.workers.append(worker)
        return worker

    def collect(self) -> list[EngineEvent]:
        self.events += self.mailbox.take(0.05)
        return self.events

    def await_event(self, check: Callable[[EngineEvent], bool]) -> None:
        until(lambda: any(check(event) for event in self.collect()), "an event")

    def await_capacity(self, workers: int) -> None:
        until(lambda: self.reception.capacity == workers, f"{workers} workers")

    def results(self, job_id: int) -> dict[int, BlockDone]:
        return {
            event.result.block: event
            for event in self.collect()
            if isinstance(event, BlockDone) and event.job_id == job_id
        }

    def close(self) -> None:
        self.reception.close()
        for worker in self.workers:
            worker.send_signal(signal.SIGCONT)
            worker.kill()
            worker.communicate()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.close()


def test_both_workers_share_a_job_and_the_bits_are_those_of_here(place: Place) -> None:
    for name in ("one", "two"):
        place.start(name)
    place.await_capacity(2)
    # Long enough for a busy machine to come round to both.
    job, job_id = draw_job(5, slow_us=20_000, n_draws=32 * 40), next(ids)
    place.reception.give(job_id, job, range(job.n_blocks))
    until(lambda: len(place.results(job_id)) == job.n_blocks, "all blocks")
    done = place.results(job_id)
    assert [bits(done[block].result) for block in range(job.n_blocks)] == expected(job)
    by = [event.peer for event in done.values()]
    assert min(by.count("one"), by.count("two")) >= 10
    assert EngineReady(2) in place.events


def test_what_a_killed_worker_had_is_done_by_the_other(place: Place) -> None:
    victim, _ = place.start("one"), place.start("two")
    place.await_capacity(2)
    job, job_id = draw_job(5, slow_us=20_000, n_draws=32 * 60), next(ids)
    place.reception.give(job_id, job, range(job.n_blocks))
    until(lambda: len(place.results(job_id)) > 4, "it to be at work")
    victim.kill()
    until(lambda: len(place.results(job_id)) == job.n_blocks, "all blocks")
    done = place.results(job_id)
    assert [bits(done[block].result) for block in range(job.n_blocks)] == expected(job)
    assert place.reception.capacity == 1
    assert not any(isinstance(event, EngineLost) for event in place.events)
    assert place.condemned == []


def test_without_any_worker_the_engine_is_lost_and_with_one_it_is_there_again(
    place: Place,
) -> None:
    place.start("one")
    place.await_capacity(1)
    place.workers[0].kill()
    place.await_event(lambda event: isinstance(event, EngineLost) and "one" in event.reason)
    place.start("two")
    place.await_capacity(1)
    job, job_id = draw_job(4), next(ids)
    place.reception.give(job_id, job, range(job.n_blocks))
    until(lambda: len(place.results(job_id)) == job.n_blocks, "all blocks")


def test_a_halted_worker_is_missed_and_joins_again_by_itself(place: Place) -> None:
    worker = place.start("one")
    place.await_capacity(1)
    worker.send_signal(signal.SIGSTOP)
    place.await_event(lambda event: isinstance(event, EngineLost) and "silent" in event.reason)
    worker.send_signal(signal.SIGCONT)
    place.await_capacity(1)
    job, job_id = draw_job(4), next(ids)
    place.reception.give(job_id, job, range(job.n_blocks))
    until(lambda: len(place.results(job_id)) == job.n_blocks, "all blocks")
    assert worker.poll() is None


def test_a_cancelled_job_costs_a_worker_one_block(place: Place) -> None:
    place.start("one")
    place.await_capacity(1)
    slow, slow_id = draw_job(5, slow_us=50_000, n_draws=32 * 200), next(ids)
    place.reception.give(slow_id, slow, range(slow.n_blocks))
    until(lambda: len(place.results(slow_id)) > 0, "it to be at work")
    place.reception.cancel(slow_id)
    quick, quick_id = draw_job(4), next(ids)
    place.reception.give(quick_id, quick, range(quick.n_blocks))
    until(lambda: len(place.results(quick_id)) == quick.n_blocks, "the next job")
    assert len(place.results(slow_id)) < 20


def test_a_block_that_raises_is_told_with_its_reason(place: Place) -> None:
    place.start("one")
    place.await_capacity(1)
    job_id = next(ids)
    place.reception.give(job_id, draw_job(5, max_weight=-1.0), [0, 1])
    failed = ["ValueError: max_weight=-1.0: must be in (0, 1]"] * 2

    def told() -> list[str]:
        return [event.reason for event in place.collect() if isinstance(event, BlocksFailed)]

    until(lambda: told() == failed, "the refusal of both")


def test_workers_of_another_kind_are_named_and_the_others_go_on(place: Place) -> None:
    place.start("one")
    place.await_capacity(1)
    other = place.start("other", "tests.optimize.engines.fake:broken", RAY_AUTH_MODE="token")
    assert other.wait(60) == 0
    assert other.stdout is not None
    assert b"other has fingerprint" in other.stdout.read()
    assert place.reception.capacity == 1
    assert place.condemned == []


def test_told_to_stop_workers_end(place: Place) -> None:
    worker = place.start("one")
    place.await_capacity(1)
    place.reception.close()
    assert worker.wait(20) == 0
    assert worker.stdout is not None
    assert worker.stdout.read() == b"the pipeline ends\n"
