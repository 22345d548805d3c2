"""Ticks over several partitions: each symbol in one, and rows as from a single partition."""

import threading
import time
from collections import defaultdict

import numpy as np
import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st

from ingest.broker import EmbeddedBroker
from ingest.codec import RawMessages, decode
from ingest.feed import feed
from ingest.partitioning import PAUSE_NS, PartitionClocks, partition_of
from tests.ingest.admitting import admission
from tests.ingest.made_ticks import NOW, SECOND, ticks_at
from tests.ingest.test_feed import Sink

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BINANCE/XRP-USD", "A", "Z")


def test_a_symbol_goes_where_librdkafka_sends_its_key() -> None:
    went: dict[str, int] = {}

    def note(error: object, message: object) -> None:
        went[message.key().decode()] = message.partition()

    with EmbeddedBroker() as broker:  # it has four partitions
        producer = Producer({"bootstrap.servers": broker.address, "partitioner": "consistent"})
        for symbol in SYMBOLS:
            producer.produce("keyed", b"x", key=symbol, on_delivery=note)
        producer.flush(10)
    assert went == {symbol: partition_of(symbol, 4) for symbol in SYMBOLS}
    assert len(set(went.values())) > 1


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 99), st.integers(0, 2 * PAUSE_NS))),
)
def test_each_partition_is_told_the_newest_time_and_never_too_often(n, steps) -> None:
    clocks = PartitionClocks(n)
    knows, told_at, newest, now_ns = [-1] * n, [None] * n, -1, NOW
    for partition, time_ns, step_ns in steps:
        now_ns += step_ns
        clocks.sent(partition % n, time_ns, now_ns)
        newest = max(newest, time_ns)
        if time_ns > knows[partition % n]:
            knows[partition % n], told_at[partition % n] = time_ns, now_ns
        for place, clock_ns in clocks.due(now_ns):
            assert clock_ns == newest > knows[place]
            assert told_at[place] is None or now_ns - told_at[place] >= PAUSE_NS
            knows[place], told_at[place] = clock_ns, now_ns
        behind = [p for p in range(n) if knows[p] < newest]
        assert all(now_ns - told_at[p] < PAUSE_NS for p in behind)
    assert {place for place, _ in clocks.due(now_ns, at_end=True)} == {
        p for p in range(n) if knows[p] < newest
    }
    assert clocks.due(now_ns + SECOND, at_end=True) == []


class Recording:
    """Ticks of a few seconds, 50 ms apart, of one symbol far more often than of the others."""

    def chunks(self, begin_ns: int, live_ns: int):
        ids = np.random.default_rng(4).choice(len(SYMBOLS), 400, p=[0.9, *([0.02] * 5)])
        times = [NOW + k * SECOND // 20 for k in range(400)]
        yield ticks_at(times, SYMBOLS, ids.tolist())


def sent_to(n_partitions: int) -> dict[int, list[bytes]]:
    sink = Sink()
    feed(
        Recording(), sink, "ticks", stop=threading.Event(), history_ns=1 << 62,
        n_partitions=n_partitions,
    )  # fmt: skip
    by_partition: dict[int, list[bytes]] = defaultdict(list)
    for value, _, partition, _ in sink.sent:
        by_partition[partition].append(value)
    return by_partition


def test_a_feed_parts_ticks_by_symbol_and_ends_with_all_partitions_at_one_time() -> None:
    (alone,) = sent_to(1).values()
    whole = decode(alone)
    assert whole.clocks == []
    parts = sent_to(3)
    assert set(parts) == {0, 1, 2}
    for partition, values in parts.items():
        rows = decode(values)
        is_tick = np.ones(len(rows.prices), bool)
        is_tick[rows.clocks] = False
        names = np.array([rows.names[i] for i in rows.name_ids])
        assert {partition_of(name, 3) for name in names[is_tick]} == {partition}
        mine = [partition_of(whole.names[i], 3) == partition for i in whole.name_ids]
        assert rows.event_time_ns[is_tick].tolist() == whole.event_time_ns[mine].tolist()
        assert rows.event_time_ns.max() == whole.event_time_ns.max()


def test_ticks_ahead_of_the_wall_clock_take_their_clock_messages_along() -> None:
    sink, later = Sink(), time.time_ns() + 3600 * SECOND

    class Later:
        def chunks(self, begin_ns: int, live_ns: int):
            yield ticks_at([later, later + SECOND], SYMBOLS, [0, 0])

    feed(Later(), sink, "ticks", stop=threading.Event(), begin_ns=later, speed=1e9, n_partitions=2)
    clocks = [(value, stamp) for value, key, _, stamp in sink.sent if value.startswith(b'{"clock')]
    assert clocks
    assert all(stamp * 10**6 >= later for _, stamp in clocks)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b'{"clock_ns": "now"}', "clock_ns='now'"),
        (b'{"clock_ns": true}', "clock_ns=True"),
        (b'{"clock_ns": -5}', "clock_ns=-5"),
        (b'{"clock_ns": 4000000000000000000}', "clock_ns=4000000000000000000"),
        (b'{"clock_ns": 99999999999999999999999}', "must fit 64 bits"),
    ],
)
def test_an_impossible_clock_is_refused_and_moves_nothing(value: bytes, said: str) -> None:
    judge = admission()
    found = judge.step(raw_messages(value))
    assert (len(found.batch), found.n_clock, found.n_read) == (0, 0, 1)
    (rejection,) = found.rejections
    assert said in rejection.message
    assert rejection.payload == value


def test_clock_messages_keep_their_place_and_are_not_counted_as_ticks() -> None:
    judge = admission()
    tick = b'{"symbol": "A", "price": 2.0, "event_time_ns": 1723075200000000000, "trade_id": 4}'
    clock = b'{"clock_ns": 1723075200500000000}'
    found = judge.step(raw_messages(clock, tick, b"[%b, %b]" % (clock, tick), tick, clock))
    assert found.batch.symbol_ids.tolist() == [-1, 0, -1, -1]
    assert found.batch.offsets.tolist() == [0, 1, 2, 4]
    assert (found.n_read, found.n_duplicate, found.n_clock, found.rejections) == (3, 2, 3, ())
    assert judge.symbols.symbols == ("A",)


def raw_messages(*values: bytes) -> RawMessages:
    n = len(values)
    stamp_ms = 1_723_075_200_000
    return RawMessages(["ticks"] * n, list(values), [stamp_ms] * n, [1] * n, list(range(n)), 7)
