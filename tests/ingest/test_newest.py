"""What the end of a topic of ticks holds, and how little of it is read."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ingest.broker import EmbeddedBroker
from ingest.codec import encode_packed
from ingest.consumer import TopicConsumer
from ingest.newest import newest_ticks
from ingest.producer import TopicProducer

SYMBOLS = ("A", "B", "C")
ticks = st.tuples(st.sampled_from([*SYMBOLS, "D"]), st.integers(1, 10**6), st.integers(1, 10**9))


class Tail:
    """A topic in memory that notes how much of it was asked for."""

    def __init__(self, messages: list[bytes]) -> None:
        self.messages = messages
        self.asked: list[int] = []

    def __call__(self, n: int) -> list[bytes]:
        self.asked.append(n)
        return self.messages[-n:]


def packed(rows: list[tuple[str, int, int]]) -> bytes:
    names = sorted({name for name, _, _ in rows}, reverse=True)
    ids = [names.index(name) for name, _, _ in rows]
    return encode_packed(names, ids, [price for _, price, _ in rows], [at for _, _, at in rows])


@given(st.lists(st.lists(ticks, min_size=1, max_size=6), max_size=300))
def test_each_symbol_has_the_price_that_came_last(
    content: list[list[tuple[str, int, int]]],
) -> None:
    expected = {name: price for rows in content for name, price, _ in rows if name in SYMBOLS}
    found = newest_ticks(Tail([packed(rows) for rows in content]), SYMBOLS)
    assert found.prices == expected
    assert found.event_time_ns == (max(at for _, _, at in content[-1]) if content else None)


def test_no_more_is_read_than_holds_all_symbols() -> None:
    old = [packed([("A", 7, 5)])] * 70_000
    tail = Tail([*old, packed([("A", 1, 10), ("B", 2, 11), ("C", 3, 12)])])
    assert newest_ticks(tail, SYMBOLS).prices == {"A": 1, "B": 2, "C": 3}
    assert tail.asked == [1]
    assert newest_ticks(tail, ("A", "Z")).prices == {"A": 1}
    assert max(tail.asked) == 65_536
    tail = Tail([packed([("A", 7, 5)] * 1000)] * 5000)
    newest_ticks(tail, ("A", "Z"))
    assert max(tail.asked) == 256  # 256 000 ticks are enough


def test_rows_that_admission_refuses_tell_nothing() -> None:
    good = packed([("A", 5, 77)])
    bad = [packed([("A", 1, 99)]).replace(np.float64(1).tobytes(), np.float64(p).tobytes())
           for p in (np.nan, np.inf, -1.0, 0.0)]  # fmt: skip
    found = newest_ticks(Tail([good, *bad, b"no tick", b""]), ("A",))
    assert found == (77, {"A": 5.0})
    assert newest_ticks(Tail([]), ("A",)) == (None, {})
    assert newest_ticks(Tail([b"{}"])) == (None, {})


def test_of_a_topic_on_a_broker(broker: EmbeddedBroker) -> None:
    with TopicProducer(broker.address) as producer:
        producer.send("ticks", packed([("B", 4, 50)]))
        for k in range(1000):
            producer.send("ticks", packed([("A", 1 + k, 100 + k)]))
    with TopicConsumer(broker.address, []) as reader:
        assert newest_ticks(lambda n: reader.last("ticks", n), SYMBOLS) == (
            1099,
            {"A": 1000.0, "B": 4.0},
        )
        assert newest_ticks(lambda n: reader.last("none", n), SYMBOLS) == (None, {})
