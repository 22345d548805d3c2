"""`silverbullet services` where nothing runs: what it says, and what it leaves alone."""

import json
import os
import pty
import socket
import stat
import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cluster.cassandra_server import CASSANDRA
from cluster.cluster_state import boot_id, start_ticks
from cluster.credentials import make_certificates, password
from cluster.kafka_server import KAFKA
from cluster.process import SpawnError
from cluster.service_layout import ServerKind, ServiceLayout, argument_file
from cluster.service_state import ServerProcess, ServiceFolder, ServiceState
from silverbullet.cli import main
from silverbullet.own_services import KINDS, examine_service, open_service
from silverbullet.service_clients import as_options, as_toml, client_settings
from silverbullet.settings import load_settings
from tests.integration.commands import COMMAND
from tests.services import free_offset

STATE = ServiceState(version="4.3.1", n_nodes=1, port_offset=0, secure=False)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the services' folder; jars and Java are the user's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "silverbullet" / "services"


def run(*words: object) -> Result:
    return CliRunner().invoke(main, ["services", *map(str, words)])


def refusal(*words: object) -> str:
    """Give the one line by which a command is refused."""
    told = run(*words)
    assert told.exit_code == 2, told.output
    lines = [line for line in told.stderr.splitlines() if line.startswith("Error: ")]
    assert lines == told.stderr.splitlines()[-1:]
    return lines[0]


def written(folder: Path, state: ServiceState, name: str = "kafka") -> ServiceFolder:
    found = ServiceFolder(folder / name)
    found.path.mkdir(parents=True)
    found.write(state)
    return found


def test_where_nothing_has_been_up_nothing_is_made(folder: Path) -> None:
    assert run("status").exit_code == 1
    assert "there is none in" in run("status").stdout
    assert json.loads(run("status", "--json").stdout) == {"services": []}
    assert run("down").stdout == "kafka: not up\ncassandra: not up\n"
    assert run("down", "--wipe", "--yes", "kafka").stdout == "kafka: not there\n"
    assert not folder.exists()


@pytest.mark.parametrize("name", ["kafka", "cassandra"])
def test_without_java_or_maven_one_line_says_what_to_install(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SILVERBULLET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    told = f"{name}: Java is missing (no /nowhere/bin/java, as JAVA_HOME says)"
    assert refusal("up", name).startswith(f"Error: {told}")
    assert examine_service(name)[0] is False
    assert "apt-get install openjdk-17" in examine_service(name)[1]
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").write_text("#!/bin/sh\necho 'openjdk version \"17.0.9\"' >&2\n")
    (tmp_path / "bin" / "java").chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/nowhere")
    assert "Maven is missing (no mvn on the PATH): apt-get install maven" in refusal("up", name)
    assert "apt-get install maven" in examine_service(name)[1]


@pytest.mark.parametrize("name", ["kafka", "cassandra"])
def test_a_port_that_is_taken_is_told_with_who_has_it(name: str, folder: Path) -> None:
    offset = free_offset()
    port = KINDS[name].ports(ServiceLayout(folder, port_offset=offset), 1)[1]
    service = open_service(name, folder)
    with socket.socket() as taken:
        taken.bind((port.host, port.number))
        taken.listen()
        with pytest.raises(SpawnError) as refused:
            service.check_fit(replace(STATE, port_offset=offset))
    told = str(refused.value)
    assert told.startswith(f"port {port.number} on 127.0.0.1: Address already in use by ")
    assert "--port-offset" in told
    assert service.check_fit(replace(STATE, port_offset=offset)) == [1]


def test_data_that_lost_a_file_are_not_started_on(folder: Path) -> None:
    state = replace(STATE, port_offset=free_offset(), prepared=True)
    written(folder, state)
    with pytest.raises(SpawnError, match=r"node1/data/meta.properties is missing.*down kafka --w"):
        open_service("kafka", folder).check_fit(state)


def test_another_layout_than_that_of_the_data_is_refused(folder: Path) -> None:
    written(folder, STATE)
    for words in (["--nodes", 3], ["--port-offset", 7], ["--secure"]):
        told = refusal("up", "kafka", *words)
        assert "there is one of 1 node, ports +0, not secure" in told
        assert "pass another --folder, or `silverbullet services down kafka --wipe`" in told


def test_a_remedy_names_the_folder_it_is_for(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "an other"
    service = written(other, replace(STATE, port_offset=free_offset(), prepared=True))
    wipe = f"`silverbullet services down kafka --wipe --folder '{other}'`"
    assert wipe in refusal("up", "kafka", "--folder", other, "--nodes", 3)
    (service.path / "service.json").rename(tmp_path / "kept.json")
    (service.path / "node1").mkdir()
    assert wipe in refusal("up", "kafka", "--folder", other)
    (tmp_path / "kept.json").rename(service.path / "service.json")
    found = open_service("kafka", other)
    state = found.state()
    assert state is not None
    with pytest.raises(SpawnError, match="is missing") as refused:
        found.check_fit(state)
    assert wipe in str(refused.value)
    nothing = run("status", "--folder", tmp_path / "none")
    assert f"(`silverbullet services up --folder {tmp_path / 'none'}`)" in nothing.stdout
    assert not folder.exists()


def test_data_of_nobody_and_a_state_of_another_version_are_refused(folder: Path) -> None:
    (folder / "kafka" / "node1").mkdir(parents=True)
    assert "holds data and no service.json" in refusal("up", "kafka")
    (folder / "kafka" / "service.json").write_text('{"colour": 1}')
    for words in (["up", "kafka"], ["status"], ["down"]):
        assert "service.json cannot be read" in refusal(*words)


def test_a_folder_that_kafka_would_split_is_refused(tmp_path: Path) -> None:
    assert "no comma or colon" in refusal("up", "--folder", tmp_path / "a,b")


def test_a_pid_that_is_anothers_by_now_is_neither_shown_nor_ended(folder: Path) -> None:
    ticks = start_ticks(os.getpid())
    assert ticks is not None
    for ours in (
        ServerProcess(1, os.getpid(), ticks - 1, boot_id()),
        ServerProcess(1, os.getpid(), ticks, "another"),
    ):
        ServiceFolder(folder / "kafka").path.mkdir(parents=True, exist_ok=True)
        ServiceFolder(folder / "kafka").write(replace(STATE, servers=(ours,)))
        told = json.loads(run("status", "kafka", "--json").stdout)["services"][0]
        assert (told["state"], told["servers"][0]["pid"]) == ("ended", None)
        assert run("down", "kafka").stdout == "kafka: not up\n"  # and this process still runs


def test_wipe_asks_before_and_leaves_what_is_not_ours(folder: Path) -> None:
    service = written(folder, STATE)
    (service.path / "node1" / "data").mkdir(parents=True)
    (service.path / "notes.txt").write_text("mine")
    assert "--wipe deletes data: pass --yes" in refusal("down", "--wipe")
    assert service.state_path.exists()
    assert run("down", "kafka", "--wipe", "--yes").stdout == "kafka: wiped\n"
    assert [path.name for path in service.path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(("answer", "left"), [("n", True), ("y", False)])
def test_wipe_at_a_terminal_does_as_it_is_answered(
    answer: str, left: bool, folder: Path, tmp_path: Path
) -> None:
    service = written(folder, STATE)
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    done = subprocess.run(
        [*COMMAND, "services", "down", "--wipe"],
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
        stdin=theirs,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    assert f"Delete all data of kafka in {folder}?" in done.stderr
    assert done.returncode == int(left)
    assert service.state_path.exists() == left


def test_certificates_and_passwords_are_the_users_alone(tmp_path: Path) -> None:
    layout = ServiceLayout(tmp_path, secure=True)
    make_certificates(layout)
    first = layout.identity_path.read_text()
    make_certificates(layout)
    assert layout.identity_path.read_text() == first
    assert password(layout, "ann") == password(layout, "ann") != password(layout, "bob")
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert "PRIVATE" not in layout.ca_path.read_text()


def test_three_nodes_share_no_address_and_no_port_is_open_without_a_password() -> None:
    layout = ServiceLayout(Path("/x"), 3, 100, secure=True)
    for kind in (KAFKA, CASSANDRA):
        ports = [port for node in layout.nodes for port in kind.ports(layout, node)]
        assert len({port.address for port in ports}) == len(ports)
        assert all(port.host.startswith("127.0.0.") for port in ports)
        assert "jmx" not in {port.use for port in ports}


def test_paths_with_blanks_and_quotes_reach_java_whole() -> None:
    assert argument_file(['-Da=b c "d"', "e\\f"]) == '"-Da=b c \\"d\\""\n"e\\\\f"\n'


@pytest.mark.parametrize("kind", [KAFKA, CASSANDRA])
def test_the_settings_written_are_of_their_own_types(kind: ServerKind, tmp_path: Path) -> None:
    given = client_settings(kind, ServiceLayout(tmp_path, 3, 7, secure=True))
    written_down = tomllib.loads(as_toml(given))
    if kind is CASSANDRA:
        section = written_down["cassandra"]
        assert (section["port"], section["replication"], section["tls"]) == (9049, 3, True)
        assert "--set cassandra.tls=true" in as_options(given)
        assert "--set cassandra.port=9049" in as_options(given)
    else:
        assert written_down["kafka"]["replication_factor"] == 3
    path = tmp_path / "pipeline.toml"
    path.write_text(as_toml(given))
    by_file = load_settings(path)
    by_options = load_settings(flags=tomllib.loads(as_toml({k: str(v) for k, v in given.items()})))
    assert getattr(by_file, kind.name) == getattr(by_options, kind.name)
