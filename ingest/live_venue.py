"""Trades and quotes of an exchange over its WebSocket, through ccxt: the one file that imports it.

ccxt's ``watch`` calls are made for programs that want the newest state: of several symbols they
give the first that has news, and what came for the others meanwhile waits in ccxt's caches for
their next message (seconds to minutes on quiet symbols; its own reports 22125 and 28089). A feed
wants each message when it comes, so ccxt is given caches that pass each entry on at once; the
calls themselves only keep the connection and raise when it is lost.
"""

import asyncio
import contextlib
import difflib
import functools
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NoReturn

import aiohttp
import ccxt.pro
from ccxt.async_support.base.ws.cache import ArrayCache

from ingest.live_messages import Message, Unreadable, read_quote, read_trade
from ingest.live_status import Kind

NUMBERED_ONE_BY_ONE: Final = frozenset({"binance", "binanceus", "coinbaseexchange", "kraken"})
"""Venues whose spot trade ids count up by one within a symbol, so that a jump is a loss."""

_KEPT_TRADES: Final = 1  # of each symbol in ccxt's cache: they were passed on already
_CLOSE_S: Final = 2.0
_SHOWN: Final = 200  # characters of a reason: some venues answer with a whole page
_LOST = (ccxt.BaseError, aiohttp.ClientError, OSError, TimeoutError)
# What ccxt says of a call that cannot succeed: too many symbols, or of several kinds of market.
_NEVER = (ccxt.BadRequest, ccxt.ArgumentsRequired, ccxt.NotSupported)
# What ccxt's parsers raise where a field is missing or of another kind than they expect.
_UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)

Take = Callable[[Message], None]


class VenueError(RuntimeError):
    """The venue cannot be reached, or the connection is lost; trying again may help."""


class UnknownToVenueError(ValueError):
    """There is no such venue, symbol or stream; trying again cannot help."""


class _Tape(ArrayCache):  # type: ignore[misc] # ccxt is untyped
    """A cache of trades that passes each on when ccxt puts it in."""

    def __init__(self, take: Callable[[Any], None]) -> None:
        super().__init__(_KEPT_TRADES)
        self._take = take

    def append(self, item: Any) -> None:
        super().append(item)
        self._take(item)


class _Board(dict[str, Any]):
    """The newest quotes by symbol; passes each on when ccxt puts it in."""

    def __init__(self, take: Callable[[Any], None]) -> None:
        super().__init__()
        self._take = take

    def __setitem__(self, symbol: str, quote: Any) -> None:
        super().__setitem__(symbol, quote)
        self._take(quote)


class Venue:
    """One exchange, asked for trades or quotes of some symbols.

    Parameters
    ----------
    name
        Its name in ccxt.
    kind
        What is wanted.
    symbols
        Their names in ccxt, ``BTC/USDT``.
    take
        Called with each message, on the event loop.
    options
        ccxt's own, such as ``urls``, ``wsProxy`` or ``timeout``.

    Raises
    ------
    UnknownToVenueError
        ccxt has no such venue, or no such stream of it.
    """

    def __init__(
        self,
        name: str,
        kind: Kind,
        symbols: Sequence[str],
        take: Take,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if name not in ccxt.pro.exchanges:
            raise UnknownToVenueError(f"venue {name!r}{_nearest(name, ccxt.pro.exchanges)}")
        self.name = name
        self._kind: Kind = kind
        self._take = take
        self._is_cached = False
        self._options = {"newUpdates": True, **(options or {})}
        self._exchange = self._make()
        stream = "watchBidsAsks" if kind == "quotes" else "watchTrades"
        if not self._exchange.has.get(stream):
            other = "trades" if kind == "quotes" else "quotes"
            raise UnknownToVenueError(f"{name} has no stream of {kind} in ccxt: try --kind {other}")
        self._asked = list(dict.fromkeys(symbols))

    @property
    def numbers_trades(self) -> bool:
        """Whether a jump in the trade ids of a symbol is a loss."""
        return self.name in NUMBERED_ONE_BY_ONE and not any(":" in name for name in self._asked)

    async def load(self) -> dict[str, str]:
        """Ask the venue what it trades.

        Returns
        -------
        dict
            The venue's own names of the symbols, upper case, by ccxt's; so they stand in the
            venue's files too.

        Raises
        ------
        UnknownToVenueError
            It does not trade one of them, or calls two by one name.
        VenueError
            It cannot be reached.
        """
        try:
            markets = await self._exchange.load_markets()
        except _LOST as failure:
            raise VenueError(_one_line(failure)) from failure
        names: dict[str, str] = {}
        for symbol in self._asked:
            if symbol not in markets:
                raise UnknownToVenueError(
                    f"{self.name} trades no {symbol!r}{_nearest(symbol, list(markets))}"
                )
            name = str(markets[symbol]["id"]).upper()
            if name in names.values():
                raise UnknownToVenueError(
                    f"{self.name} calls two of the symbols {name}, {symbol} among them: "
                    "feed them apart, one with --with-venue"
                )
            names[symbol] = name
        return names

    async def follow(self) -> NoReturn:
        """Open the stream and pass its messages on.

        Raises
        ------
        VenueError
            The connection is lost.
        UnknownToVenueError
            ccxt cannot ask for so many symbols, or for these together.
        """
        exchange = self._exchange
        take_trade = functools.partial(self._put, self._take_trade)
        exchange.bidsasks = _Board(functools.partial(self._put, self._take_quote))
        exchange.trades = {name: _Tape(take_trade) for name in self._asked}
        broken = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().set_exception_handler(functools.partial(_break, broken))
        tasks = [asyncio.ensure_future(self._repeat(watch)) for watch in self._watches()]
        try:
            await asyncio.gather(broken, *tasks)
        except _NEVER as failure:
            raise UnknownToVenueError(f"{self.name}: {_one_line(failure)}") from failure
        except _LOST as failure:
            raise VenueError(_one_line(failure)) from failure
        finally:
            for task in tasks:
                task.cancel()
        raise VenueError("the stream ended")

    async def close(self) -> None:
        """Close the connection; the venue can be followed again, over a new one."""
        exchange, self._exchange = self._exchange, self._make()
        if exchange.markets:
            self._exchange.set_markets_from_exchange(exchange)
        with contextlib.suppress(*_LOST):  # it is being given up in any case
            await asyncio.wait_for(exchange.close(), _CLOSE_S)

    def _make(self) -> Any:
        """Make ccxt's object: one a connection, for it keeps delays and faults of the last."""
        exchange = getattr(ccxt.pro, self.name)(self._options)
        exchange.handle_message = functools.partial(self._read, exchange.handle_message)
        return exchange

    def _read(self, read: Callable[[Any, Any], None], client: Any, message: Any) -> None:
        """Have ccxt read a message; one that it trips over costs none of its neighbours."""
        try:
            read(client, message)
        except _UNREADABLE as failure:
            self._take(Unreadable(time.time_ns(), _one_line(failure)))

    def _watches(self) -> list[Callable[[], Awaitable[Any]]]:
        exchange, names = self._exchange, self._asked
        if self._kind == "quotes":
            return [lambda: exchange.watch_bids_asks(names)]
        if exchange.has.get("watchTradesForSymbols"):
            return [lambda: exchange.watch_trades_for_symbols(names)]
        return [lambda name=name: exchange.watch_trades(name) for name in names]  # type: ignore[misc]

    async def _repeat(self, watch: Callable[[], Awaitable[Any]]) -> None:
        while True:
            found = await watch()
            if not self._is_cached:  # Kraken's quotes are not: what the call gives has to do
                entries = found.values() if isinstance(found, Mapping) else found
                take = self._take_quote if self._kind == "quotes" else self._take_trade
                for entry in entries:
                    take(entry)

    def _put(self, take: Callable[[Any], None], entry: Any) -> None:
        """Take what ccxt puts into a cache."""
        self._is_cached = True
        take(entry)

    def _take_trade(self, trade: Mapping[str, Any]) -> None:
        self._take(read_trade(trade, time.time_ns()))

    def _take_quote(self, quote: Mapping[str, Any]) -> None:
        self._take(read_quote(quote, time.time_ns()))


def _break(
    broken: asyncio.Future[NoReturn], loop: asyncio.AbstractEventLoop, context: dict[str, Any]
) -> None:
    """Give up a connection whose messages ccxt stopped to read.

    An exception in its handler of messages ends its loop of receipt and is told to the event
    loop alone: the connection would stay open, in silence.
    """
    failure = context.get("exception")
    if "handle" not in context or failure is None:
        loop.default_exception_handler(context)
    elif not broken.done():
        broken.set_exception(VenueError(f"a message that ccxt cannot read ({_one_line(failure)})"))


def _nearest(name: str, names: Sequence[str]) -> str:
    plain = {one.casefold(): one for one in names}
    near = difflib.get_close_matches(name.casefold(), plain, 1, 0.5)
    if near:
        return f": did you mean {plain[near[0]]!r}?"
    return f": there are {len(names)}, none of a like name"


def _one_line(failure: BaseException) -> str:
    """Say what failed and, where ccxt names only the address that it asked, why."""
    text = " ".join(f"{type(failure).__name__}: {failure}".split())[:_SHOWN]
    cause = failure.__cause__
    return text if cause is None else f"{text} ({' '.join(str(cause).split())[:_SHOWN]})"
