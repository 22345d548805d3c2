"""No room left under Kafka: it is told by name, nothing is corrupt, and it goes on with room."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cluster.service_layout import ServiceLayout
from silverbullet.own_services import KINDS
from tests.faults.small_disk import SmallDisk
from tests.faults.test_kafka_nodes import Pipeline
from tests.integration.commands import until
from tests.services import free_offset

pytestmark = [pytest.mark.long, pytest.mark.kafka, pytest.mark.timeout(600)]


class SmallKafka:
    """A Kafka of one node on a small file system."""

    def __init__(self, disk: SmallDisk) -> None:
        self._disk, offset = disk, free_offset()
        self._where = ("kafka", "--folder", disk.folder / "s")
        (port, _) = KINDS["kafka"].ports(ServiceLayout(Path("/"), 1, offset), 1)
        self.bootstrap = port.address
        done = disk.run("services", "up", *self._where, "--port-offset", offset)
        assert done.returncode == 0, done.stderr

    def up(self) -> tuple[int, str]:
        """Start it; give exit status and last line."""
        done = self._disk.run("services", "up", *self._where)
        return done.returncode, (done.stderr.strip().splitlines() or [""])[-1]

    def status(self) -> dict[str, Any]:
        """Give what is shown of it, and the exit status."""
        done = self._disk.run("services", "status", *self._where, "--json")
        (found,) = json.loads(done.stdout)["services"]
        return dict(found) | {"exit": done.returncode}

    def wipe(self) -> None:
        """End it and delete its data."""
        self._disk.run("services", "down", *self._where, "--wipe", "--yes")


def test_a_full_disk_is_named_and_deciding_goes_on_with_room(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    with ExitStack() as stack:
        disk = stack.enter_context(SmallDisk(folder, megabytes=200))
        kafka = SmallKafka(disk)
        stack.callback(kafka.wipe)
        assert kafka.status()["state"] == "up"
        pipeline = Pipeline(kafka, tmp_path, stack)
        pipeline.await_rows(25)
        filled = disk.fill()
        took_s = until(lambda: kafka.status()["state"] != "up", "the broker to end", 60)
        print(f"{filled >> 20} MB of filler; the broker had ended after {took_s:.1f} s")
        found, refused = kafka.status(), kafka.up()
        disk.make_room()
        code, last = kafka.up()
        assert code == 0, last
        pipeline.await_rows(15)
        pipeline.end_and_check()
        log = pipeline.run.output()
    full = f"no space left: the disk of {folder}/s/kafka"
    assert (found["state"], found["exit"]) == ("ended", 1)
    assert found["servers"][0]["reason"].startswith(full)
    assert refused[0] == 2
    assert refused[1].startswith(f"Error: kafka: {full}")
    assert refused[1].endswith("make room there")
    assert f"Kafka at {kafka.bootstrap}: connection refused; it is tried again" in log
