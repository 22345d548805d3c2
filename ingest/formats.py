"""Layouts of files people have: a new one is one more entry of ``LAYOUTS``.

`ingest.recognise` tells them apart by their columns, `ingest.columns` turns rows of each kind
into ticks.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SECOND_NS: Final = 1_000_000_000
MILLISECOND_NS: Final = 1_000_000
MICROSECOND_NS: Final = 1_000


class FileFormatError(ValueError):
    """A file or folder that cannot be read as ticks; the message names it and the remedy."""


class Kind(StrEnum):
    """What a row holds, and so what its price is."""

    QUOTES = "quotes"  # mid of best bid and ask
    TRADES = "trades"  # price of the trade
    CANDLES = "candles"  # close, at open time + interval
    CLOSES = "closes"  # one close a column, at the row's own time


@dataclass(frozen=True, slots=True)
class Layout:
    """One known set of columns.

    Attributes
    ----------
    name, kind
        What people call it; what its rows hold.
    times
        Names the time column may have, the preferred one first.
    prices
        The price's column, or bid and ask.
    others
        Further columns a file must have: they tell layouts apart.
    trade_id, close_time
        Columns used where the file has them.
    time_unit_ns
        Unit of an epoch time too small to tell its unit by its size.
    headerless, shape
        Names by position and a pattern over the kinds of cells, one letter each (t epoch time,
        i other digits, n other number, b boolean), of a file without a header.
    """

    name: str
    kind: Kind
    times: tuple[str, ...]
    prices: tuple[str, ...]
    others: tuple[str, ...] = ()
    trade_id: str = ""
    close_time: str = ""
    time_unit_ns: int = MILLISECOND_NS
    headerless: tuple[str, ...] = ()
    shape: str = ""

    @property
    def expected(self) -> str:
        """The columns, as shown to people."""
        if self.kind is Kind.CLOSES:
            return f"{self.name} (date or time, then one column a symbol)"
        return f"{self.name} ({', '.join((*self.others, self.times[0], *self.prices))})"


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Sources: docs.tardis.dev (downloadable CSV files), github.com/binance/binance-public-data,
# docs.cdp.coinbase.com (product candles), cryptodatadownload.com.
LAYOUTS: Final = (
    Layout(
        name="Tardis quotes",
        kind=Kind.QUOTES,
        times=_names("local_timestamp timestamp"),
        prices=_names("bid_price ask_price"),
        others=("symbol",),
        time_unit_ns=MICROSECOND_NS,
    ),
    Layout(
        name="Tardis trades",
        kind=Kind.TRADES,
        times=_names("local_timestamp timestamp"),
        prices=("price",),
        others=_names("symbol side amount"),
        trade_id="id",
        time_unit_ns=MICROSECOND_NS,
    ),
    Layout(
        name="Binance klines",
        kind=Kind.CANDLES,
        times=("open_time",),
        prices=("close",),
        others=_names("open high low"),
        close_time="close_time",
        headerless=_names(
            "open_time open high low close volume close_time quote_volume count "
            "taker_buy_volume taker_buy_quote_volume ignore"
        ),
        shape="t[tin]{5}t[tin]{5}",
    ),
    Layout(
        name="Binance trades",
        kind=Kind.TRADES,
        times=("time",),
        prices=("price",),
        others=_names("id qty is_buyer_maker"),
        trade_id="id",
        headerless=_names("id price qty quote_qty time is_buyer_maker is_best_match"),
        shape="[it][tin]{3}tbb?",
    ),
    Layout(
        name="Coinbase candles",
        kind=Kind.CANDLES,
        times=("time",),
        prices=("close",),
        others=_names("low high open"),
        time_unit_ns=SECOND_NS,
    ),
    Layout(
        name="CryptoDataDownload candles",
        kind=Kind.CANDLES,
        times=_names("unix unix_timestamp"),
        prices=("close",),
        others=_names("symbol open high low"),
        time_unit_ns=SECOND_NS,
    ),
)
WIDE_CLOSES: Final = Layout("wide closes", Kind.CLOSES, (), (), time_unit_ns=SECOND_NS)
