"""The loop of a peer of ``run``: the same client drains what is there and sends one message."""

import gc
import signal
import threading
import time
from collections.abc import Callable
from typing import Final

import msgspec

from ingest.codec import RawMessages
from ingest.consumer import TopicConsumer
from ingest.producer import TopicProducer
from optimize.decision import stamp_published

MESSAGE_BYTES: Final = 2_000
_POLL_S = 0.5
Decide = Callable[[RawMessages], tuple[float, ...] | None]


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """What a peer says of a wake-up: messages lost so far, what it decided, times ns UTC.

    ``published_ns`` is written when all else is encoded, as that of a decision.
    """

    offset: int
    received_ns: int
    lost: int
    weights: tuple[float, ...] = ()
    published_ns: int


def run_peer(
    bootstrap: str, ticks: str, decisions: str, fetch_wait_max_ms: int, decide: Decide
) -> None:
    """Answer until SIGTERM.

    Parameters
    ----------
    decide
        What has come to weights; None: nothing is sent.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    encode = msgspec.json.Encoder().encode
    with (
        TopicConsumer(
            bootstrap, [ticks], fetch_wait_max_ms=fetch_wait_max_ms, in_batches=True
        ) as consumer,
        TopicProducer(bootstrap, rate_hint=1.0) as producer,
    ):
        gc.collect()
        gc.freeze()
        while not stop.is_set():
            raw = consumer.poll(_POLL_S)
            weights = None if raw is None else decide(raw)
            if raw is None or weights is None:
                continue
            message = Passed(
                offset=int(raw.offsets[-1]),
                received_ns=raw.receive_time_ns,
                lost=consumer.lost_offsets,
                weights=weights,
                published_ns=0,
            )
            value = stamp_published(encode(message), time.time_ns()).ljust(MESSAGE_BYTES)
            producer.send(decisions, value, key=b"main", partition=0)
            producer.poll()
