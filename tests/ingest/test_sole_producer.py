"""What the sole producer of a name still sends when it is closed while no broker answers."""

import threading
import time
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from ingest.broker import BrokerError
from ingest.sole_producer import SoleProducer
from tests.integration.commands import until


class SilentClient:
    """A client whose transactions end for who closes it, at best, and never for its thread."""

    def __init__(self, ends: int) -> None:
        self.ends = ends
        self.done: list[str] = []
        self.asked = threading.Event()

    def init_transactions(self, timeout_s: float) -> None:
        pass

    def begin_transaction(self) -> None:
        self.done.append("begin")

    def produce(self, topic: str, value: bytes, **_: Any) -> None:
        self.done.append(value.decode())

    def commit_transaction(self, timeout_s: float) -> None:
        self.asked.set()
        if threading.current_thread() is not threading.main_thread() or not self.ends:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "no answer", retriable=True))
        self.ends -= 1
        self.done.append("end")


class EndingClient(SilentClient):
    """A client whose transactions end when the test lets them; says when it was asked for what."""

    def __init__(self) -> None:
        super().__init__(ends=0)
        self.let = threading.Event()
        self.times_s: dict[str, float] = {}

    def produce(self, topic: str, value: bytes, **_: Any) -> None:
        self.times_s[value.decode()] = time.monotonic()
        super().produce(topic, value)

    def commit_transaction(self, timeout_s: float) -> None:
        self.asked.set()
        assert self.let.wait(30)
        self.times_s.setdefault("end", time.monotonic())
        self.done.append("end")


def closed_while_ending(client: SilentClient, monkeypatch: pytest.MonkeyPatch) -> SoleProducer:
    """Give a producer with a message in a transaction that does not end, and one held behind it."""
    monkeypatch.setattr("ingest.sole_producer.make_client", lambda *_: client)
    monkeypatch.setattr("ingest.sole_producer.describe", lambda *_: None)
    producer = SoleProducer("127.0.0.1:1", "sole", transaction_s=0.0)
    producer.send("decisions", b"first")
    assert client.asked.wait(30)
    producer.send("decisions", b"held")
    assert client.done == ["begin", "first"]
    return producer


def test_the_next_transaction_begins_when_kafka_can_have_written_the_markers_of_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.sole_producer._MARKERS_S", 0.2)
    client = EndingClient()
    producer = closed_while_ending(client, monkeypatch)
    client.let.set()
    until(lambda: "held" in client.done, "the held message to be sent")
    assert client.times_s["held"] - client.times_s["end"] >= 0.2
    producer.close(5.0)


def test_closing_does_not_wait_for_markers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.sole_producer._MARKERS_S", 3600.0)
    client = EndingClient()
    producer = closed_while_ending(client, monkeypatch)
    client.let.set()
    until(lambda: client.done.count("begin") == 2, "the next transaction to begin")
    producer.close(30.0)
    assert client.done == ["begin", "first", "end", "begin", "held", "end"]


def test_what_was_held_when_it_is_closed_is_sent_in_a_transaction_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = SilentClient(ends=2)
    closed_while_ending(client, monkeypatch).close(5.0)
    assert client.done == ["begin", "first", "end", "begin", "held", "end"]


@pytest.mark.parametrize(("ends", "left"), [(0, 2), (1, 1)])
def test_all_that_was_not_taken_when_it_is_closed_is_told(
    ends: int, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = closed_while_ending(SilentClient(ends), monkeypatch)
    with pytest.raises(BrokerError, match=f"did not take {left} messages: no answer"):
        producer.close(5.0)
