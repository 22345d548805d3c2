"""`silverbullet cluster up|status|down`: what they say where nothing, or not all, is there."""

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ingest.broker import EmbeddedBroker
from ingest.producer import TopicProducer
from silverbullet.cli import main
from silverbullet.cluster_report import show
from storage.records import EngineState, EngineWish, Status, WorkerState, encode_status
from tests.factories import make_status
from tests.integration.commands import COMMAND, environment


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "silverbullet" / "cluster"


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["cluster", *words])


def test_without_anything_status_exits_1_and_says_how_to_begin() -> None:
    told = run("status")
    assert told.exit_code == 1
    assert "no pipeline: no broker is named and no demo runs" in told.stdout
    assert "silverbullet cluster up --engine ray|spark" in told.stdout
    told = run("status", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout) == {
        "pipeline": None,
        "reason": json.loads(told.stdout)["reason"],
        "clusters": [],
    }


def test_down_without_a_cluster_is_no_fault_and_leaves_nothing(folder: Path) -> None:
    assert (run("down").exit_code, run("down").stdout) == (0, "ray is not up\nspark is not up\n")
    assert run("down", "--engine", "ray").stdout == "ray is not up\n"
    assert not folder.exists()


@pytest.mark.parametrize("engine", ["ray", pytest.param("spark", marks=pytest.mark.spark)])
def test_a_port_that_is_taken_is_told_in_one_line(engine: str, folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = run("up", "--engine", engine, "--port", str(port))
    assert told.exit_code == 2
    assert told.stderr == (
        f"Error: port {port} on 127.0.0.1: Address already in use: pass --port {port + 1}, "
        "or 0 for any free one\n"
    )
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_without_java_spark_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    told = run("up", "--engine", "spark")
    assert told.exit_code == 2
    assert told.stderr.startswith("Error: Java is missing (no /nowhere/bin/java, as JAVA_HOME says")
    assert told.stderr.count("\n") == 1


def test_a_port_that_ray_keeps_for_workers_is_refused() -> None:
    told = run("up", "--engine", "ray", "--port", "10005")
    assert told.exit_code == 2
    assert "10002 to 19999" in told.stderr


def publish(broker: EmbeddedBroker, age_s: float = 0.0) -> Status:
    engine = EngineState(
        name="ray",
        state="ready",
        dispatch="resident",
        workers=2,
        reason="[left out] one of another kind",
        blocks_in_flight=3,
        blocks_done=4711,
        restarts=5,
        peers=(
            WorkerState(name="ray-actor-0", blocks_done=17, draws_per_s=12_345.6),
            WorkerState(name="ray-actor-1", blocks_done=18, draws_per_s=654.4),
        ),
        job_p50_ms=7.25,
        job_p99_ms=31.5,
    )
    now_ns = time.time_ns() - round(age_s * 1e9)
    wanted = EngineWish(order=("ray", "local"), dispatch="resident", workers=3, who="ann")
    status = make_status(
        engines=(engine,), time_ns=now_ns, change="3 workers an engine", wanted=wanted,
        fingerprint="1d9b",
    )  # fmt: skip
    with TopicProducer(broker.address, rate_hint=1.0) as producer:
        producer.send("status", encode_status(status), partition=0)
        assert producer.flush() == 0
    return status


def test_a_running_pipeline_is_shown_worker_by_worker() -> None:
    with EmbeddedBroker() as broker:
        status = publish(broker)
        address = f"kafka.bootstrap={broker.address}"
        told, plain = run("status", "--set", address), run("status", "--json", "--set", address)
    assert (told.exit_code, plain.exit_code) == (0, 0), told.output
    lines = [line.split() for line in told.stdout.splitlines()]
    assert ["coming", "up:", "3", "workers", "an", "engine"] in lines
    assert "wanted: ray, local (resident, 3 workers), asked for by ann\n" in told.stdout
    assert "fingerprint 1d9b: all workers below have it\n" in told.stdout
    figures = ["13,000", "3", "4711", "5", "7.25", "31.5"]  # draws a second of both workers
    assert any(line[:10] == ["ray", "resident", "ready", "2", *figures] for line in lines)
    assert any(line[:3] == ["ray-actor-0", "12,346", "17"] for line in lines)
    assert "ray: [left out] one of another kind\n" in told.stdout
    found = json.loads(plain.stdout)["pipeline"]
    assert (found["state"], found["time_ns"]) == ("deciding", status.time_ns)
    assert [peer["blocks_done"] for peer in found["engines"][0]["peers"]] == [17, 18]


def test_a_pipeline_that_has_fallen_silent_does_not_run() -> None:
    with EmbeddedBroker() as broker:
        publish(broker, age_s=60.0)
        told = run("status", "--set", f"kafka.bootstrap={broker.address}")
    assert told.exit_code == 1
    assert "the pipeline of portfolio main has said nothing for 6" in told.stdout


def test_the_line_that_joins_a_cluster_names_its_engine(capsys: pytest.CaptureFixture[str]) -> None:
    found = {
        "engine": "spark", "address": "spark://127.0.0.1:7077", "workers": 2, "state": "up",
        "secret_path": "/s", "options": "--set engine.spark_master=spark://127.0.0.1:7077",
        "shell": "export SPARK_AUTH_SECRET_PATH=/s", "reason": "", "since": None, "pids": [1],
        "memory_bytes": 2**20,
    }  # fmt: skip
    show({"pipeline": None, "reason": "none", "clusters": [found]}, as_json=False)
    line = "silverbullet run --engine spark --set engine.spark_master=spark://127.0.0.1:7077"
    assert f"export SPARK_AUTH_SECRET_PATH=/s; {line}\n" in capsys.readouterr().out


def test_status_waits_for_no_import_that_it_does_not_need(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom silverbullet.cli import main\n"
        "main(['cluster', 'status'], standalone_mode=False)"
    )
    probe = f"try:\n {code.replace(chr(10), chr(10) + ' ')}\nexcept SystemExit: print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", probe], env=environment(tmp_path), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    loaded = done.stdout.splitlines()[-1].split()
    assert "silverbullet.cluster_report" in loaded
    assert {"numba", "scipy", "pyarrow", "optimize", "ccxt", "cassandra"}.isdisjoint(loaded)


def test_watch_looks_again_until_ctrl_c(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "cluster", "status", "--watch", "--json"],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        reports = [json.loads(process.stdout.readline()) for _ in range(2)]
        assert reports[0] == reports[1]
        assert reports[0]["clusters"] == []
        process.send_signal(signal.SIGINT)
        assert process.wait(20.0) == 0
    finally:
        process.kill()
        process.wait()
