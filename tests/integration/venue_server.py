"""A server on loopback that speaks Binance's market data protocol, REST and WebSocket.

Written from Binance's documentation: ``exchangeInfo``, ``SUBSCRIBE`` with its answer, the streams
``<symbol>@trade`` and ``<symbol>@bookTicker``. It can cut connections, fall silent, turn clients
away and send what it is told to.
"""

import asyncio
import contextlib
import json
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from aiohttp import WSMsgType, web

SYMBOLS = {"BTCUSDT": ("BTC", "USDT"), "ETHUSDT": ("ETH", "USDT"), "ADAUSDT": ("ADA", "USDT")}


def market(name: str) -> dict[str, Any]:
    """Describe a symbol as ``exchangeInfo`` does."""
    base, quote = SYMBOLS[name]
    return {
        "symbol": name,
        "status": "TRADING",
        "baseAsset": base,
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000.00",
             "tickSize": "0.01"},
            {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000.0",
             "stepSize": "0.00001"},
        ],
    }  # fmt: skip


def trade(name: str, trade_id: int, price: object, time_ms: int | None = None) -> str:
    """Write a message of ``<symbol>@trade``."""
    now_ms = time.time_ns() // 10**6 if time_ms is None else time_ms
    return json.dumps(
        {
            "e": "trade",
            "E": now_ms,
            "s": name,
            "t": trade_id,
            "p": str(price),
            "q": "0.10000000",
            "T": now_ms,
            "m": False,
            "M": True,
        }
    )


def book_ticker(name: str, update_id: int, bid: object, ask: object) -> str:
    """Write a message of ``<symbol>@bookTicker``; on spot it carries no time."""
    return json.dumps(
        {"u": update_id, "s": name, "b": str(bid), "B": "1.0", "a": str(ask), "A": "2.0"}
    )


class VenueServer:
    """The server, on a thread and event loop of its own.

    Attributes
    ----------
    subscriptions
        Streams of each SUBSCRIBE, in the order they came.
    turns_away
        New WebSocket connections are refused with status 503.
    """

    def __init__(self) -> None:
        self.subscriptions: list[list[str]] = []
        self.info_requests = 0
        self.turns_away = False
        self.port = 0
        self._streams: dict[web.WebSocketResponse, set[str]] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="venue")
        self._thread.start()
        self._runner: web.AppRunner | None = None
        self.open()

    def open(self) -> None:
        """Listen; on the port of before, if there was one."""
        self._do(self._open())

    def close_port(self) -> None:
        """Cut all connections and listen no more."""
        self._do(self._close())

    def options_file(self, folder: Path) -> Path:
        """Write ccxt's options that lead to this server."""
        path = folder / "venue.json"
        rest, stream = f"http://127.0.0.1:{self.port}/api/v3", f"ws://127.0.0.1:{self.port}/ws"
        api = {"public": rest, "private": rest, "v1": rest, "ws": {"spot": stream}}
        options = {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}}
        path.write_text(json.dumps({"urls": {"api": api}, "options": options, "timeout": 3000}))
        return path

    def send(self, *messages: str, stream: str | None = None) -> int:
        """Send text to each connection (that has subscribed to a stream); gives how many got it."""

        async def work() -> int:
            targets = [s for s, names in self._streams.items() if stream in (None, *names)]
            for socket in targets:
                for message in messages:
                    await socket.send_str(message)
            return len(targets)

        return self._do(work())

    def cut(self) -> int:
        """Break all connections off without a closing handshake; gives how many."""

        async def work() -> int:
            sockets = list(self._streams)
            for socket in sockets:
                transport = socket._req.transport if socket._req else None
                if transport is not None:
                    transport.abort()
            self._streams.clear()  # their handlers notice a little later
            return len(sockets)

        return self._do(work())

    def is_followed(self, *names: str) -> bool:
        """Tell whether all these streams are subscribed to now."""
        held: set[str] = set().union(*self._streams.values())
        return held >= set(names)

    async def _open(self) -> None:
        app = web.Application()
        app.router.add_get("/api/v3/exchangeInfo", self._exchange_info)
        app.router.add_get("/ws/{index}", self._socket)
        app.router.add_get("/ws", self._socket)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        if self._runner is not None:
            for socket in list(self._streams):
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(socket.close(), 0.5)
            await self._runner.cleanup()
            self._runner = None

    async def _exchange_info(self, request: web.Request) -> web.Response:
        self.info_requests += 1
        return web.json_response(
            {"timezone": "UTC", "serverTime": 0, "symbols": [market(name) for name in SYMBOLS]}
        )

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if self.turns_away:
            return web.Response(status=503, text="busy")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._streams[socket] = set()
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await self._answer(socket, json.loads(message.data))
        finally:
            self._streams.pop(socket, None)
        return socket

    async def _answer(self, socket: web.WebSocketResponse, asked: dict[str, Any]) -> None:
        if asked.get("method") == "SUBSCRIBE":
            self.subscriptions.append(asked["params"])
            await socket.send_str(json.dumps({"result": None, "id": asked["id"]}))
            self._streams[socket] |= set(asked["params"])

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def __enter__(self) -> "VenueServer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close_port()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
