"""The shell that sends ticks to Kafka at their times."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from ingest.codec import encode_packed
from ingest.file_ticks import FileTicks
from ingest.pacing import Pacer, Schedule, Wait

_LONGEST_WAIT_S: Final = 0.5  # delivery failures are looked at so often
_CREDIT_WAIT_S: Final = 0.001
_FLUSH_S, _STOPPED_FLUSH_S = 60.0, 2.0
PARTITION: Final = 0
"""Of the topic of ticks, the one there is: `run` refuses a topic with more."""


class TickSource(Protocol):
    """Gives ticks from an event time on."""

    def chunks(self, begin_ns: int, live_ns: int) -> Iterator[FileTicks]:
        """Give ticks in the order of their clocks.

        Parameters
        ----------
        begin_ns
            Event time at which they begin.
        live_ns
            Event time up to which they are history: sent at once, where others are paced.
        """
        ...


class MessageSink(Protocol):
    """The part of `ingest.producer.TopicProducer` that a feed needs."""

    def send(
        self,
        topic: str,
        value: bytes,
        key: bytes | str | None = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
    ) -> None:
        """Queue a message."""

    def poll(self) -> None:
        """Take in delivery failures."""

    def flush(self, timeout_s: float) -> int:
        """Wait for delivery; gives the messages still under way."""
        ...


@dataclass(slots=True)
class FeedReport:
    """What was sent.

    Attributes
    ----------
    ticks, messages, sent_bytes
        Counts.
    last_clock_ns
        Event time of the last tick, UTC; 0 where there was none.
    undelivered
        Messages not known to be delivered at the end.
    """

    ticks: int = 0
    messages: int = 0
    sent_bytes: int = 0
    last_clock_ns: int = 0
    undelivered: int = 0


def feed(
    source: TickSource,
    producer: MessageSink,
    topic: str,
    *,
    stop: threading.Event,
    speed: float = 1.0,
    history_ns: int = 0,
    begin_ns: int | None = None,
    can_send: Callable[[int], bool] | None = None,
) -> FeedReport:
    """Send ticks to a topic, each when it is due, until the source or the caller ends it.

    Ticks go in packed batches of those due together. Event times that run ahead of the wall
    clock (a speed above 1) take the Kafka timestamp with them, so that admission does not take
    them for the future's.

    Parameters
    ----------
    source
        Where ticks come from.
    producer
        Where they go.
    topic
        Name of the topic.
    stop
        Set it to end the feed; it ends within milliseconds and two seconds of flushing.
    speed
        Event time that passes in a second; ``math.inf``: as fast as it goes.
    history_ns
        Begin with ticks of so much event time before ``begin_ns``, sent at once.
    begin_ns
        Event time at which the live part begins; None: now. After a restart, the last event
        time sent before, should it be ahead of now.
    can_send
        Asked before each message whether so many bytes may be sent now; until it says so,
        nothing is sent. So a feed can be held to what was consumed.

    Returns
    -------
    FeedReport
        What was sent.

    Raises
    ------
    ValueError
        A speed that is not positive.
    """
    if not speed > 0:
        raise ValueError(f"speed={speed}: must be > 0")
    now_ns = time.time_ns()
    live_ns = now_ns if begin_ns is None else begin_ns
    pacer = Pacer(source.chunks(live_ns - history_ns, live_ns), Schedule(now_ns, live_ns, speed))
    outlet = _Outlet(producer, topic, can_send, stop)
    while not stop.is_set():
        now_ns = time.time_ns()
        due = pacer.step(now_ns)
        if due is None:
            break
        if isinstance(due, Wait):
            producer.poll()
            stop.wait(min((due.until_ns - now_ns) / 1e9, _LONGEST_WAIT_S))
        else:
            outlet.send(due, now_ns)
    outlet.report.undelivered = producer.flush(_STOPPED_FLUSH_S if stop.is_set() else _FLUSH_S)
    return outlet.report


class _Outlet:
    """Sends what is due, as credit allows, and counts it."""

    def __init__(
        self,
        producer: MessageSink,
        topic: str,
        can_send: Callable[[int], bool] | None,
        stop: threading.Event,
    ) -> None:
        self.report = FeedReport()
        self._producer, self._topic = producer, topic
        self._can_send, self._stop = can_send, stop

    def send(self, due: FileTicks, now_ns: int) -> None:
        last_ns = int(due.clock_ns[-1])
        timestamp_ms = -(-last_ns // 1_000_000) if last_ns > now_ns else None
        key, value = pack(due)
        if not self._has_credit(len(value)):
            return
        self._producer.send(self._topic, value, key, PARTITION, timestamp_ms)
        self.report.ticks += len(due)
        self.report.messages += 1
        self.report.sent_bytes += len(value)
        self.report.last_clock_ns = last_ns
        self._producer.poll()

    def _has_credit(self, n_bytes: int) -> bool:
        """Wait for credit; False where the feed was stopped meanwhile."""
        while self._can_send is not None and not self._can_send(n_bytes):
            self._producer.poll()
            if self._stop.wait(_CREDIT_WAIT_S):
                return False
        return True


def pack(ticks: FileTicks) -> tuple[str | None, bytes]:
    """Pack ticks into one message; one of a single symbol has it as its key, others have none."""
    used, places = np.unique(ticks.symbol_ids, return_inverse=True)
    names = [ticks.symbols[i] for i in used.tolist()]
    value = encode_packed(names, places, ticks.prices, ticks.event_time_ns, ticks.trade_ids)
    return (names[0] if len(names) == 1 else None), value
