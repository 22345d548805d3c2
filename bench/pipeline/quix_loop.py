"""quixstreams and PyPortfolioOpt, as their users would write it: a script for its own environment.

Run as ``PYTHON quix_loop.py BROKER TICKS DECISIONS``. One call a message, which quixstreams does
not drain: it decides on each tick, with sample mean and covariance of the rows so far.
"""

import json
import signal
import sys
import time
import uuid
from collections import deque
from typing import Any

import numpy as np
from pypfopt import EfficientFrontier

ROW_NS, WINDOW_ROWS, LEAST_ROWS = 1_000_000_000, 300, 30
ROWS_A_YEAR = 365 * 86_400
MESSAGE_BYTES = 2_000
_HEADER_BYTES = 24


class Portfolio:
    """Rows of log returns of all symbols, and their maximum Sharpe ratio."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._prices: list[float] = []
        self._closed: list[float] = []
        self._row = 0
        self._returns: deque[np.ndarray] = deque(maxlen=WINDOW_ROWS - 1)

    def take(self, symbol: str, price: float, time_ns: int) -> None:
        """Take a tick; a row ends with the first of the next."""
        row = time_ns // ROW_NS
        if row > self._row and self._prices:
            self._close()
            self._row = row
        place = self._places.setdefault(symbol, len(self._places))
        if place == len(self._prices):
            self._prices.append(price)
        self._prices[place] = price

    def _close(self) -> None:
        if len(self._closed) == len(self._prices):
            self._returns.append(np.log(np.divide(self._prices, self._closed)))
        else:
            self._returns.clear()  # a symbol has come: its rows begin here
        self._closed = list(self._prices)

    def weights(self) -> list[float] | None:
        """Give the weights with the open row; None while there are too few rows."""
        if len(self._returns) < LEAST_ROWS or len(self._closed) != len(self._prices):
            return None
        rows = np.vstack([*self._returns, np.log(np.divide(self._prices, self._closed))])
        mean = ROWS_A_YEAR * rows.mean(axis=0)
        if mean.max() <= 0.0:
            return [0.0] * len(mean)
        frontier = EfficientFrontier(mean, ROWS_A_YEAR * np.cov(rows, rowvar=False))
        frontier.max_sharpe(risk_free_rate=0.0)
        return [float(weight) for weight in frontier.weights]


def unpack(value: bytes) -> list[tuple[str, float, int]]:
    """Read a packed message, in which the history comes; see `ingest.packed`."""
    n, n_bytes, _ = np.frombuffer(value, "<u4", 3, 8).tolist()
    times = np.frombuffer(value, "<i8", n, _HEADER_BYTES).tolist()
    prices = np.frombuffer(value, "<f8", n, _HEADER_BYTES + 8 * n).tolist()
    places = np.frombuffer(value, "<u2", n, len(value) - n_bytes - 2 * n).tolist()
    names = value[len(value) - n_bytes :].decode().split("\n")
    return [(names[p], price, t) for p, price, t in zip(places, prices, times, strict=True)]


def run(bootstrap: str, ticks: str, decisions: str) -> None:
    """Decide until SIGTERM."""
    from quixstreams import Application, message_context  # noqa: PLC0415 - not in our environment

    app = Application(
        bootstrap,
        consumer_group=f"bench-{uuid.uuid4().hex}",
        auto_offset_reset="earliest",
        auto_create_topics=False,
        loglevel="ERROR",
        producer_extra_config={"linger.ms": 0},
    )
    portfolio = Portfolio()

    def decide(value: bytes) -> dict[str, Any] | None:
        received_ns = time.time_ns()
        if value[:1] == b"{":
            tick = json.loads(value)
            portfolio.take(tick["symbol"], tick["price"], tick["event_time_ns"])
        else:
            for one in unpack(value):
                portfolio.take(*one)
        weights = portfolio.weights()
        if weights is None:
            return None
        answer = {
            "offset": message_context().offset,
            "received_ns": received_ns,
            "published_ns": time.time_ns(),
            "lost": 0,
            "weights": weights,
        }
        return answer | {"padding": "x" * max(0, MESSAGE_BYTES - 20 - len(json.dumps(answer)))}

    frame = app.dataframe(app.topic(ticks, value_deserializer="bytes", key_deserializer="bytes"))
    frame = frame.apply(decide).filter(lambda answer: answer is not None)
    frame.to_topic(app.topic(decisions, value_serializer="json", key_serializer="bytes"))
    signal.signal(signal.SIGTERM, lambda *_: app.stop())
    app.run()


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], sys.argv[3])
