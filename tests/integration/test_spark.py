"""Spark for real: the same bits, kills during jobs, sockets, and what stays behind."""

import importlib.util
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
    make_engines,
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

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
HOST, DAEMON, JVM = "optimize.engines.spark_host", "optimize.engines.spark_worker", "SparkSubmit"


def pythons(is_parent: Callable[[str], bool]) -> list[psutil.Process]:
    """List Spark's Python processes whose parent's name fits: the JVM's child is the daemon."""
    return [
        process
        for process in below(DAEMON)
        if process.name() != "java"
        and (parent := process.parent()) is not None
        and is_parent(parent.name())
    ]


@pytest.mark.parametrize(
    ("workers", "task_ms"),
    [
        pytest.param(1, 25.0, id="1", marks=pytest.mark.long),
        pytest.param(2, 0.001, id="2 single"),
    ],
)
def test_real_blocks_have_the_same_bits_on_spark(
    workers: int, task_ms: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Another Spark's settings, and a folder that is not the project's, mean nothing to ours.
    monkeypatch.setenv("SPARK_HOME", str(tmp_path / "other"))
    monkeypatch.setenv("PYSPARK_PYTHON", "python2")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    jobs = [
        draw_job(n, kind=kind, objective=objective, n_draws=24 if kind == "frontier" else 200)
        for n in (3, 7, 50)
        for kind in ("exact", "resample", "cloud", "frontier")
        for objective in ("max_sharpe", "min_variance")
    ]
    spark = make_engine("spark", tmp_path, workers=workers, evaluate=EVALUATE, task_ms=task_ms)
    with running(spark):
        for number, job in enumerate(jobs):
            assert run_job(spark, job, number) == expected(job, EVALUATE)
        assert not list(tmp_path.glob("spark-warehouse"))


@pytest.fixture(scope="module")
def evaluator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluator]:
    logs = tmp_path_factory.mktemp("spark")
    engines: list[Engine] = [make_engine(name, logs) for name in ("spark", "local")]
    with evaluating(engines) as made:
        yield made


def test_local_decides_until_spark_is_up_then_spark_does(evaluator: Evaluator) -> None:
    evaluator.submit(draw_job(10), 1.0)
    first = evaluator.wait(10.0)
    assert first is not None
    assert (first.engine, first.degraded) == ("local", True)
    assert first.reason == "spark is starting; local decides"
    await_trusted(evaluator, "spark")
    await_alone(evaluator, "spark")


def test_everything_listens_on_loopback_only(evaluator: Evaluator) -> None:
    await_trusted(evaluator, "spark")
    found = listening()
    assert "java" in {name for name, _ in found}
    assert {address for _, address in found} <= LOOPBACK


def test_all_files_are_in_the_hosts_folder_and_all_processes_in_its_session(
    evaluator: Evaluator,
) -> None:
    await_trusted(evaluator, "spark")
    host = below(HOST)[0]
    family = [host, *host.children(recursive=True)]
    assert {os.getsid(process.pid) for process in family} == {host.pid}
    assert len(pythons(lambda parent: parent == "java")) == 1
    assert len(pythons(lambda parent: parent != "java")) == 2
    folder = next(word for word in host.cmdline() if word.startswith("--folder="))[9:]
    opened = {
        file.path
        for process in family
        if process.status() != psutil.STATUS_ZOMBIE
        for file in process.open_files()
        if hasattr(file, "mode") and file.mode != "r"
    }
    assert {path for path in opened if not path.startswith(folder)} <= {
        path for path in opened if path.endswith("spark-host.log")
    }


VICTIMS: dict[str, Callable[[], psutil.Process]] = {
    "worker": lambda: pythons(lambda parent: parent != "java")[0],
    "daemon": lambda: pythons(lambda parent: parent == "java")[0],
    "jvm": lambda: below(JVM)[0],
    "host": lambda: below(HOST)[0],
}
TITLES = {"jvm": "Spark's JVM", "host": "the host of spark"}
"""Of those that the engine is lost with."""


@pytest.mark.parametrize(
    "victim",
    [
        "worker",
        pytest.param("daemon", marks=pytest.mark.long),
        "jvm",
        pytest.param("host", marks=pytest.mark.long),
    ],
)
def test_every_job_completes_with_equal_bits_after_kill_9_and_the_engine_returns(
    evaluator: Evaluator, victim: str
) -> None:
    await_trusted(evaluator, "spark")
    await_alone(evaluator, "spark")
    hosts = {process.pid for process in below(HOST)}
    struck = VICTIMS[victim]()
    helped = run_jobs_while(evaluator, lambda: kill(struck), 3.0)
    replaced = victim in TITLES
    if replaced:  # Spark replaces its Python processes by itself, maybe in time
        why = f"spark failed ({TITLES[victim]} (pid {struck.pid}) was killed by SIGKILL)"
        assert any(why in reason for reason in helped), helped
    back_s = await_trusted(evaluator, "spark")
    print(f"{victim}: back {back_s:.1f} s after the last job; {len(helped)} had local's help")
    assert hosts.isdisjoint({process.pid for process in below(HOST)}) == replaced
    await_alone(evaluator, "spark")


def test_a_killed_jvm_is_named_and_not_a_worker_that_it_took_along(tmp_path: Path) -> None:
    engines = [make_engine("spark-resident", tmp_path), make_engine("local", tmp_path)]
    others = {process.pid for process in below(JVM)}
    with evaluating(engines) as evaluator:
        await_trusted(evaluator, "spark")
        await_alone(evaluator, "spark")
        (jvm,) = [process for process in below(JVM) if process.pid not in others]
        kill(jvm)
        why = f"(Spark's JVM (pid {jvm.pid}) was killed by SIGKILL)"
        until(lambda: view(evaluator, "spark")[0] != "ready", "the loss")
        assert why in view(evaluator, "spark")[1]
        evaluator.submit(draw_job(10), 1.0)
        complete = evaluator.wait(10.0)
        assert complete is not None
        assert complete.reason == f"spark failed {why}; local decides"


def test_workers_of_other_bits_are_named_and_left_out(tmp_path: Path) -> None:
    broken = "tests.optimize.engines.fake:broken"
    others = descendants()
    engines = [make_engine("spark", tmp_path, evaluate=broken), make_engine("local", tmp_path)]
    with evaluating(engines) as evaluator:
        until(lambda: view(evaluator, "spark")[0] == "failed", "spark to be left out", UP_S)
        assert "its results could differ, so it is left out" in view(evaluator, "spark")[1]
        until(lambda: descendants() <= others, "the host to end")


def test_without_java_the_order_goes_on_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with evaluating(make_engines("spark", tmp_path)) as evaluator:
        see_local_decide(evaluator, "spark", "Java is missing (no java on the PATH): install Java")
        assert view(evaluator, "spark")[0] == "failed"
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    with evaluating(make_engines("spark", tmp_path)) as evaluator:
        see_local_decide(evaluator, "spark", "as JAVA_HOME says): install Java 17 or newer")


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ('openjdk version "1.8.0_392"', "Java 8 is too old for Spark: install Java 17"),
        ('openjdk version "11.0.2" 2019', "Java 11 is too old for Spark: install Java 17"),
        ("command not supported", "is no Java ('command not supported'): install Java 17"),
    ],
)
def test_java_that_will_not_do_is_told_apart(
    says: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with evaluating(make_engines("spark", tmp_path)) as evaluator:
        see_local_decide(evaluator, "spark", reason)


def test_without_pyspark_the_order_goes_on_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _hide(monkeypatch, "pyspark")
    with evaluating(make_engines("spark", tmp_path)) as evaluator:
        see_local_decide(evaluator, "spark", "pyspark is not installed: run `make setup`")


def test_master_that_does_not_answer_is_named(tmp_path: Path) -> None:
    master = "spark://127.0.0.1:1"
    with evaluating(make_engines("spark", tmp_path, address=master)) as evaluator:
        reason = "127.0.0.1:1 does not answer ([Errno 111] Connection refused): start its master"
        see_local_decide(evaluator, "spark", reason)


def test_spark_stands_by_for_ray_and_takes_over_at_once_where_ray_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _hide(monkeypatch, "ray")
    with evaluating(make_engines("ray,spark", tmp_path)) as evaluator:
        await_trusted(evaluator, "spark")

        def spark_decides() -> bool:
            evaluator.submit(draw_job(10), 30.0)
            complete = evaluator.wait(30.0)
            assert complete is not None
            assert complete.reason.startswith("ray failed (ray is not installed: run `make setup`)")
            return complete.engine == "spark"

        until(spark_decides, "spark to decide")


def _hide(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == package else find(name)
    )


PIPELINE = f"""
import sys, time
from pathlib import Path
from tests.optimize.engines.rigs import make_engine, wait_ready
engine = make_engine("spark", Path(sys.argv[1]), evaluate={FAKE!r})
engine.start(lambda: None)
if sys.argv[2] == "up":
    wait_ready(engine)
print("up", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("when", ["up", "starting"])
def test_nothing_is_left_10_s_after_kill_9_of_the_pipeline(when: str, tmp_path: Path) -> None:
    argv = [sys.executable, "-c", PIPELINE, str(tmp_path), when]
    pipeline = subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert pipeline.stdout is not None
        assert pipeline.stdout.readline() == b"up\n"
        tree = psutil.Process(pipeline.pid)
        words = {"up": (JVM, DAEMON), "starting": (JVM,)}[when]
        until(lambda: all(below(word, tree) for word in words), "Spark's processes", UP_S)
        family = tree.children(recursive=True)
        host = below(HOST, tree)[0]
        folder = next(word for word in host.cmdline() if word.startswith("--folder="))
        sessions = {session_of(process.pid) for process in family} - {-1}
    finally:
        pipeline.kill()
        pipeline.communicate()

    def left() -> list[psutil.Process]:
        return [p for p in psutil.process_iter() if session_of(p.pid) in sessions]

    took_s = until(lambda: not left(), f"{left()} to end", 10.0)
    print(f"{len(family)} processes gone after {took_s:.1f} s")
    files = Path(folder.removeprefix("--folder="))
    until(lambda: not files.exists(), f"{files} to go", 10.0)
