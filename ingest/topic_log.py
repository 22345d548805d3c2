"""What a broker holds of a topic: its partitions, their bounds, its newest messages."""

import threading
from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from ingest.broker import (
    CONNECT_TIMEOUT_S,
    EMBEDDED_PARTITION,
    BrokerError,
    BrokerErrors,
    describe,
    explain,
    is_embedded,
    make_client,
)
from ingest.offsets import Partition

_NOT_YET = {
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError.LEADER_NOT_AVAILABLE,
}
# A topic that was just made, and a partition whose broker ended, have their leader a little later.
_LEADER_MOVES = {KafkaError.NOT_LEADER_FOR_PARTITION, *_NOT_YET}
_LEADER_TRIES, _LEADER_WAIT_S = 100, 0.05
_SILENT_POLLS = 50  # of 0.1 s each: a broker that answers fetches at all does so within 5 s


class TopicLog:
    """Asks a broker about topics, through a consumer.

    Parameters
    ----------
    client, bootstrap, errors
        The consumer, its broker's address, and what its error callback gathers.
    """

    def __init__(self, client: Consumer, bootstrap: str, errors: BrokerErrors) -> None:
        self._client = client
        self._bootstrap = bootstrap
        self._errors = errors

    def partitions(self, topic: str) -> list[Partition]:
        """Give a topic's partitions, none where it does not exist.

        Of the four that the embedded broker makes only number 0 is used.

        Raises
        ------
        BrokerError
            The broker does not answer or refuses the topic.
        """
        cluster = describe(self._client, self._bootstrap, self._errors, topic)
        found = cluster.topics[topic]
        if found.error is not None:
            if found.error.code() in _NOT_YET:
                return []
            raise explain(found.error, self._bootstrap, f"looking for topic {topic}")
        if is_embedded(cluster):
            return [(topic, EMBEDDED_PARTITION)]
        return [(topic, number) for number in sorted(found.partitions)]

    def watermarks(self, partition: Partition) -> tuple[int, int]:
        """Give a partition's oldest offset and the one after its newest.

        Raises
        ------
        BrokerError
            The broker does not answer.
        """
        where = TopicPartition(*partition)
        doing = f"bounds of {partition[0]}[{partition[1]}]"
        for tries_left in reversed(range(_LEADER_TRIES)):
            try:
                bounds = self._client.get_watermark_offsets(where, timeout=CONNECT_TIMEOUT_S)
            except KafkaException as failure:
                if tries_left and failure.args[0].code() in _LEADER_MOVES:
                    threading.Event().wait(_LEADER_WAIT_S)
                    continue
                raise explain(failure.args[0], self._bootstrap, doing) from failure
            if bounds is not None:
                low, high = bounds
                return low, high
            break
        raise BrokerError(f"Kafka at {self._bootstrap}: no {doing} in time")

    def committed(self, partitions: list[Partition]) -> dict[Partition, int]:
        """Give what the client's group has committed.

        Raises
        ------
        BrokerError
            The broker does not answer.
        """
        wanted = [TopicPartition(*partition) for partition in partitions]
        try:
            found = self._client.committed(wanted, timeout=CONNECT_TIMEOUT_S)
        except KafkaException as failure:
            raise explain(failure.args[0], self._bootstrap, "committed offsets") from failure
        return {(at.topic, at.partition): at.offset for at in found if at.offset >= 0}


def read_tail(config: dict[str, Any], bootstrap: str, topic: str, n: int) -> list[bytes]:
    """Read the newest messages of a topic with a consumer of its own.

    Parameters
    ----------
    config
        Settings of the consumer.
    bootstrap, topic, n
        The broker's address, the topic, and how many messages are wanted.

    Returns
    -------
    list of bytes
        At most ``n``, oldest first, across partitions by Kafka timestamp.

    Raises
    ------
    BrokerError
        The broker does not answer.
    """
    errors = BrokerErrors()
    ours = {"enable.partition.eof": True, "auto.offset.reset": "earliest", "error_cb": errors}
    client = make_client(Consumer, config | ours)
    try:
        log = TopicLog(client, bootstrap, errors)
        bounds = {partition: log.watermarks(partition) for partition in log.partitions(topic)}
        # Control records of transactions take offsets too: reach further back until it suffices.
        span, messages = n, _read(client, bounds, n, bootstrap)
        while len(messages) < n and any(high - span > low for low, high in bounds.values()):
            span *= 8
            messages = _read(client, bounds, span, bootstrap)
    finally:
        client.close()
    messages.sort(key=lambda message: (message.timestamp()[1], message.offset()))
    return [message.value() or b"" for message in messages[-n:]]


def _read(
    client: Consumer, bounds: dict[Partition, tuple[int, int]], span: int, bootstrap: str
) -> list[Message]:
    """Read the last ``span`` offsets of each partition, up to where it ends now."""
    open_ends = {partition for partition, (low, high) in bounds.items() if high > low}
    client.assign(
        [TopicPartition(*key, max(bounds[key][0], bounds[key][1] - span)) for key in open_ends]
    )
    messages: list[Message] = []
    silent = 0
    while open_ends:
        message = client.poll(0.1)
        silent = silent + 1 if message is None else 0
        if silent > _SILENT_POLLS:
            raise BrokerError(f"Kafka at {bootstrap}: no answer to a fetch; see the broker's log")
        if message is None:
            continue
        error = message.error()
        if error is None:
            messages.append(message)
        elif error.code() != KafkaError._PARTITION_EOF:
            raise explain(error, bootstrap, "reading the newest messages")
        partition = cast(Partition, (message.topic(), message.partition()))
        if error is not None or cast(int, message.offset()) >= bounds[partition][1] - 1:
            open_ends.discard(partition)
    return messages
