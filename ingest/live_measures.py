"""What a live feed measures: jumps in trade ids, the venue's clock, and when to try again."""

import statistics
from collections import deque
from typing import Final

from ingest.ticks import NO_TRADE_ID

FIRST_DELAY_NS: Final = 500_000_000
LONGEST_DELAY_NS: Final = 30_000_000_000
# A connection that held so long starts the delays anew. Binance takes 300 connections in five
# minutes of an address; these delays ask for at most 15 where each is cut at once.
STEADY_NS: Final = 30_000_000_000
OFFSET_SAMPLES: Final = 101  # odd: the median is a sample


class BackOff:
    """Delays before each new try: 0.5 s, doubled up to 30 s, anew after a steady connection."""

    def __init__(self) -> None:
        self._tries = 0

    def step(self, lived_ns: int) -> int:
        """Give the delay before the next try.

        Parameters
        ----------
        lived_ns
            How long messages came over the connection that was lost; 0 where there was none.

        Returns
        -------
        int
            ns.
        """
        if lived_ns >= STEADY_NS:
            self._tries = 0
        delay_ns = min(FIRST_DELAY_NS << self._tries, LONGEST_DELAY_NS)
        self._tries = min(self._tries + 1, 16)
        return delay_ns


class ClockOffset:
    """Local time of receipt less the venue's event time: the median of the last 101."""

    def __init__(self) -> None:
        self._samples: deque[int] = deque(maxlen=OFFSET_SAMPLES)

    def add(self, received_ns: int, venue_time_ns: int) -> None:
        """Take a message's two times."""
        self._samples.append(received_ns - venue_time_ns)

    def median_ms(self) -> float | None:
        """Give the median in ms; None before the first."""
        return statistics.median(self._samples) / 1e6 if self._samples else None


class TradeSequence:
    """Follows each symbol's trade ids.

    Attributes
    ----------
    gaps, missed
        Jumps, and the ids left out by them.
    repeated
        Trades whose id is not above the last of their symbol.
    """

    def __init__(self) -> None:
        self.gaps = 0
        self.missed = 0
        self.repeated = 0
        self._last: dict[str, int] = {}

    def is_new(self, symbol: str, trade_id: int) -> bool:
        """Take the next trade; False where it came before. One without an id is always new."""
        if trade_id == NO_TRADE_ID:
            return True
        last = self._last.get(symbol)
        if last is not None and trade_id <= last:
            self.repeated += 1
            return False
        self._last[symbol] = trade_id
        if last is not None and trade_id > last + 1:
            self.gaps += 1
            self.missed += trade_id - last - 1
        return True
