"""A Kafka of a benchmark's own: fresh, on free ports, gone afterwards."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from bench.brokers import Broker
from bench.case_names import KAFKA
from cluster.java_server import check_port
from cluster.kafka_server import KafkaServer
from cluster.local_service import LocalService
from cluster.process import SpawnError
from cluster.service_layout import ServiceLayout
from cluster.service_state import ServiceFolder, ServiceState
from silverbullet.options import Refused
from silverbullet.own_services import jars_cache, told_in_one_line
from silverbullet.service_start import start

# As /proc names them, cut to 15 characters: what collects garbage and what compiles.
_BACKGROUND: Final = (
    "ZWorker",
    "ZDriver",
    "ZDirector",
    "RuntimeWorker",
    "C1 Compiler",
    "C2 Compiler",
)
_OFFSETS: Final = range(10_000, 30_000, 10)


class LowPauseKafka(KafkaServer):
    """Kafka with ZGC.

    The p99 of tick to decision was 4 ms with it and 20 with the serial collector, whose pauses
    take 14 ms. Its heap of 512 MB was full at times before a round of the collector was over:
    requests stood still for 55 ms.
    """

    def jvm_options(self, layout: ServiceLayout, node: int) -> list[str]:
        """Give the usual options with the other collector, and room for it."""
        changed = {"-XX:+UseSerialGC": "-XX:+UseZGC", "-Xms256m": "-Xms1g", "-Xmx512m": "-Xmx1g"}
        return [changed.get(option, option) for option in super().jvm_options(layout, node)]


@contextmanager
def own_kafka() -> Iterator[Broker]:
    """Start a Kafka of one node in a folder of its own; its data end with it.

    Raises
    ------
    Refused
        A program is missing, no port is free, or it does not come up.
    """
    kind = LowPauseKafka()
    with tempfile.TemporaryDirectory(prefix="silverbullet-bench-kafka-") as name:
        service = LocalService(kind, ServiceFolder(Path(name) / kind.name))
        state = ServiceState(
            version=kind.version, n_nodes=1, port_offset=_free_offset(kind), secure=False
        )
        try:
            with told_in_one_line(kind.name), service.folder.hold():
                start(service, state, jars_cache(), lambda _: None)
            (server,) = service.look()
            if server.pid is not None:
                lower_background_threads(server.pid)
            address = server.ports[0].address
            yield Broker(KAFKA, address, f"Apache Kafka {kind.version}, ZGC, one node", server.pid)
        finally:
            with told_in_one_line(kind.name), service.folder.hold():
                service.stop(orderly=False)


def lower_background_threads(pid: int) -> int:
    """Give a JVM's collector and compiler normal priority, where it runs at real-time priority.

    A round of ZGC marks for 80 ms without a break. At the priority of all others it held them up
    for as long, every five seconds: p99 of tick to decision was 59 ms, and 26 without.

    Returns
    -------
    int
        Threads lowered.
    """
    lowered = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            name = (thread / "comm").read_text()
            number = int(thread.name)
            if name.startswith(_BACKGROUND) and os.sched_getscheduler(number) == os.SCHED_RR:
                os.sched_setscheduler(number, os.SCHED_OTHER, os.sched_param(0))
                lowered += 1
    return lowered


def _free_offset(kind: KafkaServer) -> int:
    # Each process begins elsewhere, so that two that start at once do not meet.
    offsets, first = list(_OFFSETS), os.getpid() % len(_OFFSETS)
    for offset in offsets[first:] + offsets[:first]:
        layout = ServiceLayout(Path("/"), port_offset=offset)
        try:
            for port in kind.ports(layout, 1):
                check_port(port)
        except SpawnError:
            continue
        return offset
    raise Refused("kafka: no ports are free between 19092 and 39092")
