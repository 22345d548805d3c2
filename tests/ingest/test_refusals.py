"""What a reader does when the broker refuses it: told once, or for good."""

import time

import pytest
from confluent_kafka import Consumer, KafkaError

from ingest.broker import BrokerError, EmbeddedBroker
from ingest.consumer import TopicConsumer
from ingest.producer import TopicProducer


class FailedMessage:
    """Stands for a message with which librdkafka tells of an error, which its mock never sends."""

    def __init__(self, error: KafkaError) -> None:
        self._error = error

    def error(self) -> KafkaError:
        return self._error

    def topic(self) -> str:
        return "ticks"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return -1001  # none


class OneFailure:
    """A client that hands out one failed message first, and is the real one from then on."""

    def __init__(self, client: Consumer, error: KafkaError) -> None:
        self._client = client
        self._left: list[object] = [FailedMessage(error)]

    def poll(self, timeout_s: float) -> object:
        return self._left.pop() if self._left else self._client.poll(timeout_s)

    def __getattr__(self, name: str) -> object:
        return getattr(self._client, name)


@pytest.mark.parametrize("in_batches", [False, True], ids=["objects", "batches"])
def test_a_refused_topic_is_told_once_and_reading_goes_on(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch, in_batches: bool
) -> None:
    with TopicProducer(broker.address) as producer:
        for number in range(3):
            producer.send("ticks", b"%d" % number)
    refused = KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "not yours")
    values: list[bytes] = []
    told: list[BrokerError] = []
    with TopicConsumer(
        broker.address, ["ticks"], fetch_wait_max_ms=1, in_batches=in_batches
    ) as consumer:
        failing = OneFailure(consumer._consumer, refused)
        monkeypatch.setattr(consumer._drain, "_consumer", failing)
        deadline = time.monotonic() + 60
        while not (told and consumer.at_end()):
            assert time.monotonic() < deadline
            try:
                messages = consumer.poll(0.2)
            except BrokerError as error:
                told.append(error)
            else:
                values += messages.values if messages else []
        consumer.poll(0)  # it would be told here again
    (error,) = told
    assert "reading: not yours" in str(error)
    assert "grant this user the right" in str(error)
    assert not error.fatal
    assert values == [b"0", b"1", b"2"]


@pytest.mark.parametrize(
    "error",
    [
        KafkaError(KafkaError._FATAL, "the client is broken", True),
        KafkaError(KafkaError._AUTHENTICATION, "the client is broken"),
    ],
    ids=["fatal", "credentials"],
)
def test_an_error_that_ends_the_client_says_so_each_time(
    broker: EmbeddedBroker, error: KafkaError
) -> None:
    with TopicConsumer(broker.address, ["ticks"], fetch_wait_max_ms=1) as consumer:
        consumer._errors(error)  # as librdkafka's thread calls it
        for _ in range(2):
            with pytest.raises(BrokerError, match="the client is broken") as told:
                consumer.poll(0)
            assert told.value.fatal
