"""Where an engine's threads leave what happened until `collect` takes it."""

import threading
from collections import deque
from collections.abc import Callable

from optimize.engines.protocol import EngineEvent


class Mailbox:
    """Events in the order they came; putting one wakes whoever waits."""

    def __init__(self) -> None:
        self._events: deque[EngineEvent] = deque()
        self._filled = threading.Condition()
        self._wake: Callable[[], None] = _nobody

    def attach(self, wake: Callable[[], None]) -> None:
        """Call ``wake``, outside all locks, whenever something was put."""
        self._wake = wake

    def put(self, event: EngineEvent) -> None:
        """Leave an event."""
        with self._filled:
            self._events.append(event)
            self._filled.notify()
        self._wake()

    def take(self, timeout_s: float) -> list[EngineEvent]:
        """Take all events, waiting up to ``timeout_s`` seconds for the first."""
        if not self._events and timeout_s <= 0:
            return []
        with self._filled:
            self._filled.wait_for(lambda: bool(self._events), timeout_s)
            events = list(self._events)
            self._events.clear()
            return events


def _nobody() -> None:
    """Stand in until somebody attaches."""
