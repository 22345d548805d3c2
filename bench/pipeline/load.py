"""An open-loop generator: sends each tick when it is due, whatever becomes of the others.

Run as a process of its own: ``python -m bench.pipeline.load BROKER TOPIC SEED RATE SECONDS
PER_MESSAGE FILE``. It writes when each message was due and when it was sent, and by how far the
clock was set meanwhile.
"""

import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.pipeline.workload import SYMBOLS, Tape, make_tape
from ingest.codec import encode_json, encode_packed
from ingest.producer import TopicProducer
from stats.compiled import IntArray

_Make = Callable[[int], tuple[bytes, bytes | None]]
_HEAD_START_NS = 200_000_000
# Longer sleeps are cut: a clock that is set shows within this time.
_MOST_SLEEP_S = 0.5


def _clock_gap_ns() -> int:
    return time.time_ns() - time.monotonic_ns()


def send_tape(
    bootstrap: str, topic: str, seed: int, rate: float, seconds: float, per_message: int = 1
) -> dict[str, IntArray]:
    """Send a tape; gives ``due_ns`` and ``sent_ns`` (int64[n], UTC) and ``clock_set_ns``.

    Parameters
    ----------
    per_message
        1: JSON, one tick each. More: packed messages of so many ticks, each due with its last; n
        are messages then, and what is left over for a whole one is not sent.
    """
    tape = make_tape(seed, rate, seconds)
    last = np.arange(per_message - 1, len(tape.due_ns), per_message)
    due_ns = tape.due_ns[last]
    sent_ns = np.zeros(len(last), np.int64)
    with TopicProducer(bootstrap, rate_hint=rate / per_message) as producer:
        gap_ns = _clock_gap_ns()
        start_ns = time.monotonic_ns() + _HEAD_START_NS
        due = (start_ns + due_ns).tolist()
        make = (
            _packed(tape, per_message, start_ns + gap_ns)
            if per_message > 1
            else _json(tape, start_ns + gap_ns)
        )
        gc.collect()
        gc.freeze()
        i, n = 0, len(due)
        while i < n:
            now_ns = time.monotonic_ns()
            if due[i] > now_ns:
                time.sleep(min((due[i] - now_ns) / 1e9, _MOST_SLEEP_S))
                continue
            while i < n and due[i] <= now_ns:
                value, key = make(i)
                sent_ns[i] = time.monotonic_ns()
                producer.send(topic, value, key=key)
                i += 1
            producer.poll()
        clock_set_ns = abs(_clock_gap_ns() - gap_ns)
    return {
        "due_ns": start_ns + due_ns + gap_ns,
        "sent_ns": sent_ns + gap_ns,
        "clock_set_ns": np.array(clock_set_ns),
    }


def _json(tape: Tape, start_ns: int) -> _Make:
    ids, prices = tape.symbol_ids.tolist(), tape.prices.tolist()
    times = (tape.due_ns + start_ns).tolist()
    keys = [symbol.encode() for symbol in SYMBOLS]

    def make(i: int) -> tuple[bytes, bytes]:
        return encode_json(SYMBOLS[ids[i]], prices[i], times[i]), keys[ids[i]]

    return make


def _packed(tape: Tape, per_message: int, start_ns: int) -> _Make:
    times = tape.due_ns + start_ns

    def make(i: int) -> tuple[bytes, None]:
        part = slice(i * per_message, (i + 1) * per_message)
        return encode_packed(SYMBOLS, tape.symbol_ids[part], tape.prices[part], times[part]), None

    return make


def main(arguments: list[str]) -> None:
    """Send and write the file, under its own name only when it is whole."""
    bootstrap, topic, seed, rate, seconds, per_message, path = arguments
    times = send_tape(bootstrap, topic, int(seed), float(rate), float(seconds), int(per_message))
    with Path(path).open("wb") as file:
        np.savez(file, allow_pickle=False, **times)


if __name__ == "__main__":
    main(sys.argv[1:])
