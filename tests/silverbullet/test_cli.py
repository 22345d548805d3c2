import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from silverbullet import __version__
from silverbullet.cli import main
from silverbullet.options import Duration, given_settings, setting_options
from tests.integration.commands import COMMAND, environment, run_command

HEAVY = ("numpy", "numba", "ray", "dash", "flask", "pyarrow", "pydantic", "confluent_kafka")


def commands(group: click.Group, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*prefix, name))
        yield (*prefix, name)


@pytest.mark.parametrize("words", [(), *commands(main)], ids=" ".join)
def test_every_command_has_help(words: tuple[str, ...]) -> None:
    for flag in ("--help", "-h"):
        result = CliRunner().invoke(main, [*words, flag])
        assert result.exit_code == 0
        assert result.stdout.startswith("Usage: ")
        assert all(len(line) <= 100 for line in result.stdout.splitlines())


def test_the_commands_of_the_design_are_there() -> None:
    assert set(main.commands) >= {"demo", "simulate", "run", "record", "serve", "doctor", "bench"}


def test_help_answers_at_once_and_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom silverbullet.cli import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    listed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "click" in listed
    assert set(HEAVY).isdisjoint(listed)
    assert {"ingest", "stats", "optimize", "storage", "ui", "cluster"}.isdisjoint(listed)


def test_who_records_or_serves_loads_no_kernel_and_no_other_part() -> None:
    code = (
        "import sys\nimport silverbullet.recording, silverbullet.serving, ui.worker\n"
        "print(*sys.modules)"
    )
    listed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "storage.recorder" in listed
    assert {"numba", "scipy", "stats.market", "optimize.evaluate"}.isdisjoint(listed)


def test_help_takes_a_fraction_of_a_second() -> None:
    took_s = []
    for _ in range(3):
        begun = os.times()
        subprocess.run([*COMMAND, "--help"], capture_output=True, check=True)
        ended = os.times()
        took_s.append(
            ended.children_user + ended.children_system
            - begun.children_user - begun.children_system
        )  # fmt: skip
    # Of the processor, as the machine may be busy: 0.3 s is the aim, 0.1 s was measured.
    assert min(took_s) < 1.0


def test_the_version_is_that_of_the_package() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.stdout.strip() == f"silverbullet, version {__version__}"


@pytest.mark.parametrize("command", ["demo", "simulate", "run", "record", "serve", "settings"])
def test_a_misspelt_setting_is_refused_in_one_line_by_every_command(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--set", "window.row=5"])
    assert result.exit_code == 2
    assert result.stderr == "Error: unknown setting window.row: did you mean window.rows?\n"


def test_settings_from_environment_and_file_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("[optimize]\nmax_weight = 3\n")
    by_file = CliRunner().invoke(main, ["run", "--config", str(path)])
    assert by_file.exit_code == 2
    assert "setting optimize.max_weight=3" in by_file.stderr
    done = run_command(tmp_path, "run", windw__rows="5")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "WINDW__ROWS: did you mean section window?" in done.stderr


def test_an_option_is_over_set_and_both_over_the_environment() -> None:
    arguments = ["settings", "--json", "--set", "window.rows=7", "--set", "decide.conflate=false"]
    result = CliRunner().invoke(main, arguments, env={"SILVERBULLET_WINDOW__ROWS": "5"})
    values = {row["name"]: row["value"] for row in json.loads(result.stdout)}
    assert values["window.rows"] == "7"
    assert values["decide.conflate"] == "False"


@pytest.mark.parametrize(
    ("words", "setting", "ways"),
    [
        (("run", "--engine", "ray"), "engine.order=spark", "--engine or --set engine.order="),
        (("demo", "--address", "spark://h:1"), "engine.spark_master=spark://h:2", "--address or "),
        (("settings", "--set", "window.rows=5"), "window.rows=7", "--window or --set window.rows="),
        (("record", "--set", "kafka.user=a"), "kafka.user=b", "by --set kafka.user="),
    ],
)
def test_a_setting_given_twice_is_refused_in_one_line_in_either_order(
    words: tuple[str, ...], setting: str, ways: str
) -> None:
    for arguments in ([*words, "--set", setting], [words[0], "--set", setting, *words[1:]]):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 2
        told = f"Error: setting {setting.partition('=')[0]} is given twice: give it once, by "
        assert result.stderr.startswith(told)
        assert ways in result.stderr
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["run", "record", "simulate"])
def test_without_a_broker_the_remedy_is_told(command: str) -> None:
    result = CliRunner().invoke(main, [command], env={"SILVERBULLET_KAFKA__BOOTSTRAP": ""})
    assert result.exit_code == 2
    assert "kafka.bootstrap" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_broker_that_is_not_there_ends_with_its_address(tmp_path: Path) -> None:
    done = run_command(tmp_path, "record", kafka__bootstrap="127.0.0.1:9")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: Kafka at 127.0.0.1:9")
    assert "start the broker" in last
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("text", ["500ms", "1s", "30m", "1h", "1d", "2", "0.25s", "1.5H"])
def test_lengths_of_time_are_read(text: str) -> None:
    wanted = {"500ms": 0.5, "1s": 1, "30m": 1800, "1h": 3600, "1d": 86_400, "2": 2, "0.25s": 0.25}
    assert Duration().convert(text, None, None) == wanted.get(text, 5400)


@pytest.mark.parametrize("text", ["", "s", "1w", "1 fortnight", "1sm", "--", "1e", "five minutes"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="write 500ms, 1s, 30m, 1h or 1d"):
        Duration().convert(text, None, None)


@pytest.mark.parametrize("text", ["nan", "inf", "-1s", "0"])
def test_lengths_of_time_out_of_range_are_refused_by_the_setting(text: str) -> None:
    result = CliRunner().invoke(main, ["run", "--sample-interval", text])
    assert result.exit_code == 2
    assert "window.sample_interval_s" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo", "--once"],
        ["demo", "--json"],
        ["demo", "--speed", "fast"],
        ["demo", "--speed", "0"],
        ["demo", "--speed", "nan"],
        ["demo", "--from", "/no/such/path"],
        ["demo", "--assets", "0"],
        ["demo", "--rate", "nan"],
        ["pause", "--wait", "nan"],
        ["bench", "kernels", "--seconds", "nan"],
        ["bench", "soak", "--minutes", "inf"],
        ["demo", "--engine", "abacus"],
        ["run", "--set", "rows=5"],
        ["run", "--config", "/no/such/file.toml"],
        ["nonsense"],
    ],
)
def test_what_cannot_be_asked_is_refused_with_exit_2(arguments: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(main, arguments, env=dict(environment(tmp_path)))
    assert result.exit_code == 2
    assert "Error: " in result.stderr
    assert not (tmp_path / "state").exists()


def test_doctor_tells_each_part_and_its_remedy(tmp_path: Path) -> None:
    settings = {"SILVERBULLET_KAFKA__BOOTSTRAP": "127.0.0.1:9"}
    result = CliRunner().invoke(main, ["doctor", "--json"], env=environment(tmp_path) | settings)
    findings = {finding["part"]: finding for finding in json.loads(result.stdout)}
    assert set(findings) == {
        "python", "machine", "kernels", "kafka", "ray", "spark", "own cassandra", "store", "page",
    }  # fmt: skip
    assert result.exit_code == 1
    assert not findings["kafka"]["ok"]
    assert "127.0.0.1:9" in findings["kafka"]["says"]
    assert findings["python"]["ok"]


def test_doctor_finds_the_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        variables = environment(tmp_path) | {"SILVERBULLET_SERVE__PORT": str(port)}
        result = CliRunner().invoke(main, ["doctor"], env=variables)
    assert result.exit_code == 1
    assert f"port {port} on 127.0.0.1 is taken" in result.stdout


@pytest.mark.parametrize(
    ("address", "ray", "spark"),
    [
        ("10.0.0.7:6379", "10.0.0.7:6379", "local"),
        ("spark://10.0.0.7:7077", "local", "spark://10.0.0.7:7077"),
    ],
)
def test_an_address_is_of_the_cluster_that_it_looks_like(
    address: str, ray: str, spark: str
) -> None:
    @click.command()
    @setting_options("address")
    def show() -> None:
        engine = given_settings().engine
        click.echo(f"{engine.ray_address} {engine.spark_master}")

    result = CliRunner().invoke(show, ["--address", address])
    assert result.stdout == f"{ray} {spark}\n", result.output
