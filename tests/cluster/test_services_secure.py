"""Secure servers and three of each: who gets in, and what a lost node costs."""

import json
import shlex
import signal
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from cassandra import Unauthorized
from confluent_kafka.admin import AdminClient

from cluster.cluster_state import start_ticks
from ingest.broker import BrokerError
from ingest.probe import probe_broker
from ingest.users import make_user
from storage.cassandra_probe import CassandraLogin, open_session, probe_node
from tests.cluster.services_commands import (
    Report,
    Services,
    kill,
    read_messages,
    services,
    write_messages,
)
from tests.integration.commands import Running, run_command
from tests.services import CASSANDRA_SUPERUSER, free_offset

pytestmark = pytest.mark.long


def see_no_secret(command: Services, found: Report, user: str) -> str:
    """See that a password is in its file alone, for its user; give it."""
    folder = Path(found["folder"])
    secret = (folder / f"{user}.password").read_text()
    lines = [" ".join(psutil.Process(server["pid"]).cmdline()) for server in found["servers"]]
    texts = [
        path.read_text(errors="replace")
        for path in folder.rglob("*")
        if path.is_file() and path.suffix in (".log", ".args", ".properties", ".yaml", ".json")
    ]
    assert len(texts) >= 3
    assert not [text for text in (*lines, *texts, str(found), command.last_words) if secret in text]
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.glob("*.p*"))
    return secret


def see_lost_node_and_mend(command: Services, name: str, found: Report) -> None:
    """Kill the second of three; see that it is told, and that `up` starts this one alone.

    Neither does an `up` that is refused end the others.
    """
    kill(found["servers"][1])
    shown = command.report("status", name, code=1)
    assert shown["state"] == "in trouble"
    assert shown["servers"][1]["health"] == "ended"
    host, _, port = shown["servers"][1]["ports"]["peers"].partition(":")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, int(port)))
        taken.listen()
        assert f"port {port} on {host}" in command.run("up", name, code=2)
    pids = [server["pid"] for server in command.report("up", name)["servers"]]
    before = [server["pid"] for server in found["servers"]]
    assert [a == b for a, b in zip(pids, before, strict=True)] == [True, False, True]


@pytest.mark.kafka
def test_three_secure_kafkas_let_in_whom_they_know_and_lose_nothing(tmp_path: Path) -> None:
    with services(tmp_path) as command:
        words = ("--port-offset", free_offset(3), "--nodes", 3, "--secure")
        found = command.report("up", "kafka", *words)
        address, folder = found["address"], Path(found["folder"])
        login = {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-256",
            "sasl.username": "silverbullet",
            "sasl.password": see_no_secret(command, found, "silverbullet"),
            "ssl.ca.location": str(folder / "ca.pem"),
        }
        see_no_secret(command, found, "broker")
        assert probe_broker(address, 3, login) == ""
        for wrong in (
            {},
            login | {"sasl.password": "guess"},
            login | {"sasl.username": "broker"},
            {name: value for name, value in login.items() if name != "ssl.ca.location"},
        ):
            assert probe_broker(address.partition(",")[0], 1, wrong) != ""
        write_messages(address, "kept", 300, login)
        see_lost_node_and_mend(command, "kafka", found)
        assert read_messages(address, "kept", login) == list(range(300))
        # It may make topics, but no user, and give nobody a right.
        with pytest.raises(BrokerError, match="AUTHORIZATION_FAILED"):
            make_user(address, login, "intruder", "intruder")

        made = run_command(tmp_path, "topics", "--config", found["config"])
        assert made.returncode == 0, made.stderr
        found_topic = AdminClient({"bootstrap.servers": address, **login}).list_topics("ticks")
        assert len(found_topic.topics["ticks"].partitions[0].replicas) == 3
        command.run("down", "kafka")
        command.run("up", "kafka")
        assert read_messages(address, "kept", login) == list(range(300))


@pytest.mark.kafka
def test_ctrl_c_leaves_nothing_half_up(tmp_path: Path) -> None:
    folder, words = tmp_path / "s", ("--port-offset", free_offset(), "--json")
    with services(tmp_path) as command:
        with Running(tmp_path, "services", "up", "kafka", "--folder", folder, *words) as up:
            up.until(lambda: "waiting until kafka answers" in up.output(), "the server's start")
            (server,) = json.loads((folder / "kafka" / "service.json").read_text())["servers"]
            assert psutil.pid_exists(server["pid"])
            up.end(signal.SIGINT)
        assert start_ticks(server["pid"]) is None
        assert command.report("status", code=1)["state"] == "down"
        assert command.report("up", "kafka")["state"] == "up"


@pytest.mark.cassandra
def test_a_secure_cassandra_lets_in_whom_it_knows(tmp_path: Path) -> None:
    with services(tmp_path) as command:
        words = ("--port-offset", free_offset(), "--secure")
        found = command.report("up", "cassandra", *words)
        host, _, port = found["address"].partition(":")
        folder = Path(found["folder"])
        see_no_secret(command, found, "admin")
        login = CassandraLogin(
            host, int(port), "silverbullet", see_no_secret(command, found, "silverbullet"),
            folder / "ca.pem",
        )  # fmt: skip
        assert probe_node(login, 1) == ""
        for wrong in (
            replace(login, ca_path=None),
            replace(login, ca_path=Path(ssl.get_default_verify_paths().cafile or "/etc/hosts")),
            replace(login, password=login.password + "x"),
            CassandraLogin(host, int(port), *CASSANDRA_SUPERUSER, login.ca_path),
        ):
            assert probe_node(wrong, 1) != "", wrong
        with open_session(login) as session, pytest.raises(Unauthorized):
            session.execute("create role intruder with superuser = true")

        for _ in range(2):  # the second time there is nothing to do
            made = run_command(tmp_path, "schema", *shlex.split(found["options"]))
            assert made.returncode == 0, made.stderr
        kill(found["servers"][0])
        command.run("up", "cassandra")
        assert probe_node(login, 1) == ""


@pytest.mark.cassandra
def test_three_cassandras_keep_rows_while_one_is_lost(tmp_path: Path) -> None:
    with services(tmp_path) as command:
        words = ("--port-offset", free_offset(3), "--nodes", 3)
        found = command.report("up", "cassandra", *words)
        assert "--set cassandra.replication=3" in found["options"]
        made = run_command(tmp_path, "schema", *shlex.split(found["options"]))
        assert made.returncode == 0, made.stderr
        host, _, port = found["servers"][0]["ports"]["client"].partition(":")
        with open_session(CassandraLogin(host, int(port), "cassandra", "cassandra")) as session:
            session.execute("create table silverbullet.kept (id int primary key)")
            insert = session.prepare("insert into silverbullet.kept (id) values (?)")
            for number in range(100):
                session.execute(insert, (number,))
            see_lost_node_and_mend(command, "cassandra", found)
            rows = {row.id for row in session.execute("select id from silverbullet.kept")}
        assert rows == set(range(100))
        command.run("down", "cassandra")
        command.run("up", "cassandra")
