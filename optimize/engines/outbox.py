"""What other threads want a socket's thread to send, with a descriptor that it can wait on."""

import os
import threading
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Outbox(Generic[Item]):
    """A queue whose `fileno` is readable while something is in it.

    A ZeroMQ socket belongs to one thread; this is how the others reach it.
    """

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._lock = threading.Lock()
        self._closed = False

    def fileno(self) -> int:
        """Give the descriptor to wait on."""
        return self._event

    def put(self, item: Item) -> None:
        """Add an item and make the descriptor readable; after `close` do nothing."""
        with self._lock:  # a descriptor closed meanwhile could already be another's
            if not self._closed:
                self._items.append(item)
                os.eventfd_write(self._event, 1)

    def drain(self) -> list[Item]:
        """Take all items; only the socket's thread may."""
        try:
            os.eventfd_read(self._event)
        except BlockingIOError:
            return []
        items = []
        while self._items:
            items.append(self._items.popleft())
        return items

    def close(self) -> None:
        """Give the descriptor back."""
        with self._lock:
            self._closed = True
            os.close(self._event)
