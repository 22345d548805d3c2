"""The hub over a real socket: who is taken in, who is put out, and why."""

import itertools
import queue
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimize.engines import messages
from optimize.engines.frames import FrameReader
from optimize.engines.line import Line
from optimize.engines.peer_events import Joined, Left, PeerEvent, Rejected, Said
from optimize.engines.peer_link import PeerLink, Silence
from optimize.engines.peers import PeerHub, socket_path
from optimize.engines.wire import WireError, decode, encode
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


class Stranger:
    """A peer whose every byte the test decides."""

    def __init__(self, endpoint: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(WAIT_S)
        self.socket.connect(socket_path(endpoint))
        self._reader = FrameReader()
        self._frames: list[bytes] = []

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def next(self) -> messages.Message:
        """Give the next message that is no ping."""
        while True:
            while not self._frames:
                data = self.socket.recv(4096)
                assert data, "the hub closed the connection"
                self._frames = self._reader.feed(data)
            message = decode(self._frames.pop(0))
            if not isinstance(message, messages.Ping):
                return message


@pytest.fixture
def stranger(hub: PeerHub, endpoint: str) -> Iterator[Stranger]:
    made = Stranger(endpoint)
    yield made
    made.socket.close()


def joined(events: "queue.SimpleQueue[PeerEvent]") -> int:
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
    hub: PeerHub, stranger: Stranger, events: "queue.SimpleQueue[PeerEvent]"
) -> None:
    stranger.send(encode(messages.Hello("ray-host-7", "xyz", 2)))
    event = events.get(timeout=WAIT_S)
    assert isinstance(event, Rejected)
    assert event.name == "ray-host-7"
    assert "ray-host-7 has fingerprint xyz, this process has abc" in event.reason
    assert stranger.next() == messages.Stop(event.reason)


def test_silent_peer_is_gone_after_two_seconds(
    hub: PeerHub, stranger: Stranger, events: "queue.SimpleQueue[PeerEvent]"
) -> None:
    stranger.send(encode(messages.Hello("p", "abc", 2)))
    joined(events)
    begun_s = time.monotonic()
    event = events.get(timeout=WAIT_S)
    assert isinstance(event, Left)
    assert event.reason == "p has been silent for 2 s"
    assert time.monotonic() - begun_s > 1.9


def test_peer_whose_connection_closes_is_gone_at_once(
    hub: PeerHub, stranger: Stranger, events: "queue.SimpleQueue[PeerEvent]"
) -> None:
    stranger.send(encode(messages.Hello("p", "abc", 2)))
    joined(events)
    stranger.socket.close()
    event = events.get(timeout=WAIT_S)
    assert isinstance(event, Left)
    assert event.reason == "p closed its connection"


def test_garbage_puts_its_sender_out_and_nobody_else(
    hub: PeerHub,
    stranger: Stranger,
    endpoint: str,
    events: "queue.SimpleQueue[PeerEvent]",
) -> None:
    inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
    link = PeerLink(endpoint, inbox, clock=time.monotonic_ns)
    link.start()
    link.say(messages.Hello("good", "abc", 1))
    good = joined(events)
    nobody = Stranger(endpoint)
    nobody.send(b"who are you?")  # never said hello: told why, and nobody else is
    assert isinstance(nobody.next(), messages.Stop)
    stranger.send(encode(messages.Hello("bad", "abc", 1)))
    while not isinstance(event := events.get(timeout=WAIT_S), Joined):
        assert isinstance(event, Said)
    stranger.send(b"\x80\x05\x95pickle")
    while not isinstance(event := events.get(timeout=WAIT_S), Left):
        assert isinstance(event, Said)
    assert event.reason.startswith("bad sent what is no message: frame begins with")
    assert event.peer != good
    stranger.send(encode(messages.Failed(1, (0,), "too late")))  # it is heard no more
    hub.send(good, messages.Cancel(3))
    assert inbox.get(timeout=WAIT_S) == messages.Cancel(3)
    link.say(messages.Failed(2, (0,), "in time"))
    while isinstance(message := events.get(timeout=WAIT_S).message, messages.Pong):
        pass
    assert message == messages.Failed(2, (0,), "in time")
    link.close()
    nobody.socket.close()


def test_one_that_takes_nothing_delays_nobody_and_gets_all_of_it_in_the_end(
    hub: PeerHub, stranger: Stranger, endpoint: str, events: "queue.SimpleQueue[PeerEvent]"
) -> None:
    big = DrawJob(
        "exact", np.ones(500), np.eye(500), 9, "max_sharpe", 1.0, np.zeros(500), 1, 1, 1, 1
    )  # 2 MB, ten times what the kernel keeps for one who does not read
    stranger.send(encode(messages.Hello("slow", "abc", 1)))
    slow = joined(events)
    inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
    link = PeerLink(endpoint, inbox, clock=time.monotonic_ns)
    link.start()
    link.say(messages.Hello("quick", "abc", 1))
    quick = joined(events)
    begun_s = time.monotonic()
    for number in range(10):
        hub.send(slow, messages.Job(number, big), messages.Blocks(number, (number,)))
    hub.send(quick, messages.Cancel(3))
    assert inbox.get(timeout=WAIT_S) == messages.Cancel(3)
    assert time.monotonic() - begun_s < 1.5
    for number in range(10):
        job, blocks = stranger.next(), stranger.next()
        assert isinstance(job, messages.Job)
        assert job.job_id == number
        assert np.array_equal(job.job.covariance, np.eye(500))
        assert blocks == messages.Blocks(number, (number,))
    link.close()


def test_pings_are_answered_while_nobody_receives_and_nothing_is_lost(
    hub: PeerHub, endpoint: str, events: "queue.SimpleQueue[PeerEvent]"
) -> None:
    link = PeerLink(endpoint, clock=time.monotonic_ns)
    link.start()
    link.say(messages.Hello("busy", "abc", 1))
    peer = joined(events)
    hub.send(peer, messages.Job(5, JOB), messages.Blocks(5, (0, 1)))
    pongs = [events.get(timeout=WAIT_S) for _ in range(6)]  # 3 s: it would be gone after 2
    assert all(isinstance(said.message, messages.Pong) for said in pongs)
    job, blocks = link.receive(0.0)
    assert isinstance(job, messages.Job)
    assert blocks == messages.Blocks(5, (0, 1))
    link.close()


def test_what_may_wait_comes_before_the_next_message_or_with_a_ping(
    hub: PeerHub, stranger: Stranger, events: "queue.SimpleQueue[PeerEvent]"
) -> None:
    stranger.send(encode(messages.Hello("p", "abc", 1)))
    peer = joined(events)
    hub.send_later(peer, messages.Cancel(1))
    hub.send(peer, messages.Cancel(2))
    assert [stranger.next(), stranger.next()] == [messages.Cancel(1), messages.Cancel(2)]
    hub.send_later(peer, messages.Cancel(3))
    assert stranger.next() == messages.Cancel(3)


def test_the_end_of_the_pipeline_is_told_to_those_who_have_more_to_say(
    hub: PeerHub, stranger: Stranger, endpoint: str, events: "queue.SimpleQueue[PeerEvent]"
) -> None:
    stranger.send(encode(messages.Hello("p", "abc", 1)))
    joined(events)
    for number in range(1000):
        stranger.send(encode(messages.Failed(number, (0,), "why")))
    hub.close()
    assert stranger.next() == messages.Stop("the pipeline ends")
    with pytest.raises(OSError, match=r"refused|No such file"):
        PeerLink(endpoint, clock=time.monotonic_ns)


@given(st.lists(st.integers(0, 40), max_size=12), st.data())
def test_frames_are_the_same_however_a_stream_is_cut(sizes: list[int], data: st.DataObject) -> None:
    frames = [encode(messages.Stop("x" * size)) for size in sizes]
    stream = b"".join(frames)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    reader, found = FrameReader(), []
    for start, end in itertools.pairwise([0, *cuts, len(stream)]):
        found += reader.feed(stream[start:end])
    assert found == frames


def test_what_begins_like_no_frame_is_refused_before_a_whole_header_is_there() -> None:
    with pytest.raises(WireError, match="frame begins with b'GET '"):
        FrameReader().feed(b"GET / HTTP/1.1")
    header = bytearray(encode(messages.Stop("")))
    header[16:24] = (2**40).to_bytes(8, "little")
    with pytest.raises(WireError, match="at most 268435456 are taken"):
        FrameReader().feed(bytes(header))


def test_a_listener_that_fails_puts_out_the_peer_whose_event_it_was(
    endpoint: str, caplog: pytest.LogCaptureFixture
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
    stranger, link = Stranger(endpoint), PeerLink(endpoint, inbox, clock=time.monotonic_ns)
    link.start()
    link.say(messages.Hello("good", "abc", 1))
    good = joined(events)
    stranger.send(encode(messages.Hello("bad", "abc", 1)))
    stranger.send(encode(messages.Failed(5, (1,), "no memory")))
    while not isinstance(event := events.get(timeout=WAIT_S), Left):
        assert isinstance(event, Joined | Said)
    assert event.peer != good
    assert event.reason == "bad was put out: taking its Said failed: KeyError: 5"
    assert stranger.next() == messages.Stop("taking its Said failed: KeyError: 5")
    hub.send(good, messages.Cancel(3))  # the thread lives on
    assert inbox.get(timeout=WAIT_S) == messages.Cancel(3)
    until(lambda: "not even this" in caplog.text)
    link.close()
    hub.close()
    stranger.socket.close()


def test_endpoint_that_cannot_be_bound_is_named(tmp_path: Path) -> None:
    address = f"ipc://{tmp_path}/no/such/folder.sock"
    with pytest.raises(OSError, match=f"cannot bind {address}"):
        PeerHub(address, fingerprint="abc", listen=lambda _: None).start()


def test_peer_is_told_to_stop_when_the_pipeline_is_silent(endpoint: str) -> None:
    silent = socket.socket(socket.AF_UNIX)
    silent.bind(socket_path(endpoint))
    silent.listen()
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
    silent.close()


def test_peer_is_told_to_stop_when_the_pipeline_is_gone(endpoint: str) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(socket_path(endpoint))
    listener.listen()
    link = PeerLink(endpoint, clock=time.monotonic_ns)
    listener.accept()[0].close()
    assert link.receive(WAIT_S) == [Silence("the pipeline closed the connection")]
    link.say(messages.Pong(1))  # into nothing, and without a word
    link.close()
    listener.close()


def test_hub_that_fails_itself_says_so_of_every_peer_and_for_good(
    hub: PeerHub,
    stranger: Stranger,
    events: "queue.SimpleQueue[PeerEvent]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stranger.send(encode(messages.Hello("p", "abc", 1)))
    peer = joined(events)
    monkeypatch.setattr(Line, "receive", len)  # what no change should do
    stranger.send(b"x")
    left = events.get(timeout=WAIT_S)
    assert isinstance(left, Left)
    assert left.peer == peer
    assert "the hub has failed: TypeError" in left.reason
    rejected = events.get(timeout=WAIT_S)
    assert isinstance(rejected, Rejected)
    assert "the hub has failed: TypeError" in rejected.reason
    hub.send(peer, messages.Ping(1))  # nobody is left to send it; nothing is raised
    hub.close()
