"""When an engine behind others is started, and what there is of it before."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from cluster.supervision import Backoff, Supervision
from optimize.engines.host_kind import HostKind
from optimize.engines.hosted import HostedEngine
from optimize.engines.protocol import Engine, Phase, Readiness
from optimize.engines.standby import AFTER_NS, Standby
from tests.optimize.engines.rigs import FAKE, draw_job, evaluating, make_engine, until
from tests.optimize.engines.striking import view

SECOND = 1_000_000_000


@dataclass
class Account:
    """An engine of which nothing but its account is asked."""

    name: str
    phase: Phase = "starting"

    def ready(self) -> Readiness:
        return Readiness(self.phase, 0, 0, "")


def standby(*accounts: Account) -> Standby:
    return Standby([cast(Engine, account) for account in accounts])


def test_first_engine_is_wanted_from_the_start() -> None:
    assert standby().waits(0) == ""


def test_one_that_starts_or_returns_within_20_s_leaves_the_next_asleep() -> None:
    ray = Account("ray")
    spark = standby(ray)
    now_ns = 5 * SECOND
    assert spark.waits(now_ns) == "stands by: it starts when ray is out for 20 s"
    for _ in range(100):  # each time out for just less than the limit
        now_ns += AFTER_NS - 1
        assert spark.waits(now_ns)
        ray.phase = "ready"
        assert spark.waits(now_ns)
        ray.phase = "starting"
        assert spark.waits(now_ns)


def test_one_that_is_out_for_20_s_wakes_the_next_and_that_one_stays() -> None:
    ray = Account("ray", "ready")
    spark = standby(ray)
    assert spark.waits(0)
    ray.phase = "starting"
    assert spark.waits(100 * SECOND)
    assert spark.waits(100 * SECOND + AFTER_NS - 1)
    assert spark.waits(100 * SECOND + AFTER_NS) == ""
    ray.phase = "ready"
    assert spark.waits(200 * SECOND) == ""


def test_one_that_is_out_for_good_wakes_the_next_at_once() -> None:
    assert standby(Account("ray", "failed")).waits(0) == ""


def test_all_before_it_must_be_out() -> None:
    ray, other = Account("ray", "failed"), Account("other", "ready")
    last = standby(ray, other)
    assert last.waits(AFTER_NS * 10) == "stands by: it starts when ray and other is out for 20 s"
    other.phase = "starting"
    assert last.waits(AFTER_NS * 11)
    assert last.waits(AFTER_NS * 12) == ""


def test_one_that_stands_by_is_nothing_but_an_account_until_it_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawned: list[list[str]] = []
    # A short path: a socket's may have 107 bytes.
    folders = Path(tempfile.mkdtemp(prefix="sb"))
    monkeypatch.setattr(tempfile, "tempdir", str(folders))

    def spawn(argv: list[str], **_: Any) -> None:
        spawned.append(argv)
        raise OSError("no such program")

    ray = Account("ray", "ready")
    spark = HostedEngine(
        HostKind("spark", "nowhere", lambda _: {}, lambda: ""),
        workers=2,
        spawn=cast(Any, spawn),
        restarts=Supervision(Backoff(give_up_after=1)),
        clock=time.monotonic_ns,
        evaluate=FAKE,
        standby=standby(ray),
    )
    with evaluating([spark, make_engine("local", tmp_path)]) as evaluator:
        account = ("closed", "stands by: it starts when ray is out for 20 s")
        until(lambda: view(evaluator, "spark") == account, "spark to stand by")
        evaluator.submit(draw_job(10), 1.0)
        complete = evaluator.wait(10.0)
        assert complete is not None
        assert (complete.engine, complete.reason) == ("local", "local decides")
        assert not spawned
        assert not list(folders.iterdir())
        ray.phase = "failed"
        until(lambda: bool(spawned), "spark to be started")
        until(lambda: view(evaluator, "spark")[0] == "failed", "spark's account")
        assert "no such program" in view(evaluator, "spark")[1]
    assert not list(folders.iterdir())
    folders.rmdir()
