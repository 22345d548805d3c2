"""What the log says of a broker that goes and comes back, by the clients of one process."""

import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from ingest.broker import BrokerError
from ingest.client_log import ClientLog
from ingest.consumer import TopicConsumer
from ingest.producer import TopicProducer
from ingest.sole_producer import SoleProducer
from tests.ingest.faulty_broker import FaultyBroker

CONCURRENT_TRANSACTIONS = 51
TRIED_AGAIN = "it is tried again until it answers"
REFUSED = (
    "FAIL [rdkafka#consumer-1] [thrd:{0}/1]: {0}/1: Connect to ipv4#{0} failed: "
    "Connection refused (after 0ms in state CONNECT)"
)
WAITS = (
    "GETPID [rdkafka#producer-1] [thrd:main]: Failed to acquire {kind} PID from broker "
    "127.0.0.1:9092/1: Broker: {why}: retrying"
)


@pytest.fixture
def faulty(caplog: pytest.LogCaptureFixture) -> Iterator[FaultyBroker]:
    caplog.set_level(logging.INFO)
    with FaultyBroker() as broker:
        yield broker


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def until(holds: Callable[[], bool], step: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline_s
        step()
        threading.Event().wait(0.01)


def make_consumer(address: str) -> tuple[Callable[[], object], Callable[[], object]]:
    consumer = TopicConsumer(address, ["ticks"], fetch_wait_max_ms=5)
    return lambda: consumer.poll(0.05), consumer.close


def make_producer(address: str) -> tuple[Callable[[], object], Callable[[], object]]:
    producer = TopicProducer(address)
    return producer.poll, producer.close


def make_sole_producer(address: str) -> tuple[Callable[[], object], Callable[[], object]]:
    producer = SoleProducer(address, "sole")
    return producer.poll, producer.close


@pytest.mark.parametrize("make", [make_consumer, make_producer, make_sole_producer])
def test_the_end_of_an_outage_is_told_once_by_all_clients(
    faulty: FaultyBroker, caplog: pytest.LogCaptureFixture, make: Callable
) -> None:
    with TopicProducer(faulty.address) as producer:
        producer.send("ticks", b"0")
    clients = [make(faulty.address), make_consumer(faulty.address)]

    def step() -> None:
        for poll, _ in clients:
            poll()

    def ends() -> list[str]:
        return [line for line in caplog.messages if "answers again" in line]

    def refusals() -> list[str]:
        return [line for line in caplog.messages if f"{faulty.address}: connection refused" in line]

    step()
    for number in (1, 2):  # the second within a minute of the first
        faulty.go()
        until(lambda n=number: len(refusals()) == n, step)
        assert len(ends()) == number - 1
        faulty.come_back()
        until(lambda n=number: len(ends()) == n, step)
        assert ends()[-1].startswith(f"Kafka at {faulty.address} answers again after ")
    until_s = time.monotonic() + 1
    until(lambda: time.monotonic() > until_s, step)
    assert caplog.messages[-1] == ends()[-1]
    for _, close in clients:
        close()


def test_a_client_that_is_closed_tells_no_outage_that_is_over(
    faulty: FaultyBroker, caplog: pytest.LogCaptureFixture
) -> None:
    """One that never polls hands all its lines over when it is closed."""
    idle = TopicConsumer(faulty.address, [])
    producer = TopicProducer(faulty.address)
    faulty.go()
    until_s = time.monotonic() + 1
    until(lambda: time.monotonic() > until_s, lambda: None)  # tries, each of which leaves a line
    faulty.come_back()
    idle.partitions("ticks")
    idle.close()
    producer.close()
    assert not [line for line in caplog.messages if TRIED_AGAIN in line]


def test_a_first_connection_that_fails_is_told_by_its_error_alone(
    faulty: FaultyBroker, caplog: pytest.LogCaptureFixture
) -> None:
    faulty.go()
    began_s = time.monotonic()
    with pytest.raises(BrokerError, match=r"no answer in 2.5 s.*start the broker there"):
        TopicConsumer(faulty.address, ["ticks"])
    assert time.monotonic() - began_s < 10  # the client itself would try for ever
    assert not [line for line in caplog.messages if faulty.address in line]


def test_an_id_that_is_free_a_moment_later_is_not_told(
    faulty: FaultyBroker, caplog: pytest.LogCaptureFixture
) -> None:
    faulty.refuse_ids(CONCURRENT_TRANSACTIONS, CONCURRENT_TRANSACTIONS)
    with SoleProducer(faulty.address, "sole") as producer:
        producer.send("decisions", b"0")
        producer.poll()
    assert not [line for line in caplog.messages if "PID" in line]


@pytest.mark.parametrize(
    ("kind", "why"),
    [("transactional", "concurrent operation"), ("idempotence", "Coordinator load in progress")],
)
def test_an_id_that_is_not_given_for_ten_seconds_is_told(
    caplog: pytest.LogCaptureFixture, kind: str, why: str
) -> None:
    clock = Clock()
    log = ClientLog(clock)
    waits = WAITS.format(kind=kind, why=why)
    for tick in range(21):
        clock.now_s = tick * 0.5
        log.log(logging.WARNING, waits)
    assert not caplog.messages
    clock.now_s = 10.5
    log.log(logging.WARNING, waits)
    assert caplog.messages == [f"Kafka client: {waits.split(': ', 1)[1]}"]
    caplog.clear()
    clock.now_s = 100  # another time
    log.log(logging.WARNING, waits)
    assert not caplog.messages


def test_failures_are_told_of_clients_that_listen_alone(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    log = ClientLog(clock)
    log.bootstrap = "listens.example:1"

    def told(at_s: float, port: int) -> bool:
        clock.now_s = at_s
        log.polls()
        log.log(logging.ERROR, REFUSED.format(f"listens.example:{port}"))
        found = bool(caplog.messages)
        caplog.clear()
        return found

    assert not told(0, 1)  # never connected
    log.connected(1)
    assert told(1, 1)
    assert told(5.9, 2)
    assert not told(11, 3)  # what it says may be 5 s old
    assert told(11.1, 3)
    log.is_closing = True
    assert not told(11.2, 4)


def test_of_several_brokers_one_that_is_away_is_no_outage() -> None:
    log = ClientLog(Clock())
    log.bootstrap = "one.example:1,two.example:1"
    log.connected(2)
    log.polls()
    log.log(logging.ERROR, REFUSED.format("one.example:1"))
    assert not log.is_away
    log.lost()  # librdkafka says that none answers
    assert log.is_away
