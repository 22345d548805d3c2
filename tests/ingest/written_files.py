"""Files written by tests, and all that is read of them."""

from pathlib import Path
from typing import Any

import numpy as np

from ingest.files import FileTicks, open_ticks

DATA = Path(__file__).parents[1] / "data"
SECOND = 10**9
MINUTE = 60 * SECOND
Rows = list[tuple[str, float, int, int]]


def rows(*paths: Path | str, **options: Any) -> Rows:
    """Read everything as (symbol, price, event time in ns, trade id)."""
    found: Rows = []
    for ticks in open_ticks([*paths], **options):
        check(ticks)
        symbols = [ticks.symbols[i] for i in ticks.symbol_ids]
        columns = (ticks.prices, ticks.event_time_ns, ticks.trade_ids)
        found += zip(symbols, *(column.tolist() for column in columns), strict=True)
    return found


def check(ticks: FileTicks) -> None:
    assert ticks.symbol_ids.dtype == np.int32
    assert ticks.prices.dtype == np.float64
    assert {c.dtype for c in (ticks.event_time_ns, ticks.trade_ids, ticks.clock_ns)} == {
        np.dtype(np.int64)
    }
    assert len(ticks) > 0
    assert np.all(np.diff(ticks.clock_ns) >= 0)


def write(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


QUOTES = "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount"
TRADES = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
CANDLES = "time,low,high,open,close,volume"


def candles(*minutes: int) -> list[str]:
    return [f"{1_522_800_000 + 60 * m},1,1,1,{m + 1},1" for m in minutes]
