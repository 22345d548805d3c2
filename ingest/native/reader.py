"""Whole batches of a consumer's partitions, without a Python object a message."""

import ctypes
import time
from typing import Any

import numpy as np
from confluent_kafka import Consumer, KafkaError
from numpy.typing import NDArray

from ingest.codec import RawMessages
from ingest.draining import MOST, Drained, Event, drain_one
from ingest.native import librdkafka
from ingest.native.json_kernels import PADDING
from ingest.native.message_kernels import (
    ERROR,
    MESSAGE,
    OFFSET,
    PARTITION,
    TIMESTAMP,
    TOPIC,
    measure_messages,
    take_messages,
)
from ingest.offsets import Partition
from ingest.payloads import Payloads
from ingest.ticks import FEW

# How long callbacks (errors, commits) may wait for their turn while no message comes, and how
# often partitions are taken over anew: at some time after it was assigned again a partition's
# messages lie in its own queue.
_INTERVAL_S = 0.1
# So many are looked at one by one: a kernel costs a live feed, whose caches are cold, 100 us. Of
# JSON, which admission takes by lists too, `FEW`; packed ones are quicker by kernels from 5 on.
_FEW = 4
# Of one wake-up, about: what is made of it stays in the caches then. Packed ticks from Kafka took
# 26 ns each to admit and 43 in the windows with 1 MB, as with 256 kB; 35 and 47 with 4 MB, 34 and
# 51 with 128 kB.
_BATCH_BYTES = 1 << 20
_FIRST = 1000  # messages, before any has shown its size


class BatchDrain:
    """Takes a consumer's partitions over; its own `poll` then gives callbacks, no messages.

    Parameters
    ----------
    consumer
        Outlives the drain, which is to be closed first.

    Raises
    ------
    NativeError
        librdkafka cannot be called beside confluent-kafka here.
    """

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._library = librdkafka.open_library()
        self._handle = librdkafka.find_handle(self._library, consumer)
        self._queue: int = self._library.rd_kafka_queue_new(self._handle)
        self._pointers = np.zeros(MOST, np.int64)
        self._address = self._pointers.ctypes.data
        self._names: dict[int, str] = {}
        self._partitions: set[Partition] = set()
        self._again_s = 0.0
        self._most = _FIRST

    def take_over(self, partition: Partition) -> None:
        """Have a partition's messages come here, from its assignment on."""
        self._partitions.add(partition)
        topic, number = partition
        own = self._library.rd_kafka_queue_get_partition(self._handle, topic.encode(), number)
        self._library.rd_kafka_queue_forward(own, self._queue)
        self._library.rd_kafka_queue_destroy(own)  # the reference, not the queue

    def poll(self, timeout_s: float) -> Drained | None:
        """Wait for something, then take all there is.

        Raises
        ------
        RuntimeError
            It is closed.
        """
        if not self._queue:
            raise RuntimeError("Consumer closed")
        deadline_s = time.monotonic() + timeout_s
        while True:
            now_s = time.monotonic()
            if now_s >= self._again_s:
                self._again_s = now_s + _INTERVAL_S
                for partition in self._partitions:
                    self.take_over(partition)
            said = self._consumer.poll(0)
            if said is not None:
                return drain_one(said)
            left_s = max(0.0, deadline_s - now_s)
            if self._fetch(0, round(min(left_s, _INTERVAL_S) * 1e3), 1):
                return self._read(time.time_ns())
            if left_s <= _INTERVAL_S:
                return None

    def _fetch(self, at: int, timeout_ms: int, most: int) -> int:
        place = self._address + 8 * at
        found = self._library.rd_kafka_consume_batch_queue(self._queue, timeout_ms, place, most)
        return max(0, int(found))

    def _read(self, receive_time_ns: int) -> Drained:
        """Give the message that is there and those that wait behind it, of about 1 MB in all."""
        n = 1 + self._fetch(1, 0, self._most - 1)
        if n <= _FEW or (n <= FEW and self._begins_with_object()):
            return self._read_few(n, receive_time_ns)
        bounds, columns = np.empty(n + 1, np.int64), np.empty((5, n), np.int64)
        n_events = measure_messages(self._pointers, n, bounds)
        # As large as these are the next ones will be. More than a few, or none would be measured.
        self._most = min(MOST, max(_FEW + 1, n * _BATCH_BYTES // max(1, int(bounds[n]))))
        buffer = np.empty(bounds[n] + PADDING, np.uint8)
        take_messages(self._pointers, n, bounds, columns, buffer)
        if not n_events:
            return Drained(self._messages(columns, buffer, bounds, receive_time_ns), [])
        is_event = columns[ERROR] != 0
        events = [self._take_event(columns, place) for place in np.flatnonzero(is_event).tolist()]
        if n_events == n:
            return Drained(None, events)
        # An event has no contents: where it begins the next message does.
        kept = np.append(bounds[:-1][~is_event], bounds[-1])
        return Drained(self._messages(columns[:, ~is_event], buffer, kept, receive_time_ns), events)

    def _begins_with_object(self) -> bool:
        """Tell whether the first message holds JSON of one tick, as the others will then."""
        pointer = int(self._pointers[0])
        error, _, _, payload, length, _ = MESSAGE.unpack(ctypes.string_at(pointer, MESSAGE.size))
        return not error and length > 0 and ctypes.string_at(payload, 1) == b"{"

    def _read_few(self, n: int, receive_time_ns: int) -> Drained:
        """Give the first messages, as lists."""
        library, events, found = self._library, list[Event](), list[tuple[Any, ...]]()
        for pointer in self._pointers[:n].tolist():
            fields = MESSAGE.unpack(ctypes.string_at(pointer, MESSAGE.size))
            error, topic, partition, payload, length, offset = fields
            name = self._name(topic) if topic else ""
            if error:
                events.append(Event(KafkaError(error), (name, partition), offset))
            else:
                value = ctypes.string_at(payload, length) if length else b""
                timestamp_ms = library.rd_kafka_message_timestamp(pointer, None)
                found.append((name, value, timestamp_ms, partition, offset))
            library.rd_kafka_message_destroy(pointer)
        if not found:
            return Drained(None, events)
        topics, values, timestamps_ms, partitions, offsets = map(list, zip(*found, strict=True))
        return Drained(
            RawMessages(topics, values, timestamps_ms, partitions, offsets, receive_time_ns), events
        )

    def _messages(
        self,
        columns: NDArray[np.int64],
        buffer: NDArray[np.uint8],
        bounds: NDArray[np.int64],
        receive_time_ns: int,
    ) -> RawMessages:
        n = columns.shape[1]
        pointers = columns[TOPIC]
        if (pointers == pointers[0]).all():
            topics = [self._name(int(pointers[0]))] * n
        else:
            topics = [self._name(pointer) for pointer in pointers.tolist()]
        return RawMessages(
            topics=topics,
            values=Payloads(buffer, bounds),
            timestamps_ms=columns[TIMESTAMP],
            partitions=columns[PARTITION],
            offsets=columns[OFFSET],
            receive_time_ns=receive_time_ns,
        )

    def _take_event(self, columns: NDArray[np.int64], place: int) -> Event:
        code, topic, partition, _, offset = columns[:, place].tolist()
        name = self._name(topic) if topic else ""
        self._library.rd_kafka_message_destroy(int(self._pointers[place]))
        return Event(KafkaError(code), (name, partition), offset)

    def _name(self, topic: int) -> str:
        # A topic's object lives as long as its consumer.
        name = self._names.get(topic)
        if name is None:
            name = self._names[topic] = self._library.rd_kafka_topic_name(topic).decode()
        return name

    def close(self) -> None:
        """Give the queue back, and what waits in it; a second time does nothing."""
        queue, self._queue = self._queue, 0
        if queue:
            self._library.rd_kafka_queue_destroy(queue)
