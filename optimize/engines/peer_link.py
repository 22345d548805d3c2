"""A peer's end of the protocol: pings are answered whatever the peer is at."""

import contextlib
import select
import socket
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from optimize.engines.frames import FrameReader
from optimize.engines.messages import Message, Ping, Pong, Stop
from optimize.engines.peers import socket_path
from optimize.engines.wire import WireError, decode, encode

_LOOK_S = 0.25
_READ_BYTES = 2**18
# Three times what makes a peer count as gone: a pipeline that compiles or is paused comes back.
_SILENCE_NS = 6_000_000_000


class Silence(Stop):
    """The pipeline says nothing: it is gone, or took this peer for gone after a pause."""


class PeerLink:
    """Connects to a `PeerHub`.

    What the hub says is taken with `receive`; while nobody does, a thread answers its pings.
    With an inbox that thread takes everything, and puts it there.

    A `Stop` among it means: end. At the end of the stream, and after 6 s without a word, there
    comes a `Silence`.

    Parameters
    ----------
    endpoint
        Where the hub is bound.
    inbox
        Takes messages; the peer may put its own things there as well.
    clock
        Monotonic ns.

    Raises
    ------
    OSError
        Nothing listens there.
    """

    def __init__(
        self,
        endpoint: str,
        inbox: "SimpleQueue[Any] | None" = None,
        *,
        clock: Callable[[], int],
    ) -> None:
        self._inbox = inbox
        self._clock = clock
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(socket_path(endpoint))
        except OSError:
            self._socket.close()
            raise
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._reader = FrameReader()
        self._kept: deque[Message] = deque()
        self._reading, self._sending = threading.Lock(), threading.Lock()
        self._heard_ns = self._looked_ns = clock()
        self._ended = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="link", daemon=True)

    def start(self) -> None:
        """Begin to answer pings, in the background."""
        self._thread.start()

    def say(self, message: Message) -> None:
        """Send a message, from any thread; a pipeline that is gone is told as a `Silence`."""
        with self._sending, contextlib.suppress(OSError):
            self._socket.sendall(encode(message))

    def receive(self, timeout_s: float) -> list[Message]:
        """Take what has come, waiting up to ``timeout_s`` seconds for it."""
        with self._reading:
            if not self._kept:
                self._read(timeout_s)
            found = list(self._kept)
            self._kept.clear()
        return found

    def close(self) -> None:
        """End; what was said before is sent."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            if self._inbox is None:
                self._attend()
                self._closing.wait(_LOOK_S)
                continue
            for message in self.receive(_LOOK_S):
                self._inbox.put(message)

    def _attend(self) -> None:
        """Answer pings in place of one who is busy; the rest is kept for them."""
        if self._reading.acquire(blocking=False):
            try:
                self._read(0.0)
            finally:
                self._reading.release()

    def _read(self, timeout_s: float) -> None:
        if self._ended:
            self._closing.wait(timeout_s)
            return
        ready = self._poll.poll(timeout_s * 1e3)
        now_ns = self._clock()
        # A pause of this process itself is no silence of the other side.
        if ready or now_ns - self._looked_ns > 8 * _LOOK_S * 1e9:
            self._heard_ns = now_ns
        self._looked_ns = now_ns
        if ready:
            self._take()
        elif now_ns - self._heard_ns > _SILENCE_NS:
            self._heard_ns = now_ns
            self._kept.append(Silence(f"the pipeline was silent for {_SILENCE_NS / 1e9:g} s"))

    def _take(self) -> None:
        try:
            data = self._socket.recv(_READ_BYTES, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._ended = True
            self._kept.append(Silence("the pipeline closed the connection"))
            return
        try:
            messages = [decode(frame) for frame in self._reader.feed(data)]
        except WireError as error:
            messages = [Stop(f"the pipeline sent what is no message: {error}")]
        for message in messages:
            if isinstance(message, Ping):
                self.say(Pong(message.number))
            else:
                self._kept.append(message)
