"""Real clusters of ours: up, joined by an engine, scaled, down, and nothing left of them."""

import contextlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from click.testing import CliRunner

from optimize.engines.protocol import EVALUATE
from silverbullet.cli import main
from tests.integration.commands import environment, run_command
from tests.optimize.engines.rigs import (
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
    run_jobs_while,
)

Command = Callable[..., str]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Command]:
    """Give the command `cluster`, with folders of its own; whatever is up at the end is ended."""
    monkeypatch.setenv("XDG_STATE_HOME", environment(tmp_path)["XDG_STATE_HOME"])

    def call(*words: object, code: int = 0) -> str:
        if words[0] == "up":  # outlives the process that started it
            done = run_command(tmp_path, "cluster", *words)
            told = (done.returncode, done.stdout, done.stderr)
        else:
            here = CliRunner().invoke(main, ["cluster", *map(str, words)])
            told = (here.exit_code, here.stdout, here.stderr)
        assert told[0] == code, told
        return told[1] if code == 0 else told[2]

    yield call
    call("down")


def seen(command: Command) -> dict[str, Any]:
    (found,) = json.loads(command("status", "--json"))["clusters"]
    return dict(found)


def listening(pids: list[int]) -> set[str]:
    """Give the addresses that processes listen on."""
    return {
        connection.laddr.ip
        for pid in pids
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }


def answers(address: str) -> bool:
    port = int(address.rpartition(":")[2])
    return any(
        connection.laddr.port == port and connection.status == psutil.CONN_LISTEN
        for connection in psutil.net_connections("inet")
    )


def command_lines(pids: list[int]) -> str:
    lines = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):  # it may have ended since it was seen
            lines.append(" ".join(psutil.Process(pid).cmdline()))
    return "\n".join(lines)


def see_nothing_left(command: Command, tmp_path: Path, found: dict[str, Any]) -> None:
    """Take a cluster down and look for processes, ports and files."""
    assert answers(found["address"])
    engine, pids = found["engine"], seen(command)["pids"]
    assert command("down", "--engine", engine) == f"{engine} is down\n"
    left = [pid for pid in pids if psutil.pid_exists(pid)]
    assert not [pid for pid in left if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]
    assert not answers(found["address"])
    files = [path for path in (tmp_path / "state").rglob("*") if path.is_file()]
    assert [path.parent.name for path in files] == ["logs"]
    assert command("down", "--engine", engine) == f"{engine} is not up\n"
    assert command("status", code=1) == ""


@pytest.mark.ray
def test_ray_is_joined_scaled_under_a_job_and_leaves_nothing(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = command("up", "--engine", "ray", "--workers", 1, "--port", 0)
    found = seen(command)
    assert (found["state"], found["workers"]) == ("up", 1)
    assert f"engine.ray_address={found['address']}" in told
    secret = Path(found["secret_path"]).read_text()
    assert secret not in told + json.dumps(found) + command_lines(found["pids"])
    assert listening(found["pids"]) <= LOOPBACK
    assert "up already" in command("up", "--engine", "ray", code=2)

    engine = make_engine("ray", tmp_path, address=found["address"], evaluate=EVALUATE, task_ms=1)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", found["secret_path"])
    job = draw_job(50, n_draws=2048)
    wanted = expected(job, EVALUATE)
    with running(engine):
        assert run_job(engine, job, 1) == wanted
        command("up", "--engine", "ray", "--workers", 2)
        grown = seen(command)
        assert grown["workers"] == 2
        assert listening(grown["pids"]) <= LOOPBACK
        shrinking = threading.Thread(target=command, args=("up", "--engine", "ray", "--workers", 1))
        shrinking.start()
        job_id = 2
        while shrinking.is_alive():
            assert run_job(engine, job, job_id) == wanted
            job_id += 1
        shrinking.join()
        assert seen(command)["workers"] == 1
        assert run_job(engine, job, job_id) == wanted
    see_nothing_left(command, tmp_path, found)


@pytest.mark.spark
def test_spark_is_joined_replaces_its_worker_and_leaves_nothing(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = command("up", "--engine", "spark", "--workers", 2, "--port", 0)
    found = seen(command)
    assert (found["state"], found["workers"]) == ("up", 2)
    assert f"engine.spark_master={found['address']}" in told
    secret = Path(found["secret_path"]).read_text()
    assert secret not in told + json.dumps(found) + command_lines(found["pids"])
    assert listening(found["pids"]) <= LOOPBACK
    assert "keeps its 2 cores" in command("up", "--engine", "spark", "--workers", 3, code=2)

    def workers() -> list[int]:
        """Find them by command line, oldest first: a JVM forks processes that live for moments."""
        pids = seen(command)["pids"]
        return [pid for pid in pids if "deploy.worker.Worker" in command_lines([pid])]

    worker = workers()[0]
    os.kill(worker, signal.SIGKILL)
    until(lambda: bool(set(workers()) - {worker}), "a new worker process")
    engine = make_engine("spark", tmp_path, address=found["address"], evaluate=EVALUATE)
    monkeypatch.setenv("SPARK_AUTH_SECRET_PATH", found["secret_path"])
    job = draw_job(50)
    with running(engine):
        assert run_job(engine, job, 1) == expected(job, EVALUATE)
        assert len(seen(command)["pids"]) > 3  # its executor is in the cluster's session
        assert listening(seen(command)["pids"]) <= LOOPBACK
    see_nothing_left(command, tmp_path, found)


@pytest.mark.spark
@pytest.mark.long
def test_every_job_completes_with_equal_bits_after_kill_9_of_an_executor(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("up", "--engine", "spark", "--workers", 2, "--port", 0)
    found = seen(command)
    monkeypatch.setenv("SPARK_AUTH_SECRET_PATH", found["secret_path"])
    engines = [
        make_engine("spark", tmp_path, address=found["address"]),
        make_engine("local", tmp_path),
    ]

    def executors() -> list[int]:
        pids = seen(command)["pids"]
        return [pid for pid in pids if "CoarseGrainedExecutorBackend" in command_lines([pid])]

    with evaluating(engines) as evaluator:
        await_trusted(evaluator, "spark")
        before = executors()
        assert before
        helped = run_jobs_while(evaluator, lambda: os.kill(before[0], signal.SIGKILL), 6.0)
        back_s = await_trusted(evaluator, "spark")
        await_alone(evaluator, "spark")
        assert before[0] not in executors()
        print(
            f"an executor: back {back_s:.1f} s after the last job; {len(helped)} had local's help"
        )
