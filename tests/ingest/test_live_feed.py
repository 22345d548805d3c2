"""What a live feed makes of messages, losses and seconds; no clock, no network."""

import math
import statistics
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.live_feed import LiveFeed
from ingest.live_measures import (
    FIRST_DELAY_NS,
    LONGEST_DELAY_NS,
    OFFSET_SAMPLES,
    STEADY_NS,
    BackOff,
    TradeSequence,
)
from ingest.live_messages import Quote, Trade, Unreadable, read_quote, read_trade
from ingest.live_status import FeedStatus, encode_feed_status, newest_feeds
from ingest.packed import decode_packed

NOW = 1_767_225_600_000_000_000
SECOND = 1_000_000_000
SYMBOLS = {"BTC/USDT": "BTCUSDT", "ETH/USDT": "ETHUSDT"}


def make_feed(kind="trades", *, numbers=True, silence_ns=60 * SECOND) -> LiveFeed:
    feed = LiveFeed("binance", kind, SYMBOLS, NOW, silence_ns=silence_ns, numbers_trades=numbers)
    feed.opened(NOW)
    return feed


def trade(trade_id=-1, price=100.0, at=NOW, symbol="BTC/USDT", venue=NOW) -> Trade:
    return Trade(symbol, at, price, venue, trade_id)


def quote(bid, ask, at=NOW, symbol="BTC/USDT", venue=None) -> Quote:
    return Quote(symbol, at, bid, ask, venue)


def test_a_trade_becomes_a_tick_at_local_time_under_the_venues_own_name() -> None:
    feed = make_feed()
    (ticks,) = feed.take([trade(7, 64_000.5, NOW + 5, venue=NOW - 3 * SECOND)])
    rows = decode_packed(ticks.packed())
    assert rows.names == ("BTCUSDT",)
    assert rows.prices.tolist() == [64_000.5]
    assert rows.event_time_ns.tolist() == [NOW + 5]
    assert rows.trade_ids is not None
    assert rows.trade_ids.tolist() == [7]


def test_a_quote_becomes_the_mid_without_a_trade_id() -> None:
    (ticks,) = make_feed("quotes").take([quote(99.0, 101.0, NOW + 1)])
    rows = decode_packed(ticks.packed())
    assert rows.prices.tolist() == [100.0]
    assert rows.trade_ids is None


def test_each_symbol_gets_a_message_of_its_own_with_its_ticks_in_order() -> None:
    found = make_feed().take(
        [
            trade(1, 1.0),
            trade(1, 9.0, NOW + 1, "ETH/USDT"),
            trade(2, 2.0, NOW + 2),
            trade(3, 3.0, NOW + 3),
        ]
    )
    assert [(t.symbol, t.prices, t.trade_ids) for t in found] == [
        ("BTCUSDT", [1.0, 2.0, 3.0], [1, 2, 3]),
        ("ETHUSDT", [9.0], [1]),
    ]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (trade(price=None), "missing_field"),
        (trade(venue=None), "missing_field"),
        (trade(price=0.0), "price"),
        (trade(price=-1.0), "price"),
        (trade(price=math.nan), "price"),
        (trade(price=math.inf), "price"),
        (trade(venue=0), "event_time_past"),
        (trade(venue=-5), "event_time_past"),
        (trade(symbol="DOGE/USDT"), "symbol"),
        (quote(None, 1.0), "missing_field"),
        (quote(1.0, None), "missing_field"),
        (quote(-1.0, 3.0), "price"),
        (quote(1.0, math.inf), "price"),
        (quote(math.nan, 1.0), "price"),
        (quote(1.0, math.nan), "price"),
        (quote(1.0, 1.0, venue=-1), "event_time_past"),
    ],
)
def test_what_is_no_tick_is_refused_counted_and_told(message, reason) -> None:
    feed = make_feed("trades" if isinstance(message, Trade) else "quotes")
    assert feed.take([message, message]) == []
    feed.news()
    assert feed.tell(NOW + SECOND).refused == {reason: 2}
    assert feed.news() == [f"binance: 2 messages are no ticks (in all: 2 {reason})"]
    feed.tell(NOW + 2 * SECOND)
    assert feed.news() == []


def test_a_refused_trade_leaves_no_trace_in_the_ids() -> None:
    feed = make_feed()
    feed.take([trade(1), trade(50, price=-1.0), trade(2)])
    status = feed.tell(NOW + SECOND)
    assert (status.ticks, status.gaps, status.repeated) == (2, 0, 0)


def test_a_message_that_cannot_be_read_is_counted_and_shown_and_proves_no_market() -> None:
    feed = make_feed()
    feed.take([Unreadable(NOW, "ValueError: nan")])
    status = feed.tell(NOW + SECOND)
    assert (status.refused, status.state) == ({"unreadable": 1}, "connecting")
    (line,) = feed.news()
    assert "the last unreadable: ValueError: nan" in line


@given(st.lists(st.tuples(st.sampled_from(sorted(SYMBOLS)), st.integers(-1, 30)), max_size=60))
def test_gaps_and_repeats_are_what_a_plain_count_finds(rows: list[tuple[str, int]]) -> None:
    feed = make_feed()
    sent: dict[str, list[int]] = {name: [] for name in SYMBOLS.values()}
    for name, trade_id in rows:
        for ticks in feed.take([trade(trade_id, symbol=name)]):
            sent[ticks.symbol] += ticks.trade_ids
    status = feed.tell(NOW + SECOND)
    gaps = missed = 0
    for ids in sent.values():
        numbers = [n for n in ids if n >= 0]
        assert numbers == sorted(set(numbers))
        if numbers:
            gone = set(range(numbers[0], numbers[-1])) - set(numbers)
            missed += len(gone)
            gaps += len([n for n in gone if n - 1 in numbers])
    assert (status.gaps, status.missed_trade_ids) == (gaps, missed)
    assert status.ticks + status.repeated == len(rows)
    # What has an id comes once; what has none always comes.
    assert sum(ids.count(-1) for ids in sent.values()) == Counter(n for _, n in rows)[-1]


floats = st.none() | st.floats() | st.floats(1e-6, 1e6)
times = st.none() | st.integers(-(2**70), 2**70)
messages = st.lists(
    st.builds(
        Trade,
        symbol=st.sampled_from([*SYMBOLS, "None", ""]),
        received_ns=st.integers(NOW, NOW + SECOND),
        price=floats,
        venue_time_ns=times,
        trade_id=st.integers(-1, 2**63 - 1),
    )
    | st.builds(
        Quote,
        symbol=st.sampled_from([*SYMBOLS, "None", ""]),
        received_ns=st.integers(NOW, NOW + SECOND),
        bid=floats,
        ask=floats,
        venue_time_ns=times,
    ),
    max_size=40,
)
messages = messages.flatmap(
    lambda some: st.permutations([*some, Unreadable(NOW, "x")]) if some else st.just(some)
)


@given(st.lists(messages, max_size=8))
def test_whatever_comes_only_good_ticks_go_out_and_all_is_accounted_for(batches) -> None:
    feed = make_feed()
    n_sent = 0
    for batch in batches:
        for ticks in feed.take(batch):
            rows = decode_packed(ticks.packed())
            assert (rows.prices > 0).all()
            assert (rows.prices < math.inf).all()
            assert ticks.symbol in SYMBOLS.values()
            n_sent += len(rows.prices)
    status = feed.tell(NOW + 2 * SECOND)
    n_came = sum(map(len, batches))
    assert status.ticks == n_sent == n_came - status.repeated - sum(status.refused.values())
    again = newest_feeds([encode_feed_status(status)])
    assert again == [status]


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=300))
def test_the_clock_offset_is_the_median_of_the_newest(offsets: list[int]) -> None:
    feed = make_feed()
    for place, offset in enumerate(offsets):
        at = NOW + place
        feed.take([trade(place, at=at, venue=at - offset)])
    found = feed.tell(NOW + SECOND).clock_offset_ms
    assert found == pytest.approx(statistics.median(offsets[-OFFSET_SAMPLES:]) / 1e6)


def test_a_burst_measures_the_clock_once_by_its_newest() -> None:
    feed = make_feed()
    old = [trade(n, venue=NOW - 3600 * SECOND) for n in range(50)]
    feed.take([*old, trade(60, venue=NOW - SECOND)])
    assert feed.tell(NOW + SECOND).clock_offset_ms == 1000.0


def test_a_venue_without_times_has_no_clock_offset_and_one_that_skips_ids_no_gaps() -> None:
    feed = make_feed("quotes")
    feed.take([quote(1.0, 2.0)])
    status = feed.tell(NOW + SECOND)
    assert (status.clock_offset_ms, status.gaps) == (None, None)
    feed = make_feed(numbers=False)
    feed.take([trade(1), trade(90), trade(90)])
    status = feed.tell(NOW + SECOND)
    assert (status.gaps, status.missed_trade_ids, status.repeated) == (None, None, 1)


@given(st.lists(st.integers(0, 3 * STEADY_NS), max_size=40))
def test_delays_double_up_to_their_limit_and_begin_anew_after_a_steady_connection(lives) -> None:
    back_off, wanted = BackOff(), FIRST_DELAY_NS
    for lived in lives:
        if lived >= STEADY_NS:
            wanted = FIRST_DELAY_NS
        assert back_off.step(lived) == wanted
        wanted = min(2 * wanted, LONGEST_DELAY_NS)


def test_a_venue_that_cuts_each_connection_is_asked_15_times_in_five_minutes() -> None:
    back_off, at, tries = BackOff(), 0, 0
    while at < 300 * SECOND:
        at += back_off.step(SECOND)
        tries += 1
    assert tries <= 15


def test_each_reason_is_told_once_until_messages_come_again() -> None:
    feed = make_feed()
    for n in range(20):
        feed.lost(NOW + n, "refused")
        feed.opened(NOW + n)
    feed.lost(NOW + 30, "no route")
    told = feed.news()
    assert len(told) == 2
    assert "refused; tried again after 0.5 s" in told[0]
    assert "no route" in told[1]
    assert feed.tell(NOW + SECOND).state == "retrying"
    feed.opened(NOW + SECOND)
    feed.take([trade(1, at=NOW + 2 * SECOND)])
    assert feed.news() == ["binance: trades come in again after 2.0 s"]
    status = feed.tell(NOW + 3 * SECOND)
    assert (status.state, status.reason, status.reconnects) == ("live", "", 21)
    feed.lost(NOW + 4 * SECOND, "refused")
    assert len(feed.news()) == 1


def test_reasons_that_differ_each_time_do_not_fill_log_or_memory() -> None:
    feed = make_feed()
    for n in range(10_000):
        feed.lost(NOW + n, f"port {n}")
    assert len(feed.news()) == 64


def test_silence_is_counted_from_the_last_message_or_the_connection() -> None:
    feed = make_feed(silence_ns=10 * SECOND)
    assert feed.silent_for_s(NOW + 9 * SECOND) is None
    assert feed.silent_for_s(NOW + 10 * SECOND) == 10
    feed.take([trade(1, at=NOW + 9 * SECOND)])
    assert feed.silent_for_s(NOW + 18 * SECOND) is None
    assert feed.silent_for_s(NOW + 20 * SECOND) == 11
    feed.lost(NOW + 20 * SECOND, "silent")
    feed.opened(NOW + 21 * SECOND)
    assert feed.silent_for_s(NOW + 30 * SECOND) is None


def test_the_record_has_the_rate_of_the_last_second_and_the_age_of_the_last_message() -> None:
    feed = make_feed()
    assert feed.tell(NOW).last_message_age_ms is None
    feed.take([trade(n, at=NOW + SECOND) for n in range(30)])
    status = feed.tell(NOW + 2 * SECOND)
    assert (status.ticks_per_s, status.last_message_age_ms) == (15.0, 1000.0)
    assert feed.tell(NOW + 3 * SECOND).ticks_per_s == 0


def test_a_jump_over_a_lost_connection_is_a_gap_and_a_replay_is_not_sent_again() -> None:
    feed = make_feed()
    feed.take([trade(1), trade(2)])
    feed.lost(NOW, "cut")
    feed.opened(NOW)
    (ticks,) = feed.take([trade(1), trade(2), trade(6)])
    assert ticks.trade_ids == [6]
    feed.news()
    status = feed.tell(NOW + SECOND)
    assert (status.gaps, status.missed_trade_ids, status.repeated) == (1, 3, 2)
    assert feed.news() == ["binance: 3 trade ids missed (in all 3); 2 trades came again (in all 2)"]


def test_ids_of_two_symbols_do_not_mix() -> None:
    sequence = TradeSequence()
    assert all(sequence.is_new(s, n) for n in range(5) for s in ("A", "B"))
    assert (sequence.gaps, sequence.repeated) == (0, 0)


def test_the_newest_record_of_each_feed_is_found_among_nonsense() -> None:
    def record(venue: str, at: int) -> FeedStatus:
        feed = LiveFeed(venue, "trades", SYMBOLS, NOW, silence_ns=SECOND, numbers_trades=True)
        return feed.tell(at)

    old, new, other = record("kraken", NOW), record("kraken", NOW + 9), record("binance", NOW)
    found = newest_feeds(
        [b"", b"{", b"\xff", b"[]", *map(encode_feed_status, (old, other, new)), b'{"venue":1}']
    )
    assert found == [other, new]


anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.none())


@given(
    st.dictionaries(st.sampled_from(["symbol", "price", "bid", "ask", "timestamp", "id"]), anything)
)
@example({"timestamp": 1.7e308})
@example({"timestamp": 10**400})
def test_whatever_the_library_gives_is_read_and_judged(entry: dict[str, object]) -> None:
    feed = make_feed()
    read = [read_trade(entry, NOW), read_quote(entry, NOW)]
    assert feed.take(read) == []  # none of these symbols was asked for
    assert feed.tell(NOW).refused == {"symbol": 2}


def test_ids_and_times_are_read_to_the_last_digit() -> None:
    entry = {
        "symbol": "BTC/USDT",
        "id": str(2**63 - 1),
        "timestamp": 1_767_225_600_123,
        "price": "1.5",
    }
    found = read_trade(entry, NOW)
    assert found == Trade("BTC/USDT", NOW, 1.5, 1_767_225_600_123_000_000, 2**63 - 1)
    assert read_trade({"id": "a-uuid"}, NOW) == Trade("None", NOW, None, None, -1)
