"""Where a topic of ticks stands: its newest event time and each symbol's newest price."""

from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

import numpy as np

from ingest.codec import decode

# Messages looked at, from the end; a simulated asset is silent for 4 minutes in the mean, which
# is 15 000 messages at 60 ticks a second.
_TAILS: Final = (1, 256, 4096, 65_536)
# So many ticks hold what is to be found, and 16 times as many still fit into 50 MB.
_ENOUGH_TICKS: Final = 100_000


class NewestTicks(NamedTuple):
    """What the end of a topic holds.

    Attributes
    ----------
    event_time_ns
        Of the last message with a tick, UTC; None where there is none.
    prices
        By symbol, the price of the tick that came last.
    """

    event_time_ns: int | None
    prices: Mapping[str, float]


def newest_ticks(
    read_tail: Callable[[int], list[bytes]], symbols: Collection[str] = ()
) -> NewestTicks:
    """Read as little of a topic's end as holds a tick of each symbol.

    Parameters
    ----------
    read_tail
        Gives so many of the newest messages, oldest first; fewer where there are no more.
    symbols
        Those whose prices are wanted. One without a tick among the newest 65 536 messages or
        100 000 ticks has none.
    """
    event_time_ns: int | None = None
    prices: dict[str, float] = {}
    for n in _TAILS:
        messages = read_tail(n)
        rows = decode(messages)
        possible = (rows.prices > 0) & (rows.prices < np.inf) & (rows.event_time_ns > 0)
        possible[rows.clocks] = False
        ids, values = rows.name_ids[possible], rows.prices[possible]
        if event_time_ns is None and len(ids):
            event_time_ns = int(rows.event_time_ns[possible].max())
        # Of each place in the table the last row; a symbol with several places: the last of all.
        _, from_end = np.unique(ids[::-1], return_index=True)
        for row in np.sort(len(ids) - 1 - from_end).tolist():
            prices[rows.names[ids[row]]] = float(values[row])
        is_whole = len(messages) < n or len(rows.prices) >= _ENOUGH_TICKS
        is_found = event_time_ns is not None and all(symbol in prices for symbol in symbols)
        if is_whole or is_found:
            break
    return NewestTicks(event_time_ns, {s: prices[s] for s in symbols if s in prices})
