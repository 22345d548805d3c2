"""A full disk under a server: told beforehand and afterwards, and nothing is left running."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from cluster.java import Java
from cluster.kafka_server import KAFKA
from cluster.local_service import LocalService
from cluster.process import SpawnError
from cluster.room import no_room
from cluster.service_state import ServerProcess, ServiceFolder, ServiceState
from tests.services import free_offset


class Usage(NamedTuple):
    """What `shutil.disk_usage` gives."""

    total: int
    used: int
    free: int


@pytest.fixture
def service(tmp_path: Path) -> LocalService:
    """Give a Kafka that has been up, on free ports."""
    made = LocalService(KAFKA, ServiceFolder(tmp_path / "kafka"))
    (made.folder.path / "node1" / "data").mkdir(parents=True)
    (made.folder.path / "node1" / "data" / "meta.properties").touch()
    made.folder.write(ServiceState("4.3.1", 1, free_offset(), False, prepared=True))
    return made


def state_of(service: LocalService) -> ServiceState:
    state = service.state()
    assert state is not None
    return state


def test_a_disk_with_room_is_no_reason(service: LocalService, tmp_path: Path) -> None:
    assert no_room(tmp_path / "not" / "there") == ""
    assert service.check_fit(state_of(service)) == [1]


def test_a_full_disk_is_told_before_a_start_and_after_an_end(
    service: LocalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100, 97 << 20, 3 << 20))
    told = rf"no space left: the disk of {service.folder.path}.* has 3 MB free.*make room there"
    with pytest.raises(SpawnError, match=told):
        service.check_fit(state_of(service))
    (service.folder.path / "node1" / "server.log").write_text("ERROR a line that is cut o")
    ended = ServerProcess(1, 2**22, 1, "another boot")
    service.folder.write(replace(state_of(service), servers=(ended,)))
    (view,) = service.look()
    assert view.reason.startswith("no space left: the disk of ")
    assert view.reason.endswith("make room there; ERROR a line that is cut o")
    with pytest.raises(SpawnError, match="node 1 ended: no space left"):
        service.check()


def test_a_server_that_cannot_be_written_down_is_ended(
    service: LocalService, tmp_path: Path
) -> None:
    java, jars = tmp_path / "java", tmp_path / "jars"
    java.write_text("#!/bin/sh\nexec sleep 60\n")
    java.chmod(0o755)
    jars.mkdir()
    # Where the next state would be written first.
    service.folder.state_path.with_name("service.json.new").mkdir()
    with pytest.raises(OSError, match=r"service\.json\.new"):
        service.start(state_of(service), Java(str(java), "17"), jars)
    left = [child for child in psutil.Process().children() if "sleep" in child.cmdline()]
    assert left == []
    assert state_of(service).servers == ()
