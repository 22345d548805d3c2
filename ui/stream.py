"""Server-sent events: one poller of the store for all clients, each resuming without a gap."""

import logging
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from optimize.decision import Decision
from storage.protocol import DecisionQuery, Store, StoreError
from ui.events import (
    NOWHERE,
    Event,
    Position,
    decision_event,
    lagged_frame,
    position_of,
    status_event,
)
from ui.lookup import find_decision
from ui.mailbox import Mailbox

PAGE = 100
# About a minute of a page's usual second-by-second events; at a decision of 75 KB (512 symbols)
# the frames that wait are 5 MB, shared by all clients.
CAPACITY = 64
# Records that come in a burst (a recorder that was away) are handed on in halves of a mailbox,
# each given this long to be taken: only who is slower than that misses any.
PATIENCE_S = 0.25
# A client that takes no byte for this long is let go, so that it cannot hold a place for ever.
SEND_TIMEOUT_S = 20
_log = logging.getLogger(__name__)


class StreamLimitError(RuntimeError):
    """As many streams are open as the server was started for."""


@dataclass(slots=True)
class _Feed:
    """One portfolio's clients, and how far the poller has read for them."""

    last_id: str | None
    status_ns: int = 0
    mailboxes: set[Mailbox] = field(default_factory=set)


class StreamHub:
    """Reads the store once for all clients and hands each new record to their mailboxes."""

    def __init__(
        self,
        store: Store,
        *,
        limit: int,
        heartbeat_s: float = 5.0,
        poll_s: float = 0.1,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.limit = limit
        self.n_open = 0
        self.n_dropped = 0
        self._store = store
        self._heartbeat_s = heartbeat_s
        self._poll_s = poll_s
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._feeds: dict[str, _Feed] = {}
        self._stopped = threading.Event()
        self._poller: threading.Thread | None = None
        self._failing = False

    def enter(self) -> None:
        """Take a place for one client; `leave` gives it back.

        Raises
        ------
        StreamLimitError
            There is none, or the server is ending.
        """
        with self._lock:
            if self.n_open >= self.limit or self._stopped.is_set():
                raise StreamLimitError(f"all {self.limit} event streams are in use")
            self.n_open += 1
            if self._poller is None:
                self._poller = threading.Thread(target=self._run, name="stream", daemon=True)
                self._poller.start()

    def leave(self) -> None:
        """Give a place back."""
        with self._lock:
            self.n_open -= 1

    def close(self) -> None:
        """End every stream and the poller."""
        self._stopped.set()
        with self._lock:
            mailboxes = [mailbox for feed in self._feeds.values() for mailbox in feed.mailboxes]
        for mailbox in mailboxes:
            mailbox.close()

    def frames(
        self, portfolio: str, after: str | None, client: socket.socket | None = None
    ) -> Iterator[bytes]:
        """Give the bytes of one client's stream until it goes or the hub closes.

        Parameters
        ----------
        after
            The last decision that the client has; None begins with the newest.
        client
            Its connection, watched for being closed: that alone frees its place at once.
        """
        yield b"retry: 1000\n\n"
        cursor = NOWHERE
        if after:
            known = find_decision(self._store, after)
            cursor = NOWHERE if known is None else position_of(known)
            # What is long past is read before the mailbox opens, at the pace of the client.
            for decision in self._recorded(portfolio, after):
                cursor = position_of(decision)
                yield decision_event(decision).frame
        mailbox = self._subscribe(portfolio)
        try:
            # Whatever the poller read before the mailbox opened is in the store by now; what
            # it reads from now on is in the mailbox; what is in both is known by its position.
            for decision in self._missed(portfolio, cursor[1] or after):
                cursor = position_of(decision)
                yield decision_event(decision).frame
            yield from self._live(mailbox, portfolio, cursor, client)
        finally:
            self._unsubscribe(portfolio, mailbox)

    def _missed(self, portfolio: str, last_id: str | None) -> Iterator[Decision]:
        if last_id is None:
            for newest in self._store.decisions(DecisionQuery(portfolio, limit=1)):
                last_id = newest.id
                yield newest
        yield from self._recorded(portfolio, last_id)

    def _live(
        self, mailbox: Mailbox, portfolio: str, cursor: Position, client: socket.socket | None
    ) -> Iterator[bytes]:
        status_ns = 0
        for status in self._store.statuses(portfolio, 1):
            status_ns = status.time_ns
            yield status_event(status).frame
        idle_s = 0.0
        step_s = min(1.0, self._heartbeat_s)
        while True:
            events, n_dropped, last_dropped = mailbox.take(step_s)
            if _is_gone(client):
                return
            if last_dropped > cursor:
                self.n_dropped += n_dropped
                yield lagged_frame(n_dropped, cursor[1])
            for event in events:
                if event.position > cursor:
                    cursor = event.position
                elif event.status_ns > status_ns:
                    status_ns = event.status_ns
                else:
                    continue
                yield event.frame
            idle_s = 0.0 if events else idle_s + step_s
            if mailbox.closed:
                return
            if idle_s >= self._heartbeat_s:
                idle_s = 0.0
                yield b": alive\n\n"

    def _recorded(self, portfolio: str, last_id: str | None) -> Iterator[Decision]:
        while not self._stopped.is_set():
            page = self._store.decisions(
                DecisionQuery(portfolio, after_id=last_id, newest_first=False, limit=PAGE)
            )
            yield from page
            if len(page) < PAGE:
                return
            last_id = page[-1].id

    def _subscribe(self, portfolio: str) -> Mailbox:
        mailbox = Mailbox(CAPACITY)
        with self._lock:
            feed = self._feeds.get(portfolio)
            if feed is None:
                newest = self._store.decisions(DecisionQuery(portfolio, limit=1))
                feed = self._feeds[portfolio] = _Feed(newest[0].id if newest else None)
            feed.mailboxes.add(mailbox)
        if self._stopped.is_set():
            mailbox.close()
        return mailbox

    def _unsubscribe(self, portfolio: str, mailbox: Mailbox) -> None:
        with self._lock:
            feed = self._feeds[portfolio]
            feed.mailboxes.discard(mailbox)
            if not feed.mailboxes:
                del self._feeds[portfolio]

    def _run(self) -> None:
        while not self._stopped.wait(self._poll_s):
            with self._lock:
                feeds = list(self._feeds.items())
            try:
                for portfolio, feed in feeds:
                    self._poll(portfolio, feed)
                self._failing = False
            except StoreError as error:
                # Streams stay open and go on where they were once the store is back.
                if not self._failing and not self._stopped.is_set():
                    _log.error("event streams wait for the store: %s", error)
                self._failing = True

    def _poll(self, portfolio: str, feed: _Feed) -> None:
        for count, decision in enumerate(self._recorded(portfolio, feed.last_id), 1):
            feed.last_id = decision.id
            self._publish(feed, decision_event(decision))
            if count % (CAPACITY // 2) == 0:
                self._let_read(feed)
        for status in self._store.statuses(portfolio, 1):
            if status.time_ns > feed.status_ns:
                feed.status_ns = status.time_ns
                self._publish(feed, status_event(status))

    def _publish(self, feed: _Feed, event: Event) -> None:
        with self._lock:
            for mailbox in feed.mailboxes:
                mailbox.put(event)

    def _let_read(self, feed: _Feed) -> None:
        with self._lock:
            mailboxes = list(feed.mailboxes)
        deadline_s = time.monotonic() + self._patience_s
        for mailbox in mailboxes:
            mailbox.wait_for_room(CAPACITY // 2, max(0.0, deadline_s - time.monotonic()))


def limit_sending(client: socket.socket) -> None:
    """Let a write to a client that takes nothing fail after `SEND_TIMEOUT_S`."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_TIMEOUT_S, 0))


def _is_gone(client: socket.socket | None) -> bool:
    if client is None:
        return False
    watch = select.poll()
    watch.register(client, select.POLLRDHUP)
    return bool(watch.poll(0))
