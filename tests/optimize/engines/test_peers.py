"""The hub over a real socket: who is taken in, who is put out, and why."""

import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import zmq

from optimize.engines import messages
from optimize.engines.peer_link import PeerLink, Silence
from optimize.engines.peers import Joined, Left, PeerEvent, PeerHub, Rejected, Said
from optimize.engines.wire import decode, encode
from optimize.job import DrawJob

WAIT_S = 20.0
JOB = DrawJob("exact", np.ones(3), np.eye(3), 9, "max_sharpe", 1.0, np.zeros(3), 1, 1, 1, 1)


@pytest.fixture
def events() -> "queue.SimpleQueue[PeerEvent]":
    return queue.SimpleQueue()


@pytest.fixture
def endpoint(tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/peers.sock"


@pytest.fixture
def hub(endpoint: str, events: "queue.SimpleQueue[PeerEvent]") -> Iterator[PeerHub]:
    made = PeerHub(endpoint, fingerprint="abc", listen=events.put)
    made.start()
    yield made
    made.close()


@pytest.fixture
def dealer(endpoint: str) -> Iterator["zmq.Socket[bytes]"]:
    """A peer whose every byte the test decides."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.RCVTIMEO, int(WAIT_S * 1e3))
    socket.connect(endpoint)
    yield socket
    context.destroy(linger=0)


def joined(events: "queue.SimpleQueue[PeerEvent]") -> bytes:
    event = events.get(timeout=WAIT_S)
    assert isinstance(event, Joined)
    return event.peer


def until(check: Callable[[], bool]) -> None:
    limit_s = time.monotonic() + WAIT_S
    while not check():
        assert time.monotonic() < limit_s
        time.sleep(0.01)


def test_messages_go_both_ways_and_pings_are_answered(
    hub: PeerHub, endpoint: str, events: "queue.SimpleQueue[PeerEvent]"
) -> None:
    inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
    link = PeerLink(endpoint, inbox, clock=time.monotonic_ns)
    link.start()
    link.say(messages.Hello("p", "", 0))  # coming up: not taken in yet
    link.say(messages.Hello("p", "abc", 2))
    peer = joined(events)
    hub.send(peer, messages.Job(5, JOB), messages.Blocks(5, (0, 1)))
    job, blocks = inbox.get(timeout=WAIT_S), inbox.get(timeout=WAIT_S)
    assert isinstance(job, messages.Job)
    assert np.array_equal(job.job.covariance, JOB.covariance)
    assert blocks == messages.Blocks(5, (0, 1))
    link.say(messages.Failed(5, (1,), "no memory"))
    while not isinstance(said := events.get(timeout=WAIT_S).message, messages.Failed):
        assert isinstance(said, messages.Pong)
    assert said == messages.Failed(5, (1,), "no memory")
    link.say(messages.Stop("enough"))
    while not isinstance(event := events.get(timeout=WAIT_S), Left):
        assert isinstance(event, Said)
    assert event.reason == "p stopped: enough"
    link.close()


def test_other_fingerprint_is_named_told_why_and_left_out(
    hub: PeerHub, dealer: "zmq.Socket[bytes]", events: "queue.SimpleQueue[PeerEvent]"
) -> None:
    dealer.send(encode(messages.Hello("ray-host-7", "xyz", 2)))
    event = events.get(timeout=WAIT_S)
    assert isinstance(event, Rejected)
    assert event.name == "ray-host-7"
    assert "ray-host-7 has fingerprint xyz, this process has abc" in event.reason
    assert decode(dealer.recv()) == messages.Stop(event.reason)


def test_silent_peer_is_gone_after_two_seconds(
    hub: PeerHub, dealer: "zmq.Socket[bytes]", events: "queue.SimpleQueue[PeerEvent]"
) -> None:
    dealer.send(encode(messages.Hello("p", "abc", 2)))
    joined(events)
    begun_s = time.monotonic()
    event = events.get(timeout=WAIT_S)
    assert isinstance(event, Left)
    assert event.reason == "p has been silent for 2 s"
    assert time.monotonic() - begun_s > 1.9


def test_peer_whose_connection_closes_is_gone_at_the_next_ping(
    hub: PeerHub, dealer: "zmq.Socket[bytes]", events: "queue.SimpleQueue[PeerEvent]"
) -> None:
    dealer.send(encode(messages.Hello("p", "abc", 2)))
    joined(events)
    dealer.close(linger=0)
    event = events.get(timeout=WAIT_S)
    assert isinstance(event, Left)
    assert event.reason == "p closed its connection"


def test_garbage_puts_its_sender_out_and_nobody_else(
    hub: PeerHub,
    dealer: "zmq.Socket[bytes]",
    endpoint: str,
    events: "queue.SimpleQueue[PeerEvent]",
) -> None:
    inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
    link = PeerLink(endpoint, inbox, clock=time.monotonic_ns)
    link.start()
    link.say(messages.Hello("good", "abc", 1))
    good = joined(events)
    dealer.send(b"who are you?")  # from a stranger: nothing to put out
    dealer.send(encode(messages.Hello("bad", "abc", 1)))
    while not isinstance(event := events.get(timeout=WAIT_S), Joined):
        assert isinstance(event, Said)
    dealer.send(b"\x80\x05\x95pickle")
    while not isinstance(event := events.get(timeout=WAIT_S), Left):
        assert isinstance(event, Said)
    assert event.reason.startswith("bad sent what is no message: frame of 9 bytes")
    assert event.peer != good
    hub.send(good, messages.Cancel(3))
    assert inbox.get(timeout=WAIT_S) == messages.Cancel(3)
    link.close()


def test_a_listener_that_fails_puts_out_the_peer_whose_event_it_was(
    endpoint: str, dealer: "zmq.Socket[bytes]", caplog: pytest.LogCaptureFixture
) -> None:
    events: queue.SimpleQueue[PeerEvent] = queue.SimpleQueue()
    inbox: queue.SimpleQueue[object] = queue.SimpleQueue()

    def listen(event: PeerEvent) -> None:
        if isinstance(event, Said) and isinstance(event.message, messages.Failed):
            raise KeyError(event.message.job_id)
        events.put(event)
        if isinstance(event, Left):
            raise RuntimeError("not even this")

    hub = PeerHub(endpoint, fingerprint="abc", listen=listen)
    hub.start()
    link = PeerLink(endpoint, inbox, clock=time.monotonic_ns)
    link.start()
    link.say(messages.Hello("good", "abc", 1))
    good = joined(events)
    dealer.send(encode(messages.Hello("bad", "abc", 1)))
    dealer.send(encode(messages.Failed(5, (1,), "no memory")))
    while not isinstance(event := events.get(timeout=WAIT_S), Left):
        assert isinstance(event, Joined | Said)
    assert event.peer != good
    assert event.reason == "bad was put out: taking its Said failed: KeyError: 5"
    while isinstance(stop := decode(dealer.recv()), messages.Ping):
        pass
    assert stop == messages.Stop("taking its Said failed: KeyError: 5")
    hub.send(good, messages.Cancel(3))  # the thread lives on
    assert inbox.get(timeout=WAIT_S) == messages.Cancel(3)
    assert "not even this" in caplog.text
    link.close()
    hub.close()


def test_endpoint_that_cannot_be_bound_is_named(tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/no/such/folder.sock"
    with pytest.raises(OSError, match=f"cannot bind {address}"):
        PeerHub(address, fingerprint="abc", listen=lambda _: None).start()


def test_peer_is_told_to_stop_when_the_pipeline_is_silent(endpoint: str) -> None:
    inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
    clock = [0]

    def tick() -> int:  # 0.2 s a look: six seconds pass without waiting for them
        clock[0] += 200_000_000
        return clock[0]

    link = PeerLink(endpoint, inbox, clock=tick)
    link.start()
    until(lambda: not inbox.empty())
    assert inbox.get() == Silence("the pipeline was silent for 6 s")
    link.close()


def test_hub_that_fails_itself_says_so_of_every_peer_and_for_good(
    hub: PeerHub, dealer: "zmq.Socket[bytes]", events: "queue.SimpleQueue[PeerEvent]"
) -> None:
    dealer.send(encode(messages.Hello("p", "abc", 1)))
    peer = joined(events)
    hub._outbox.put(None)  # type: ignore[arg-type] - what no caller can do
    left = events.get(timeout=WAIT_S)
    assert isinstance(left, Left)
    assert left.peer == peer
    assert "the hub has failed: TypeError" in left.reason
    rejected = events.get(timeout=WAIT_S)
    assert isinstance(rejected, Rejected)
    assert "the hub has failed: TypeError" in rejected.reason
    hub.send(peer, messages.Ping(1))  # nobody is left to send it; nothing is raised
    hub.close()
