"""What a venue makes of ccxt's answers where ccxt keeps no cache, and of its refusals."""

import asyncio
from typing import Any

import ccxt
import pytest

from ingest.live_messages import Message, Quote
from ingest.live_venue import UnknownToVenueError, Venue, VenueError


def follow(venue: Venue, answers: list[Any]) -> None:
    """Follow a venue whose call for quotes gives these, one after the other."""

    async def watch(symbols: list[str]) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    venue._exchange.watch_bids_asks = watch
    asyncio.run(venue.follow())


def test_quotes_that_ccxt_keeps_nowhere_are_taken_from_its_answers() -> None:
    taken: list[Message] = []
    venue = Venue("kraken", "quotes", ["BTC/USD"], taken.append)
    quotes = [{"symbol": "BTC/USD", "bid": n, "ask": n + 1, "timestamp": n} for n in (1, 2, 3)]
    cut = ccxt.NetworkError("cut")
    with pytest.raises(VenueError, match="NetworkError: cut"):
        follow(venue, [*({"BTC/USD": quote} for quote in quotes), cut])
    assert [(m.bid, m.ask, m.venue_time_ns) for m in taken if isinstance(m, Quote)] == [
        (n, n + 1, n * 1_000_000) for n in (1, 2, 3)
    ]


def test_a_loss_is_told_with_its_cause_in_one_line() -> None:
    lost = ccxt.ExchangeNotAvailable("kraken GET https://x\n" + "<html>" * 100)
    lost.__cause__ = OSError("no route\nto host")
    venue = Venue("kraken", "quotes", ["BTC/USD"], lambda message: None)
    with pytest.raises(VenueError) as told:
        follow(venue, [lost])
    assert str(told.value).startswith("ExchangeNotAvailable: kraken GET https://x <html>")
    assert str(told.value).endswith("(no route to host)")
    assert len(str(told.value)) < 250
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("fault", [ccxt.BadRequest("200 at most"), ccxt.NotSupported("mixed")])
def test_what_ccxt_can_never_ask_for_is_no_loss_to_try_again_after(fault: Exception) -> None:
    venue = Venue("kraken", "quotes", ["BTC/USD"], lambda message: None)
    with pytest.raises(UnknownToVenueError, match=str(fault)):
        follow(venue, [fault])


@pytest.mark.parametrize(
    ("name", "said"),
    [("binence", "did you mean 'binance'"), ("Binance", "did you mean 'binance'"), ("", "none")],
)
def test_an_unknown_venue_is_told_with_the_nearest(name: str, said: str) -> None:
    with pytest.raises(UnknownToVenueError, match=said):
        Venue(name, "trades", ["BTC/USDT"], lambda message: None)


def test_a_venue_without_quotes_is_told_with_what_it_has() -> None:
    with pytest.raises(UnknownToVenueError, match="try --kind trades"):
        Venue("bitstamp", "quotes", ["BTC/USD"], lambda message: None)
