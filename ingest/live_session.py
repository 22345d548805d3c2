"""The shell of a live feed: a venue's messages to Kafka, by the clock."""

import asyncio
import logging
import time
from typing import Final

from ingest.codec import encode_clock
from ingest.live_feed import LiveFeed
from ingest.live_messages import Message
from ingest.live_status import encode_feed_status
from ingest.live_venue import Venue, VenueError
from ingest.partitioning import PAUSE_NS, PartitionClocks, partition_of
from ingest.producer import TopicProducer

log = logging.getLogger("silverbullet")

_LOOK_S: Final = 0.25  # how often silence is looked for
_TELL_S: Final = 1.0


class Inbox:
    """Messages between the venue's handler, which must not wait, and whoever sends them."""

    def __init__(self) -> None:
        self._messages: list[Message] = []
        self._filled = asyncio.Event()

    def put(self, message: Message) -> None:
        """Take a message."""
        self._messages.append(message)
        self._filled.set()

    async def get(self) -> list[Message]:
        """Wait for messages and give all there are."""
        await self._filled.wait()
        return self.take()

    def take(self) -> list[Message]:
        """Give all there are, perhaps none."""
        self._filled.clear()
        messages, self._messages = self._messages, []
        return messages


class LiveSession:
    """Follows a venue until it is told to stop.

    Parameters
    ----------
    feed, venue, inbox, producer
        What decides, where messages come from and through what, where ticks go.
    topic, feed_topic
        Of ticks, and of the records told once a second.
    prefix
        Put before each symbol.
    n_partitions
        Of the topic of ticks.
    """

    def __init__(
        self,
        feed: LiveFeed,
        venue: Venue,
        inbox: Inbox,
        producer: TopicProducer,
        topic: str,
        feed_topic: str,
        prefix: str = "",
        n_partitions: int = 1,
    ) -> None:
        self.feed, self._venue, self._inbox = feed, venue, inbox
        self._producer = producer
        self._topic, self._feed_topic, self._prefix = topic, feed_topic, prefix
        self._n_partitions, self._clocks = n_partitions, PartitionClocks(n_partitions)
        self._is_loaded = False
        self._failed_told = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Feed until ``stop`` is set.

        Raises
        ------
        UnknownToVenueError
            The venue does not trade a symbol.
        BrokerError
            The broker refuses for good.
        """
        stopping = asyncio.ensure_future(stop.wait())
        loops = [self._send(), self._tell(), self._follow()]
        if self._n_partitions > 1:
            loops.append(self._keep_time())
        work = [asyncio.ensure_future(loop) for loop in loops]
        try:
            done, _ = await asyncio.wait([*work, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*work, stopping):
                task.cancel()
            await asyncio.gather(*work, stopping, return_exceptions=True)
            await self._venue.close()
        for task in done - {stopping}:
            task.result()
        self._send_ticks(self._inbox.take())
        self._tell_time(time.time_ns(), at_end=True)
        self._send_status()

    async def _follow(self) -> None:
        """Keep a connection."""
        while True:
            self.feed.opened(time.time_ns())
            reason = await self._follow_once()
            await self._venue.close()
            delay_ns = self.feed.lost(time.time_ns(), reason)
            self._show()
            await asyncio.sleep(delay_ns / 1e9)

    async def _follow_once(self) -> str:
        """Follow the venue over one connection; gives why that ended."""
        work = asyncio.ensure_future(self._open())
        try:
            while True:
                await asyncio.wait([work], timeout=_LOOK_S)
                silence_s = self.feed.silent_for_s(time.time_ns())
                if work.done():
                    work.result()
                elif silence_s is not None:
                    return f"no message for {silence_s:.0f} s"
        except VenueError as failure:
            return str(failure)
        finally:
            work.cancel()

    async def _open(self) -> None:
        if not self._is_loaded:
            names = await self._venue.load()
            self.feed.name({asked: self._prefix + name for asked, name in names.items()})
            self._is_loaded = True
        await self._venue.follow()

    async def _send(self) -> None:
        while True:
            self._send_ticks(await self._inbox.get())

    async def _tell(self) -> None:
        while True:
            self._send_status()
            await asyncio.sleep(_TELL_S)

    def _send_ticks(self, messages: list[Message]) -> None:
        now_ns = time.time_ns()
        for ticks in self.feed.take(messages):
            partition = partition_of(ticks.symbol, self._n_partitions)
            self._producer.send(self._topic, ticks.packed(), ticks.symbol, partition)
            self._clocks.sent(partition, max(ticks.event_time_ns), now_ns)
        self._producer.poll()
        self._show()

    async def _keep_time(self) -> None:
        while True:
            self._tell_time(time.time_ns())
            await asyncio.sleep(PAUSE_NS / 1e9)

    def _tell_time(self, now_ns: int, *, at_end: bool = False) -> None:
        """Tell the partitions that are due how far event time has come."""
        for partition, clock_ns in self._clocks.due(now_ns, at_end=at_end):
            self._producer.send(self._topic, encode_clock(clock_ns), None, partition)

    def _send_status(self) -> None:
        producer, now_ns = self._producer, time.time_ns()
        producer.poll()
        status = self.feed.tell(now_ns, producer.failed)
        producer.send(self._feed_topic, encode_feed_status(status), f"{status.venue} {status.kind}")
        if producer.failed > self._failed_told:
            self._failed_told = producer.failed
            log.error("Kafka did not take %d messages: %s", producer.failed, producer.first_failure)
        self._show()

    def _show(self) -> None:
        for line in self.feed.news():
            log.info("%s", line)
