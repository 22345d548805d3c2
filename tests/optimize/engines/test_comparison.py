"""Engines compared at the same block: in turn, only those that are ready, and off by default."""

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from cluster.process import spawn
from cluster.supervision import Supervision
from optimize.engines import moves
from optimize.engines.catalogue import build_engines
from optimize.engines.dispatch import Dispatch
from optimize.engines.evaluator import Evaluator
from optimize.engines.hosted import HostedEngine
from optimize.engines.moves import Effect, Policy, SendCanary
from optimize.engines.protocol import EngineReady
from tests.optimize.engines.fake import evaluate
from tests.optimize.engines.rigs import make_engine, until
from tests.optimize.engines.test_evaluator import Puppet

S, MS = 1_000_000_000, 1_000_000
ENGINES = (("ray", None), ("spark", None), ("local", 4))


class Rig:
    def __init__(self, every_ns: int) -> None:
        self.machine = Dispatch(ENGINES, "local", Policy(compare_ns=every_ns))
        for engine in ("ray", "local"):
            self.step(moves.Came(engine, 2), 0)

    def step(self, event: moves.Event, now_ns: int) -> list[SendCanary]:
        effects: list[Effect] = self.machine.step(event, now_ns)
        return [effect for effect in effects if isinstance(effect, SendCanary)]

    def canary(self) -> tuple[SendCanary, int]:
        """Go on to the time that the machine asks for."""
        now_ns = self.machine.next_ns()
        assert now_ns is not None
        (sent,) = self.step(moves.Timer(), now_ns)
        return sent, now_ns

    def seen_ms(self, engine: str) -> list[float]:
        return [span / MS for span in self.machine.lanes[engine].canaries_ns]


def test_without_an_interval_there_are_none() -> None:
    rig = Rig(0)
    assert rig.machine.next_ns() is None
    assert rig.step(moves.Timer(), 100 * S) == []


def test_ready_engines_get_the_block_in_turn_and_the_way_there_and_back_is_kept() -> None:
    rig = Rig(S)
    got = []
    for took_ms in (4, 1, 5, 2):
        sent, now_ns = rig.canary()
        got.append((sent.engine, now_ns))
        end_ns = now_ns + took_ms * MS
        rig.step(moves.CanaryAnswered(sent.engine, sent.token, True, ""), end_ns)
    engines = [engine for engine, _ in got]
    assert sorted(engines[:2]) == ["local", "ray"]  # none for Spark, which is not up
    assert engines[2:] == engines[:2]
    times = [now_ns for _, now_ns in got]
    assert [later - earlier for earlier, later in pairwise(times)] == [S] * 3
    assert rig.seen_ms(engines[0]) == [4.0, 5.0]
    assert rig.seen_ms(engines[1]) == [1.0, 2.0]
    assert rig.seen_ms("spark") == []


def test_an_answer_after_the_next_canary_counts_as_none_and_wrong_bits_put_an_engine_out() -> None:
    rig = Rig(S)
    first, _ = rig.canary()
    second, now_ns = rig.canary()
    rig.step(moves.CanaryAnswered(first.engine, first.token, True, ""), now_ns + MS)
    assert rig.seen_ms(first.engine) == []
    on_ray = second if second.engine == "ray" else rig.canary()[0]
    rig.step(moves.CanaryAnswered("ray", on_ray.token, False, "other bits"), 9 * S)
    assert "other bits" in rig.machine.lanes["ray"].health.account()
    assert not rig.machine.lanes["ray"].health.ready


@pytest.fixture
def evaluator(tmp_path: Path) -> Iterator[Evaluator]:
    ray = Puppet()
    made = Evaluator(
        [ray, make_engine("local", tmp_path)],
        evaluate=evaluate,
        policy=Policy(compare_ns=20 * MS),
    )
    made.start()
    ray.box.put(EngineReady(3))
    yield made
    made.close()


def test_the_latency_of_every_engine_is_shown_without_a_job(evaluator: Evaluator) -> None:
    until(lambda: all(view.canary_ms for view in evaluator.states()), "canaries of both")
    assert all(view.job_p50_ms is None for view in evaluator.states())
    assert all(view.blocks_done == 0 for view in evaluator.states())


@pytest.mark.parametrize("compared", [False, True])
def test_to_be_compared_none_stands_by(compared: bool) -> None:
    engines = build_engines(
        ("ray", "spark", "local"),
        workers=1,
        spawn=spawn,
        restarts=Supervision,
        clock=time.monotonic_ns,
        all_at_once=compared,
    )
    waits = {one.name: one._standby.waits(0) for one in engines if isinstance(one, HostedEngine)}
    assert waits["ray"] == ""
    assert bool(waits["spark"]) is not compared
