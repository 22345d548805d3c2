"""An open-loop generator: sends each tick when it is due, whatever becomes of the others.

Run as a process of its own: ``python -m bench.load BROKER TOPIC SEED RATE SECONDS FILE``. It
writes when each tick was due and when it was sent, and by how far the clock was set meanwhile.
"""

import gc
import sys
import time
from pathlib import Path

import numpy as np

from bench.workload import SYMBOLS, make_tape
from ingest.codec import encode_json
from ingest.producer import TopicProducer
from stats.compiled import IntArray

_HEAD_START_NS = 200_000_000
# Longer sleeps are cut: a clock that is set shows within this time.
_MOST_SLEEP_S = 0.5


def _clock_gap_ns() -> int:
    return time.time_ns() - time.monotonic_ns()


def send_tape(
    bootstrap: str, topic: str, seed: int, rate: float, seconds: float
) -> dict[str, IntArray]:
    """Send a tape; gives ``due_ns`` and ``sent_ns`` (int64[n], UTC) and ``clock_set_ns``."""
    tape = make_tape(seed, rate, seconds)
    ids, prices = tape.symbol_ids.tolist(), tape.prices.tolist()
    keys = [symbol.encode() for symbol in SYMBOLS]
    sent_ns = np.zeros(len(ids), np.int64)
    with TopicProducer(bootstrap, rate_hint=rate) as producer:
        gap_ns = _clock_gap_ns()
        start_ns = time.monotonic_ns() + _HEAD_START_NS
        due = (start_ns + tape.due_ns).tolist()
        gc.collect()
        gc.freeze()
        i, n = 0, len(due)
        while i < n:
            now_ns = time.monotonic_ns()
            if due[i] > now_ns:
                time.sleep(min((due[i] - now_ns) / 1e9, _MOST_SLEEP_S))
                continue
            while i < n and due[i] <= now_ns:
                value = encode_json(SYMBOLS[ids[i]], prices[i], due[i] + gap_ns)
                sent_ns[i] = time.monotonic_ns()
                producer.send(topic, value, key=keys[ids[i]])
                i += 1
            producer.poll()
        clock_set_ns = abs(_clock_gap_ns() - gap_ns)
    return {
        "due_ns": start_ns + tape.due_ns + gap_ns,
        "sent_ns": sent_ns + gap_ns,
        "clock_set_ns": np.array(clock_set_ns),
    }


def main(arguments: list[str]) -> None:
    """Send and write the file, under its own name only when it is whole."""
    bootstrap, topic, seed, rate, seconds, path = arguments
    times = send_tape(bootstrap, topic, int(seed), float(rate), float(seconds))
    with Path(path).open("wb") as file:
        np.savez(file, allow_pickle=False, **times)


if __name__ == "__main__":
    main(sys.argv[1:])
