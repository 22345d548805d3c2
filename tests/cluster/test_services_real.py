"""A real Kafka and Cassandra: up, used, killed, mended, down, up again with its data."""

import re
import socket
import subprocess
from pathlib import Path

import psutil
import pytest

from cluster.cluster_state import start_ticks
from cluster.service_state import ServiceFolder, ServiceState
from storage.cassandra_probe import CassandraLogin, open_session
from tests.cluster.services_commands import (
    Report,
    Services,
    kill,
    read_messages,
    services,
    write_messages,
)
from tests.integration.commands import until
from tests.services import CASSANDRA_SUPERUSER, free_offset


def see_up(found: Report, version: str) -> Report:
    """Look at a report of a service of one node; give its server."""
    (server,) = found["servers"]
    assert (found["state"], server["health"], found["version"]) == ("up", "answers", version)
    assert server["memory_bytes"] > 50 * 2**20
    assert 0 < server["uptime_s"] < 300
    assert server["ports"]["client"] == found["address"]
    listening = {
        f"{connection.laddr.ip.removeprefix('::ffff:')}:{connection.laddr.port}"
        for connection in psutil.Process(server["pid"]).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert set(server["ports"].values()) <= listening
    assert all(address.startswith("127.0.0.") for address in listening)
    return dict(server)


def see_crash_and_mend(command: Services, name: str, server: Report) -> Report:
    """Kill a server that told of a stray client; see that status says so and `up` mends it."""
    host, _, port = server["ports"]["client"].partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as stray:
        stray.sendall(b"GET / HTTP/1.1\r\n\r\n")
        log = Path(server["log"])
        until(lambda: "xception" in log.read_text(), "the stray client to be told of", 30)
    kill(server)
    found = command.report("status", name, code=1)
    assert (found["state"], found["servers"][0]["health"]) == ("ended", "ended")
    assert found["servers"][0]["pid"] is None
    assert found["servers"][0]["reason"] == "without a word (killed?)"
    assert f"mend it: silverbullet services up {name}" in command.run("status", name, code=1)
    mended = command.report("up", name)
    assert mended["servers"][0]["pid"] != server["pid"]
    return mended


def see_down(command: Services, name: str, server: Report) -> None:
    assert command.run("down", name) == f"{name}: down\n"
    assert start_ticks(server["pid"]) is None
    assert command.report("status", name, code=1)["state"] == "down"
    assert command.run("down", name) == f"{name}: not up\n"


def ask_by_jmx(found: Report, work: Path, *login: str) -> str:
    """Ask Cassandra's own tool for the ring; give all it says."""
    options = Path(found["folder"], "node1", "java.args").read_text().splitlines(keepends=True)
    work.mkdir(exist_ok=True)
    (work / "args").write_text("".join(line for line in options if "jmx" not in line))
    host, _, port = found["servers"][0]["ports"]["jmx"].partition(":")
    argv = ["java", f"@{work / 'args'}", f"-Duser.home={work}"]
    argv += ["org.apache.cassandra.tools.NodeTool", "-h", host, "-p", port, *login, "status"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


@pytest.mark.kafka
@pytest.mark.long
def test_kafka_keeps_its_messages_over_kill_and_down(tmp_path: Path) -> None:
    offset = free_offset()
    # What an attempt left that was cut off while it formatted.
    folder = ServiceFolder(tmp_path / "a" / "s" / "kafka")
    (folder.path / "node1" / "data").mkdir(parents=True)
    (folder.path / "node1" / "data" / "bootstrap.checkpoint").write_bytes(b"half")
    folder.write(ServiceState("4.3.1", 1, offset, False))
    with services(tmp_path / "a") as command:
        found = command.report("up", "kafka")
        server = see_up(found, "4.3.1")
        address = found["address"]
        assert found["options"] == f"--set kafka.bootstrap={address}"
        write_messages(address, "kept", 500)
        server = see_crash_and_mend(command, "kafka", server)["servers"][0]
        assert read_messages(address, "kept") == list(range(500))
        command.run("up", "kafka")
        assert "kafka was up already" in command.last_words

        with services(tmp_path / "b") as other:
            told = other.run("up", "kafka", "--port-offset", offset, code=2)
            assert f"by java (pid {server['pid']})" in told
            assert told.splitlines()[-1].startswith("Error: kafka: port ")
            other.run("down", "--wipe", "--yes")
            beside = other.report("up", "kafka", "--port-offset", free_offset())
            see_up(beside, "4.3.1")
            see_down(command, "kafka", server)
            assert other.report("status", "kafka")["servers"] != []
            assert read_messages(address=command.report("up", "kafka")["address"], topic="kept")

        command.run("down", "kafka")
        (folder.path / "node1" / "data" / "meta.properties").write_text("version=1\n")
        told = command.run("up", "kafka", code=2).splitlines()[-1]
        assert told.startswith("Error: kafka: node 1 ended: ")
        assert "log: " in told
        assert re.search(r"ended: \d{4}-\d\d-\d\d [\d:]{8} .*Exception", told)


@pytest.mark.cassandra
@pytest.mark.long
def test_cassandra_keeps_its_rows_over_kill_and_down(tmp_path: Path) -> None:
    with services(tmp_path) as command:
        found = command.report("up", "cassandra", "--port-offset", free_offset())
        server = see_up(found, "5.0.8")
        login = ("-u", "admin", "-pwf", f"{found['folder']}/jmx.password")
        assert "Credentials required" in ask_by_jmx(found, tmp_path / "jmx")
        assert "UN  127.0.0.1" in ask_by_jmx(found, tmp_path / "jmx", *login)
        host, _, port = found["address"].partition(":")
        node = CassandraLogin(host, int(port), *CASSANDRA_SUPERUSER)
        with open_session(node) as session:
            session.execute(
                "create keyspace kept with replication = "
                "{'class': 'SimpleStrategy', 'replication_factor': 1}"
            )
            session.execute("create table kept.rows (id int primary key)")
            for number in range(200):
                session.execute("insert into kept.rows (id) values (%s)", (number,))
            server = see_crash_and_mend(command, "cassandra", server)["servers"][0]
        see_down(command, "cassandra", server)
        command.report("up", "cassandra")
        with open_session(node) as session:
            rows = {row.id for row in session.execute("select id from kept.rows")}
        assert rows == set(range(200))
