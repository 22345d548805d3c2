"""The insides of ``feed`` and ``feed-status``."""

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import click
import msgspec

from ingest.broker import BrokerError
from ingest.consumer import TopicConsumer
from ingest.live_feed import LiveFeed
from ingest.live_status import LOOK_BACK, FeedStatus, Kind, newest_feeds
from ingest.producer import TopicProducer
from silverbullet.broker_access import broker_access
from silverbullet.options import Refused
from silverbullet.part_process import end_on_signals, log_to_stderr
from silverbullet.running_pipeline import broker_address
from silverbullet.settings import Settings
from silverbullet.topics import needs_of_live_feeds, prepare_topics, ticks_partitions

if TYPE_CHECKING:
    from ingest.live_session import LiveSession

log = logging.getLogger("silverbullet")

_FLUSH_S: Final = 2.0
_STALE_S: Final = 5.0  # a feed tells once a second
_LONGEST_SILENCE_S: Final = 86_400.0
_OPTIONS: Final = frozenset(
    ["urls", "hostname", "httpProxy", "httpsProxy", "wsProxy", "wssProxy", "timeout", "options"]
)


class FeedWish(NamedTuple):
    """What the options of ``feed`` say."""

    venue: str
    symbols: Sequence[str]
    kind: str
    silence_s: float
    with_venue: bool = False
    options_path: Path | None = None


class FeedView(NamedTuple):
    """What a feed told last: as JSON, as a line, and whether all is well."""

    told: dict[str, Any]
    line: str
    is_live: bool


def run_feed(settings: Settings, wish: FeedWish) -> None:
    """Feed the topic of ticks until a signal.

    Raises
    ------
    Refused
        There is no such venue, symbol or stream, or no broker is named.
    click.ClickException
        The broker cannot be reached or refuses.
    """
    log_to_stderr()
    broker_access(settings.kafka)  # refuses what it lacks before ccxt is imported
    if not wish.symbols or not 0 < wish.silence_s <= _LONGEST_SILENCE_S:
        raise Refused("--symbols needs at least one symbol, --silence more than 0 s, at most 1 d")

    from ingest.live_venue import UnknownToVenueError  # noqa: PLC0415 - ccxt takes 0.7 s

    async def follow_until_signal() -> None:
        await follow(settings, wish, _stop_on_signals())

    try:
        asyncio.run(follow_until_signal())
    except UnknownToVenueError as error:
        raise Refused(str(error)) from None
    except BrokerError as error:
        raise click.ClickException(str(error)) from None


async def follow(settings: Settings, wish: FeedWish, stop: asyncio.Event) -> None:
    """Feed the topic of ticks until ``stop`` is set.

    Raises
    ------
    Refused
        The venue's options cannot be used.
    UnknownToVenueError
        There is no such venue, symbol or stream.
    BrokerError
        The broker cannot be reached or refuses.
    """
    session, producer = _make_session(settings, wish)
    await session.run(stop)
    producer.close(_FLUSH_S)
    log.info("sent %d ticks", session.feed.ticks)


def _make_session(settings: Settings, wish: FeedWish) -> tuple["LiveSession", TopicProducer]:
    from ingest.live_session import Inbox, LiveSession  # noqa: PLC0415 - ccxt, as above
    from ingest.live_venue import Venue  # noqa: PLC0415

    kind, inbox, kafka = cast(Kind, wish.kind), Inbox(), settings.kafka
    venue = Venue(wish.venue, kind, wish.symbols, inbox.put, _venue_options(wish.options_path))
    feed = LiveFeed(
        wish.venue,
        kind,
        {symbol: symbol for symbol in wish.symbols},
        time.time_ns(),
        silence_ns=round(wish.silence_s * 1e9),
        numbers_trades=venue.numbers_trades,
    )
    prepare_topics(kafka, needs_of_live_feeds(kafka))
    producer = TopicProducer(broker_access(kafka))
    prefix = f"{wish.venue.upper()}/" if wish.with_venue else ""
    n_partitions = len(ticks_partitions(kafka))
    return LiveSession(
        feed, venue, inbox, producer, kafka.ticks_topic, kafka.feed_topic, prefix, n_partitions
    ), producer


def _stop_on_signals() -> asyncio.Event:
    """Give the event that a signal sets; by force where that does not end the process."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    end_on_signals(lambda: loop.call_soon_threadsafe(stop.set))
    return stop


def _venue_options(path: Path | None) -> dict[str, Any]:
    """Read ccxt's options; public data needs no key, so none is taken.

    Raises
    ------
    Refused
        The file is no JSON object of the options that a feed has a use for.
    """
    if path is None:
        return {}
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise Refused(f"--venue-options {path}: no JSON ({error})") from None
    if not isinstance(found, dict):
        raise Refused(f"--venue-options {path}: must hold a JSON object")
    foreign = sorted(set(found) - _OPTIONS)
    if foreign:
        takes = ", ".join(sorted(_OPTIONS))
        raise Refused(f"--venue-options {path}: {foreign[0]!r} is not among {takes}")
    return found


def look_at_feeds(settings: Settings) -> list[FeedView]:
    """Give what each feed told last.

    Raises
    ------
    click.ClickException
        The broker does not answer.
    """
    try:
        with TopicConsumer(broker_address(settings), []) as reader:
            messages = reader.last(settings.kafka.feed_topic, LOOK_BACK)
    except BrokerError as error:
        raise click.ClickException(str(error)) from None
    now_ns = time.time_ns()
    return [view(status, now_ns) for status in newest_feeds(messages)]


def view(status: FeedStatus, now_ns: int) -> FeedView:
    """Describe a feed as it stands now."""
    told_s = max(0, now_ns - status.time_ns) / 1e9
    is_live = status.state == "live" and told_s <= _STALE_S
    parts = [f"{status.state}{f' ({status.reason})' if status.reason else ''}"]
    if told_s > _STALE_S:
        parts = [f"told nothing for {told_s:.0f} s, its process may have ended"]
    parts.append(f"{status.ticks_per_s:.1f} ticks/s, {status.ticks} in all")
    parts.append(f"{status.reconnects} reconnects")
    if status.gaps is not None:
        parts.append(f"{status.gaps} gaps with {status.missed_trade_ids} trades missed")
    if status.repeated:
        parts.append(f"{status.repeated} repeated")
    if status.refused:
        parts.append("refused " + ", ".join(f"{n} {r}" for r, n in status.refused.items()))
    if status.undelivered:
        parts.append(f"{status.undelivered} messages not taken by Kafka")
    if status.clock_offset_ms is not None:
        parts.append(f"clock offset {status.clock_offset_ms:.1f} ms")
    if status.last_message_age_ms is not None:
        parts.append(f"last message {status.last_message_age_ms / 1e3 + told_s:.1f} s ago")
    where = f"{status.venue} {status.kind} {', '.join(status.symbols)}"
    told = msgspec.to_builtins(status) | {"told_age_s": told_s, "is_live": is_live}
    return FeedView(told, f"{where}: " + "; ".join(parts), is_live)
