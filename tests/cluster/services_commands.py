"""`silverbullet services` on real servers, with folders of a test's own."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from tests.integration.commands import run_command, until

WAIT_S = 300.0
Report = dict[str, Any]


class Services:
    """The commands on one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.last_words = ""

    def run(self, *words: object, code: int = 0) -> str:
        """Run a command; give what it prints, or where it fails what it says on stderr."""
        done = run_command(
            self.folder, "services", *words, "--folder", self.folder / "s", timeout_s=WAIT_S
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        self.last_words = done.stderr
        return done.stdout if code in (0, 1) else done.stderr

    def report(self, *words: object, code: int = 0) -> Report:
        """Give the one service that a command reports on."""
        (found,) = json.loads(self.run(*words, "--json", code=code))["services"]
        return dict(found)


@contextmanager
def services(folder: Path) -> Iterator[Services]:
    """Give the commands on a folder; whatever is up at the end is ended."""
    found = Services(folder)
    try:
        yield found
    finally:
        found.run("down", "--wipe", "--yes")


def kill(server: Report) -> None:
    """End a server as a crash does."""
    os.kill(server["pid"], signal.SIGKILL)


def write_messages(
    address: str, topic: str, count: int, login: dict[str, str] | None = None
) -> None:
    """Make a topic of as many replicas as there are brokers, and write to it."""
    settings: dict[str, Any] = {"bootstrap.servers": address, **(login or {})}
    replicas = address.count(",") + 1
    admin = AdminClient(settings)
    made = admin.create_topics([NewTopic(topic, 1, replicas)])
    made[topic].result(30)
    producer = Producer({**settings, "enable.idempotence": True})
    for number in range(count):
        producer.produce(topic, str(number).encode(), partition=0)
    assert producer.flush(60) == 0


def read_messages(address: str, topic: str, login: dict[str, str] | None = None) -> list[int]:
    """Read a topic from its beginning to its end."""
    consumer = Consumer(
        {"bootstrap.servers": address, "group.id": "reader", "enable.auto.commit": False}
        | (login or {})
    )
    found: list[int] = []
    try:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=30)
        consumer.assign([TopicPartition(topic, 0, low)])

        def read() -> bool:
            message = consumer.poll(0.5)
            if message is not None and message.error() is None:
                found.append(int(message.value()))
            return len(found) == high - low

        if high > low:
            until(read, f"{high - low} messages of {topic}")
    finally:
        consumer.close()
    return found
