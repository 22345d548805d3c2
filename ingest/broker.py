"""What both Kafka clients know of a broker, and the broker embedded in a process."""

from types import TracebackType
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._metadata import ClusterMetadata

from ingest.access import BrokerAccess
from ingest.client_log import LOGGER, ClientLog

CONNECT_TIMEOUT_S = 5.0
EMBEDDED_CLUSTER = "mockCluster"  # how the cluster id of librdkafka's mock begins
EMBEDDED_PARTITION = 0

Client = TypeVar("Client", Consumer, Producer, AdminClient)

# Of the time for an answer: what refuses a client is heard between two tries. A first connection
# has less of it, so that a command that loads for 1.5 s says within 5 s that nothing listens; a
# port that stays silent, as a loaded broker may, has 4 s.
_TRIES = (0.1, 0.2, 0.7)
_FIRST_TRIES = (0.1, 0.2, 0.2, 0.3)
_TRIES_IF_REFUSED = 3
_ASK_S = 0.1
_REFUSALS = {KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED}
_START_IT = "start the broker there or set kafka.bootstrap to where one runs"
_CREDENTIALS = "check kafka.user, the password, kafka.sasl_mechanism and kafka.security_protocol"
_PROTOCOL = "check kafka.security_protocol and kafka.ca_file"
_RIGHTS = "grant this user the right to the topic and group"
# Kafka ends a transaction left open for a minute, and refuses its sender like one taken over.
_TAKEN_OVER = (
    "another `silverbullet run` decides for this portfolio now; one is enough. If none does, this "
    "one stood still for over a minute: start it again"
)
_REMEDIES: dict[int, str] = {
    KafkaError._AUTHENTICATION: _CREDENTIALS,
    KafkaError.SASL_AUTHENTICATION_FAILED: _CREDENTIALS,
    KafkaError.TOPIC_AUTHORIZATION_FAILED: _RIGHTS,
    KafkaError.GROUP_AUTHORIZATION_FAILED: _RIGHTS,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: _RIGHTS,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: (
        "grant this user WRITE and DESCRIBE on the transactional id silverbullet-PORTFOLIO"
    ),
    KafkaError._FENCED: _TAKEN_OVER,
    KafkaError._SSL: _PROTOCOL,
    KafkaError._UNSUPPORTED_FEATURE: _PROTOCOL,
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
    last
        The newest of the others that says why a connection failed, else None.
    all_down
        True once no broker could be reached; whoever hears from one sets it back.
    log
        What takes the client's lines of librdkafka's log.
    """

    def __init__(self) -> None:
        self.fatal: KafkaError | None = None
        self.last: KafkaError | None = None
        self.all_down = False
        self.log = ClientLog()

    @property
    def refusal(self) -> KafkaError | None:
        """What no further try of a first connection would mend, else None."""
        is_tls = self.last is not None and self.last.code() == KafkaError._SSL
        return self.fatal or (self.last if is_tls else None)

    def __call__(self, error: KafkaError) -> None:
        """Note an error; librdkafka mends the others by itself."""
        if _ends_client(error):
            self.fatal = self.fatal or error
        elif error.code() == KafkaError._ALL_BROKERS_DOWN:
            self.all_down = True
            self.log.lost()
        else:
            self.last = error


def connection(broker: BrokerAccess, errors: BrokerErrors) -> dict[str, Any]:
    """Give the settings that all clients share.

    Nagle's algorithm off and short reconnects: a broker that restarts is back in the time
    that it needs itself (2-4 s), not in librdkafka's 10 s steps.
    """
    errors.log.bootstrap = broker.bootstrap
    return {
        "bootstrap.servers": broker.bootstrap,
        "error_cb": errors,
        "logger": errors.log,
        "socket.nagle.disable": True,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 500,
        "topic.metadata.refresh.fast.interval.ms": 50,
    } | broker.security()


def make_client(kind: type[Client], config: dict[str, Any]) -> Client:
    """Make a client of librdkafka.

    Raises
    ------
    BrokerError
        It takes the settings not: as a rule a certificate or key that it cannot use.
    """
    try:
        return kind(config)
    except KafkaException as failure:
        text = f"Kafka at {config['bootstrap.servers']}, making a client: {failure.args[0].str()}"
        raise BrokerError(f"{text}; check the section kafka of the settings", fatal=True) from None


def explain(error: KafkaError, bootstrap: str, doing: str) -> BrokerError:
    """Turn an error of librdkafka into one that says what, where and the remedy."""
    remedy = _REMEDIES.get(error.code(), "see the broker's log")
    # Where one side speaks TLS and the other does not, only the text tells.
    if "security.protocol" in error.str() or "SSL" in error.str():
        remedy = _PROTOCOL
    return BrokerError(
        f"Kafka at {bootstrap}, {doing}: {error.str()} ({error.name()}); {remedy}",
        fatal=_ends_client(error),
    )


def hear(client: Consumer | Producer | AdminClient, errors: BrokerErrors) -> None:
    """Let a client tell its error callback what went wrong; what ends it for good it raises."""
    errors.log.polls()
    try:
        client.poll(0)
    except KafkaException as failure:
        errors(failure.args[0])
    ask_again(client, errors)


def ask_again(client: Consumer | Producer | AdminClient, errors: BrokerErrors) -> None:
    """Once a second, while no broker answers: ask for 0.1 s whether one is back."""
    if not errors.log.is_due():
        return
    try:
        client.list_topics(timeout=_ASK_S)
    except KafkaException:
        return
    errors.all_down = False
    errors.log.answers()


def describe(
    client: Consumer | Producer | AdminClient,
    bootstrap: str,
    errors: BrokerErrors,
    topic: str | None = None,
) -> ClusterMetadata:
    """Ask the broker for its cluster, or for one topic.

    Raises
    ------
    BrokerError
        No answer within 5 s, of the first connection 2.5 s, or 4 s where it is not refused either;
        or the broker refuses this client: then at once.
    """
    # A consumer that has begun to read would lose a message to the poll that hears of errors.
    is_reading = isinstance(client, Consumer) and bool(client.assignment())
    waits = (1.0,) if is_reading else _TRIES if errors.log.is_connected else _FIRST_TRIES
    for n_tries, share in enumerate(waits, 1):
        try:
            found: ClusterMetadata = client.list_topics(topic, timeout=share * CONNECT_TIMEOUT_S)
        except KafkaException as failure:
            reason = failure.args[0]
            hear(client, errors)
        else:
            errors.log.connected(len(found.brokers))
            return found
        if errors.refusal is not None:
            raise explain(errors.refusal, bootstrap, "connecting")
        if waits is _FIRST_TRIES and n_tries == _TRIES_IF_REFUSED and errors.last is not None:
            break
    silence = f"no answer in {sum(waits[:n_tries]) * CONNECT_TIMEOUT_S:g} s"
    if errors.last is None:  # so it is where a port for TLS gets none
        raise BrokerError(
            f"Kafka at {bootstrap}, {silence}, though nothing refused the connection "
            f"({reason.name()}); {_PROTOCOL}, and whether kafka.bootstrap names a Kafka"
        )
    raise explain(errors.last, bootstrap, silence)


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
