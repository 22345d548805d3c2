"""Reading topics: order, positions, commits, and what the broker no longer has."""

import functools
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import consumer as consumer_module
from ingest.broker import BrokerError, EmbeddedBroker
from ingest.codec import RawMessages, encode_json, encode_packed
from ingest.consumer import TopicConsumer
from ingest.offsets import Gap, Offsets
from ingest.payloads import Payloads
from ingest.producer import TopicProducer

TICKS = ("ticks", 0)


def send(broker: EmbeddedBroker, topic: str, values: list[bytes]) -> None:
    with TopicProducer(broker.address, rate_hint=20_000) as producer:
        for value in values:
            producer.send(topic, value)


def numbered(start: int, end: int, size: int = 0) -> list[bytes]:
    return [b"%d" % number + b" " * size for number in range(start, end)]


@pytest.fixture(params=[False, True], ids=["objects", "batches"], autouse=True)
def in_batches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read both ways: a user of either must not see which."""
    whole = functools.partial(TopicConsumer, in_batches=request.param)
    monkeypatch.setitem(globals(), "TopicConsumer", whole)


def consume(broker: EmbeddedBroker, *topics: str, **options: str) -> TopicConsumer:
    return TopicConsumer(broker.address, topics, fetch_wait_max_ms=1, **options)  # type: ignore[arg-type]


def drain(
    consumer: TopicConsumer, until: Callable[[], bool] | None = None
) -> list[tuple[str, bytes]]:
    """Read until the end of the topics, or until a condition holds."""
    found: list[tuple[str, bytes]] = []
    deadline = time.monotonic() + 60
    while not (until or consumer.at_end)():
        assert time.monotonic() < deadline, "not at the end within a minute"
        messages = consumer.poll(0.2)
        if messages is not None:
            found += zip(messages.topics, messages.values, strict=True)
    return found


def numbers(found: list[tuple[str, bytes]]) -> list[int]:
    return [int(value) for _, value in found]


def test_all_messages_come_in_order_with_where_and_when(broker: EmbeddedBroker) -> None:
    before_ms = time.time() * 1000
    send(broker, "ticks", numbered(0, 5000))
    consumer = consume(broker, "ticks")
    batches: list[RawMessages] = []
    while sum(map(len, batches)) < 5000:
        messages = consumer.poll(10)
        assert messages is not None
        batches.append(messages)
    assert len(batches) < 500  # a wake-up takes all that has arrived
    assert [int(value) for batch in batches for value in batch.values] == list(range(5000))
    assert [offset for batch in batches for offset in batch.offsets] == list(range(5000))
    for batch in batches:
        assert set(batch.topics) == {"ticks"}
        assert set(batch.partitions) == {0}
        assert before_ms - 1 <= min(batch.timestamps_ms)
        assert max(batch.timestamps_ms) <= batch.receive_time_ns / 1e6
    assert consumer.positions() == {TICKS: 5000}
    assert consumer.at_end()
    assert consumer.poll(0) is None
    assert (consumer.lost_offsets, consumer.gaps()) == (0, ())
    consumer.close()


def test_a_batch_is_no_larger_than_what_stays_in_the_caches(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.native.reader._BATCH_BYTES", 5_000)
    monkeypatch.setattr("ingest.native.reader._FIRST", 20)
    send(broker, "ticks", numbered(0, 500, 100) + numbered(500, 600, 4000))
    consumer = consume(broker, "ticks")
    found: list[int] = []
    while len(found) < 600:
        messages = consumer.poll(10)
        assert messages is not None
        if isinstance(messages.values, Payloads):
            # As many as fit of the size of those before; five at least, to see theirs.
            assert len(messages) <= (50 if len(found) < 500 else 49)
        found += [int(value) for value in messages.values]
    assert found == list(range(600))
    consumer.close()


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_few_json_ticks_come_as_lists_and_packed_ones_in_batches(
    broker: EmbeddedBroker,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    is_packed: bool,
) -> None:
    if not request.node.callspec.params["in_batches"]:
        is_packed = False  # objects come as lists, whatever they hold
    monkeypatch.setattr("ingest.native.reader._FIRST", 12)
    packed, plain = encode_packed(["A"], [0], [1.0], [1]), encode_json("A", 1.0, 1)
    send(broker, "ticks", [packed if is_packed else plain] * 200)
    consumer = consume(broker, "ticks")
    n_found, sizes = 0, {list: 0, Payloads: 0}
    while n_found < 200:
        messages = consumer.poll(10)
        assert messages is not None
        n_found += len(messages)
        if len(messages) > 4:
            sizes[type(messages.values)] += 1
    assert [kind for kind, n in sizes.items() if n] == [Payloads if is_packed else list]
    consumer.close()


def test_a_missing_topic_is_waited_for_and_read_from_its_beginning(
    broker: EmbeddedBroker,
) -> None:
    send(broker, "ticks", numbered(0, 3))
    consumer = consume(broker, "ticks", "decisions")
    assert numbers(drain(consumer, until=lambda: consumer.positions() == {TICKS: 3})) == [0, 1, 2]
    assert not consumer.at_end()
    send(broker, "decisions", [b"7", b"8"])
    send(broker, "ticks", [b"3"])
    assert sorted(drain(consumer)) == [("decisions", b"7"), ("decisions", b"8"), ("ticks", b"3")]
    assert consumer.positions() == {TICKS: 4, ("decisions", 0): 2}
    consumer.close()


def test_a_message_without_a_value_is_an_empty_one(broker: EmbeddedBroker) -> None:
    with TopicProducer(broker.address) as producer:
        producer.send("ticks", None)  # type: ignore[arg-type]
    consumer = consume(broker, "ticks")
    assert drain(consumer) == [("ticks", b"")]
    consumer.close()


def test_a_closed_consumer_can_be_closed_again_but_not_read(broker: EmbeddedBroker) -> None:
    send(broker, "ticks", numbered(0, 20_000))
    with consume(broker, "ticks") as consumer:
        assert consumer.poll(10) is not None
        consumer.close()  # with messages that nobody has read
        with pytest.raises(RuntimeError, match="losed"):
            consumer.poll(1)


READ_SOME_AND_COMMIT = """
import sys
from ingest.consumer import TopicConsumer
consumer = TopicConsumer(sys.argv[1], ["ticks"], group="g", start="committed", fetch_wait_max_ms=1)
messages = consumer.poll(30)
print(messages.values[0].decode(), messages.values[-1].decode())
consumer.commit({("ticks", 0): messages.offsets[0] + int(sys.argv[2])})
consumer.close()
"""


def test_a_commit_outlives_its_process(broker: EmbeddedBroker) -> None:
    send(broker, "ticks", numbered(0, 100))
    for first, step in ((0, 30), (30, 45)):
        ran = subprocess.run(
            [sys.executable, "-c", READ_SOME_AND_COMMIT, broker.address, str(step)],
            check=True,
            timeout=60,
            capture_output=True,
            text=True,
        )
        assert int(ran.stdout.split()[0]) == first
    consumer = consume(broker, "ticks", group="g", start="committed")
    assert numbers(drain(consumer)) == list(range(75, 100))
    consumer.commit(consumer.positions())
    consumer.commit({})
    consumer.close()
    assert consume(broker, "ticks", group="g", start="committed").positions() == {TICKS: 100}


def test_without_a_commit_a_group_begins_at_the_earliest(broker: EmbeddedBroker) -> None:
    send(broker, "ticks", numbered(0, 10))
    consumer = consume(broker, "ticks", group="new", start="committed")
    assert numbers(drain(consumer)) == list(range(10))
    assert consumer.lost_offsets == 0
    consumer.close()


def test_what_the_broker_dropped_before_a_restart_is_counted(broker: EmbeddedBroker) -> None:
    send(broker, "ticks", numbered(0, 10))
    with_commit = consume(broker, "ticks", group="g")
    with_commit.commit({TICKS: 4})
    with_commit.close()
    send(broker, "ticks", numbered(10, 40, size=300_000))  # 9 MB, of which 5 are kept
    consumer = consume(broker, "ticks", group="g", start="committed")
    read = numbers(drain(consumer))
    assert read == list(range(read[0], 40))
    assert read[0] > 10
    assert consumer.lost_offsets == read[0] - 4
    (gap,) = consumer.gaps()
    assert gap == Gap("ticks", 0, 4, read[0])
    assert f"{read[0] - 4} messages lost at ticks[0]@4" in str(gap)
    consumer.close()


def test_the_embedded_brokers_silent_jump_is_counted(broker: EmbeddedBroker) -> None:
    send(broker, "ticks", numbered(0, 1))
    consumer = consume(broker, "ticks")
    # The consumer's own queue takes 64 MB; behind it the broker drops what it cannot hold.
    send(broker, "ticks", numbered(1, 120, size=900_000))
    found = numbers(drain(consumer))
    assert found[-1] == 119
    assert len(found) < 120
    assert consumer.lost_offsets == 120 - len(found)
    assert sum(gap.lost for gap in consumer.gaps()) == 120 - len(found)
    assert consumer.positions() == {TICKS: 120}
    consumer.close()


def test_the_newest_messages_of_a_topic(broker: EmbeddedBroker) -> None:
    send(broker, "decisions", numbered(0, 50))
    send(broker, "status", [b"only"])
    consumer = consume(broker, "ticks")
    assert consumer.last("decisions") == [b"49"]
    assert consumer.last("decisions", 3) == [b"47", b"48", b"49"]
    assert consumer.last("decisions", 99) == numbered(0, 50)
    assert consumer.last("status", 5) == [b"only"]
    assert consumer.last("nothing", 5) == []
    consumer.close()


def test_a_broker_away_for_too_long_is_an_error_with_a_remedy(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "_OUTAGE_LIMIT_S", 0.5)
    monkeypatch.setattr("ingest.broker.CONNECT_TIMEOUT_S", 0.5)
    send(broker, "ticks", numbered(0, 1))
    consumer = consume(broker, "ticks")
    drain(consumer)
    broker.close()

    def poll_for_a_minute() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            consumer.poll(0.2)

    with pytest.raises(BrokerError, match=rf"{broker.address}.*start the broker there"):
        poll_for_a_minute()
    with pytest.raises(BrokerError, match=broker.address):
        consumer.at_end()
    consumer.close()


class BrokerProcess:
    """An embedded broker in a process of its own, that can be killed."""

    def __init__(self) -> None:
        script = (
            "import sys; from ingest.broker import EmbeddedBroker; broker = EmbeddedBroker()\n"
            "print(broker.address, flush=True); sys.stdin.read()"
        )
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [sys.executable, "-c", script], stdin=pipe, stdout=pipe, text=True
        )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def mortal() -> Iterator[BrokerProcess]:
    process = BrokerProcess()
    yield process
    process.kill()


@pytest.mark.parametrize("when", ["under way", "afterwards"])
def test_commits_to_a_dead_broker_hold_nothing_up(
    mortal: BrokerProcess, when: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the call nor the end waits for the minute that the client gives a request."""
    with TopicProducer(mortal.address) as producer:
        producer.send("ticks", b"0")
    consumer = TopicConsumer(mortal.address, ["ticks"], fetch_wait_max_ms=1)
    drain(consumer)
    if when == "under way":
        consumer.commit({TICKS: 1})
    mortal.kill()
    if when == "afterwards":
        begin = time.monotonic()
        consumer.commit({TICKS: 1})
        assert time.monotonic() - begin < 1
    begin = time.monotonic()
    consumer.close()
    assert time.monotonic() - begin < 10  # it waits for 2 s
    if when == "afterwards":
        assert f"Kafka at {mortal.address} did not answer the last commits in 2 s" in caplog.text


def test_a_commit_that_failed_is_told_in_one_line(
    mortal: BrokerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    with TopicProducer(mortal.address) as producer:
        producer.send("ticks", b"0")
    consumer = TopicConsumer(mortal.address, ["ticks"], fetch_wait_max_ms=1)
    drain(consumer)
    mortal.kill()

    def told(what: str) -> list[str]:
        return [line for line in caplog.messages if what in line and mortal.address in line]

    # Of one that was under way it would hear after a minute.
    drain(consumer, until=lambda: bool(told("refused")))
    consumer.commit({TICKS: 1})
    drain(consumer, until=lambda: bool(told("committing offsets")))
    (line,) = told("committing offsets")
    assert line.startswith(f"Kafka at {mortal.address}, committing offsets: ")
    assert "the next commit covers this one" in line
    # Some forty tries of the reader until then; each cause is one line.
    text = "connection refused; it is tried again until it answers"
    assert told("refused") == [f"Kafka at {mortal.address}: {text}"]
    consumer.close()


batches = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from([TICKS, ("ticks", 1), ("status", 0)]),
            st.sampled_from([0, 0, 0, 0, 0, 0, 1, 7, -2]),
        ),
        min_size=1,
        max_size=8,
    ),
    max_size=6,
)


@given(batches)
def test_offsets_skipped_are_counted_in_any_order_of_partitions(
    content: list[list[tuple[tuple[str, int], int]]],
) -> None:
    offsets = Offsets()
    due = dict.fromkeys((TICKS, ("ticks", 1), ("status", 0)), 5)
    for partition in due:
        assert offsets.begin(partition, None, 5, 9) == 5
    lost, gaps = 0, []
    for batch in content:
        came = []
        for partition, jump in batch:
            found = max(due[partition] + jump, 0)
            if found != due[partition]:
                gaps.append((*partition, due[partition], found))
            lost += max(found - due[partition], 0)
            due[partition] = found + 1
            came.append((*partition, found))
        offsets.follow(*(list(column) for column in zip(*came, strict=True)))
    assert offsets.positions == due
    assert offsets.lost == lost
    assert [(g.topic, g.partition, g.expected, g.found) for g in offsets.gaps] == gaps


@pytest.mark.parametrize(
    ("wanted", "start", "lost"), [(None, 10, 0), (10, 10, 0), (20, 20, 0), (7, 10, 3), (21, 10, 0)]
)
def test_where_reading_begins(wanted: int | None, start: int, lost: int) -> None:
    offsets = Offsets()
    assert offsets.begin(TICKS, wanted, 10, 20) == start
    assert offsets.lost == lost
    assert len(offsets.gaps) == (wanted not in {None, start})


def test_a_topic_made_anew_is_told() -> None:
    offsets = Offsets()
    offsets.begin(TICKS, 50, 0, 10)
    assert str(offsets.gaps[0]) == "ticks[0] was made anew: 50 was due, reading goes on at 0"
