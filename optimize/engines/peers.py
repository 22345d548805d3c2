"""The pipeline's end of an engine: one ZeroMQ ROUTER that its peers connect to.

The socket has a thread of its own: where it shared one with other work, pings went unanswered
and peers that were well were taken for lost.
"""

import errno
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import zmq

from optimize.engines.messages import Hello, Message, Ping, Stop
from optimize.engines.outbox import Outbox
from optimize.engines.wire import WireError, decode, encode

_log = logging.getLogger(__name__)

_PING_S = 0.5
_SILENCE_S = 2.0  # four pings unanswered
_QUEUE = 10_000  # messages a peer may be behind; one that takes none for 2 s is gone anyway


@dataclass(frozen=True, slots=True)
class Joined:
    """A peer with the right fingerprint takes blocks."""

    peer: bytes
    hello: Hello


@dataclass(frozen=True, slots=True)
class Rejected:
    """A peer whose results could differ was left out, or the hub itself failed: for good."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Left:
    """A peer is gone, or was put out for what it sent; ``reason`` names it."""

    peer: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Said:
    """A peer that joined sent a message."""

    peer: bytes
    message: Message


PeerEvent = Joined | Rejected | Left | Said


@dataclass(slots=True)
class _Peer:
    name: str
    capacity: int
    heard_s: float


class PeerHub:
    """Takes peers in, keeps an eye on them, carries messages.

    Parameters
    ----------
    endpoint
        ``ipc://`` path or loopback ``tcp://`` address to bind.
    fingerprint
        What a peer's must be.
    listen
        Called on the hub's thread with every event; it must not block. What it raises is
        logged, and puts out the peer whose event that was.
    """

    def __init__(
        self, endpoint: str, *, fingerprint: str, listen: Callable[[PeerEvent], None]
    ) -> None:
        self._endpoint = endpoint
        self._fingerprint = fingerprint
        self._listen = listen
        self._outbox: Outbox[tuple[bytes, bytes]] = Outbox()
        self._peers: dict[bytes, _Peer] = {}
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="peers", daemon=True)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._ping_at_s = 0.0
        self._tended_s = 0.0

    def start(self) -> None:
        """Bind and begin.

        Raises
        ------
        OSError
            The endpoint cannot be bound; the message names it.
        """
        for option, value in (
            (zmq.ROUTER_MANDATORY, 1),
            (zmq.LINGER, 0),
            (zmq.SNDHWM, _QUEUE),
            (zmq.RCVHWM, _QUEUE),
        ):
            self._router.setsockopt(option, value)
        try:
            self._router.bind(self._endpoint)
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise OSError(error.errno, f"cannot bind {self._endpoint}: {error}") from error
        self._thread.start()

    def send(self, peer: bytes, *messages: Message) -> None:
        """Send messages in order, from any thread; a peer that is gone is told as `Left`."""
        if not self._closing:
            for message in messages:
                self._outbox.put((peer, encode(message)))

    def close(self) -> None:
        """Tell all peers to stop, then end."""
        if self._closing:
            return
        self._closing = True
        if self._thread.is_alive():
            self._outbox.put((b"", b""))
            self._thread.join()

    def _run(self) -> None:
        try:
            self._serve()
        except Exception as error:  # noqa: BLE001 - whoever relies on this thread must learn it
            _log.exception("the hub at %s has failed", self._endpoint)
            reason = f"the hub has failed: {type(error).__name__}: {error}"
            for peer in list(self._peers):
                self._drop(peer, f"is out of reach: {reason}")
            self._tell(Rejected("the hub", reason))
        finally:
            self._closing = True
            self._context.destroy(linger=200)
            self._outbox.close()

    def _serve(self) -> None:
        poller = zmq.Poller()
        poller.register(self._router, zmq.POLLIN)
        poller.register(self._outbox.fileno(), zmq.POLLIN)
        self._tended_s = time.monotonic()
        while not self._closing:
            poller.poll(int(_PING_S * 1e3))
            for peer, frame in self._outbox.drain():
                if peer in self._peers:
                    self._send(peer, frame)
            self._receive()
            self._tend(time.monotonic())
        for peer in list(self._peers):
            self._send(peer, encode(Stop("the pipeline ends")))

    def _send(self, peer: bytes, frame: bytes) -> None:
        try:
            self._router.send_multipart((peer, frame), zmq.NOBLOCK)
        except zmq.ZMQError as error:
            known = error.errno in {errno.EHOSTUNREACH, errno.EAGAIN}
            self._drop(peer, "closed its connection" if known else str(error))

    def _receive(self) -> None:
        while True:
            try:
                frames = self._router.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                message = decode(frames[1] if len(frames) == 2 else b"".join(frames[1:]))
            except WireError as error:
                self._refuse_sender(frames[0], str(error))
            else:
                self._hear(frames[0], message)

    def _hear(self, peer: bytes, message: Message) -> None:
        known = self._peers.get(peer)
        if known is not None:
            known.heard_s = time.monotonic()
        match message:
            case Hello():
                self._greet(peer, message)
            case Stop(reason) if known is not None:
                self._drop(peer, f"stopped: {reason}")
            case _ if known is not None and known.capacity:
                self._tell_of(peer, Said(peer, message))

    def _greet(self, peer: bytes, hello: Hello) -> None:
        if hello.capacity and hello.fingerprint != self._fingerprint:
            reason = (
                f"{hello.name} has fingerprint {hello.fingerprint}, this process has "
                f"{self._fingerprint}: its results could differ, so it is left out; "
                "install the same version of everything on both"
            )
            self._peers.pop(peer, None)
            self._send(peer, encode(Stop(reason)))
            self._tell(Rejected(hello.name, reason))
            return
        self._peers[peer] = _Peer(hello.name, hello.capacity, time.monotonic())
        if hello.capacity:
            self._tell_of(peer, Joined(peer, hello))

    def _refuse_sender(self, peer: bytes, reason: str) -> None:
        if peer in self._peers:
            self._send(peer, encode(Stop(reason)))
            self._drop(peer, f"sent what is no message: {reason}")

    def _drop(self, peer: bytes, reason: str) -> None:
        known = self._peers.pop(peer, None)
        if known is not None:
            self._tell(Left(peer, f"{known.name} {reason}"))

    def _tell_of(self, peer: bytes, event: Joined | Said) -> None:
        """Tell of a peer that is here; it goes where that fails, and all learn why."""
        reason = self._tell(event)
        if reason:
            self._send(peer, encode(Stop(reason)))
            self._drop(peer, f"was put out: {reason}")

    def _tell(self, event: PeerEvent) -> str:
        """Call the listener; give what it failed with, or nothing.

        A bug there must not end this thread: nobody would learn of any peer any more.
        """
        try:
            self._listen(event)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is logged and told
            _log.exception("%s was not taken", event)
            return f"taking its {type(event).__name__} failed: {type(error).__name__}: {error}"
        return ""

    def _tend(self, now_s: float) -> None:
        """Ping, and miss those that were silent while this thread was there to hear them."""
        if now_s - self._tended_s > 2 * _PING_S:
            for known in self._peers.values():
                known.heard_s = now_s
        self._tended_s = now_s
        for peer, known in list(self._peers.items()):
            # One that comes up imports for seconds and may hold its own GIL meanwhile.
            if known.capacity and now_s - known.heard_s > _SILENCE_S:
                self._drop(peer, f"has been silent for {_SILENCE_S:g} s")
        if now_s >= self._ping_at_s:
            self._ping_at_s = now_s + _PING_S
            for peer in list(self._peers):
                self._send(peer, encode(Ping(int(now_s * 1e9))))
