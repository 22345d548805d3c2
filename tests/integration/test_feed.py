"""Live feeds over a venue on loopback that speaks Binance's protocol, through ccxt, to Kafka."""

import asyncio
import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

import pytest
from confluent_kafka import Consumer, TopicPartition

from ingest.broker import BrokerError, EmbeddedBroker
from ingest.codec import decode
from ingest.live_status import FeedStatus, newest_feeds
from ingest.live_venue import UnknownToVenueError
from silverbullet.live_feeding import FeedWish, follow, view
from silverbullet.settings import load_settings
from tests.integration.commands import Running, run_command, until
from tests.integration.venue_server import VenueServer, book_ticker, trade

NAMES = ["BTC/USDT", "ETH/USDT"]
TRADES = ("btcusdt@trade", "ethusdt@trade")
QUOTES = ("btcusdt@bookTicker", "ethusdt@bookTicker")


@pytest.fixture
def venue() -> Iterator[VenueServer]:
    with VenueServer() as server:
        yield server


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as running:
        yield running


class Topics:
    """What came on the topics of one test."""

    def __init__(self, broker: EmbeddedBroker, name: str) -> None:
        self.address = broker.address
        self.ticks_topic, self.feed_topic = f"ticks.{name}", f"feed.{name}"
        self.keys: list[str] = []
        self.rows: list[tuple[str, float, int, int]] = []
        self.statuses: list[FeedStatus] = []
        self._consumer = Consumer({"bootstrap.servers": broker.address, "group.id": "t",
                                   "fetch.wait.max.ms": 5})  # fmt: skip
        both = (self.ticks_topic, self.feed_topic)
        self._consumer.assign([TopicPartition(topic, 0, 0) for topic in both])

    def read(self) -> None:
        while (message := self._consumer.poll(0.02)) is not None:
            if message.error() is not None:
                continue
            value = message.value()
            if message.topic() == self.feed_topic:
                self.statuses += newest_feeds([value])
                continue
            found = decode([value])
            ids = (
                found.trade_ids.tolist()
                if found.trade_ids is not None
                else [-1] * len(found.prices)
            )
            names = [found.names[i] for i in found.name_ids.tolist()]
            assert set(names) == {message.key().decode()}
            self.rows += zip(
                names, found.prices.tolist(), found.event_time_ns.tolist(), ids, strict=True
            )

    def wait_rows(self, n: int) -> list[tuple[str, float, int, int]]:
        until(lambda: self.read() or len(self.rows) >= n, f"{n} ticks", 30)
        return self.rows

    def wait_status(self, check: Callable[[FeedStatus], object], what: str) -> FeedStatus:
        until(lambda: self.read() or (self.statuses and check(self.statuses[-1])), what, 30)
        return self.statuses[-1]

    def ids(self, symbol: str) -> list[int]:
        return [row[3] for row in self.rows if row[0] == symbol]

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def topics(broker: EmbeddedBroker, request: pytest.FixtureRequest) -> Iterator[Topics]:
    made = Topics(broker, str(abs(hash(request.node.name))))
    yield made
    made.close()


class Feeding:
    """A feed on a thread of its own; at the end of its block it has ended."""

    def __init__(
        self, topics: Topics, options: Path, kind: str = "trades", *, silence_s: float = 60.0,
        symbols: list[str] = NAMES, venue: str = "binance", with_venue: bool = False,
    ) -> None:  # fmt: skip
        self._settings = load_settings(
            flags={
                "kafka": {
                    "bootstrap": topics.address,
                    "ticks_topic": topics.ticks_topic,
                    "feed_topic": topics.feed_topic,
                }
            }
        )
        self._wish = FeedWish(venue, symbols, kind, silence_s, with_venue, options)
        self.failure: BaseException | None = None
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._begun.wait(20)

    def end(self) -> float:
        begun_s = time.monotonic()
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        assert not self._thread.is_alive()
        return time.monotonic() - begun_s

    def join(self) -> None:
        self._thread.join(20)

    def _run(self) -> None:
        async def main() -> None:
            self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
            self._begun.set()
            await follow(self._settings, self._wish, self._stop)

        try:
            asyncio.run(main())
        except Exception as failure:  # noqa: BLE001 - the test looks at it
            self.failure = failure

    def __enter__(self) -> "Feeding":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        took_s = self.end()
        if error is None:
            assert self.failure is None
            assert took_s < 5


def followed(venue: VenueServer, *names: str) -> None:
    until(lambda: venue.is_followed(*names), f"subscriptions to {names}", 30)


def test_trades_come_to_kafka_by_symbol_with_their_ids_at_local_time(
    venue: VenueServer, topics: Topics, tmp_path: Path
) -> None:
    with Feeding(topics, venue.options_file(tmp_path)):
        followed(venue, *TRADES)
        begun_ns = time.time_ns()
        old_ms = begun_ns // 10**6 - 250
        messages = [trade("BTCUSDT", 100 + n, 64_000 + n, old_ms) for n in range(50)]
        messages[10:10] = [trade("ETHUSDT", 7, 3_400.25, old_ms)]
        venue.send(*messages)
        rows = topics.wait_rows(51)
        assert [(r[0], r[1], r[3]) for r in rows if r[0] == "BTCUSDT"] == [
            ("BTCUSDT", 64_000.0 + n, 100 + n) for n in range(50)
        ]
        assert [(r[1], r[3]) for r in rows if r[0] == "ETHUSDT"] == [(3_400.25, 7)]
        assert all(begun_ns <= row[2] <= time.time_ns() for row in rows)
        status = topics.wait_status(lambda s: s.ticks == 51, "a record")
        assert (status.state, status.gaps, status.repeated, status.refused) == ("live", 0, 0, {})
        assert status.symbols == ("BTC/USDT", "ETH/USDT")
        assert status.clock_offset_ms is not None
        assert 250 <= status.clock_offset_ms < 5_000
        assert venue.info_requests == 1


def test_a_quiet_symbol_does_not_wait_for_a_busy_one(
    venue: VenueServer, topics: Topics, tmp_path: Path
) -> None:
    """ccxt's own calls hand such a trade over with the symbol's next one only."""
    with Feeding(topics, venue.options_file(tmp_path)):
        followed(venue, *TRADES)
        for n in range(20):
            venue.send(
                trade("BTCUSDT", 2 * n, 1), trade("ETHUSDT", n, 1), trade("BTCUSDT", 2 * n + 1, 1)
            )
            topics.wait_rows(3 * n + 3)
        assert topics.ids("ETHUSDT") == list(range(20))
        assert topics.ids("BTCUSDT") == list(range(40))


def test_quotes_come_as_mids_and_every_one(
    venue: VenueServer, topics: Topics, tmp_path: Path
) -> None:
    options = venue.options_file(tmp_path)
    with Feeding(topics, options, "quotes", with_venue=True):
        followed(venue, *QUOTES)
        venue.send(*(book_ticker("BTCUSDT", n, 100 + n, 102 + n) for n in range(30)))
        venue.send(book_ticker("ETHUSDT", 1, "3400.10", "3400.30"))
        rows = topics.wait_rows(31)
        assert [r[1] for r in rows if r[0] == "BINANCE/BTCUSDT"] == [101.0 + n for n in range(30)]
        (mid,) = [r[1] for r in rows if r[0] == "BINANCE/ETHUSDT"]
        assert math.isclose(mid, 3400.2)
        status = topics.wait_status(lambda s: s.ticks == 31, "a record")
        assert (status.gaps, status.clock_offset_ms) == (None, None)


def test_gaps_and_repeats_over_a_cut_connection_are_told(
    venue: VenueServer, topics: Topics, tmp_path: Path
) -> None:
    with Feeding(topics, venue.options_file(tmp_path)):
        followed(venue, *TRADES)
        venue.send(trade("BTCUSDT", 1, 1), trade("BTCUSDT", 2, 1), trade("BTCUSDT", 5, 1))
        topics.wait_rows(3)
        assert venue.cut() >= 1
        followed(venue, *TRADES)
        venue.send(*(trade("BTCUSDT", n, 1) for n in (4, 5, 9)), trade("ETHUSDT", 3, 1))
        topics.wait_rows(5)
        assert topics.ids("BTCUSDT") == [1, 2, 5, 9]
        status = topics.wait_status(lambda s: s.ticks == 5, "a record")
        assert (status.reconnects, status.gaps, status.missed_trade_ids) == (1, 2, 5)
        assert (status.state, status.repeated) == ("live", 2)
        assert venue.info_requests == 1  # what it trades is asked once


def test_what_is_no_tick_is_refused_and_told_and_the_rest_goes_on(
    venue: VenueServer, topics: Topics, tmp_path: Path
) -> None:
    with Feeding(topics, venue.options_file(tmp_path)):
        followed(venue, *TRADES)
        no_price = json.loads(trade("BTCUSDT", 4, 1))
        del no_price["p"]
        no_time = json.loads(trade("BTCUSDT", 5, 1))
        del no_time["T"], no_time["E"]
        venue.send(
            trade("BTCUSDT", 1, -5),
            trade("BTCUSDT", 2, 0),
            trade("BTCUSDT", 3, "nan"),
            '{"e":"trade","s":[1],"t":{}}',
            "[1, 2]",
            json.dumps(no_price),
            json.dumps(no_time),
            trade("BTCUSDT", 6, 1, -12),
            trade("BTCUSDT", 7, 42),
            "no json at all",
            '{"e":"unheard of","s":"BTCUSDT"}',
            trade("BTCUSDT", 8, 43),
        )
        rows = topics.wait_rows(2)
        assert [(r[1], r[3]) for r in rows] == [(42.0, 7), (43.0, 8)]
        status = topics.wait_status(lambda s: s.ticks == 2, "a record")
        assert status.refused == {
            "price": 2,
            "missing_field": 2,
            "event_time_past": 1,
            "unreadable": 3,
        }
        assert status.reconnects == 0


@pytest.mark.parametrize("nonsense", ['{"e":"trade"x}', "{}}"])
def test_broken_json_costs_a_connection_and_no_more(
    venue: VenueServer, topics: Topics, tmp_path: Path, nonsense: str
) -> None:
    with Feeding(topics, venue.options_file(tmp_path), silence_s=600):
        followed(venue, *TRADES)
        venue.send(trade("BTCUSDT", 1, 1), nonsense)
        topics.wait_rows(1)

        def next_comes() -> bool:
            venue.send(trade("BTCUSDT", 2, 2), stream=TRADES[0])
            topics.read()
            return topics.ids("BTCUSDT") == [1, 2]

        until(next_comes, "the trade after it", 30)


def test_a_connection_that_falls_silent_is_made_anew(
    venue: VenueServer, topics: Topics, tmp_path: Path
) -> None:
    with Feeding(topics, venue.options_file(tmp_path), silence_s=1.0):
        followed(venue, *TRADES)
        venue.send(trade("BTCUSDT", 1, 1))
        topics.wait_rows(1)
        status = topics.wait_status(lambda s: s.reconnects >= 2, "two new connections")
        assert "no message for" in status.reason or status.state == "live"
        assert len(venue.subscriptions) >= 2
        assert not {name for names in venue.subscriptions for name in names} - set(TRADES)


def test_a_venue_that_is_down_is_tried_until_it_is_there_and_each_reason_told_once(
    venue: VenueServer, topics: Topics, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = venue.options_file(tmp_path)
    venue.close_port()
    with caplog.at_level("INFO", "silverbullet"), Feeding(topics, options):
        status = topics.wait_status(lambda s: s.reconnects >= 2, "two more tries")
        assert status.state == "retrying"
        assert str(venue.port) in status.reason
        lines = [r.getMessage() for r in caplog.records if "tried again" in r.getMessage()]
        assert len(lines) == 1
        venue.turns_away = True
        venue.open()
        status = topics.wait_status(lambda s: "503" in s.reason, "the other reason")
        venue.turns_away = False
        followed(venue, *TRADES)
        venue.send(trade("BTCUSDT", 1, 1))
        topics.wait_rows(1)
        topics.wait_status(lambda s: s.state == "live" and not s.reason, "that it is live")


def test_symbols_and_streams_that_are_not_there_are_told_with_the_nearest(
    venue: VenueServer, topics: Topics, tmp_path: Path
) -> None:
    options = venue.options_file(tmp_path)
    for symbols, said in ((["BTCUSDT"], "'BTC/USDT'"), (["ADA/USD"], "'ADA/USDT'")):
        feeding = Feeding(topics, options, symbols=symbols)
        feeding.join()
        assert isinstance(feeding.failure, UnknownToVenueError)
        assert f"did you mean {said}" in str(feeding.failure)


def test_the_command_feeds_tells_and_ends_on_a_signal(
    venue: VenueServer, topics: Topics, tmp_path: Path
) -> None:
    kafka = {
        "kafka__bootstrap": topics.address,
        "kafka__ticks_topic": topics.ticks_topic,
        "kafka__feed_topic": topics.feed_topic,
    }
    arguments = ("feed", "--venue", "binance", "--symbols", "BTC/USDT,ETH/USDT",
                 "--venue-options", venue.options_file(tmp_path))  # fmt: skip
    with Running(tmp_path, *arguments, **kafka) as running:
        running.until(lambda: venue.is_followed(*TRADES), "subscriptions")
        venue.send(trade("BTCUSDT", 1, 1.5), trade("BTCUSDT", 4, 2.5))
        topics.wait_rows(2)
        topics.wait_status(lambda s: s.gaps == 1, "a record")
        told = run_command(tmp_path, "feed-status", **kafka)
        assert told.returncode == 0, told.stdout + told.stderr
        assert "binance trades BTC/USDT, ETH/USDT: live" in told.stdout
        assert "1 gaps with 2 trades missed" in told.stdout
        assert running.end(signal.SIGTERM) < 5
        assert running.process.returncode == 0
        assert "sent 2 ticks" in running.output()
        assert "2 trade ids missed" in running.output()


def test_a_broker_that_goes_is_told_in_a_line_and_the_feed_still_ends(
    venue: VenueServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with EmbeddedBroker() as gone, caplog.at_level("INFO"):
        topics = Topics(gone, "gone")
        feeding = Feeding(topics, venue.options_file(tmp_path))
        followed(venue, *TRADES)
        topics.close()
        gone.close()
        venue.send(trade("BTCUSDT", 1, 1))

        def is_told() -> bool:
            return any(f"Kafka at {gone.address}" in r.getMessage() for r in caplog.records)

        until(is_told, "a line", 30)
        assert feeding.end() < 5
        assert isinstance(feeding.failure, BrokerError)
        assert f"Kafka at {gone.address} did not take" in str(feeding.failure)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--venue", "binanc", "--symbols", "BTC/USDT"), "did you mean 'binance'"),
        (("--venue", "binance", "--symbols", ","), "--symbols needs at least one"),
    ],
)
def test_what_cannot_be_fed_is_one_line_and_exit_2(
    tmp_path: Path, broker: EmbeddedBroker, arguments: tuple[str, ...], said: str
) -> None:
    done = run_command(tmp_path, "feed", *arguments, kafka__bootstrap=broker.address)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_no_feed_and_a_feed_that_ended_are_not_well(tmp_path: Path, topics: Topics) -> None:
    done = run_command(
        tmp_path, "feed-status", "--json", kafka__bootstrap=topics.address,
        kafka__feed_topic=topics.feed_topic,
    )  # fmt: skip
    assert (done.returncode, json.loads(done.stdout)) == (1, [])
    status = FeedStatus(
        time_ns=10**18, started_ns=10**18, venue="kraken", kind="trades", symbols=("XBTUSD",),
        state="live", reason="", ticks=1, ticks_per_s=0.0, reconnects=0, gaps=0,
        missed_trade_ids=0, repeated=0, refused={"price": 2}, clock_offset_ms=1.0,
        last_message_age_ms=10.0,
    )  # fmt: skip
    assert view(status, 10**18).is_live
    ended = view(status, 10**18 + 60 * 10**9)
    assert not ended.is_live
    assert "told nothing for 60 s" in ended.line
    assert "refused 2 price" in ended.line
