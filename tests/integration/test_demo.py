"""The demo as its user has it: it comes up, decides, is alone, and leaves nothing behind."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.integration.commands import run_command, until
from tests.integration.demos import PARTS, DemoUnderWay, alive, listening
from tests.integration.playing import closes_file, walk

LOCAL = {"engine__order": "local", "optimize__n_draws": 128}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoUnderWay]:
    with DemoUnderWay(tmp_path_factory.mktemp("demo"), **LOCAL) as made:
        took_s = made.await_address()
        print(f"the demo was up after {took_s:.1f} s")
        yield made


def test_the_page_and_the_api_answer(demo: DemoUnderWay) -> None:
    page = httpx.get(demo.url)
    assert page.status_code == 200
    assert "SilverBullet" in page.text
    # A status is a second old at most; the first decision may be younger.
    demo.until(lambda: demo.answer("status")["status"]["state"] == "deciding", "its state")
    status = demo.answer("status")["status"]
    assert status["rejected"] == {}
    assert status["lost_offsets"] == 0
    assert [engine["name"] for engine in status["engines"]] == ["local"]


def test_decisions_move_and_stand_on_a_full_window(demo: DemoUnderWay) -> None:
    first = demo.answer("decisions/latest")
    demo.await_news(first["id"])
    second = demo.answer("decisions/latest")
    assert second["row"] > first["row"]
    assert second["prices"] != first["prices"]
    assert second["n_observations"] == 300
    assert sum(second["weights"]) == pytest.approx(1, abs=1e-9)
    assert second["start_weights"] != [0.0] * len(second["weights"])
    assert second["engine"] == "local"


def test_everything_listens_on_loopback_only(demo: DemoUnderWay) -> None:
    family = [psutil.Process(demo.pid), *demo.family()]
    addresses = {
        connection.laddr.ip
        for process in family
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert addresses == {"127.0.0.1"}


def test_it_keeps_to_the_folders_it_was_given(demo: DemoUnderWay) -> None:
    names = {path.name for path in demo.folder.iterdir()}
    assert names >= {"decisions.sqlite", "lock", *(f"{part}.log" for part in PARTS)}
    assert (demo.folder.parents[2] / "data").exists() is False


def test_a_second_demo_is_told_of_the_first(demo: DemoUnderWay) -> None:
    done = run_command(demo.folder.parents[2], "demo", **LOCAL)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "another demo is running" in done.stderr
    assert "Ctrl-C" in done.stderr
    before = demo.newest_id()
    demo.await_news(before)


def test_a_taken_port_is_told_with_another_one(demo: DemoUnderWay, tmp_path: Path) -> None:
    port = int(demo.url.rpartition(":")[2])
    done = run_command(tmp_path, "demo", "--port", port, **LOCAL)
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: port {port} on 127.0.0.1 is taken")
    assert "--port" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    done = run_command(tmp_path, "demo", "--port", 0, **LOCAL)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert str(tmp_path / "state") in done.stderr


def test_a_folder_without_the_right_to_write_is_told() -> None:
    done = run_command(Path("/proc"), "demo", "--port", 0, **LOCAL)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "/proc/state" in done.stderr


def test_ctrl_c_ends_everything_within_5_s(demo: DemoUnderWay) -> None:
    """The last test of this file with this demo: it ends it, with a stream of events open."""
    family = demo.family()
    assert len(family) >= len(PARTS)
    ports = listening([psutil.Process(demo.pid), *family])
    assert ports
    with httpx.stream("GET", f"{demo.url}/api/v1/stream", timeout=30) as stream:
        assert next(stream.iter_lines()).startswith("retry")
        took_s = demo.end(signal.SIGINT, 30)
    assert demo.process.returncode == 0
    assert took_s < 5
    assert alive(family) == []
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert "Traceback" not in demo.output()
    for part in PARTS:
        assert "Traceback" not in demo.log(part)
        assert "Error: " not in demo.log(part)


def test_ctrl_c_while_it_comes_up_ends_it_too(tmp_path: Path) -> None:
    with DemoUnderWay(tmp_path, **LOCAL) as demo:
        demo.until(lambda: len(demo.parts()) == len(PARTS), "all parts to be started")
        family = demo.family()
        assert demo.end(signal.SIGINT, 30) < 5
        assert demo.process.returncode == 0
        assert alive(family) == []


def test_a_recording_is_played_to_its_end_and_its_last_decision_stays(tmp_path: Path) -> None:
    path = closes_file(tmp_path / "closes.csv", walk(3, 45, seed=8), minutes=1)
    arguments = ("--from", path, "--speed", "max", "--method", "exact")
    with DemoUnderWay(tmp_path, *arguments, **LOCAL) as demo:
        demo.await_address()
        demo.until(lambda: "simulate has come to its end" in demo.output(), "the end of the file")
        assert set(demo.parts()) == {"serve", "record", "run"}
        demo.until(lambda: demo.answer("status")["status"]["ticks_read"] == 135, "all ticks")
        until(demo.newest_id, "the decision")
        latest = demo.answer("decisions/latest")
        assert latest["sample_interval_ns"] == 60 * 10**9
        assert latest["n_observations"] >= 30
        assert demo.output().count("started again") == 0
