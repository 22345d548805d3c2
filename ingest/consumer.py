"""Reading from Kafka: partitions assigned, every gap in offsets noticed.

One wake-up takes all that has arrived, as message objects or as whole batches, see `Drain`.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Literal

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from ingest.access import BrokerAccess, access
from ingest.broker import (
    BrokerErrors,
    ask_again,
    connection,
    describe,
    explain,
    is_embedded,
    make_client,
)
from ingest.client_log import LOGGER
from ingest.codec import RawMessages
from ingest.draining import Drain, Event, ObjectDrain
from ingest.offsets import Gap, Offsets, Partition
from ingest.topic_log import TopicLog, read_tail

Start = Literal["earliest", "committed"] | Mapping[Partition, int]

_LOOK_FOR_TOPICS_S = 0.25
_LAST_COMMITS_S = 2.0  # a broker that is there answers within milliseconds
_OUTAGE_LIMIT_S = 30.0  # Kafka restarts in 2-4 s, moves a partition's leader in 3-9 s


class TopicConsumer:
    """A consumer of whole topics.

    Parameters
    ----------
    broker
        ``host:port``, or how to reach it.
    topics
        Topics to read, each with the partitions that it has when it is found; one that does
        not exist yet is waited for and then read from its beginning.
    group
        Under which positions are committed; no group is joined.
    start
        ``earliest``, or ``committed``: where the group stands, else earliest; or the offset to
        begin at in each partition.
    fetch_wait_max_ms
        Longest wait of a fetch at the broker; 1 to 5 on the embedded one.
    read_ahead_kib
        Most that is read ahead of `poll`, over all topics' partitions each; what one `poll` gives
        has no more. The default is librdkafka's own.
    in_batches
        Read without a Python object a message, a quarter of the time: several messages then come
        as `Payloads` and arrays. It loads the compiler, 0.4 s.

    Attributes
    ----------
    is_embedded
        Whether the broker is librdkafka's own, of whose partitions only number 0 is used.

    Raises
    ------
    BrokerError
        No broker answers at the address, or it refuses this client.
    """

    def __init__(
        self,
        broker: BrokerAccess | str,
        topics: Sequence[str],
        *,
        group: str = "silverbullet",
        start: Start = "earliest",
        fetch_wait_max_ms: int = 100,
        read_ahead_kib: int = 65_536,
        in_batches: bool = False,
    ) -> None:
        self._broker = access(broker)
        self._bootstrap = self._broker.bootstrap
        self._errors = BrokerErrors()
        self._config = self._client_settings(group, fetch_wait_max_ms, read_ahead_kib)
        self._consumer = make_client(Consumer, self._config)
        self._log = TopicLog(self._consumer, self._bootstrap, self._errors)
        self._start: Start = start
        cluster = describe(self._consumer, self._bootstrap, self._errors)
        # Only there the offsets alone tell of a loss; on Kafka, markers of transactions and what
        # compaction leaves out take offsets without a message.
        self.is_embedded = is_embedded(cluster)
        self._offsets = Offsets(is_dense=self.is_embedded)
        self._waiting = list(topics)
        self._down_since: float | None = None
        self._failed: KafkaError | None = None
        self._gone: list[Partition] = []  # their offset that is due is not at the broker
        self._drain: Drain = (
            _drain_batches(self._consumer) if in_batches else ObjectDrain(self._consumer)
        )
        try:
            self._look_for_topics()
        except BaseException:  # its queue is to go before the client
            self._drain.close()
            raise
        self._start = "earliest"  # of a topic made from now on all is new

    def _client_settings(
        self, group: str, fetch_wait_max_ms: int, read_ahead_kib: int
    ) -> dict[str, Any]:
        return connection(self._broker, self._errors) | {
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            # Kafka says when an offset is gone; the gap is noted and reading begins anew.
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            # A decision is for its readers when it is made: its transaction only sees to it
            # that one run makes them, and ends seconds later.
            "isolation.level": "read_uncommitted",
            # No group is joined; but a commit waits this long for the group's coordinator.
            "session.timeout.ms": 10_000,
            "on_commit": self._on_commit,
            "fetch.wait.max.ms": fetch_wait_max_ms,
            "queued.max.messages.kbytes": read_ahead_kib,
            # The default of 1 s stalls the reader whenever its queue was full: measured
            # 132 000 small messages a second with it, 549 000 with 1.
            "fetch.queue.backoff.ms": 1,
        }

    def poll(self, timeout_s: float) -> RawMessages | None:
        """Wait for messages and take all there are, at most 20 000, in batches about 1 MB.

        Parameters
        ----------
        timeout_s
            Longest wait; while a topic is missing at most 0.25 s.

        Returns
        -------
        RawMessages or None
            None when nothing came.

        Raises
        ------
        BrokerError
            The broker refuses this client or a topic, or has been away for 30 s. It is told
            once and reading goes on with the next call, unless the error is ``fatal``.
        RuntimeError
            The consumer is closed.
        """
        self._raise_refusal()
        while self._gone:
            self._begin_again(self._gone[-1])
            self._gone.pop()
        if self._waiting:
            self._look_for_topics()
            timeout_s = min(timeout_s, _LOOK_FOR_TOPICS_S)
        self._errors.log.polls()
        ask_again(self._consumer, self._errors)
        deadline_s = time.monotonic() + timeout_s
        while True:
            drained = self._drain.poll(timeout_s)
            if drained is None:
                self._check_broker()
                return None
            found, events = drained
            if found is not None:
                self._follow(found)
            self._take_events(events)  # what they say of offsets comes after the messages'
            timeout_s = deadline_s - time.monotonic()
            if found is not None or timeout_s <= 0 or self._failed or self._gone:
                return found

    def _take_events(self, events: list[Event]) -> None:
        """Take what librdkafka tells in place of a message."""
        for error, partition, offset in events:
            if error.code() == KafkaError._PARTITION_EOF:
                self._offsets.reach(partition, offset)
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                self._gone.append(partition)
            else:
                self._failed = self._failed or error

    def _follow(self, messages: RawMessages) -> None:
        self._errors.all_down = False
        self._down_since = None
        self._offsets.follow(messages.topics, messages.partitions, messages.offsets)

    @property
    def lost_offsets(self) -> int:
        """Offsets skipped since the start."""
        return self._offsets.lost

    def gaps(self) -> tuple[Gap, ...]:
        """Give the newest gaps, at most 256; each says in words what was lost."""
        return self._offsets.gaps

    def positions(self) -> dict[Partition, int]:
        """Give the next offset of each partition: all before it was returned by `poll`."""
        return self._offsets.positions

    def partitions(self, topic: str) -> tuple[int, ...]:
        """Give the numbers of a topic's partitions, any topic; none where it is not.

        Raises
        ------
        BrokerError
            The broker does not answer or refuses the topic.
        """
        return tuple(number for _, number in self._log.partitions(topic))

    def bounds(self, topic: str) -> dict[Partition, tuple[int, int]]:
        """Give what the broker has of each partition of a topic, any topic.

        Returns
        -------
        dict
            The oldest offset and the one after the newest; nothing where the topic is not.

        Raises
        ------
        BrokerError
            The broker does not answer.
        """
        found = self._log.partitions(topic)
        return {partition: self._log.watermarks(partition) for partition in found}

    def at_end(self) -> bool:
        """Tell whether all that the topics hold has been returned.

        It asks the broker, which on Kafka answers after the fetch under way (up to
        ``fetch_wait_max_ms``): not for a hot loop.

        Raises
        ------
        BrokerError
            The broker does not answer.
        """
        if self._waiting:
            return False
        return all(
            position >= self._log.watermarks(partition)[1]
            for partition, position in self._offsets.positions.items()
        )

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Have the broker keep positions, without waiting for it.

        What it did not take is told in one line of the log ``ingest.kafka``. The next commit
        covers it; after a crash before that, what lies behind is read again.

        Parameters
        ----------
        positions
            As `positions` gave them when what lies before them was safe.

        Raises
        ------
        BrokerError
            The client is of no use any more.
        """
        if not positions:
            return
        offsets = [TopicPartition(*key, offset) for key, offset in positions.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as failure:
            raise explain(failure.args[0], self._bootstrap, "committing offsets") from failure

    def _on_commit(self, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
        refused = error or next((at.error for at in offsets if at.error is not None), None)
        if refused is not None:
            LOGGER.error(
                "%s; the next commit covers this one, without it they are read again",
                explain(refused, self._bootstrap, "committing offsets"),
            )

    def last(self, topic: str, n: int = 1) -> list[bytes]:
        """Give the newest messages of a topic, which need not be one of the consumer's.

        Parameters
        ----------
        topic
            The topic; one that does not exist has none.
        n
            How many.

        Returns
        -------
        list of bytes
            At most ``n``, oldest first; by Kafka timestamp where there are several partitions.

        Raises
        ------
        BrokerError
            The broker does not answer.
        """
        return read_tail(self._config, self._bootstrap, topic, n)

    def close(self) -> None:
        """Leave the broker; waits 2 s at most for commits that it has not answered."""
        self._errors.log.is_closing = True
        self._drain.close()
        # The client waits up to a minute for a broker that is gone, also when it is freed: a
        # thread that holds no process back does so in its place.
        closing = threading.Thread(target=self._consumer.close, name="closing", daemon=True)
        closing.start()
        closing.join(_LAST_COMMITS_S)
        if closing.is_alive():
            text = "Kafka at %s did not answer the last commits in %g s; they are read again"
            LOGGER.error(text, self._bootstrap, _LAST_COMMITS_S)

    def _look_for_topics(self) -> None:
        """Begin to read the topics that have come to be."""
        for topic in list(self._waiting):
            partitions = self._log.partitions(topic)
            if not partitions:
                continue
            stored: Mapping[Partition, int] = {}
            if self._start == "committed":
                stored = self._log.committed(partitions)
            elif not isinstance(self._start, str):
                stored = self._start
            begin = [self._begin(partition, stored.get(partition)) for partition in partitions]
            for partition in partitions:
                self._drain.take_over(partition)
            self._consumer.incremental_assign(begin)
            self._waiting.remove(topic)

    def _begin(self, partition: Partition, wanted: int | None) -> TopicPartition:
        low, high = self._log.watermarks(partition)
        return TopicPartition(*partition, self._offsets.begin(partition, wanted, low, high))

    def _begin_again(self, partition: Partition) -> None:
        """Go on at the oldest offset there is, as the one that was due is not."""
        begin = self._begin(partition, self._offsets.positions[partition])
        self._consumer.incremental_unassign([TopicPartition(*partition)])
        self._consumer.incremental_assign([begin])

    def _raise_refusal(self) -> None:
        failed, self._failed = self._failed, None
        refusal = self._errors.fatal or failed
        if refusal is not None:
            raise explain(refusal, self._bootstrap, "reading")

    def _check_broker(self) -> None:
        """Give up on a broker that has been away for too long."""
        if not self._errors.all_down:
            self._down_since = None
            return
        now = time.monotonic()
        if self._down_since is None:
            self._down_since = now
        elif now - self._down_since > _OUTAGE_LIMIT_S:
            # In silence nothing tells that a broker is back, so ask once before giving up.
            describe(self._consumer, self._bootstrap, self._errors)
            self._errors.all_down = False
            self._down_since = None

    def __enter__(self) -> "TopicConsumer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _drain_batches(consumer: Consumer) -> Drain:
    """Read by librdkafka's own calls, or by objects where that cannot be, which is told."""
    from ingest.native.librdkafka import NativeError  # noqa: PLC0415 - it loads the compiler
    from ingest.native.reader import BatchDrain  # noqa: PLC0415

    try:
        return BatchDrain(consumer)
    except NativeError as error:
        LOGGER.warning("%s; messages are read one by one, a third as fast", error)
        return ObjectDrain(consumer)
