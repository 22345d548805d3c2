"""What waits for one client of the stream: bounded, the newest kept."""

import threading
from collections import deque
from typing import NamedTuple

from ui.events import NOWHERE, Event, Position


class Taken(NamedTuple):
    """What one wait gave: events, and the decisions dropped before them."""

    events: list[Event]
    n_dropped: int
    last_dropped: Position


class Mailbox:
    """Events between the poller and one client.

    A client that reads too slowly loses all that waits but the newest decision and the newest
    event, and is told how many decisions that were: memory stays bounded and what it shows is
    never old.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._events: deque[Event] = deque()
        self._changed = threading.Condition()
        self._dropped = 0
        self._last_dropped = NOWHERE
        self.closed = False

    def put(self, event: Event) -> None:
        """Add an event; never waits."""
        with self._changed:
            if len(self._events) >= self._capacity:
                self._drop_old(keep_decision=not event.is_decision)
            self._events.append(event)
            self._changed.notify_all()

    def _drop_old(self, *, keep_decision: bool) -> None:
        decisions = [waiting for waiting in self._events if waiting.is_decision]
        kept = decisions[-1:] if keep_decision else []
        lost = decisions[: len(decisions) - len(kept)]
        if lost:
            self._dropped += len(lost)
            self._last_dropped = lost[-1].position
        self._events = deque(kept)

    def take(self, timeout_s: float) -> Taken:
        """Wait for events; none when the time is over or the mailbox is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._events or self.closed, timeout_s)
            taken = Taken(list(self._events), self._dropped, self._last_dropped)
            self._events.clear()
            self._dropped, self._last_dropped = 0, NOWHERE
            self._changed.notify_all()
            return taken

    def wait_for_room(self, n_events: int, timeout_s: float) -> None:
        """Wait until so many events fit; not for a client that was too slow already."""
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self.closed
                    or self._dropped > 0
                    or len(self._events) + n_events <= self._capacity
                ),
                timeout_s,
            )

    def close(self) -> None:
        """Let the client go after what still waits."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()
