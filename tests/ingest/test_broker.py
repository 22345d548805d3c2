"""The embedded broker and the producer, over real sockets."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from ingest import producer as producer_module
from ingest.broker import BrokerError, EmbeddedBroker
from ingest.consumer import TopicConsumer
from ingest.producer import TopicProducer, linger_for


def read(address: str, topic: str, n: int) -> list[bytes]:
    """Read a topic from its beginning until there are n messages."""
    values: list[bytes] = []
    deadline = time.monotonic() + 30
    consumer = TopicConsumer(address, [topic], fetch_wait_max_ms=1)
    while len(values) < n and time.monotonic() < deadline:
        messages = consumer.poll(0.5)
        values += messages.values if messages else []
    assert consumer.poll(0) is None
    assert set(consumer.positions()) == {(topic, 0)}
    consumer.close()
    return values


def repeat_until(done: Callable[[], bool], act: Callable[[], None], timeout_s: float = 30) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline, "not within the time limit"
        act()


@contextmanager
def a_port_without_broker() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def test_another_process_reaches_the_broker(broker: EmbeddedBroker) -> None:
    script = (
        "import sys; from ingest.producer import TopicProducer\n"
        "with TopicProducer(sys.argv[1]) as producer:\n"
        "    for number in range(100): producer.send('ticks', b'%d' % number)\n"
    )
    subprocess.run([sys.executable, "-c", script, broker.address], check=True, timeout=60)
    assert read(broker.address, "ticks", 100) == [b"%d" % number for number in range(100)]


def test_two_brokers_keep_apart_and_end_when_closed() -> None:
    with EmbeddedBroker() as one, EmbeddedBroker() as other:
        assert one.address != other.address
        with TopicProducer(one.address) as producer:
            producer.send("ticks", b"one")
        with TopicProducer(other.address) as producer:
            producer.send("ticks", b"other")
        assert read(one.address, "ticks", 1) == [b"one"]
        assert read(other.address, "ticks", 1) == [b"other"]
    host, port = one.address.split(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=5)


def test_keys_do_not_scatter_over_the_embedded_partitions(broker: EmbeddedBroker) -> None:
    values = [b"%d" % number for number in range(50)]
    with TopicProducer(broker.address) as producer:
        for value in values:
            producer.send("ticks", value, key=value)
    assert read(broker.address, "ticks", 50) == values


def test_the_kafka_timestamp_can_be_given(broker: EmbeddedBroker) -> None:
    with TopicProducer(broker.address) as producer:
        producer.send("ticks", b"", timestamp_ms=1_723_075_200_123)
        producer.send("ticks", b"")
    consumer = TopicConsumer(broker.address, ["ticks"], fetch_wait_max_ms=1)
    stamps: list[int] = []

    def act() -> None:
        messages = consumer.poll(0.5)
        stamps.extend(messages.timestamps_ms if messages else [])

    repeat_until(lambda: len(stamps) == 2, act)
    consumer.close()
    assert stamps[0] == 1_723_075_200_123
    assert abs(stamps[1] - time.time() * 1000) < 60_000


@pytest.mark.parametrize(
    ("rate", "current", "linger"),
    [(0.1, 1, 0), (2_000, 1, 0), (3_000, 0, 0), (3_000, 1, 1), (5_000, 0, 1), (20_000, 1, 1)],
)
def test_the_linger_of_a_rate(rate: float, current: int, linger: int) -> None:
    assert linger_for(rate, current) == linger


def test_linger_follows_the_rate_and_keeps_the_order(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producer_module, "_MEASURE_NS", 20_000_000)
    sent = 0
    seen = []
    with TopicProducer(broker.address) as producer:

        def send() -> None:
            nonlocal sent
            producer.send("ticks", b"%d" % sent)
            sent += 1

        def send_and_wait() -> None:
            send()
            producer.flush()
            time.sleep(0.002)

        for linger, act in ((0, send_and_wait), (1, send), (0, send_and_wait)):
            repeat_until(lambda linger=linger: producer.linger_ms == linger, act)  # type: ignore[misc]
            seen.append(producer.linger_ms)
    assert seen == [0, 1, 0]
    assert (
        read(broker.address, "ticks", sent)[-20_000:] == [b"%d" % n for n in range(sent)][-20_000:]
    )


def test_a_known_rate_begins_with_its_linger(broker: EmbeddedBroker) -> None:
    assert TopicProducer(broker.address, rate_hint=100).linger_ms == 0
    assert TopicProducer(broker.address, rate_hint=20_000).linger_ms == 1


def test_a_full_queue_holds_the_sender_back(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producer_module, "_QUEUE_KBYTES", 16)
    values = [b"%04d" % number + b"x" * 1000 for number in range(3000)]
    with TopicProducer(broker.address) as producer:
        for value in values:
            producer.send("ticks", value)
        assert producer.flush() == 0
        assert producer.failed == 0
    assert read(broker.address, "ticks", 3000) == values


def test_what_is_not_delivered_is_counted_with_its_reason(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(producer_module, "_DELIVERY_TIMEOUT_MS", 300)
    producer = TopicProducer(broker.address)
    producer.send("ticks", b"arrives")
    assert producer.flush() == 0
    broker.close()
    for _ in range(3):
        producer.send("ticks", b"lost")
    repeat_until(lambda: producer.failed == 3, producer.poll)
    assert producer.first_failure is not None
    assert "ticks: " in producer.first_failure
    assert "_MSG_TIMED_OUT" in producer.first_failure
    with pytest.raises(BrokerError, match=rf"{broker.address} did not take 3 messages: ticks"):
        producer.close()


def test_too_large_a_message_is_refused_with_the_remedy(broker: EmbeddedBroker) -> None:
    producer = TopicProducer(broker.address)
    with pytest.raises(BrokerError, match=r"sending to ticks: .*send fewer ticks a message"):
        producer.send("ticks", b"x" * 2_000_000)


def test_no_broker_is_told_with_address_and_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.broker.CONNECT_TIMEOUT_S", 0.3)
    with a_port_without_broker() as address:
        for make in (lambda: TopicProducer(address), lambda: TopicConsumer(address, ["ticks"])):
            with pytest.raises(BrokerError, match=rf"Kafka at {address}.*set kafka\.bootstrap"):
                make()
