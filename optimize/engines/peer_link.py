"""A peer's end of the protocol: a thread that answers pings whatever the peer is at."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import zmq

from optimize.engines.messages import Message, Ping, Pong, Stop
from optimize.engines.outbox import Outbox
from optimize.engines.wire import WireError, decode, encode

_POLL_MS = 250
# Three times what makes a peer count as gone: a pipeline that compiles or is paused comes back.
_SILENCE_NS = 6_000_000_000


class Silence(Stop):
    """The pipeline says nothing: it is gone, or took this peer for gone after a pause."""


class PeerLink:
    """Connects to a `PeerHub`; what the hub says arrives in ``inbox``.

    A `Stop` in the inbox means: end. After 6 s without a word there comes a `Silence`.

    Parameters
    ----------
    endpoint
        Where the hub is bound.
    inbox
        Takes messages; the peer may put its own things there as well.
    clock
        Monotonic ns.
    """

    def __init__(
        self, endpoint: str, inbox: "SimpleQueue[Any]", *, clock: Callable[[], int]
    ) -> None:
        self._endpoint = endpoint
        self._inbox = inbox
        self._clock = clock
        self._outbox: Outbox[bytes] = Outbox()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)

    def start(self) -> None:
        """Connect, in the background."""
        self._thread.start()

    def say(self, message: Message) -> None:
        """Send a message, from any thread."""
        self._outbox.put(encode(message))

    def close(self) -> None:
        """Send what is left, then end."""
        self._closing = True
        self._outbox.put(b"")
        self._thread.join()

    def _run(self) -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        dealer = context.socket(zmq.DEALER)
        dealer.setsockopt(zmq.LINGER, 500)
        dealer.setsockopt(zmq.SNDHWM, 0)  # never block: pings have to be answered
        dealer.connect(self._endpoint)
        poller = zmq.Poller()
        poller.register(dealer, zmq.POLLIN)
        poller.register(self._outbox.fileno(), zmq.POLLIN)
        heard_ns = woke_ns = self._clock()
        while not self._closing:
            poller.poll(_POLL_MS)
            now_ns = self._clock()
            # A pause of this process itself is no silence of the other side.
            paused = now_ns - woke_ns > 8 * _POLL_MS * 1_000_000
            woke_ns = now_ns
            if self._receive(dealer) or paused:
                heard_ns = now_ns
            elif now_ns - heard_ns > _SILENCE_NS:
                heard_ns = now_ns
                self._inbox.put(Silence(f"the pipeline was silent for {_SILENCE_NS / 1e9:g} s"))
            self._flush(dealer)
        self._flush(dealer)
        context.destroy(linger=500)
        self._outbox.close()

    def _flush(self, dealer: "zmq.Socket[bytes]") -> None:
        for frame in self._outbox.drain():
            if frame:
                dealer.send(frame)

    def _receive(self, dealer: "zmq.Socket[bytes]") -> bool:
        heard = False
        while True:
            try:
                frame = dealer.recv(zmq.NOBLOCK)
            except zmq.Again:
                return heard
            heard = True
            try:
                message = decode(frame)
            except WireError as error:
                message = Stop(f"the pipeline sent what is no message: {error}")
            if isinstance(message, Ping):
                dealer.send(encode(Pong(message.number)))
            else:
                self._inbox.put(message)
