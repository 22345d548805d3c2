"""A running demo is steered from the command line, on real Ray: no decision is lost."""

import json
from pathlib import Path
from typing import Any

import pytest

from optimize.decision import Decision, decode_decision
from tests.integration.commands import run_command
from tests.integration.demos import DemoUnderWay

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(400)]
SETTINGS = {"engine__order": "local", "optimize__n_draws": 128}


def decisions(demo: DemoUnderWay) -> list[Decision]:
    """Read all decisions that the broker holds, oldest first."""
    from ingest.consumer import TopicConsumer

    with TopicConsumer(demo.broker(), ["decisions"]) as consumer:
        return [decode_decision(value) for value in consumer.last("decisions", 10_000)]


def ask(folder: Path, *words: object) -> dict[str, Any]:
    done = run_command(folder, *words, "--json", timeout_s=200, **SETTINGS)
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["state"] == "applied"
    return answer


def test_engines_workers_and_pause_change_while_every_row_is_decided(tmp_path: Path) -> None:
    with DemoUnderWay(tmp_path, **SETTINGS) as demo:
        demo.await_address()

        def engines() -> dict[str, int]:
            return {e["name"]: e["workers"] for e in demo.answer("engines")["engines"]}

        def newest() -> dict[str, Any]:
            found: dict[str, Any] = demo.answer("decisions/latest")
            return found

        assert engines() == {"local": 2}
        answer = ask(tmp_path, "engine", "use", "ray")
        assert answer["wish"] == "engines ray"
        demo.until(lambda: newest()["engine"] == "ray", "Ray to decide")
        assert ask(tmp_path, "cluster", "scale", 1)["wish"] == "workers 1"
        demo.until(lambda: engines() == {"ray": 1, "local": 1}, "one worker each")
        demo.until(lambda: newest()["engine"] == "ray", "Ray to decide")
        wanted = demo.answer("status")["status"]["wanted"]
        assert (wanted["order"], wanted["workers"]) == (["ray"], 1)
        assert "(command line)" in wanted["who"]
        made = decisions(demo)
        rows = [decision.row for decision in made]
        assert rows == list(range(rows[0], rows[0] + len(rows)))

        ask(tmp_path, "pause")
        status = demo.answer("status")["status"]
        demo.until(lambda: demo.answer("status")["status"]["state"] == "paused", "the pause")
        assert "paused by" in demo.answer("status")["status"]["reason"]
        n_paused = len(decisions(demo))
        read = status["ticks_read"] + 200
        demo.until(lambda: demo.answer("status")["status"]["ticks_read"] > read, "ticks to be read")
        assert len(decisions(demo)) - n_paused <= 1
        ask(tmp_path, "continue")
        demo.until(lambda: len(decisions(demo)) > n_paused + 2, "decisions again")

        ask(tmp_path, "engine", "reset")
        demo.until(lambda: engines() == {"local": 2}, "the settings' engines")
        status = demo.answer("status")["status"]
        controls, wanted = status["controls"], status["wanted"]
        assert (wanted["order"], wanted["who"]) == (["local"], "")
        assert len(status["fingerprint"]) == 16
        assert [(entry["wish"], entry["state"]) for entry in controls] == [
            ("engines ray", "applied"),
            ("workers 1", "applied"),
            ("pause", "applied"),
            ("go on", "applied"),
            ("settings again", "applied"),
        ]
        assert all("(command line)" in entry["who"] for entry in controls)
        switches = demo.answer("status")["status"]["switches"]
        steps = [(switch["old"], switch["new"]) for switch in switches]
        assert ("local", "ray") in steps
        assert steps[-1] == ("ray", "local")
        assert "(command line)" in switches[-1]["cause"]


def test_a_control_that_reaches_no_pipeline_says_so(tmp_path: Path) -> None:
    done = run_command(tmp_path, "engine", "use", "ray")
    assert done.returncode == 2
    assert "no broker is named and no demo runs" in done.stderr
