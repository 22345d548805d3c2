"""The shell that sends ticks to Kafka at their times."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from ingest.codec import encode_clock, encode_packed
from ingest.file_ticks import FileTicks
from ingest.pacing import Pacer, Schedule, Wait
from ingest.partitioning import PartitionClocks, partition_of

_LONGEST_WAIT_S: Final = 0.5  # delivery failures are looked at so often
_CREDIT_WAIT_S: Final = 0.001
_FLUSH_S, _STOPPED_FLUSH_S = 60.0, 2.0


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
    n_partitions: int = 1,
) -> FeedReport:
    """Send ticks to a topic, each when it is due, until the source or the caller ends it.

    Ticks go in packed batches of those due together. Event times that run ahead of the wall
    clock (a speed above 1) take the Kafka timestamp with them, so that admission does not take
    them for the future's. Of several partitions each is told how far event time has come.

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
    n_partitions
        Of the topic.

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
    outlet = _Outlet(producer, topic, can_send, stop, n_partitions)
    while not stop.is_set():
        now_ns = time.time_ns()
        due = pacer.step(now_ns)
        if due is None:
            break
        outlet.tell_time(now_ns)
        if isinstance(due, Wait):
            producer.poll()
            stop.wait(min((due.until_ns - now_ns) / 1e9, _LONGEST_WAIT_S))
        else:
            outlet.send(due, now_ns)
    outlet.tell_time(time.time_ns(), at_end=True)
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
        n_partitions: int,
    ) -> None:
        self.report = FeedReport()
        self._n_partitions = n_partitions
        self._clocks = PartitionClocks(n_partitions)
        self._places: dict[str, int] = {}
        self._producer, self._topic = producer, topic
        self._can_send, self._stop = can_send, stop

    def send(self, due: FileTicks, now_ns: int) -> None:
        for partition, ticks in self._split(due):
            key, value = pack(ticks)
            if not self._has_credit(len(value)):
                return
            last_ns = int(ticks.clock_ns[-1])
            self._producer.send(self._topic, value, key, partition, _stamp_ms(last_ns, now_ns))
            possible = ticks.event_time_ns[ticks.event_time_ns <= last_ns]
            self._clocks.sent(partition, int(possible.max(initial=-1)), now_ns)
            self.report.ticks += len(ticks)
            self.report.messages += 1
            self.report.sent_bytes += len(value)
            self.report.last_clock_ns = max(self.report.last_clock_ns, last_ns)
        self._producer.poll()

    def tell_time(self, now_ns: int, *, at_end: bool = False) -> None:
        """Tell the partitions that are due how far event time has come."""
        for partition, clock_ns in self._clocks.due(now_ns, at_end=at_end):
            stamp_ms = _stamp_ms(clock_ns, now_ns)
            self._producer.send(self._topic, encode_clock(clock_ns), None, partition, stamp_ms)

    def _split(self, due: FileTicks) -> Iterator[tuple[int, FileTicks]]:
        """Part ticks by partition, each part in its order."""
        if self._n_partitions == 1:
            yield 0, due
            return
        for symbol in due.symbols:
            if symbol not in self._places:
                self._places[symbol] = partition_of(symbol, self._n_partitions)
        places = np.array([self._places[symbol] for symbol in due.symbols])[due.symbol_ids]
        for partition in np.unique(places).tolist():
            yield partition, due.choose(places == partition)

    def _has_credit(self, n_bytes: int) -> bool:
        """Wait for credit; False where the feed was stopped meanwhile."""
        while self._can_send is not None and not self._can_send(n_bytes):
            self._producer.poll()
            if self._stop.wait(_CREDIT_WAIT_S):
                return False
        return True


def _stamp_ms(event_time_ns: int, now_ns: int) -> int | None:
    """Give the Kafka timestamp of a message whose event time is ahead of now; else None."""
    return -(-event_time_ns // 1_000_000) if event_time_ns > now_ns else None


def pack(ticks: FileTicks) -> tuple[str | None, bytes]:
    """Pack ticks into one message; one of a single symbol has it as its key, others have none."""
    used, places = np.unique(ticks.symbol_ids, return_inverse=True)
    names = [ticks.symbols[i] for i in used.tolist()]
    value = encode_packed(names, places, ticks.prices, ticks.event_time_ns, ticks.trade_ids)
    return (names[0] if len(names) == 1 else None), value
