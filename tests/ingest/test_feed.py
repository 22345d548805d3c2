"""What is due when, shifted to when, and that all of it arrives."""

import itertools
import math
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from confluent_kafka import Consumer, TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from ingest.broker import EmbeddedBroker
from ingest.feed import feed, messages, open_recorded
from ingest.files import FileTicks, open_ticks
from ingest.pacing import LEAST_PAUSE_NS, MOST_ROWS, Pacer, Schedule, Wait
from ingest.packed import decode_packed
from ingest.playback import RecordedSource, SimulatedSource
from ingest.producer import TopicProducer
from ingest.simulator import Market

SECOND = 10**9
MINUTE = 60 * SECOND
DATA = Path(__file__).parents[1] / "data"
KLINES = DATA / "BTCUSDT-1m-2024-01.csv"
NOW = 1_750_000_000 * SECOND


def ticks_at(times: list[int], symbols: tuple[str, ...] = ("A",), ids: list[int] | None = None):
    n = len(times)
    event_time_ns = np.array(times, np.int64)
    symbol_ids = np.array([0] * n if ids is None else ids, np.int32)
    return FileTicks(
        symbols, symbol_ids, np.ones(n), event_time_ns, np.full(n, -1), event_time_ns.copy()
    )


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


def play(pacer: Pacer, now_ns: int, until_ns: int) -> list[tuple[int, int]]:
    """Let virtual time run; gives (wall time, event time) of every tick sent."""
    sent = []
    while now_ns < until_ns:
        due = pacer.step(now_ns)
        if due is None:
            break
        if isinstance(due, Wait):
            assert due.until_ns > now_ns
            now_ns = due.until_ns
        else:
            sent += [(now_ns, t) for t in due.clock_ns.tolist()]
            now_ns += 1000
    return sent


@given(
    st.lists(st.integers(-5 * SECOND, 20 * SECOND), min_size=1, max_size=40).map(sorted),
    st.sampled_from([0.5, 1.0, 3.0, 1000.0]),
    st.integers(1, 10),
)
def test_no_tick_is_early_or_more_than_a_pause_late(
    offsets: list[int], speed: float, size: int
) -> None:
    times = [NOW + t for t in offsets]
    chunks = (ticks_at(times[i : i + size]) for i in range(0, len(times), size))
    sent = play(Pacer(chunks, Schedule(NOW, NOW, speed)), NOW, 2 * NOW)
    assert [event for _, event in sent] == times
    for wall, event in sent:
        due = max(NOW, NOW + (event - NOW) / speed)
        assert -1000 < wall - due < LEAST_PAUSE_NS + 50_000


def test_as_fast_as_it_goes_never_waits() -> None:
    chunks = iter([ticks_at([NOW + k * SECOND for k in range(10_000)])])
    pacer = Pacer(chunks, Schedule(NOW, NOW, math.inf))
    sizes = []
    while (due := pacer.step(NOW)) is not None:
        assert isinstance(due, FileTicks)
        sizes.append(len(due))
    assert sizes == [MOST_ROWS, MOST_ROWS, 10_000 - 2 * MOST_ROWS]


def test_a_late_wake_up_catches_up() -> None:
    chunks = iter([ticks_at([NOW + k * SECOND for k in range(100)])])
    pacer = Pacer(chunks, Schedule(NOW, NOW, 1.0))
    caught_up = pacer.step(NOW + 50 * SECOND)
    assert isinstance(caught_up, FileTicks)
    assert len(caught_up) == 51
    assert pacer.step(NOW + 50 * SECOND + LEAST_PAUSE_NS) == Wait(NOW + 51 * SECOND)


def recorded(loop: bool = False, **options: object) -> RecordedSource:
    return open_recorded([KLINES], loop=loop, **options)


def test_event_times_begin_now_and_rows_keep_their_ticks() -> None:
    begin = NOW + 12_345_678_901
    (shifted,) = recorded().chunks(begin, begin)
    (original,) = open_ticks([KLINES])
    moved = shifted.event_time_ns - original.event_time_ns
    assert set(moved % MINUTE) == {0}
    assert begin - MINUTE < shifted.event_time_ns[0] <= begin
    assert np.array_equal(shifted.prices, original.prices)


@pytest.mark.parametrize("interval_s", [1, 7, 60, 3600])
def test_each_loop_lies_after_the_last_in_later_rows(interval_s: int) -> None:
    interval = interval_s * SECOND
    source = recorded(loop=True, sample_interval_ns=interval)
    passes = source.chunks(NOW, NOW)
    three = [next(passes).event_time_ns for _ in range(3)]
    for before, after in itertools.pairwise(three):
        assert after[0] > before[-1]
        assert {*(after - before)} == {after[0] - before[0]}
        assert (after[0] - before[0]) % interval == 0
        # A price at a boundary belongs to the row that ends there.
        assert -(-after[0] // interval) == -(-before[-1] // interval) + 1


def test_without_a_loop_it_ends_and_event_times_can_be_kept() -> None:
    assert len(list(recorded().chunks(NOW, NOW))) == 1
    kept = list(recorded(keep_event_times=True).chunks(NOW, NOW))
    assert [k.event_time_ns.tolist() for k in kept] == [
        t.event_time_ns.tolist() for t in open_ticks([KLINES])
    ]
    with pytest.raises(ValueError, match="a loop cannot keep event times"):
        recorded(loop=True, keep_event_times=True)
    with pytest.raises(ValueError, match="sample_interval_ns=-5"):
        recorded(sample_interval_ns=-5)


def test_trade_ids_rise_from_pass_to_pass_and_twins_stay_twins(tmp_path: Path) -> None:
    header = "id,price,qty,quoteQty,time,isBuyerMaker"
    lines = [f"{k},1,1,1,17000000000{k % 100:02d},true" for k in (501, 502, 502, 503)]
    (tmp_path / "A.csv").write_text("\n".join([header, *lines]))
    (tmp_path / "B.csv").write_text("\n".join([header, *[line[2:] for line in lines]]))
    source = open_recorded([tmp_path], loop=True)
    chunks = list(itertools.islice(source.chunks(NOW, NOW), 10))
    ids = np.concatenate([ticks.trade_ids for ticks in chunks])
    symbols = np.concatenate([ticks.symbol_ids for ticks in chunks])
    for symbol in (0, 1):
        one, two = ids[symbols == symbol][:4], ids[symbols == symbol][4:8]
        assert np.diff(one).tolist() == np.diff(two).tolist() == [1, 0, 1]
        assert two.min() > one.max()


def test_bad_times_are_not_shifted_into_the_right(tmp_path: Path) -> None:
    header = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
    now_us = time.time_ns() // 1000
    times = ["1700000000000000", "never", "1700000001000000", str(now_us + 3600 * 10**6)]
    (tmp_path / "t.csv").write_text(
        "\n".join([header, *[f"x,A,1,{t},{k},buy,1,1" for k, t in enumerate(times)]])
    )
    source = open_recorded([tmp_path], loop=True)
    passes = source.chunks(NOW, NOW)
    first, second = next(passes), next(passes)
    assert first.event_time_ns.tolist() == [NOW, -1, NOW + SECOND, (now_us + 3600 * 10**6) * 1000]
    assert second.event_time_ns[0] == NOW + 2 * SECOND


def test_history_comes_before_now_and_is_thinned() -> None:
    source = SimulatedSource(Market(n_assets=5, rate_per_s=10_000.0))
    begin = NOW - 300 * SECOND
    past, live = 0, 0
    for ticks in source.chunks(begin, NOW):
        if ticks.event_time_ns[0] >= NOW:
            live = len(ticks)
            break
        assert ticks.event_time_ns[-1] < NOW
        past += len(ticks)
    assert 50_000 < past < 61_000
    assert live > 5_000  # the live part has its own rate


def test_partitions_are_those_of_the_symbols_as_keys() -> None:
    symbols = tuple(f"S{k}" for k in range(9))
    ids = [0, 3, 8, 3, 1, 2, 4, 5, 6, 7]
    ticks = ticks_at([NOW + k for k in range(10)], symbols, ids)
    rows = {}
    for message in messages(ticks, 3):
        found = decode_packed(message.value)
        assert message.n_ticks == len(found.prices)
        for name in found.names:
            assert zlib.crc32(name.encode()) % 3 == message.partition
        for place, when in zip(
            found.symbol_ids.tolist(), found.event_time_ns.tolist(), strict=True
        ):
            rows[when] = found.names[place]
    assert [rows[NOW + k] for k in range(10)] == [symbols[i] for i in ids]


def test_a_message_of_one_symbol_has_it_as_key_and_few_ticks_a_small_table() -> None:
    symbols = tuple(f"SYMBOL-{k}" for k in range(512))
    (one,) = messages(ticks_at([NOW], symbols, [7]), 1)
    assert (one.key, one.partition) == ("SYMBOL-7", 0)
    assert decode_packed(one.value).names == ("SYMBOL-7",)
    (two,) = messages(ticks_at([NOW, NOW], symbols, [7, 511]), 1)
    assert two.key is None
    assert len(two.value) < 100


def test_full_messages_are_well_below_what_kafka_takes() -> None:
    symbols = tuple(f"{k:032d}" for k in range(512))
    ids = [k % 512 for k in range(MOST_ROWS)]
    ticks = ticks_at([NOW] * MOST_ROWS, symbols, ids)
    (message,) = messages(ticks, 1)
    assert len(message.value) < 200_000


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
    timer = threading.Timer(0.2, stop.set)
    begin = time.monotonic()
    timer.start()
    (hours,) = [recorded()]
    feed(hours, sink, "ticks", stop=stop)  # its second candle is due in a minute
    assert time.monotonic() - begin < 5
    assert len(sink.times()) == 1
    timer.join()


@pytest.mark.parametrize("options", [{"speed": 0.0}, {"speed": math.nan}, {"partitions": 0}])
def test_impossible_speeds_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be > 0"):
        feed(Endless(), Sink(), "ticks", stop=threading.Event(), **options)


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
