"""The pipeline's end of an engine: a socket on this machine that its peers connect to.

A thread of its own reads what they say: where it shared one with other work, pings went
unanswered and peers that were well were taken for lost. Messages to them go out on the thread
that has them. A Unix socket rather than a library's queue: with ZeroMQ a message passed five
threads each way, and a small block there and back took 0.41 ms; now it takes 0.15.
"""

import logging
import selectors
import socket
import threading
import time
from collections.abc import Callable

from optimize.engines.bell import Bell
from optimize.engines.line import Line
from optimize.engines.messages import Hello, Message, Ping, Stop
from optimize.engines.peer_events import Joined, Left, PeerEvent, Rejected, Said
from optimize.engines.wire import WireError, decode

_log = logging.getLogger(__name__)

_PING_S = 0.5
_SILENCE_S = 2.0  # four pings unanswered
_FAREWELL_S = 0.2  # until peers that were told to stop have read it
_BACKLOG = 128


def socket_path(endpoint: str) -> str:
    """Give the path of an ``ipc://`` endpoint.

    Raises
    ------
    ValueError
        It is none.
    """
    scheme, _, path = endpoint.partition("://")
    if scheme != "ipc" or not path:
        raise ValueError(f"endpoint={endpoint!r}: must be ipc:// and a path")
    return path


class PeerHub:
    """Takes peers in, keeps an eye on them, carries messages.

    Parameters
    ----------
    endpoint
        ``ipc://`` and a path of at most 107 bytes; whoever may enter its folder may connect.
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
        self._lines: dict[int, Line] = {}
        self._n_accepted = 0
        self._closing = False
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._bell = Bell()
        self._thread = threading.Thread(target=self._run, name="peers", daemon=True)
        self._ping_at_s = 0.0
        self._tended_s = 0.0

    def start(self) -> None:
        """Bind and begin.

        Raises
        ------
        OSError
            The endpoint cannot be bound; the message names it.
        """
        self._listener.setblocking(False)
        try:
            self._listener.bind(socket_path(self._endpoint))
            self._listener.listen(_BACKLOG)
        except OSError as error:
            self._release()
            raise OSError(error.errno, f"cannot bind {self._endpoint}: {error}") from error
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._thread.start()

    def send(self, peer: int, *messages: Message) -> None:
        """Send messages in order, from any thread; a peer that is gone is told as `Left`."""
        line = self._lines.get(peer)
        if line is not None and line.send(*messages):
            self._bell.ring()

    def send_later(self, peer: int, message: Message) -> None:
        """Send a message before the next, which is a ping half a second from now at the latest."""
        line = self._lines.get(peer)
        if line is not None:
            line.keep(message)

    def close(self) -> None:
        """Tell all peers to stop, then end."""
        if self._closing:
            return
        self._closing = True
        if self._thread.is_alive():
            self._bell.ring()
            self._thread.join()

    def _run(self) -> None:
        try:
            self._serve()
        except Exception as error:  # noqa: BLE001 - whoever relies on this thread must learn it
            _log.exception("the hub at %s has failed", self._endpoint)
            reason = f"the hub has failed: {type(error).__name__}: {error}"
            for peer in list(self._lines):
                self._drop(peer, f"is out of reach: {reason}")
            self._tell(Rejected("the hub", reason))
        finally:
            self._closing = True
            self._release()

    def _release(self) -> None:
        for line in self._lines.values():
            line.close()
        self._selector.close()
        self._listener.close()
        self._bell.close()

    def _serve(self) -> None:
        self._tended_s = time.monotonic()
        while not self._closing:
            self._turn(_PING_S)
            self._tend(time.monotonic())
        for line in self._lines.values():
            line.part(Stop("the pipeline ends"))
        limit_s = time.monotonic() + _FAREWELL_S
        while self._lines and time.monotonic() < limit_s:
            self._turn(0.02)

    def _turn(self, timeout_s: float) -> None:
        """Wait for something to happen, and deal with it."""
        for key, mask in self._selector.select(timeout_s):
            if key.fileobj is self._listener:
                self._accept()
            elif key.fileobj is self._bell:
                self._watch_writing()
            else:
                if mask & selectors.EVENT_WRITE:
                    self._flush(key.data)
                if mask & selectors.EVENT_READ:
                    self._receive(key.data)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return  # it has given up meanwhile
        connection.setblocking(False)
        self._n_accepted += 1
        self._lines[self._n_accepted] = Line(connection, time.monotonic())
        self._selector.register(connection, selectors.EVENT_READ, self._n_accepted)

    def _watch_writing(self) -> None:
        self._bell.hush()
        both = selectors.EVENT_READ | selectors.EVENT_WRITE
        for peer, line in list(self._lines.items()):
            if line.is_hopeless:
                self._drop(peer, "is too far behind")
            elif line.is_behind:
                self._selector.modify(line.connection, both, peer)

    def _flush(self, peer: int) -> None:
        line = self._lines.get(peer)
        if line is not None:
            line.flush()
            if not line.is_behind:
                self._selector.modify(line.connection, selectors.EVENT_READ, peer)

    def _receive(self, peer: int) -> None:
        line = self._lines.get(peer)
        if line is None:
            return
        try:
            frames = line.receive()
            if frames is None:
                self._drop(peer, "closed its connection")
                return
            for frame in frames:
                if line.leaving or peer not in self._lines:
                    return
                self._hear(peer, line, decode(frame))
        except WireError as error:
            self._put_out(peer, f"sent what is no message: {error}", str(error))

    def _hear(self, peer: int, line: Line, message: Message) -> None:
        line.heard_s = time.monotonic()
        match message:
            case Hello():
                self._greet(peer, line, message)
            case Stop(reason):
                self._drop(peer, f"stopped: {reason}")
            case _ if line.capacity:
                self._tell_of(peer, Said(peer, message))

    def _greet(self, peer: int, line: Line, hello: Hello) -> None:
        if hello.capacity and hello.fingerprint != self._fingerprint:
            reason = (
                f"{hello.name} has fingerprint {hello.fingerprint}, this process has "
                f"{self._fingerprint}: its results could differ, so it is left out; "
                "install the same version of everything on both"
            )
            line.name = ""
            line.part(Stop(reason))
            self._tell(Rejected(hello.name, reason))
            return
        line.name, line.capacity = hello.name, hello.capacity
        if hello.capacity:
            self._tell_of(peer, Joined(peer, hello))

    def _put_out(self, peer: int, reason: str, said: str) -> None:
        """Tell a peer why it is put out, and the listener that it is."""
        line = self._lines[peer]
        name, line.name = line.name, ""
        line.part(Stop(said))
        if name:
            self._tell(Left(peer, f"{name} {reason}"))

    def _drop(self, peer: int, reason: str) -> None:
        line = self._lines.pop(peer, None)
        if line is None:
            return
        self._selector.unregister(line.connection)
        line.close()
        if line.name:
            self._tell(Left(peer, f"{line.name} {reason}"))

    def _tell_of(self, peer: int, event: Joined | Said) -> None:
        """Tell of a peer that is here; it goes where that fails, and all learn why."""
        reason = self._tell(event)
        if reason:
            self._put_out(peer, f"was put out: {reason}", reason)

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
            for line in self._lines.values():
                line.heard_s = now_s
        self._tended_s = now_s
        for peer, line in list(self._lines.items()):
            # One that comes up imports for seconds and may hold its own GIL meanwhile.
            if (line.capacity or line.leaving) and now_s - line.heard_s > _SILENCE_S:
                self._drop(peer, f"has been silent for {_SILENCE_S:g} s")
        if now_s >= self._ping_at_s:
            self._ping_at_s = now_s + _PING_S
            for peer, line in list(self._lines.items()):
                if line.name:
                    self.send(peer, Ping(int(now_s * 1e9)))
