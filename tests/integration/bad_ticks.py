"""Forty rows of good ticks with one of each kind of bad input in their midst."""

import json
import time
from typing import NamedTuple

import numpy as np

from ingest.codec import encode_json, encode_packed

SECOND_NS = 1_000_000_000
SYMBOLS = ("BTCUSDT", "ETH-USD", "BINANCE/LTC_PERP")
LEAVER = "QUITS.EARLY"


class Sent(NamedTuple):
    """A message that was sent and how each refused row of it must be told."""

    value: bytes
    refused: tuple[tuple[int | None, str], ...] = ()
    n_read: int = 1


class Script:
    """Messages in the order of their offsets, and the good ticks among them."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self.messages: list[Sent] = []
        self.good: list[tuple[str, float, int]] = []
        self._random = np.random.default_rng(5)
        self._prices = dict(zip((*SYMBOLS, LEAVER), (60_000.0, 2_500.0, 80.0, 9.0), strict=True))

    def time_ns(self, row: int, part: float) -> int:
        """Give a time within a row."""
        return self.start_ns + row * SECOND_NS + int(part * SECOND_NS)

    def tick(self, symbol: str, row: int, part: float) -> tuple[str, float, int]:
        """Make a good tick, as the next of the random walk."""
        self._prices[symbol] *= float(np.exp(0.001 * self._random.standard_normal() + 1e-4))
        good = (symbol, self._prices[symbol], self.time_ns(row, part))
        self.good.append(good)
        return good

    def send(self, value: bytes, *refused: tuple[int | None, str], n_read: int = 1) -> None:
        """Note a message."""
        self.messages.append(Sent(value, refused, n_read))

    def row(self, row: int) -> None:
        """Send a good row, out of order, in each of the formats."""
        first, second, third = SYMBOLS
        late_half = self.tick(first, row, 0.8)
        early_half = self.tick(first, row, 0.2)
        self.send(encode_json(*late_half))
        self.send(encode_json(*early_half))
        ticks = [self.tick(second, row, 0.5), self.tick(third, row, 0.4)]
        if row < 15:
            ticks.append(self.tick(LEAVER, row, 0.3))
        names = [tick[0] for tick in ticks]
        prices, times = [tick[1] for tick in ticks], [tick[2] for tick in ticks]
        if row % 3 == 0:
            self.send(encode_packed(names, range(len(ticks)), prices, times), n_read=len(ticks))
        elif row % 3 == 1:
            rows = [json.loads(encode_json(*tick)) for tick in ticks]
            self.send(json.dumps(rows).encode(), n_read=len(ticks))
        else:
            # The prototype's date in nanoseconds, as a number.
            rows = [{"asset": name, "price": p, "date": t} for name, p, t in ticks]
            self.send(json.dumps(rows).encode(), n_read=len(ticks))


def bad_messages(script: Script) -> None:
    """Send one of each kind of bad input, good neighbours beside them."""
    packed = encode_packed([SYMBOLS[0]], [0], [1.0], [script.start_ns])
    script.send(b"{not json", (None, "not_json"))
    for nothing in (b"", b"[]", encode_packed([], [], [], [])):
        script.send(nothing, (None, "empty"))
    script.send(b'{"asset":' * 5000, (None, "not_json"))  # nested without end
    script.send(packed[:-9], (None, "truncated"))
    script.send(packed[:40] + bytes([packed[40] ^ 1]) + packed[41:], (None, "crc"))
    script.send(packed[:4] + b"\x63\x00" + packed[6:], (None, "version"))
    script.send(b'{"symbol": "BTCUSDT", "price": 1.0}', (0, "missing_field"))
    good = script.tick(SYMBOLS[0], 10, 0.9)
    prices = (float("nan"), float("inf"), 0.0, -3.0, 1e308)
    values = [good[1], *prices]
    names, ids = [SYMBOLS[0]], [0] * len(values)
    refused = [(place, "price") for place in range(1, len(values))]
    script.send(encode_packed(names, ids, values, [good[2]] * 6), *refused, n_read=6)
    for symbol in ("btcusdt", "", "A" * 33, "BTC USDT", "BTC\u00c4"):
        tick = {"symbol": symbol, "price": 1.0, "event_time_ns": good[2]}
        script.send(json.dumps(tick).encode(), (0, "symbol"))
    script.send(encode_json(SYMBOLS[0], 1.0, -1), (0, "event_time_past"))
    beyond = time.time_ns() + 75 * SECOND_NS
    script.send(encode_json(SYMBOLS[0], 1.0, beyond), (0, "event_time_future"))
    neighbour = script.tick(SYMBOLS[1], 10, 0.95)
    rows = [{"symbol": SYMBOLS[0]}, json.loads(encode_json(*neighbour)), 17]
    script.send(json.dumps(rows).encode(), (0, "missing_field"), (2, "missing_field"), n_read=3)


def write_script() -> Script:
    """Forty rows that ended a moment ago, with everything bad in their midst."""
    rows = 40
    begin_ns = (time.time_ns() // SECOND_NS - rows - 2) * SECOND_NS
    script = Script(begin_ns)
    for row in range(10):
        script.row(row)
    script.row(10)
    bad_messages(script)
    for row in range(11, 20):
        script.row(row)
    # The limit is four symbols, all of which are there.
    script.send(encode_json("FIFTH", 1.0, script.time_ns(19, 0.95)), (0, "symbol_limit"))
    # Row 5 ended long ago.
    script.send(encode_json(SYMBOLS[0], 1.0, script.time_ns(5, 0.5)))
    trade = script.tick(SYMBOLS[2], 19, 0.97)
    script.send(encode_json(*trade, 77))
    script.send(encode_json(trade[0], 1.0, trade[2], 77))
    script.send(encode_json(trade[0], 1.0, trade[2], 76))
    for row in range(20, rows):
        script.row(row)
    return script
