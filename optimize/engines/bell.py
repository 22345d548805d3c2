"""Wakes a thread that waits on descriptors."""

import os
import threading


class Bell:
    """A descriptor that is readable from `ring` to `hush`; after `close` ringing does nothing."""

    def __init__(self) -> None:
        self._event = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._lock = threading.Lock()
        self._closed = False

    def fileno(self) -> int:
        """Give the descriptor to wait on."""
        return self._event

    def ring(self) -> None:
        """Wake the thread, from any other."""
        with self._lock:  # a descriptor closed meanwhile could already be another's
            if not self._closed:
                os.eventfd_write(self._event, 1)

    def hush(self) -> None:
        """Take note of all rings so far."""
        try:
            os.eventfd_read(self._event)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Give the descriptor back."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.close(self._event)
