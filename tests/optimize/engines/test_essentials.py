"""What died first is named, not what it took along: with real processes, killed."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal

import psutil
import pytest

from cluster.process import spawn
from cluster.supervision import Backoff, Supervision
from optimize.engines.essentials import Essentials
from optimize.engines.evaluator import Evaluator
from optimize.engines.host_kind import HostKind
from optimize.engines.hosted import HostedEngine
from optimize.engines.moves import Switch
from tests.optimize.engines.fake import evaluate
from tests.optimize.engines.frail_host import HEART, WORKER
from tests.optimize.engines.rigs import FAKE, draw_job, make_engine, until
from tests.optimize.engines.striking import below, kill

NAMED = {HEART: "the heart"}


@pytest.fixture
def heart() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen([HEART, "600"]) as process:
        yield process
        process.kill()


def test_what_lives_has_not_died(heart: "subprocess.Popen[bytes]") -> None:
    essentials = Essentials(os.getpid(), NAMED, "this test")
    assert essentials.died() == ""  # none was looked for yet
    essentials.find()
    assert essentials.died() == ""


def test_a_killed_process_is_named_with_its_signal_until_it_is_reaped(
    heart: "subprocess.Popen[bytes]",
) -> None:
    essentials = Essentials(os.getpid(), NAMED)
    essentials.find()
    heart.kill()
    assert essentials.died(10.0) == f"the heart (pid {heart.pid}) was killed by SIGKILL"
    heart.wait()
    assert essentials.died() == f"the heart (pid {heart.pid}) has died"


def test_one_that_was_killed_before_it_was_looked_for_is_named_as_well(
    heart: "subprocess.Popen[bytes]",
) -> None:
    essentials = Essentials(os.getpid(), NAMED)
    until(lambda: psutil.Process(heart.pid).name() == HEART, "it to be itself")
    heart.kill()
    until(lambda: psutil.Process(heart.pid).status() == psutil.STATUS_ZOMBIE, "its end")
    essentials.find()
    assert essentials.died() == f"the heart (pid {heart.pid}) was killed by SIGKILL"


def test_a_process_that_ends_by_itself_is_named_with_its_exit_code() -> None:
    with subprocess.Popen([sys.executable, "-c", "input(); exit(3)"], stdin=subprocess.PIPE) as one:
        name = psutil.Process(one.pid).name()
        essentials = Essentials(os.getpid(), {name: "the interpreter"})
        until(lambda: psutil.Process(one.pid).name() == name, "it to be itself")
        essentials.find()
        assert one.stdin is not None
        one.stdin.write(b"\n")
        one.stdin.flush()
        assert essentials.died(10.0) == f"the interpreter (pid {one.pid}) ended with exit code 3"


def test_the_process_above_is_the_cause_of_the_end_of_those_below() -> None:
    command = f"import os, subprocess; subprocess.Popen(['{HEART}', '600']); print(1, flush=True); "
    with subprocess.Popen(
        [sys.executable, "-c", command + "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as top:
        assert top.stdout is not None
        top.stdout.readline()
        until(lambda: bool(below(HEART, psutil.Process(top.pid))), "its child")
        essentials = Essentials(top.pid, NAMED, "the host")
        essentials.find()
        heart = below(HEART, psutil.Process(top.pid))[0]
        top.kill()
        assert essentials.died(10.0) == f"the host (pid {top.pid}) was killed by SIGKILL"
        kill(heart)
        assert essentials.died() == f"the host (pid {top.pid}) was killed by SIGKILL"


@contextmanager
def frail(
    dispatch: Literal["tasks", "resident"], logs: Path, switches: list[Switch]
) -> Iterator[Evaluator]:
    """Run a frail host beside `local`; a host that ended is not started again within the test."""
    engine = HostedEngine(
        HostKind("ray", WORKER, lambda _: {}, lambda: "", NAMED),
        workers=1,
        spawn=partial(spawn, log_path=logs / "frail.log"),
        restarts=Supervision(Backoff(first_ns=600 * 10**9, longest_ns=600 * 10**9)),
        clock=time.monotonic_ns,
        evaluate=FAKE,
        dispatch=dispatch,
    )
    evaluator = Evaluator(
        [engine, make_engine("local", logs)], evaluate=evaluate, on_switch=switches.append
    )
    evaluator.start()
    try:
        until(lambda: evaluator.states()[0].state == "ready", "the frail host to be trusted")
        until(lambda: bool(engine._essentials and engine._essentials._below), "its heart")
        yield evaluator
    finally:
        evaluator.close()


@pytest.mark.parametrize("dispatch", ["tasks", "resident"])
@pytest.mark.parametrize("victim", ["heart", "host"])
def test_state_decision_and_switch_name_what_was_killed_and_not_what_it_took_along(
    dispatch: Literal["tasks", "resident"], victim: str, tmp_path: Path
) -> None:
    switches: list[Switch] = []
    with frail(dispatch, tmp_path, switches) as evaluator:
        host = below(WORKER)[0]
        struck = host if victim == "host" else below(HEART)[0]
        title = "the host of ray" if victim == "host" else "the heart"
        told = f"failed ({title} (pid {struck.pid}) was killed by SIGKILL)"
        kill(struck)
        until(lambda: evaluator.states()[0].state == "failed", "the loss")
        assert evaluator.states()[0].reason == told
        evaluator.submit(draw_job(3), 5.0)
        complete = evaluator.wait(10.0)
        assert complete is not None
        assert complete.reason == f"ray {told}; local decides"
        assert switches[-1].cause == f"ray {told}"
