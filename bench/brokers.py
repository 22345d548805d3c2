"""The brokers that benchmarks run on, and topics of a run alone."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from bench.case_names import EMBEDDED, KAFKA
from bench.java_version import describe_java
from ingest.broker import EmbeddedBroker
from ingest.topic_specs import TopicSpec
from ingest.topics import TopicAdmin

# The embedded broker lets a fetch wait out its time: 0.7, 2.5, 6.3 and 90 ms from tick to
# decision with 0, 1, 5 and 100; 0 doubles what the consumer takes of the processor. Kafka
# answers as soon as there is something; with 0 its p99 was 27 ms instead of 5.
_FETCH_WAIT_MAX_MS = {EMBEDDED: 1, KAFKA: 100}
_DELETE_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker that runs.

    Attributes
    ----------
    name
        `EMBEDDED` or `KAFKA`.
    address
        ``host:port``.
    about
        Version and settings that matter, for the report.
    pid
        Of its own process, where it is known.
    """

    name: str
    address: str
    about: str
    pid: int | None = None

    @property
    def fetch_wait_max_ms(self) -> int:
        """Longest wait of a fetch that suits it."""
        return _FETCH_WAIT_MAX_MS[self.name]


OpenBroker = Callable[[], AbstractContextManager[Broker]]
"""Starts a broker, or finds one that runs; at the end of its block what it started is gone."""


@contextmanager
def embedded_broker() -> Iterator[Broker]:
    """Start librdkafka's mock in this process."""
    with EmbeddedBroker() as broker:
        yield Broker(EMBEDDED, broker.address, "librdkafka's mock, in the benchmark's process")


@contextmanager
def running_kafka(address: str) -> Iterator[Broker]:
    """Use a Kafka that runs; it asks for no password."""
    yield Broker(KAFKA, address, "as it was found")


def topic_prefix(bench: str) -> str:
    """Give the beginning of topic names that no one else has."""
    return f"silverbullet-bench-{bench}-{uuid.uuid4().hex[:8]}"


@contextmanager
def own_topics(broker: Broker, names: Sequence[str], others: Sequence[str] = ()) -> Iterator[None]:
    """Make topics of one partition each, and delete them afterwards; for Kafka alone.

    The embedded broker makes topics at their first use and has no way to delete them.

    Parameters
    ----------
    names
        Topics to make.
    others
        Topics that a contender may make, which are to be gone afterwards too.

    Raises
    ------
    BrokerError
        It does not answer, or does not take one.
    """
    if broker.name == EMBEDDED:
        yield
        return
    TopicAdmin(broker.address).make([TopicSpec(name) for name in names])
    try:
        yield
    finally:
        _delete(broker.address, [*names, *others])


def _delete(address: str, names: Sequence[str]) -> None:
    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    for answer in admin.delete_topics(list(names), request_timeout=_DELETE_LIMIT_S).values():
        try:
            answer.result()
        except KafkaException as failure:
            if failure.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise


def java_of(brokers: Sequence[Broker]) -> dict[str, str]:
    """Give the Java of a Kafka that was started here; of one that ran already none is known."""
    started = any(broker.name == KAFKA and broker.pid is not None for broker in brokers)
    return describe_java() if started else {}
