"""A real process that answers what it must not: refused, counted, and done elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from cluster.process import spawn
from cluster.supervision import Backoff, Supervision
from optimize.engines.evaluator import Evaluator
from optimize.engines.host_kind import HostKind
from optimize.engines.hosted import HostedEngine
from optimize.engines.protocol import Engine
from tests.optimize.engines.rigs import (
    FAKE,
    bits,
    draw_job,
    evaluating,
    expected,
    make_engine,
    until,
)
from tests.optimize.engines.rogue_host import DEED


@contextmanager
def beside_local(deed: str, logs: Path, hedge_floor_ns: int) -> Iterator[Evaluator]:
    kind = HostKind("ray", "tests.optimize.engines.rogue_host", lambda _: {DEED: deed}, lambda: "")
    rogue: Engine = HostedEngine(
        kind,
        workers=2,
        spawn=partial(spawn, log_path=logs / "rogue.log"),
        restarts=Supervision(Backoff(first_ns=100_000_000)),
        clock=time.monotonic_ns,
        evaluate=FAKE,
    )
    engines = [rogue, make_engine("local", logs)]
    with evaluating(engines, hedge_floor_ns=hedge_floor_ns) as evaluator:
        until(lambda: evaluator.states()[0].state == "ready", "the rogue to be trusted")
        yield evaluator


@pytest.mark.parametrize(
    ("deed", "counted", "reason"),
    [
        ("misshapen", "", "arrays of [3, 3, 0] elements, must be [9, 9, 0]"),
        ("garbage", "", "rogue sent what is no message: frame begins with b'?!"),
        ("old", "stale", ""),
        ("twice", "unasked", ""),
        ("unasked", "unasked", ""),
        ("nothing", "", "ray owed 8 blocks after "),
    ],
)
def test_every_job_is_complete_with_the_right_bits_whatever_a_worker_answers(
    deed: str, counted: str, reason: str, tmp_path: Path
) -> None:
    # Where it gives right answers too, local may not help because the machine is busy.
    patience_s = 0.03 if reason else 10.0
    with beside_local(deed, tmp_path, int(patience_s * 1e9)) as evaluator:
        reasons = set()
        for seed in range(8):
            job = draw_job(9, seed=seed)
            evaluator.submit(job, 2.0 + 2 * patience_s)
            complete = evaluator.wait(30.0)
            assert complete is not None
            assert not complete.failed
            assert [bits(result) for result in complete.results] == expected(job)
            reasons.add(complete.reason)
            if not reason:
                assert (complete.engine, complete.peers) == ("ray", ("rogue",))
        assert any(reason in said for said in reasons)
        if counted:
            assert getattr(evaluator.counts(), counted) >= 8
