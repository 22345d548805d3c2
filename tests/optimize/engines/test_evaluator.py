"""The evaluator over `local` and an engine that does only what the test tells it."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import pytest

from optimize.engines.evaluator import Evaluator
from optimize.engines.local import LocalEngine
from optimize.engines.mailbox import Mailbox
from optimize.engines.moves import Policy, Switch
from optimize.engines.protocol import (
    BlockDone,
    BlocksFailed,
    EngineEvent,
    EngineLost,
    EngineReady,
    Readiness,
)
from optimize.job import BlockResult, DrawJob
from storage.records import EngineState
from tests.optimize.engines.fake import evaluate
from tests.optimize.engines.rigs import bits, draw_job, expected, until


class Puppet:
    """An engine called `ray` that a test moves by hand."""

    name = "ray"
    dispatch = "strings"

    def __init__(self) -> None:
        self.box = Mailbox()
        self.given: list[tuple[int, DrawJob, int]] = []
        self.forgotten: list[int] = []
        self.closed = False
        self.answer: Callable[[DrawJob, int], BlockResult] | None = evaluate
        self.account = Readiness("ready", 3, 4, "")

    def start(self, wake: Callable[[], None]) -> None:
        self.box.attach(wake)

    def ready(self) -> Readiness:
        return self.account

    def submit(self, job_id: int, job: DrawJob, blocks: Sequence[int]) -> None:
        for block in blocks:
            self.given.append((job_id, job, block))
            if self.answer is not None:
                self.box.put(BlockDone(job_id, self.answer(job, block), "puppet", 1000))

    def collect(self, timeout_s: float) -> list[EngineEvent]:
        return self.box.take(timeout_s)

    def cancel(self, job_id: int) -> None:
        self.forgotten.append(job_id)

    def close(self) -> None:
        self.closed = True


class Rig:
    def __init__(self) -> None:
        self.ray = Puppet()
        self.switches: list[Switch] = []
        local = LocalEngine(workers=2, evaluate=evaluate)
        policy = Policy(hold_ns=200_000_000, longest_hold_ns=200_000_000)
        self.evaluator = Evaluator(
            [self.ray, local], evaluate=evaluate, policy=policy, on_switch=self.switches.append
        )
        self.evaluator.start()

    def ready(self) -> None:
        self.ray.box.put(EngineReady(3))
        self.await_state("ready")

    def await_state(self, state: str) -> None:
        until(lambda: self.evaluator.states()[0].state == state, f"ray {state}")


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.evaluator.close()
    assert made.ray.closed
    assert not [t for t in threading.enumerate() if t.name.startswith(("local-", "evaluator"))]


def test_first_engine_s_results_come_in_block_order_with_its_name(rig: Rig) -> None:
    rig.ready()
    job = draw_job(9)
    job_id = rig.evaluator.submit(job, 1.0)
    complete = rig.evaluator.wait(10.0)
    assert complete is not None
    assert (complete.job_id, complete.job) == (job_id, job)
    assert [bits(result) for result in complete.results] == expected(job)
    assert (complete.engine, complete.peers) == ("ray", ("puppet",))
    assert (complete.degraded, complete.late, complete.failed) == (False, False, False)
    assert complete.reason == ""
    until(lambda: rig.ray.forgotten == [job_id], "the job to be forgotten")


def test_wait_gives_none_in_time_and_wakes_at_once(rig: Rig) -> None:
    begun_s = time.monotonic()
    assert rig.evaluator.wait(0) is None
    assert rig.evaluator.wait(0.2) is None
    assert time.monotonic() - begun_s >= 0.2
    timer = threading.Timer(0.2, lambda: rig.evaluator.submit(draw_job(3), 1.0))
    timer.start()
    assert rig.evaluator.wait(30.0) is not None
    assert time.monotonic() - begun_s < 15.0


def test_several_jobs_at_once_all_complete_with_rising_ids(rig: Rig) -> None:
    rig.ready()
    rig.ray.answer = None  # hung: local has to do all of them
    jobs = [draw_job(3 + k, seed=k) for k in range(6)]
    ids = [rig.evaluator.submit(job, 0.5) for job in jobs]
    assert all(one < other for one, other in pairwise(ids))
    found = {}
    for _ in jobs:
        complete = rig.evaluator.wait(10.0)
        assert complete is not None
        assert not complete.late
        found[complete.job_id] = [bits(result) for result in complete.results]
    assert found == {job_id: expected(job) for job_id, job in zip(ids, jobs, strict=True)}


def test_loss_goes_to_local_and_the_way_back_is_by_canaries(rig: Rig) -> None:
    rig.ready()
    rig.ray.answer = None
    job = draw_job(9)
    job_id = rig.evaluator.submit(job, 30.0)
    rig.ray.box.put(EngineLost("its host was killed"))
    complete = rig.evaluator.wait(10.0)
    assert complete is not None
    assert [bits(result) for result in complete.results] == expected(job)
    assert (complete.engine, complete.degraded) == ("local", True)
    assert complete.reason == "ray failed (its host was killed); local decides"
    assert rig.evaluator.states()[0].state == "failed"
    rig.ray.answer = evaluate
    rig.ray.box.put(EngineReady(3))
    rig.await_state("ready")
    canaries = [given for given in rig.ray.given if given[0] != job_id]
    assert len(canaries) == 3
    assert {canary[0] for canary in canaries} <= set(rig.ray.forgotten)
    assert [(switch.old, switch.new) for switch in rig.switches] == [
        ("", "local"),
        ("local", "ray"),
        ("ray", "local"),
        ("local", "ray"),
    ]
    assert rig.evaluator.counts().switches == 3


def test_one_that_failed_is_starting_only_while_it_is_on_the_way(rig: Rig) -> None:
    def told() -> tuple[str, str]:
        state = rig.evaluator.states()[0]
        return state.state, state.reason

    rig.ready()
    rig.ray.account = Readiness("starting", 0, 4, "killed")
    rig.ray.box.put(EngineLost("killed"))
    until(lambda: told() == ("failed", "failed (killed)"), "the loss")
    rig.ray.account = Readiness("starting", 0, 5, "")
    assert told() == ("starting", "is starting again after a failure (killed)")
    rig.ray.account = Readiness("failed", 0, 5, "given up after 8 failures in turn")
    assert told() == ("failed", "failed (killed); given up after 8 failures in turn")


def test_engine_that_fails_its_canaries_stays_out(rig: Rig) -> None:
    def wrong(job: DrawJob, block: int) -> BlockResult:
        result = evaluate(job, block)
        result.weight_mean[0] = np.nextafter(result.weight_mean[0], 2.0)
        return result

    rig.ready()
    rig.ray.box.put(EngineLost("killed"))
    rig.await_state("failed")
    rig.ray.answer = wrong
    rig.ray.box.put(EngineReady(3))
    until(lambda: "other bits" in rig.evaluator.states()[0].reason, "the canary to be judged")
    assert rig.evaluator.states()[0].state == "starting"
    rig.evaluator.submit(draw_job(3), 1.0)
    complete = rig.evaluator.wait(10.0)
    assert complete is not None
    assert complete.engine == "local"


def test_result_that_cannot_be_of_the_job_is_refused_and_made_elsewhere(rig: Rig) -> None:
    rig.ready()
    rig.ray.answer = lambda job, block: evaluate(draw_job(job.n_assets + 1), block)
    job = draw_job(9)
    rig.evaluator.submit(job, 10.0)
    complete = rig.evaluator.wait(10.0)
    assert complete is not None
    assert [bits(result) for result in complete.results] == expected(job)
    assert complete.engine == "local"
    assert "arrays of [10, 10, 0] elements, must be [9, 9, 0]" in complete.reason


def test_job_that_nothing_can_evaluate_fails_with_the_reason(rig: Rig) -> None:
    rig.evaluator.submit(draw_job(3, max_weight=-1.0), 1.0)
    complete = rig.evaluator.wait(10.0)
    assert complete is not None
    assert complete.failed
    assert complete.results == ()
    assert "max_weight=-1.0: must be in (0, 1]" in complete.reason
    rig.evaluator.submit(draw_job(3), 1.0)
    after = rig.evaluator.wait(10.0)
    assert after is not None
    assert not after.failed


def test_result_of_a_job_that_is_over_is_refused_and_counted(rig: Rig) -> None:
    rig.ready()
    over = rig.evaluator.submit(draw_job(3), 30.0)
    assert rig.evaluator.wait(10.0) is not None
    rig.ray.box.put(BlockDone(over, evaluate(draw_job(3), 0), "puppet", 1000))
    until(lambda: rig.evaluator.counts().stale == 1, "the late result to be refused")
    assert rig.evaluator.wait(0) is None


def test_states_have_the_fields_of_the_stored_record(rig: Rig) -> None:
    rig.ready()
    views = rig.evaluator.states()
    records = [EngineState(**view._asdict()) for view in views]
    assert [record.name for record in records] == ["ray", "local"]
    assert records[0] == EngineState(
        name="ray", state="ready", dispatch="strings", workers=3, reason="",
        blocks_in_flight=0, blocks_done=0, restarts=4,
    )  # fmt: skip


def test_refused_blocks_do_not_stop_an_engine_that_then_works(rig: Rig) -> None:
    rig.ready()
    rig.ray.answer = None
    job_id = rig.evaluator.submit(draw_job(3, n_draws=32), 30.0)
    rig.ray.box.put(BlocksFailed(job_id, (0,), "worker crashed"))
    complete = rig.evaluator.wait(10.0)
    assert complete is not None
    assert complete.engine == "local"
    assert "ray could not evaluate 1 blocks: worker crashed" in complete.reason
    rig.ray.answer = evaluate
    rig.evaluator.submit(draw_job(3), 30.0)
    complete = rig.evaluator.wait(10.0)
    assert complete is not None
    assert (complete.engine, complete.degraded) == ("ray", False)


def test_fault_inside_is_raised_to_whoever_waits(rig: Rig) -> None:
    def collect(timeout_s: float) -> list[EngineEvent]:
        raise OSError("no more descriptors")

    rig.ray.collect = collect  # type: ignore[method-assign]
    rig.ray.box.put(EngineReady(3))
    with pytest.raises(RuntimeError, match="the evaluator failed: no more descriptors"):
        rig.evaluator.wait(10.0)
    with pytest.raises(RuntimeError, match="the evaluator failed"):
        rig.evaluator.submit(draw_job(3), 1.0)


def test_closed_evaluator_says_so(rig: Rig) -> None:
    timer = threading.Timer(0.2, rig.evaluator.close)
    timer.start()
    with pytest.raises(RuntimeError, match="closed"):
        rig.evaluator.wait(60.0)
    timer.join()
    assert {view.state for view in rig.evaluator.states()} == {"closed"}
    with pytest.raises(RuntimeError, match="closed"):
        rig.evaluator.submit(draw_job(3), 1.0)


def test_engines_without_local_or_twice_are_refused() -> None:
    with pytest.raises(ValueError, match="engines=ray: each once, and local among them"):
        Evaluator([Puppet()], evaluate=evaluate)
    local = LocalEngine(workers=1, evaluate=evaluate)
    with pytest.raises(ValueError, match="each once"):
        Evaluator([local, local], evaluate=evaluate)
