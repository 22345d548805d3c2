"""One reader of ``bench ingest``, from the first message of a topic to its last.

Run as a process of its own: ``python -m bench.ingest_reader SUBJECT BROKER TOPIC N_MESSAGES
FETCH_WAIT_MAX_MS``. It prints one JSON object.
"""

import asyncio
import math
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import cast

import msgspec
import numpy as np
from confluent_kafka import Consumer, TopicPartition

from bench.pipeline.workload import SAMPLE_INTERVAL_NS, WINDOW_ROWS, WINDOW_TICKS
from bench.stages import INGEST_STAGES
from ingest.admission import MAX_PRICE, MIN_PRICE, Admission
from ingest.codec import RawMessages, encode_json
from ingest.consumer import TopicConsumer
from ingest.native.warming import warm_reading
from ingest.ticks import SymbolTable
from stats.market import Market

_POLL_S = 30.0
_BATCH = 10_000


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
    for row in range(3):  # two of which close
        tick = encode_json("A", 1.5, 1 + row * SAMPLE_INTERVAL_NS)
        warm.take(RawMessages(["t"], [tick], [1], [0], [row], 1), 0.0)
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


class _PlainWindows:
    """What a user would write: a typed struct a tick, checks, a deque a symbol."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder(_Tick).decode
        self._prices: dict[str, float] = {}
        self._windows: dict[str, deque[float]] = {}
        self._n_used = 0

    def take(self, values: Iterable[bytes]) -> None:
        """Take messages."""
        decode, prices, windows = self._decode, self._prices, self._windows
        for value in values:
            tick = decode(value)
            price, symbol = tick.price, tick.symbol
            if not (MIN_PRICE <= price <= MAX_PRICE and tick.event_time_ns >= 0):
                continue
            self._n_used += 1
            before = prices.get(symbol)
            prices[symbol] = price
            if before is None:
                windows[symbol] = deque(maxlen=WINDOW_TICKS)
            else:
                windows[symbol].append(math.log(price / before))

    def found(self, begun_s: float) -> Found:
        """Compute the moments; that counts too."""
        means = {symbol: _moments(window)[0] for symbol, window in self._windows.items()}
        return Found(seconds=time.monotonic() - begun_s, n_used=self._n_used, means=means)


def read_plainly(bootstrap: str, topic: str, n_messages: int, fetch_wait_max_ms: int) -> Found:
    """Read as a user of confluent-kafka and msgspec would write it."""
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
    windows = _PlainWindows()
    begun_s, n_read = time.monotonic(), 0
    while n_read < n_messages:
        messages = consumer.consume(min(_BATCH, n_messages - n_read), _POLL_S)
        n_read += len(messages)
        windows.take(cast(bytes, message.value()) for message in messages)
    found = windows.found(begun_s)
    consumer.close()
    return found


def read_by_asyncio(bootstrap: str, topic: str, n_messages: int, fetch_wait_max_ms: int) -> Found:
    """Read as a user of aiokafka and msgspec would write it."""
    return asyncio.run(_read_by_asyncio(bootstrap, topic, n_messages, fetch_wait_max_ms))


async def _read_by_asyncio(
    bootstrap: str, topic: str, n_messages: int, fetch_wait_max_ms: int
) -> Found:
    from aiokafka import AIOKafkaConsumer  # noqa: PLC0415 - a peer, not needed to run
    from aiokafka import TopicPartition as Place  # noqa: PLC0415

    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=fetch_wait_max_ms,
        # As much a fetch as librdkafka takes of a partition.
        max_partition_fetch_bytes=1 << 20,
    )
    await consumer.start()
    try:
        place = Place(topic, 0)
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        windows = _PlainWindows()
        begun_s, n_read = time.monotonic(), 0
        while n_read < n_messages:
            batch = await consumer.getmany(
                timeout_ms=round(_POLL_S * 1e3), max_records=min(_BATCH, n_messages - n_read)
            )
            records = batch.get(place, [])
            n_read += len(records)
            windows.take(record.value for record in records)
        return windows.found(begun_s)
    finally:
        await consumer.stop()


def _moments(window: "deque[float]") -> tuple[float, float, float, float]:
    returns = np.array(window)
    centred = returns - returns.mean()
    squared = centred * centred
    m2 = float(squared.mean())
    skewness = float((squared * centred).mean()) / m2**1.5
    return float(returns.mean()), m2, skewness, float((squared * squared).mean()) / m2**2 - 3.0


def fetch_only(bootstrap: str, topic: str, n_messages: int, fetch_wait_max_ms: int) -> Found:
    """Fetch in whole batches, and look into no message: the bound."""
    warm_reading()
    with TopicConsumer(
        bootstrap, [topic], fetch_wait_max_ms=fetch_wait_max_ms, in_batches=True
    ) as consumer:
        begun_s, n_read = time.monotonic(), 0
        while n_read < n_messages:
            n_read += len(consumer.poll(_POLL_S) or ())
        seconds = time.monotonic() - begun_s
    return Found(seconds=seconds, n_used=0, means={})


READERS: dict[str, Callable[[str, str, int, int], Found]] = {
    "silverbullet": read_ours,
    "confluent-kafka and msgspec": read_plainly,
    "aiokafka and msgspec": read_by_asyncio,
    "bound": fetch_only,
}


if __name__ == "__main__":
    answer = READERS[sys.argv[1]](sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
    print(msgspec.json.encode(answer).decode())
