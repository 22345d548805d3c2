"""What a live feed decides: which messages are ticks, when to try again, what to tell.

A step machine: messages, losses and seconds go in with their times; ticks, delays and records
come out. It reads no clock and does no I/O, `ingest.live_session` does.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from ingest.live_measures import BackOff, ClockOffset, TradeSequence
from ingest.live_messages import LiveTicks, Message, Quote, Trade, Unreadable
from ingest.live_status import FeedState, FeedStatus, Kind
from ingest.ticks import NO_TRADE_ID

_MOST_REASONS: Final = 64  # told apart between two connections; what differs each time is cut


class LiveFeed:
    """One feed: a venue's trades or quotes of some symbols.

    Parameters
    ----------
    venue, kind
        Where from and what.
    symbols
        Symbol of the ticks by the venue's name of it.
    now_ns
        When it begins.
    silence_ns
        A connection without a message for so long is taken for lost.
    numbers_trades
        The venue numbers the trades of a symbol one by one, so that a jump is a gap.
    """

    def __init__(
        self,
        venue: str,
        kind: Kind,
        symbols: Mapping[str, str],
        now_ns: int,
        *,
        silence_ns: int,
        numbers_trades: bool,
    ) -> None:
        self.venue, self.kind, self.symbols = venue, kind, dict(symbols)
        self._asked = tuple(symbols)
        self.refused: Counter[str] = Counter()
        self.ticks = 0
        self.reconnects = 0
        self._started_ns = self._opened_ns = self._told_ns = now_ns
        self._silence_ns = silence_ns
        self._counts_gaps = numbers_trades and kind == "trades"
        self._sequence, self._offset, self._back_off = TradeSequence(), ClockOffset(), BackOff()
        self._state: FeedState = "connecting"
        self._reason = ""
        self._first_ns: int | None = None  # of the connection in use
        self._newest_ns: int | None = None
        self._lost_ns: int | None = None
        self._reasons_told: set[str] = set()
        self._ticks_told = 0
        self._faults_told = (0, 0, 0)
        self._unreadable = ""
        self._news: list[str] = []

    def news(self) -> list[str]:
        """Take the lines that are to be shown."""
        news, self._news = self._news, []
        return news

    def name(self, symbols: Mapping[str, str]) -> None:
        """Take the symbols' names once the venue has told them."""
        self.symbols = dict(symbols)

    def opened(self, now_ns: int) -> None:
        """Note that a connection is tried."""
        self._opened_ns, self._first_ns = now_ns, None
        if self._lost_ns is not None:
            self.reconnects += 1

    def take(self, messages: Iterable[Message]) -> list[LiveTicks]:
        """Judge messages.

        Parameters
        ----------
        messages
            In the order of their receipt.

        Returns
        -------
        list of LiveTicks
            Those that are ticks, by symbol.
        """
        found: dict[str, LiveTicks] = {}
        newest: Trade | Quote | None = None
        for message in messages:
            if isinstance(message, Unreadable):
                self.refused["unreadable"] += 1
                self._unreadable = message.fault
                continue
            newest = message
            price = self._judge(message)
            if price is None:
                continue
            name = self.symbols[message.symbol]
            trade_id = message.trade_id if isinstance(message, Trade) else NO_TRADE_ID
            if not self._sequence.is_new(name, trade_id):
                continue
            ticks = found.setdefault(name, LiveTicks(name, [], [], []))
            ticks.prices.append(price)
            ticks.event_time_ns.append(message.received_ns)
            ticks.trade_ids.append(trade_id)
            self.ticks += 1
        if newest is not None:
            self._heard(newest)
        return list(found.values())

    def lost(self, now_ns: int, reason: str) -> int:
        """Note that the connection is gone or was not to be had.

        Returns
        -------
        int
            Delay before the next try, ns. Why is told once until messages come again.
        """
        lived_ns = 0 if self._first_ns is None else now_ns - self._first_ns
        delay_ns = self._back_off.step(lived_ns)
        if self._state != "retrying":
            self._lost_ns = now_ns
        self._state, self._reason = "retrying", reason
        if reason not in self._reasons_told and len(self._reasons_told) < _MOST_REASONS:
            self._reasons_told.add(reason)
            self._news.append(
                f"{self.venue}: {reason}; tried again after {delay_ns / 1e9:g} s, "
                "then ever more rarely, every 30 s in the end"
            )
        return delay_ns

    def silent_for_s(self, now_ns: int) -> float | None:
        """Give how long nothing came, where that is too long; else None."""
        since_ns = max(self._opened_ns, self._newest_ns or 0)
        silence_ns = now_ns - since_ns
        return silence_ns / 1e9 if silence_ns >= self._silence_ns else None

    def tell(self, now_ns: int, undelivered: int = 0) -> FeedStatus:
        """Write the record of this second; faults since the last one become a line of news."""
        passed_s = (now_ns - self._told_ns) / 1e9
        rate = (self.ticks - self._ticks_told) / passed_s if passed_s > 0 else 0.0
        self._told_ns, self._ticks_told = now_ns, self.ticks
        self._tell_faults()
        newest_ns = self._newest_ns
        return FeedStatus(
            time_ns=now_ns,
            started_ns=self._started_ns,
            venue=self.venue,
            kind=self.kind,
            symbols=self._asked,
            state=self._state,
            reason=self._reason,
            ticks=self.ticks,
            ticks_per_s=rate,
            reconnects=self.reconnects,
            gaps=self._sequence.gaps if self._counts_gaps else None,
            missed_trade_ids=self._sequence.missed if self._counts_gaps else None,
            repeated=self._sequence.repeated,
            refused=dict(self.refused),
            clock_offset_ms=self._offset.median_ms(),
            last_message_age_ms=None if newest_ns is None else max(0, now_ns - newest_ns) / 1e6,
            undelivered=undelivered,
        )

    def _judge(self, message: Trade | Quote) -> float | None:
        """Give the price of a message, or count why it is no tick."""
        if isinstance(message, Trade):
            price, lowest = message.price, message.price
        elif message.bid is None or message.ask is None:
            price = lowest = None
        else:
            # The mean of a good and a bad price would look like a price.
            price, lowest = (message.bid + message.ask) / 2, min(message.bid, message.ask)
        reason = self._fault(message, price, lowest)
        if reason is None:
            return price
        self.refused[reason] += 1
        return None

    def _fault(
        self, message: Trade | Quote, price: float | None, lowest: float | None
    ) -> str | None:
        if message.symbol not in self.symbols:
            return "symbol"
        if price is None or lowest is None:
            return "missing_field"
        if not (math.isfinite(price) and lowest > 0):
            return "price"
        if message.venue_time_ns is None:
            # Some venues' quotes carry no time (Binance spot), each trade does.
            return "missing_field" if isinstance(message, Trade) else None
        return "event_time_past" if message.venue_time_ns <= 0 else None

    def _heard(self, newest: Trade | Quote) -> None:
        """Note that messages came; one of them measures the clock, for a burst has one way."""
        self._newest_ns = newest.received_ns
        if self._first_ns is None:
            self._first_ns = newest.received_ns
        if newest.venue_time_ns is not None and newest.venue_time_ns > 0:
            self._offset.add(newest.received_ns, newest.venue_time_ns)
        if self._state == "live":
            return
        names = ", ".join(self.symbols.values())
        line = f"{self.venue}: {self.kind} of {names} come in"
        if self._lost_ns is not None:
            away_s = (newest.received_ns - self._lost_ns) / 1e9
            line = f"{self.venue}: {self.kind} come in again after {away_s:.1f} s"
        self._news.append(line)
        self._state, self._reason = "live", ""
        self._reasons_told.clear()

    def _tell_faults(self) -> None:
        sequence = self._sequence
        missed = sequence.missed if self._counts_gaps else 0
        faults = (self.refused.total(), missed, sequence.repeated)
        before, self._faults_told = self._faults_told, faults
        refused, missed, repeated = (now - then for now, then in zip(faults, before, strict=True))
        parts = []
        if refused:
            reasons = ", ".join(f"{n} {reason}" for reason, n in sorted(self.refused.items()))
            last = f"; the last unreadable: {self._unreadable}" if self._unreadable else ""
            parts.append(f"{refused} messages are no ticks (in all: {reasons}{last})")
            self._unreadable = ""
        if missed:
            parts.append(f"{missed} trade ids missed (in all {sequence.missed})")
        if repeated:
            parts.append(f"{repeated} trades came again (in all {sequence.repeated})")
        if parts:
            self._news.append(f"{self.venue}: " + "; ".join(parts))
