"""Ticks on their way into Kafka: packed, paced, and all of them arriving."""

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from confluent_kafka import Consumer, TopicPartition

from ingest.broker import EmbeddedBroker
from ingest.feed import feed, pack
from ingest.file_ticks import FileTicks
from ingest.pacing import MOST_ROWS
from ingest.packed import decode_packed
from ingest.producer import TopicProducer
from ingest.recorded import open_recorded
from tests.ingest.made_ticks import NOW, SECOND, ticks_at

KLINES = Path(__file__).parents[1] / "data" / "BTCUSDT-1m-2024-01.csv"


@dataclass
class Sink:
    """Takes messages as a producer would."""

    sent: list[tuple[bytes, object, int | None, int | None]] = field(default_factory=list)
    flushed_with: float = -1.0

    def send(self, topic, value, key=None, partition=None, timestamp_ms=None) -> None:
        self.sent.append((value, key, partition, timestamp_ms))

    def poll(self) -> None:
        pass

    def flush(self, timeout_s: float) -> int:
        self.flushed_with = timeout_s
        return 0

    def times(self) -> list[int]:
        return [t for value, *_ in self.sent for t in decode_packed(value).event_time_ns.tolist()]


def test_a_message_holds_the_ticks_in_their_order_and_names_their_symbols() -> None:
    symbols = tuple(f"S{k}" for k in range(9))
    ids = [0, 3, 8, 3, 1, 2, 4, 5, 6, 7]
    key, value = pack(ticks_at([NOW + k for k in range(10)], symbols, ids))
    found = decode_packed(value)
    assert key is None
    assert [found.names[i] for i in found.symbol_ids.tolist()] == [symbols[i] for i in ids]
    assert found.event_time_ns.tolist() == [NOW + k for k in range(10)]


def test_a_message_of_one_symbol_has_it_as_key_and_few_ticks_a_small_table() -> None:
    symbols = tuple(f"SYMBOL-{k}" for k in range(512))
    key, value = pack(ticks_at([NOW], symbols, [7]))
    assert key == "SYMBOL-7"
    assert decode_packed(value).names == ("SYMBOL-7",)
    key, value = pack(ticks_at([NOW, NOW], symbols, [7, 511]))
    assert key is None
    assert len(value) < 100


def test_full_messages_are_well_below_what_kafka_takes() -> None:
    symbols = tuple(f"{k:032d}" for k in range(512))
    ids = [k % 512 for k in range(MOST_ROWS)]
    _, value = pack(ticks_at([NOW] * MOST_ROWS, symbols, ids))
    assert len(value) < 200_000


class Endless:
    """Ticks a second apart without an end, from ``begin_ns`` on."""

    def chunks(self, begin_ns: int, live_ns: int) -> Iterator[FileTicks]:
        for k in range(0, 1 << 40, 100):
            yield ticks_at([begin_ns + (k + i) * SECOND for i in range(100)])


def test_history_is_sent_at_once_and_the_rest_at_its_time() -> None:
    sink, stop = Sink(), threading.Event()
    timer = threading.Timer(1.3, stop.set)
    timer.start()
    begin = time.time_ns()
    report = feed(Endless(), sink, "ticks", stop=stop, history_ns=250 * SECOND)
    took_s = (time.time_ns() - begin) / SECOND
    timer.join()
    assert report.ticks == len(sink.times())
    assert 250 <= report.ticks <= 251 + took_s
    assert max(sink.times()) <= time.time_ns()
    assert all(stamp is None for *_, stamp in sink.sent)
    assert report.last_clock_ns == max(sink.times())


def test_times_ahead_of_the_wall_clock_take_the_kafka_timestamp_along() -> None:
    sink, stop = Sink(), threading.Event()
    sent = 0

    def credit(n_bytes: int) -> bool:
        nonlocal sent
        sent += 1
        if sent > 20:
            stop.set()
            return False
        return True

    feed(Endless(), sink, "ticks", stop=stop, speed=math.inf, can_send=credit)
    assert len(sink.sent) == 20
    now_ms = time.time_ns() // 10**6
    for value, _, _, stamp in sink.sent[1:]:
        newest_ns = int(decode_packed(value).event_time_ns.max())
        assert stamp is not None
        assert stamp > now_ms
        assert 0 <= stamp * 10**6 - newest_ns < 10**6


def test_without_credit_nothing_is_sent_and_stopping_is_prompt() -> None:
    sink, stop = Sink(), threading.Event()
    asked: list[int] = []

    def refuse(n_bytes: int) -> bool:
        asked.append(n_bytes)
        if len(asked) == 5:
            stop.set()
        return False

    begin = time.monotonic()
    report = feed(Endless(), sink, "ticks", stop=stop, speed=math.inf, can_send=refuse)
    assert time.monotonic() - begin < 2
    assert (report.ticks, report.messages, sink.sent) == (0, 0, [])
    assert set(asked) == {asked[0]}
    assert sink.flushed_with == 2.0


def test_stopping_interrupts_a_long_wait() -> None:
    sink, stop = Sink(), threading.Event()
    timer = threading.Timer(0.5, stop.set)
    minutes = open_recorded([KLINES], now_ns=time.time_ns())
    begin = time.monotonic()
    timer.start()
    feed(minutes, sink, "ticks", stop=stop)  # its second candle is due in a minute
    assert time.monotonic() - begin < 5
    assert len(sink.times()) == 1
    timer.join()


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan])
def test_impossible_speeds_are_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="must be > 0"):
        feed(Endless(), Sink(), "ticks", stop=threading.Event(), speed=speed)


def test_every_tick_arrives_over_the_embedded_broker_paced_by_what_was_consumed() -> None:
    """Three times what the broker keeps goes through it without a loss."""
    symbols = tuple(f"S{k}" for k in range(20))
    n_chunks, per_chunk, limit = 220, MOST_ROWS, 2_000_000

    class Long:
        def chunks(self, begin_ns: int, live_ns: int) -> Iterator[FileTicks]:
            for k in range(n_chunks):
                times = [begin_ns + (k * per_chunk + i) * 1000 for i in range(per_chunk)]
                yield ticks_at(times, symbols, [i % 20 for i in range(per_chunk)])

    got: list[int] = []
    taken_bytes = sent_bytes = 0

    def credit(n_bytes: int) -> bool:
        nonlocal sent_bytes
        if sent_bytes - taken_bytes + n_bytes > limit:
            return False
        sent_bytes += n_bytes
        return True

    def consume() -> None:
        nonlocal taken_bytes
        consumer = Consumer({"bootstrap.servers": broker.address, "group.id": "t"})
        consumer.assign([TopicPartition("ticks", 0, 0)])
        deadline = time.monotonic() + 60
        while len(got) < n_chunks and time.monotonic() < deadline:
            message = consumer.poll(0.1)
            if message is not None and message.error() is None:
                taken_bytes += len(message.value())
                got.append(int(decode_packed(message.value()).event_time_ns[0]))
        consumer.close()

    with EmbeddedBroker() as broker, TopicProducer(broker.address) as producer:
        reader = threading.Thread(target=consume)
        reader.start()
        report = feed(
            Long(), producer, "ticks", stop=threading.Event(), speed=math.inf, can_send=credit
        )
        reader.join()
    assert report.undelivered == 0
    assert report.ticks == n_chunks * per_chunk
    assert report.sent_bytes > 15_000_000
    assert np.diff(got).tolist() == [per_chunk * 1000] * (n_chunks - 1)
