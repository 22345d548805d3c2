"""The pipeline's end of one peer's connection: never waits, whatever the peer is at."""

import socket
import threading
from collections import deque

from optimize.engines.frames import FrameReader
from optimize.engines.messages import Message
from optimize.engines.wire import encode

_READ_BYTES = 2**18
_MOST_BEHIND_BYTES = 2**28  # one that takes nothing for 2 s is gone anyway


class Line:
    """Sends from any thread at once, as far as the kernel takes it; one thread does the rest.

    To hand each message to that thread cost a wake-up, 30 to 40 us, in every direction.

    Parameters
    ----------
    connection
        A stream socket, non-blocking.
    heard_s
        When it was accepted, monotonic seconds.
    """

    def __init__(self, connection: socket.socket, heard_s: float) -> None:
        self.connection = connection
        self.name = ""
        self.capacity = 0
        """Blocks at once; 0: it is not taken in."""
        self.heard_s = heard_s
        self.leaving = False
        """Whether it was told to stop and is read no more."""
        self._reader = FrameReader()
        self._kept: list[bytes] = []
        self._behind: deque[memoryview] = deque()
        self._n_behind = 0
        self._lock = threading.Lock()

    @property
    def is_behind(self) -> bool:
        """Whether `flush` has something to send."""
        return bool(self._behind)

    @property
    def is_hopeless(self) -> bool:
        """Whether it is so far behind that it had better begin anew."""
        return self._n_behind > _MOST_BEHIND_BYTES

    def send(self, *messages: Message) -> bool:
        """Send in order.

        Returns
        -------
        bool
            Whether something is left for `flush`. What a connection that is gone does not take
            is lost without a word: its reader learns of the end in any case.
        """
        frames = [encode(message) for message in messages]
        with self._lock:
            data = b"".join((*self._kept, *frames))
            self._kept.clear()
            left = memoryview(data)
            if not self._behind:
                left = left[self._take(left) :]
            if left:
                self._behind.append(left)
                self._n_behind += len(left)
            return bool(self._behind)

    def keep(self, message: Message) -> None:
        """Send a message together with the next."""
        with self._lock:
            self._kept.append(encode(message))

    def flush(self) -> None:
        """Send what could not be sent at once, as far as it is taken now."""
        with self._lock:
            while self._behind:
                left = self._behind.popleft()
                taken = self._take(left)
                self._n_behind -= taken
                if taken < len(left):
                    self._behind.appendleft(left[taken:])
                    return

    def receive(self) -> list[bytes] | None:
        """Take the whole frames that are there; None at the end of the stream.

        Raises
        ------
        WireError
            They are none of ours.
        """
        try:
            data = self.connection.recv(_READ_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            return None
        return self._reader.feed(data) if data else None

    def part(self, message: Message) -> None:
        """Send a last message; what the peer still says is thrown away.

        A socket closed at once would drop that message where the peer's own are unread.
        """
        self.send(message)
        self.leaving, self.capacity = True, 0
        try:
            self.connection.shutdown(socket.SHUT_WR)
        except OSError:
            return  # it is gone already

    def close(self) -> None:
        """End the connection at once; what is left to send is lost."""
        with self._lock:  # no other thread is in the midst of a send
            self.connection.close()

    def _take(self, data: memoryview) -> int:
        try:
            return self.connection.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            return len(data)
