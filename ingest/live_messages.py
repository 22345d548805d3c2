"""Trades and quotes as a venue's library gives them, and the ticks made of them."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ingest.json_rows import numeric_trade_id
from ingest.packed import encode_packed
from ingest.ticks import NO_TRADE_ID


class Trade(NamedTuple):
    """A trade as the venue's library gives it; anything may be missing.

    ``symbol`` is the name that was asked for, ``received_ns`` local time, ``trade_id`` -1 where
    it is no number; times in ns UTC.
    """

    symbol: str
    received_ns: int
    price: float | None
    venue_time_ns: int | None
    trade_id: int = NO_TRADE_ID


class Quote(NamedTuple):
    """Best bid and ask as the venue's library gives them; fields as of `Trade`."""

    symbol: str
    received_ns: int
    bid: float | None
    ask: float | None
    venue_time_ns: int | None


class Unreadable(NamedTuple):
    """A message that the venue's library could not read, and why not."""

    received_ns: int
    fault: str


Message = Trade | Quote | Unreadable


class LiveTicks(NamedTuple):
    """Ticks of one symbol, in the order of their receipt; event time is local time."""

    symbol: str
    prices: list[float]
    event_time_ns: list[int]
    trade_ids: list[int]

    def packed(self) -> bytes:
        """Give them as the value of a message."""
        places = [0] * len(self.prices)
        return encode_packed([self.symbol], places, self.prices, self.event_time_ns, self.trade_ids)


_MOST_MS: Final = 2.0**63 / 1e6


def read_trade(entry: Mapping[str, Any], received_ns: int) -> Trade:
    """Read ccxt's trade structure; what is missing or no number becomes None."""
    return Trade(
        symbol=str(entry.get("symbol")),
        received_ns=received_ns,
        price=_number(entry.get("price")),
        venue_time_ns=_time_ns(entry.get("timestamp")),
        trade_id=numeric_trade_id(entry.get("id")),
    )


def read_quote(entry: Mapping[str, Any], received_ns: int) -> Quote:
    """Read best bid and ask of ccxt's ticker structure; as `read_trade`."""
    return Quote(
        symbol=str(entry.get("symbol")),
        received_ns=received_ns,
        bid=_number(entry.get("bid")),
        ask=_number(entry.get("ask")),
        venue_time_ns=_time_ns(entry.get("timestamp")),
    )


def _number(value: Any) -> float | None:
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _time_ns(value: Any) -> int | None:
    """Read ms, of which ccxt has whole ones; None where there is none, or its ns take 64 bits."""
    milliseconds = _number(value)
    if milliseconds is None or not abs(milliseconds) < _MOST_MS:
        return None
    return round(milliseconds) * 1_000_000
