"""Taking from a consumer all that has arrived, and what librdkafka tells in place of messages."""

import time
from typing import NamedTuple, Protocol, cast

from confluent_kafka import Consumer, KafkaError, Message

from ingest.codec import RawMessages
from ingest.offsets import Partition

MOST = 20_000
"""Messages of one wake-up at the most; in batches also no more than about 1 MB."""


class Event(NamedTuple):
    """What librdkafka tells of a partition in place of a message."""

    error: KafkaError
    partition: Partition
    offset: int


class Drained(NamedTuple):
    """What one wake-up has brought: messages, if any, and behind them events."""

    messages: RawMessages | None
    events: list[Event]


class Drain(Protocol):
    """How a consumer's messages come out of librdkafka."""

    def take_over(self, partition: Partition) -> None:
        """Prepare for a partition that is going to be assigned."""

    def poll(self, timeout_s: float) -> Drained | None:
        """Wait for something, then take all there is; None where nothing came."""

    def close(self) -> None:
        """End it, before its consumer is closed."""


class ObjectDrain:
    """By confluent-kafka's message objects: 1.5 us a message.

    `poll` waits for the first message, then the queue is drained without waiting, for
    ``consume(n, t)`` would wait its whole time for the n-th.
    """

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer

    def take_over(self, partition: Partition) -> None:
        """Do nothing: all partitions come by the consumer."""

    def poll(self, timeout_s: float) -> Drained | None:
        """Wait for something, then take all there is."""
        first = self._consumer.poll(timeout_s)
        receive_time_ns = time.time_ns()
        if first is None:
            return None
        messages = [first, *self._consumer.consume(MOST - 1, 0)]
        events = [message for message in messages if message.error() is not None]
        if events:
            messages = [message for message in messages if message.error() is None]
        found = _gather(messages, receive_time_ns) if messages else None
        return Drained(found, [_tell(event) for event in events])

    def close(self) -> None:
        """Do nothing: the consumer is its caller's."""


def _gather(messages: list[Message], receive_time_ns: int) -> RawMessages:
    return RawMessages(
        # Only messages with an error may lack these.
        topics=cast(list[str], [message.topic() for message in messages]),
        values=[message.value() or b"" for message in messages],
        timestamps_ms=[message.timestamp()[1] for message in messages],
        partitions=cast(list[int], [message.partition() for message in messages]),
        offsets=cast(list[int], [message.offset() for message in messages]),
        receive_time_ns=receive_time_ns,
    )


def _tell(message: Message) -> Event:
    """Give what a message without contents tells."""
    partition = message.topic() or "", cast(int, message.partition())
    return Event(cast(KafkaError, message.error()), partition, cast(int, message.offset()))


def drain_one(message: Message) -> Drained:
    """Give what a consumer's own poll has brought."""
    if message.error() is not None:
        return Drained(None, [_tell(message)])
    return Drained(_gather([message], time.time_ns()), [])
