import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cluster.process import Child, spawn
from silverbullet import children as children_module
from silverbullet.children import RESTARTS, Children
from silverbullet.cli import main
from silverbullet.demo import _environment, _feed_arguments, _free_port
from silverbullet.demo_place import demo_folder
from silverbullet.demo_start import ready_lines
from silverbullet.feeding import FeedOptions
from silverbullet.options import Refused
from silverbullet.settings import load_settings
from tests.integration.commands import until

SECOND_NS = 1_000_000_000


@pytest.fixture
def puppets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Children whose parts are Python scripts instead of commands; all are ended afterwards."""
    scripts: dict[str, str] = {}
    started: list[Child] = []

    def start(argv: list[str], *, name: str, **options: Any) -> Child:
        child = spawn([sys.executable, "-c", scripts[name]], name=name, **options)
        started.append(child)
        return child

    monkeypatch.setattr(children_module, "spawn", start)

    def make(finite: tuple[str, ...] = (), **parts: str) -> Children:
        scripts.update(parts)
        return Children({}, tmp_path, {name: [] for name in parts}, finite)

    make.started = started  # type: ignore[attr-defined]
    yield make
    for child in started:
        child.terminate(0.0)


SLEEP = "import time; time.sleep(600)"


def ended(child: Child) -> None:
    until(lambda: child.poll() is not None, f"{child.name} to end", 30)


def test_all_parts_are_started_once(puppets: Any) -> None:
    parts = puppets(run=SLEEP, serve=SLEEP)
    for second in range(3):
        assert parts.watch(second * SECOND_NS) == ([], "")
    assert [child.name for child in puppets.started] == ["run", "serve"]
    parts.stop()
    assert [child.poll() for child in puppets.started] == [-15, -15]


def test_what_dies_is_told_and_started_again_after_a_wait(puppets: Any) -> None:
    parts = puppets(run="print('Error: out of ideas'); raise SystemExit(1)", serve=SLEEP)
    parts.watch(0)
    ended(puppets.started[0])
    lines, failure = parts.watch(SECOND_NS)
    assert failure == ""
    assert len(lines) == 1
    assert "run (pid " in lines[0]
    assert lines[0].endswith("exit code 1: Error: out of ideas; it is started again")
    assert [child.name for child in puppets.started] == ["run", "serve"]
    parts.watch(SECOND_NS + RESTARTS.delay_ns(1) - 1)
    assert len(puppets.started) == 2
    parts.watch(SECOND_NS + RESTARTS.delay_ns(1))
    assert [child.name for child in puppets.started] == ["run", "serve", "run"]


def test_what_keeps_dying_is_given_up_with_its_last_words_and_log(
    puppets: Any, tmp_path: Path
) -> None:
    parts = puppets(run="raise SystemExit('no more')")
    now_ns, failure = 0, ""
    for _ in range(RESTARTS.give_up_after):
        parts.watch(now_ns)
        ended(puppets.started[-1])
        _, failure = parts.watch(now_ns + 1)
        now_ns += 60 * SECOND_NS
    assert len(puppets.started) == RESTARTS.give_up_after
    assert failure.startswith(f"given up after {RESTARTS.give_up_after} failures in turn")
    assert "no more" in failure
    assert str(tmp_path / "run.log") in failure


def test_what_was_refused_is_not_tried_again(puppets: Any) -> None:
    parts = puppets(run="import sys; print('Error: odd'); sys.exit(2)")
    parts.watch(0)
    ended(puppets.started[0])
    lines, failure = parts.watch(1)
    assert lines == []
    assert "exit code 2: Error: odd" in failure


def test_a_part_with_an_end_is_not_started_again_there_but_after_a_failure(puppets: Any) -> None:
    parts = puppets(("simulate",), simulate="pass", run="pass")
    parts.watch(0)
    for child in puppets.started:
        ended(child)
    lines, failure = parts.watch(SECOND_NS)
    assert failure == ""
    assert lines[0] == "simulate has come to its end; the last decision stays"
    assert lines[1].endswith("exit code 0; it is started again")
    parts.watch(60 * SECOND_NS)
    assert [child.name for child in puppets.started] == ["simulate", "run", "run"]


def test_stop_ends_what_does_not_answer(puppets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(children_module, "GRACE_S", 0.2)
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('deaf', flush=True); time.sleep(600)"
    )
    parts = puppets(run=deaf)
    parts.watch(0)
    log = parts._log_path("run")
    until(lambda: "deaf" in log.read_text(), "the part to be deaf", 30)
    parts.stop()
    assert puppets.started[0].poll() == -9


def test_a_part_reads_the_settings_as_the_demo_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = {
        "engine": {"order": ["ray", "local"]},
        "optimize": {"method": "exact", "max_weight": "0.5"},
        "serve": {"port": 0},
        "decide": {"conflate": "false"},
        # Of another broker: the demo's own asks for nothing.
        "kafka": {"security_protocol": "sasl_ssl", "user": "someone", "ticks_topic": "quotes"},
    }
    settings = load_settings(flags={**flags, "window": {"sample_interval_s": 0.25}})
    servers = {
        "kafka": {"bootstrap": "127.0.0.1:4711"},
        "storage": {"backend": "sqlite", "path": str(tmp_path / "decisions.sqlite")},
    }
    variables = _environment(flags, settings, servers, 8123)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = load_settings()
    assert found.engine == settings.engine
    assert found.optimize == settings.optimize
    assert found.decide == settings.decide
    assert found.window == settings.window
    assert found.kafka.bootstrap == "127.0.0.1:4711"
    assert (found.kafka.security_protocol, found.kafka.user) == ("plaintext", "")
    assert found.kafka.ticks_topic == "quotes"
    assert found.storage.path == str(tmp_path / "decisions.sqlite")
    assert found.serve.port == 8123


@pytest.mark.parametrize(
    "feed",
    [
        FeedOptions(),
        FeedOptions(loop=True, speed="max", symbol="BTC-USD", time_column="timestamp"),
        FeedOptions(assets=3, rate=0.5, seed=77, speed="2.5"),
    ],
)
def test_the_feed_reaches_simulate_as_it_was_given(
    feed: FeedOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: dict[str, Any] = {}

    def take(_: Any, paths: Any, options: FeedOptions) -> None:
        taken.update(paths=paths, options=options)

    monkeypatch.setattr("silverbullet.simulating.run_simulate", take)
    paths = (tmp_path / "a.csv", tmp_path / "b.csv")
    for path in paths:
        path.write_text("")
    result = CliRunner().invoke(main, ["simulate", *_feed_arguments(paths, feed)])
    assert result.exit_code == 0, result.stderr
    assert taken == {"paths": paths, "options": feed}


def test_a_free_port_is_found_and_a_taken_one_told() -> None:
    port = _free_port("127.0.0.1", 0)
    assert port > 0
    assert _free_port("127.0.0.1", port) == port
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        with pytest.raises(Refused, match=f"port {taken} on 127.0.0.1 is taken"):
            _free_port("127.0.0.1", taken)


def test_the_demo_keeps_to_the_state_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert demo_folder() == tmp_path / "silverbullet" / "demo"


def test_only_a_terminal_is_shown_the_secret_that_steers():
    shown, logged = (
        "\n".join(ready_lines("http://127.0.0.1:8050", Path("logs"), "sb_x", terminal=terminal))
        for terminal in (True, False)
    )
    assert "open http://127.0.0.1:8050/login#token=sb_x" in shown
    assert "sb_x" not in logged
    assert "silverbullet token create NAME --scope admin" in logged
