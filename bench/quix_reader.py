"""The job of `bench.ingest_reader` by quixstreams: a script for its own environment.

It caps confluent-kafka below the version that ours needs, so nothing of this project is imported.
Run as ``PYTHON quix_reader.py BROKER TOPIC N_MESSAGES``; it prints one JSON object.
"""

import json
import math
import sys
import time
import uuid
from collections import deque
from typing import Any

import numpy as np
from quixstreams import Application

WINDOW_TICKS = 1000
MIN_PRICE, MAX_PRICE = 1e-15, 1e15


class Windows:
    """The last returns of each symbol, by one call a tick."""

    def __init__(self) -> None:
        self.n_used = 0
        self.begun_s = 0.0
        self._prices: dict[str, float] = {}
        self.windows: dict[str, deque[float]] = {}

    def take(self, tick: dict[str, Any]) -> None:
        """Take a decoded tick; the first begins the time."""
        if not self.begun_s:
            self.begun_s = time.monotonic()
        price, symbol = tick["price"], tick["symbol"]
        if not (MIN_PRICE <= price <= MAX_PRICE and tick["event_time_ns"] >= 0):
            return
        self.n_used += 1
        before = self._prices.get(symbol)
        self._prices[symbol] = price
        if before is None:
            self.windows[symbol] = deque(maxlen=WINDOW_TICKS)
        else:
            self.windows[symbol].append(math.log(price / before))


def read(bootstrap: str, topic_name: str, n_messages: int) -> dict[str, Any]:
    """Read a topic from its beginning."""
    app = Application(
        bootstrap,
        consumer_group=f"bench-{uuid.uuid4().hex}",
        auto_offset_reset="earliest",
        auto_create_topics=False,
        loglevel="ERROR",
        consumer_extra_config={"fetch.queue.backoff.ms": 1},
    )
    windows = Windows()
    frame = app.dataframe(app.topic(topic_name, value_deserializer="json"))
    frame.update(windows.take)
    app.run(count=n_messages, collect=False)
    means = {symbol: float(np.mean(window)) for symbol, window in windows.windows.items()}
    seconds = time.monotonic() - windows.begun_s
    return {"seconds": seconds, "n_used": windows.n_used, "means": means}


if __name__ == "__main__":
    print(json.dumps(read(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
