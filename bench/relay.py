"""The fair floor: the same client, drains what is there, sends one message a wake-up.

Run as a process of its own: ``python -m bench.relay BROKER TICKS DECISIONS FETCH_WAIT_MAX_MS``.
"""

import gc
import signal
import sys
import threading
import time

import msgspec

from ingest.consumer import TopicConsumer
from ingest.producer import TopicProducer

MESSAGE_BYTES = 2_000
_POLL_S = 0.5


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """What a peer says of a wake-up: times ns UTC, messages lost so far, what it decided."""

    offset: int
    received_ns: int
    published_ns: int
    lost: int
    padding: str = ""
    weights: tuple[float, ...] = ()


def run_relay(bootstrap: str, ticks: str, decisions: str, fetch_wait_max_ms: int) -> None:
    """Relay until SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    encode = msgspec.json.Encoder().encode
    padding = "x" * (MESSAGE_BYTES - 120)
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
            if raw is None:
                continue
            message = Passed(
                offset=int(raw.offsets[-1]),
                received_ns=raw.receive_time_ns,
                published_ns=time.time_ns(),
                lost=consumer.lost_offsets,
                padding=padding,
            )
            producer.send(decisions, encode(message), key=b"main", partition=0)
            producer.poll()


if __name__ == "__main__":
    run_relay(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
