"""Ray for real: the same bits, kills during jobs, sockets, and what stays behind."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from optimize.engines.evaluator import Evaluator
from optimize.engines.protocol import EVALUATE, Engine
from tests.optimize.engines.rigs import (
    FAKE,
    UP_S,
    descendants,
    draw_job,
    evaluating,
    expected,
    make_engine,
    run_job,
    running,
    until,
)
from tests.optimize.engines.striking import (
    LOOPBACK,
    await_alone,
    await_trusted,
    below,
    kill,
    listening,
    run_jobs_while,
    see_local_decide,
    session_of,
    view,
)

pytestmark = [pytest.mark.ray, pytest.mark.timeout(400)]


def await_ray(evaluator: Evaluator) -> float:
    return await_trusted(evaluator, "ray")


@pytest.mark.parametrize(
    ("workers", "task_ms"),
    [
        pytest.param(1, 25.0, id="1", marks=pytest.mark.long),
        pytest.param(2, 0.001, id="2 single"),
        pytest.param(2, 1e6, id="2 halves", marks=pytest.mark.long),
    ],
)
def test_real_blocks_have_the_same_bits_on_ray_and_local(
    workers: int, task_ms: float, tmp_path: Path
) -> None:
    jobs = [
        draw_job(n, kind=kind, objective=objective, n_draws=24 if kind == "frontier" else 200)
        for n in (3, 7, 50)
        for kind in ("exact", "resample", "cloud", "frontier")
        for objective in ("max_sharpe", "min_variance")
    ]
    wanted = [expected(job, EVALUATE) for job in jobs]
    with running(make_engine("local", tmp_path, workers=4, evaluate=EVALUATE)) as local:
        assert [run_job(local, job, k) for k, job in enumerate(jobs)] == wanted
    ray = make_engine("ray", tmp_path, workers=workers, evaluate=EVALUATE, task_ms=task_ms)
    with running(ray):
        assert [run_job(ray, job, k) for k, job in enumerate(jobs)] == wanted


@pytest.fixture(scope="module")
def evaluator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluator]:
    logs = tmp_path_factory.mktemp("ray")
    engines: list[Engine] = [make_engine(name, logs) for name in ("ray", "local")]
    with evaluating(engines) as made:
        yield made


def test_local_decides_until_ray_is_up_then_ray_does(evaluator: Evaluator) -> None:
    evaluator.submit(draw_job(10), 1.0)
    first = evaluator.wait(10.0)
    assert first is not None
    assert (first.engine, first.degraded) == ("local", True)
    assert first.reason == "ray is starting; local decides"
    await_ray(evaluator)
    await_alone(evaluator, "ray")


def test_everything_listens_on_loopback_only(evaluator: Evaluator) -> None:
    await_ray(evaluator)
    assert {name for name, _ in listening()} >= {"gcs_server", "raylet"}
    assert {address for _, address in listening()} <= LOOPBACK


TITLES = {
    "optimize.engines.ray_host": "the host of ray",
    "raylet/raylet": "Ray's raylet",
    "gcs_server": "Ray's head, gcs_server,",
}
"""Of those that the engine is lost with."""


@pytest.mark.parametrize(
    "victim",
    [
        "ray::",
        "optimize.engines.ray_host",
        pytest.param("raylet/raylet", marks=pytest.mark.long),
        pytest.param("gcs_server", marks=pytest.mark.long),
    ],
)
def test_every_job_completes_with_equal_bits_after_kill_9_and_the_engine_returns(
    evaluator: Evaluator, victim: str, record_property: Callable[[str, object], None]
) -> None:
    await_ray(evaluator)
    hosts = {process.pid for process in below("optimize.engines.ray_host")}
    victims = [process for process in below(victim) if "Agent" not in process.name()]
    assert victims
    helped = run_jobs_while(evaluator, lambda: kill(victims[0]), 4.0)
    if victim in TITLES:  # Ray replaces a worker by itself, maybe in time
        why = f"ray failed ({TITLES[victim]} (pid {victims[0].pid}) was killed by SIGKILL)"
        assert any(why in reason for reason in helped), helped
    back_s = await_ray(evaluator)
    record_property("back_s", back_s)
    print(f"{victim}: back {back_s:.1f} s after the last job; {len(helped)} had local's help")
    if victim != "ray::":
        assert hosts.isdisjoint({process.pid for process in below("optimize.engines.ray_host")})
    await_alone(evaluator, "ray")


@pytest.mark.long
@pytest.mark.parametrize("victim", ["raylet/raylet", "gcs_server"])
def test_what_died_is_named_and_not_an_actor_that_it_took_along(
    victim: str, tmp_path: Path
) -> None:
    engines = [make_engine("ray-resident", tmp_path), make_engine("local", tmp_path)]
    others = {process.pid for process in below(victim)}
    with evaluating(engines) as evaluator:
        await_ray(evaluator)
        await_alone(evaluator, "ray")
        new = [process for process in below(victim) if process.pid not in others]
        struck = next(process for process in new if "Agent" not in process.name())
        kill(struck)
        until(lambda: view(evaluator, "ray")[0] != "ready", "the loss")
        why = f"({TITLES[victim]} (pid {struck.pid}) was killed by SIGKILL)"
        assert why in view(evaluator, "ray")[1]


def test_workers_of_other_bits_are_named_and_left_out(tmp_path: Path) -> None:
    broken = "tests.optimize.engines.fake:broken"
    others = descendants()
    engines = [make_engine("ray", tmp_path, evaluate=broken), make_engine("local", tmp_path)]
    with evaluating(engines) as evaluator:
        until(lambda: view(evaluator, "ray")[0] == "failed", "ray to be left out", UP_S)
        assert "its results could differ, so it is left out" in view(evaluator, "ray")[1]
        evaluator.submit(draw_job(10), 1.0)
        complete = evaluator.wait(10.0)
        assert complete is not None
        assert complete.engine == "local"
        assert "has fingerprint" in complete.reason
        until(lambda: descendants() <= others, "the host to end")


def test_an_address_that_does_not_answer_is_named_at_once(tmp_path: Path) -> None:
    engines = [make_engine("ray", tmp_path, address="127.0.0.1:1"), make_engine("local", tmp_path)]
    with evaluating(engines) as evaluator:
        told = "127.0.0.1:1 does not answer ([Errno 111] Connection refused): start it"
        # Ray itself tries for a minute, and then blames its own files.
        see_local_decide(evaluator, "ray", told)


PIPELINE = f"""
import sys, time
from pathlib import Path
from tests.optimize.engines.rigs import make_engine, wait_ready
engine = make_engine("ray", Path(sys.argv[1]), evaluate={FAKE!r})
engine.start(lambda: None)
if sys.argv[2] == "up":
    wait_ready(engine)
print("up", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("when", ["up", "starting"])
def test_nothing_is_left_10_s_after_kill_9_of_the_pipeline(when: str, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    argv = [sys.executable, "-c", PIPELINE, str(tmp_path), when]
    pipeline = subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=root)
    try:
        assert pipeline.stdout is not None
        assert pipeline.stdout.readline() == b"up\n"
        tree = psutil.Process(pipeline.pid)
        words = {"up": ("raylet", "gcs_server", "ray::"), "starting": ("gcs_server",)}[when]
        until(lambda: all(below(word, tree) for word in words), "Ray's processes", UP_S)
        family = tree.children(recursive=True)
        host = below("optimize.engines.ray_host", tree)[0]
        folder = next(word for word in host.cmdline() if word.startswith("--folder="))
        sessions = {os.getsid(process.pid) for process in family}
    finally:
        pipeline.kill()
        pipeline.communicate()

    def left() -> list[psutil.Process]:
        return [p for p in psutil.process_iter() if session_of(p.pid) in sessions]

    took_s = until(lambda: not left(), f"{left()} to end", 10.0)
    print(f"{len(family)} processes gone after {took_s:.1f} s")
    files = Path(folder.removeprefix("--folder="))
    until(lambda: not files.exists(), f"{files} to go", 10.0)
