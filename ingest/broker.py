"""What both Kafka clients know of a broker, and the broker embedded in a process."""

import logging
from types import TracebackType
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin._metadata import ClusterMetadata

from ingest.kafka_log import OncePerCause

LOGGER = logging.getLogger("ingest.kafka")
LOGGER.addHandler(logging.NullHandler())  # librdkafka's own lines are shown to whom asks for them
LOGGER.addFilter(OncePerCause())

CONNECT_TIMEOUT_S = 5.0
EMBEDDED_CLUSTER = "mockCluster"  # how the cluster id of librdkafka's mock begins
EMBEDDED_PARTITION = 0

_REFUSALS = {KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED}
_START_IT = "start the broker there or set kafka.bootstrap to where one runs"
_CREDENTIALS = "check user and password"
_RIGHTS = "grant this user the right to the topic and group"
_REMEDIES: dict[int, str] = {
    KafkaError._AUTHENTICATION: _CREDENTIALS,
    KafkaError.SASL_AUTHENTICATION_FAILED: _CREDENTIALS,
    KafkaError.TOPIC_AUTHORIZATION_FAILED: _RIGHTS,
    KafkaError.GROUP_AUTHORIZATION_FAILED: _RIGHTS,
    KafkaError.MSG_SIZE_TOO_LARGE: "send fewer ticks a message",
    KafkaError._TRANSPORT: _START_IT,
    KafkaError._ALL_BROKERS_DOWN: _START_IT,
    KafkaError._RESOLVE: _START_IT,
    KafkaError._UNKNOWN_PARTITION: _START_IT,
    KafkaError._WAIT_COORD: _START_IT,
    KafkaError._TIMED_OUT: _START_IT,
}


class BrokerError(RuntimeError):
    """The broker cannot be reached or refuses; the message names its address and the remedy.

    Attributes
    ----------
    fatal
        The client that raised it is of no use any more: trying again cannot succeed.
    """

    def __init__(self, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.fatal = fatal


def _ends_client(error: KafkaError) -> bool:
    return error.fatal() or error.code() in _REFUSALS


class BrokerErrors:
    """What librdkafka tells a client's error callback.

    A wrong password shows only there at once, elsewhere as a time-out.

    Attributes
    ----------
    fatal
        The first error after which the client is of no use, else None.
    all_down
        True once no broker could be reached; whoever hears from one sets it back.
    """

    def __init__(self) -> None:
        self.fatal: KafkaError | None = None
        self.all_down = False

    def __call__(self, error: KafkaError) -> None:
        """Note an error; librdkafka mends the others by itself."""
        if _ends_client(error):
            self.fatal = self.fatal or error
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            self.all_down = True


def connection(bootstrap: str, errors: BrokerErrors) -> dict[str, Any]:
    """Give the settings that all clients share.

    Nagle's algorithm off and short reconnects: a broker that restarts is back in the time
    that it needs itself (2-4 s), not in librdkafka's 10 s steps.
    """
    return {
        "bootstrap.servers": bootstrap,
        "error_cb": errors,
        "logger": LOGGER,
        "socket.nagle.disable": True,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 500,
        "topic.metadata.refresh.fast.interval.ms": 50,
    }


def explain(error: KafkaError, bootstrap: str, doing: str) -> BrokerError:
    """Turn an error of librdkafka into one that says what, where and the remedy."""
    remedy = _REMEDIES.get(error.code(), "see the broker's log")
    return BrokerError(
        f"Kafka at {bootstrap}, {doing}: {error.str()} ({error.name()}); {remedy}",
        fatal=_ends_client(error),
    )


def describe(
    client: Consumer | Producer, bootstrap: str, errors: BrokerErrors, topic: str | None = None
) -> ClusterMetadata:
    """Ask the broker for its cluster, or for one topic.

    Raises
    ------
    BrokerError
        No answer within 5 s, or the broker refuses this client.
    """
    try:
        found: ClusterMetadata = client.list_topics(topic, timeout=CONNECT_TIMEOUT_S)
    except KafkaException as failure:
        client.poll(0)  # lets the error callback say why
        reason = errors.fatal or failure.args[0]
        raise explain(reason, bootstrap, f"no answer in {CONNECT_TIMEOUT_S:g} s") from failure
    return found


def is_embedded(cluster: ClusterMetadata) -> bool:
    """Tell whether a cluster is an `EmbeddedBroker`."""
    return str(cluster.cluster_id).startswith(EMBEDDED_CLUSTER)


class EmbeddedBroker:
    """A Kafka broker in this process: librdkafka's mock, reached over loopback.

    It lives as long as this object and serves other processes too. It makes a topic at its
    first use, with four partitions of which this project uses number 0 alone. It keeps the
    last 5 MB of a partition in memory: a consumer that asks for an older offset is moved
    ahead without an error, which `TopicConsumer` notices and counts. Its latency is not
    Kafka's. A fetch waits its whole ``fetch.wait.max.ms`` when there is nothing new, so
    consumers set that to 1-5 ms here.

    Attributes
    ----------
    address
        ``127.0.0.1:port``.
    """

    def __init__(self) -> None:
        self._host: Producer | None = Producer(
            {"bootstrap.servers": "embedded", "test.mock.num.brokers": 1, "logger": LOGGER}
        )
        brokers = describe(self._host, "embedded broker", BrokerErrors()).brokers.values()
        self.address = next(f"{broker.host}:{broker.port}" for broker in brokers)

    def close(self) -> None:
        """End the broker; its messages are gone."""
        self._host = None

    def __enter__(self) -> "EmbeddedBroker":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
