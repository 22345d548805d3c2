"""A demo on a real Kafka and a real Cassandra: as a person starts it, with kills of each."""

import json
import os
import re
import signal
from pathlib import Path

import httpx
import psutil
import pytest

from tests.integration.commands import Running, run_command
from tests.services import free_offset

pytestmark = [pytest.mark.long, pytest.mark.kafka, pytest.mark.cassandra]


def kill_server(folder: Path, name: str) -> None:
    """End a server as a crash does."""
    told = run_command(folder, "services", "status", name, "--json")
    (server,) = json.loads(told.stdout)["services"][0]["servers"]
    os.kill(server["pid"], signal.SIGKILL)


def test_a_demo_on_real_servers_decides_and_goes_on_after_kills(tmp_path: Path) -> None:
    up = run_command(tmp_path, "services", "up", "--port-offset", free_offset())
    assert up.returncode == 0, up.stderr
    try:
        with Running(tmp_path, "demo", "--real", "--engine", "local", "--port", 0) as demo:
            demo.until(lambda: "SilverBullet decides on" in demo.output(), "the demo to be up")
            found = re.search(r"decides on (\S+)", demo.output())
            assert found is not None

            def newest() -> dict[str, object]:
                answer = httpx.get(f"{found[1]}/api/v1/decisions/latest", timeout=30)
                return answer.json() if answer.status_code == 200 else {"row": -1}

            demo.until(lambda: newest()["row"] != -1, "a decision")
            last = newest()
            (run,) = [p for p in demo.family() if p.cmdline()[-1:] == ["run"]]
            demo.until(lambda: newest()["row"] > last["row"] + 12, "a checkpoint's time to pass")
            run.kill()
            psutil.wait_procs([run], timeout=30)
            killed_at = newest()["row"]
            demo.until(lambda: newest()["row"] > killed_at + 3, "decisions of the next run")
            for name in ("kafka", "cassandra"):
                kill_server(tmp_path, name)
                demo.until(lambda n=name: f"{n} is up again" in demo.output(), f"{name} again")
                assert f"{name}, node 1 ended: without a word (killed?)" in demo.output()
                killed_at = newest()["row"]
                demo.until(lambda r=killed_at: newest()["row"] > r + 3, f"decisions after {name}")
            demo.end(signal.SIGINT)
        log = (tmp_path / "state/silverbullet/demo/run.log").read_text()
        assert "going on from the checkpoint at row" in log
        assert "Kafka and Cassandra stay up" in demo.output()
        status = run_command(tmp_path, "services", "status")
        assert status.returncode == 0, status.stdout
    finally:
        down = run_command(tmp_path, "services", "down", "--wipe", "--yes")
    assert down.returncode == 0, down.stderr
