"""One reader of ``bench ingest``, from the first message of a topic to its last.

Run as a process of its own: ``python -m bench.ingest_reader SUBJECT BROKER TOPIC N_MESSAGES
FETCH_WAIT_MAX_MS``. It prints one JSON object.
"""

import math
import sys
import time
from collections import deque
from collections.abc import Callable
from itertools import pairwise
from typing import cast

import msgspec
import numpy as np
from confluent_kafka import Consumer, TopicPartition

from bench.stages import INGEST_STAGES
from bench.workload import SAMPLE_INTERVAL_NS, WINDOW_ROWS, WINDOW_TICKS
from ingest.admission import MAX_PRICE, MIN_PRICE, Admission
from ingest.codec import RawMessages
from ingest.consumer import TopicConsumer
from ingest.native.warming import warm_reading
from ingest.ticks import SymbolTable
from stats.market import Market

_POLL_S = 30.0
_BATCH = 10_000
_WARM_UP = b'{"symbol": "A", "price": 1.5, "event_time_ns": 1}'


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader found: how long it took, ticks used, mean log return of each symbol.

    ``stages`` are the seconds of its parts, where it tells them.
    """

    seconds: float
    n_used: int
    means: dict[str, float]
    stages: dict[str, float] = {}


class _Tick(msgspec.Struct, gc=False):
    symbol: str
    price: float
    event_time_ns: int


class _Digest:
    """Admission and windows as in ``run``."""

    def __init__(self) -> None:
        self._stages = dict.fromkeys(INGEST_STAGES, 0.0)
        self._symbols = SymbolTable()
        self._admission = Admission(self._symbols, 60 * SAMPLE_INTERVAL_NS)
        self._market = Market(
            sample_interval_ns=SAMPLE_INTERVAL_NS,
            allowed_lateness_ns=0,
            window_rows=WINDOW_ROWS,
            window_ticks=WINDOW_TICKS,
            min_observations=2,
            stale_after=WINDOW_ROWS,
            defer_ticks=False,
        )

    def take(self, raw: RawMessages, asked_s: float) -> None:
        """Digest a batch that was asked for at a monotonic time."""
        fetched_s = time.monotonic()
        batch = self._admission.step(raw).batch
        admitted_s = time.monotonic()
        rows = self._market.update(
            batch.symbol_ids, batch.prices, batch.event_time_ns, batch.partitions, batch.offsets,
            batch.receive_time_ns,
        )  # fmt: skip
        deque(rows, maxlen=0)
        times = (asked_s, fetched_s, admitted_s, time.monotonic())
        for stage, (start, end) in zip(INGEST_STAGES, pairwise(times), strict=True):
            self._stages[stage] += end - start

    def found(self, begun_s: float) -> Found:
        """Read the windows; that counts too."""
        means = self._market.tick_statistics().mean.tolist()
        return Found(
            seconds=time.monotonic() - begun_s,
            n_used=self._market.n_used,
            means=dict(zip(self._symbols.symbols, means, strict=True)),
            stages=self._stages,
        )


def read_ours(bootstrap: str, topic: str, n_messages: int, fetch_wait_max_ms: int) -> Found:
    """Read as ``run`` does."""
    warm = _Digest()  # kernels are loaded at their first call
    warm_reading()
    warm.take(RawMessages(["t"], [_WARM_UP], [1], [0], [0], 1), 0.0)
    warm.found(0.0)
    digest = _Digest()
    with TopicConsumer(
        bootstrap, [topic], fetch_wait_max_ms=fetch_wait_max_ms, in_batches=True
    ) as consumer:
        begun_s, n_read = time.monotonic(), 0
        while n_read < n_messages:
            asked_s = time.monotonic()
            raw = consumer.poll(_POLL_S)
            if raw is None:
                raise TimeoutError(f"nothing came in {_POLL_S:g} s after {n_read} messages")
            n_read += len(raw)
            digest.take(raw, asked_s)
        return digest.found(begun_s)


def read_plainly(bootstrap: str, topic: str, n_messages: int, fetch_wait_max_ms: int) -> Found:
    """Read as a user of confluent-kafka and msgspec would write it."""
    consumer = _plain_consumer(bootstrap, topic, fetch_wait_max_ms)
    decode = msgspec.json.Decoder(_Tick).decode
    prices: dict[str, float] = {}
    windows: dict[str, deque[float]] = {}
    begun_s, n_read, n_used = time.monotonic(), 0, 0
    while n_read < n_messages:
        messages = consumer.consume(min(_BATCH, n_messages - n_read), _POLL_S)
        n_read += len(messages)
        for message in messages:
            tick = decode(cast(bytes, message.value()))
            price, symbol = tick.price, tick.symbol
            if not (MIN_PRICE <= price <= MAX_PRICE and tick.event_time_ns >= 0):
                continue
            n_used += 1
            before = prices.get(symbol)
            prices[symbol] = price
            if before is None:
                windows[symbol] = deque(maxlen=WINDOW_TICKS)
            else:
                windows[symbol].append(math.log(price / before))
    means = {symbol: _moments(window)[0] for symbol, window in windows.items()}
    seconds = time.monotonic() - begun_s
    consumer.close()
    return Found(seconds=seconds, n_used=n_used, means=means)


def _moments(window: "deque[float]") -> tuple[float, float, float, float]:
    returns = np.array(window)
    centred = returns - returns.mean()
    squared = centred * centred
    m2 = float(squared.mean())
    skewness = float((squared * centred).mean()) / m2**1.5
    return float(returns.mean()), m2, skewness, float((squared * squared).mean()) / m2**2 - 3.0


def fetch_only(bootstrap: str, topic: str, n_messages: int, fetch_wait_max_ms: int) -> Found:
    """Fetch, and look into no message: the bound."""
    consumer = _plain_consumer(bootstrap, topic, fetch_wait_max_ms)
    begun_s, n_read = time.monotonic(), 0
    while n_read < n_messages:
        n_read += len(consumer.consume(min(_BATCH, n_messages - n_read), _POLL_S))
    seconds = time.monotonic() - begun_s
    consumer.close()
    return Found(seconds=seconds, n_used=0, means={})


def _plain_consumer(bootstrap: str, topic: str, fetch_wait_max_ms: int) -> Consumer:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "bench",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": fetch_wait_max_ms,
            # As ours has it: 132 000 messages a second with the default, 549 000 with this.
            "fetch.queue.backoff.ms": 1,
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    return consumer


READERS: dict[str, Callable[[str, str, int, int], Found]] = {
    "silverbullet": read_ours,
    "confluent-kafka and msgspec": read_plainly,
    "bound": fetch_only,
}


if __name__ == "__main__":
    answer = READERS[sys.argv[1]](sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    print(msgspec.json.encode(answer).decode())
