"""What a live feed tells of itself once a second, as a message of Kafka."""

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

FeedState = Literal["connecting", "live", "retrying"]
Kind = Literal["trades", "quotes"]
LOOK_BACK: Final = 256
"""Newest records to look at: of 32 feeds that tell once a second, the last eight of each."""


class FeedStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one feed.

    Attributes
    ----------
    time_ns, started_ns
        When this was written and when the feed began, UTC.
    venue, kind, symbols
        What is fed; symbols as they were asked for, which the ticks may call otherwise.
    state, reason
        ``live`` once a message came over the connection in use; why it is not, else empty.
    ticks, ticks_per_s
        Sent in all, and a second since the record before.
    reconnects
        Connections made anew.
    gaps, missed_trade_ids
        Jumps in a symbol's trade ids, and the ids left out by them; None where the venue does
        not number its trades one by one (and for quotes).
    repeated
        Trades that came again and were not sent again.
    refused
        What could not be a tick, by reason.
    clock_offset_ms
        Median of the last receipts of local time less the venue's event time, so clock and way
        together; None where the venue gives no time.
    last_message_age_ms
        Since the newest message; None before the first.
    undelivered
        Messages that Kafka did not take.
    """

    time_ns: int
    started_ns: int
    venue: str
    kind: Kind
    symbols: tuple[str, ...]
    state: FeedState
    reason: str
    ticks: int
    ticks_per_s: float
    reconnects: int
    gaps: int | None
    missed_trade_ids: int | None
    repeated: int
    refused: dict[str, int]
    clock_offset_ms: float | None
    last_message_age_ms: float | None
    undelivered: int = 0


encode_feed_status = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(FeedStatus).decode


def newest_feeds(messages: Iterable[bytes]) -> list[FeedStatus]:
    """Give the newest record of each feed, told apart by what they feed.

    Parameters
    ----------
    messages
        Records, oldest first; what is none is left out.
    """
    found: dict[tuple[str, str, tuple[str, ...]], FeedStatus] = {}
    for message in messages:
        try:
            status = _decode(message)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        found[status.venue, status.kind, status.symbols] = status
    return sorted(found.values(), key=lambda status: (status.venue, status.kind, status.symbols))
