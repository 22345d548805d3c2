"""A Kafka of a test's own, one node or three, whose servers it kills by pid."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient

from silverbullet.own_services import KINDS, Wish, bring_up, open_service, wipe
from tests.services import free_offset


class OwnKafka:
    """Up from the beginning; `wipe` ends it."""

    def __init__(self, folder: Path, n_nodes: int = 1) -> None:
        self.folder = folder
        self._wish = Wish(n_nodes=n_nodes, port_offset=free_offset(n_nodes))
        self.up()

    def up(self) -> None:
        """Start the nodes that do not run and wait until all answer."""
        bring_up("kafka", self.folder, self._wish, lambda _: None)

    @property
    def bootstrap(self) -> str:
        """Addresses of all nodes."""
        service = open_service("kafka", self.folder)
        layout = service.folder.layout(self._state())
        return ",".join(KINDS["kafka"].ports(layout, node)[0].address for node in layout.nodes)

    def kill(self, node: int = 1) -> None:
        """End a node as a crash does."""
        (server,) = [server for server in self._state().servers if server.node == node]
        assert server.lives
        os.kill(server.pid, signal.SIGKILL)

    def partition(self, topic: str) -> Any:
        """Tell leader and in-sync replicas of a topic's first partition."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        return admin.list_topics(topic, timeout=10).topics[topic].partitions[0]

    def wipe(self) -> None:
        """End all nodes and delete their data."""
        wipe("kafka", self.folder)

    def _state(self) -> Any:
        state = open_service("kafka", self.folder).state()
        assert state is not None
        return state


def every_value(bootstrap: str, topic: str, isolation: str = "read_uncommitted") -> list[bytes]:
    """Read partition 0 of a topic to its end with a bare client."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "every-value",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": isolation,
            "log_level": 0,
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    values: list[bytes] = []
    try:
        while (message := consumer.poll(30)) is not None:
            error = message.error()
            if error is None:
                values.append(message.value() or b"")
            elif error.code() == KafkaError._PARTITION_EOF:
                return values
            else:
                pytest.fail(f"{topic}: {error}")
    finally:
        consumer.close()
    pytest.fail(f"{topic}: no answer in 30 s")
