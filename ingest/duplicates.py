"""Trades already seen, by their numbers."""

import numpy as np
from numpy.typing import NDArray

from ingest.ticks import NO_TRADE_ID

_FEW = 48  # rows up to which a plain loop (0.2 us a row) is faster than a dozen numpy calls


class TradeIds:
    """Remembers the last trade id used of each symbol.

    A trade whose id is not above it has been seen. Ids that only rise are how exchanges number
    trades; equal times and prices prove nothing, quotes share them by the thousand.

    Parameters
    ----------
    limit
        Most symbols.

    Attributes
    ----------
    last
        int64[limit], the last trade id used of each symbol, -1 where there is none.
    """

    def __init__(self, limit: int) -> None:
        self.last = np.full(limit, NO_TRADE_ID, np.int64)
        self._sort_kind = np.uint16 if limit <= 2**16 else np.int32  # 16 bits: a radix sort

    def drop_seen(
        self, ids: NDArray[np.int32], trade_ids: NDArray[np.int64], used: NDArray[np.bool_]
    ) -> int:
        """Take the trades already seen out of ``used``.

        Parameters
        ----------
        ids
            int32[n], symbol of each row; any value where it is not used.
        trade_ids
            int64[n], -1 where a row has none.
        used
            bool[n], changed in place.

        Returns
        -------
        int
            How many were taken out.
        """
        if len(ids) <= _FEW:
            seen = self._seen_of_few(ids.tolist(), trade_ids.tolist(), used.tolist())
        else:
            rows = np.flatnonzero(used & (trade_ids >= 0))
            seen = self._seen_of_many(rows, ids, trade_ids) if len(rows) else []
        if len(seen):
            used[seen] = False
        return len(seen)

    def _seen_of_few(self, ids: list[int], trade_ids: list[int], used: list[bool]) -> list[int]:
        seen = []
        last = self.last
        for row, trade_id in enumerate(trade_ids):
            if used[row] and trade_id >= 0:
                if trade_id > last[ids[row]]:
                    last[ids[row]] = trade_id
                else:
                    seen.append(row)
        return seen

    def _seen_of_many(
        self, rows: NDArray[np.intp], ids: NDArray[np.int32], trade_ids: NDArray[np.int64]
    ) -> list[int]:
        rows = rows[np.argsort(ids[rows].astype(self._sort_kind), kind="stable")]
        symbol, number = ids[rows], trade_ids[rows]
        first = np.flatnonzero(np.diff(symbol, prepend=-1))
        last = np.append(first[1:], len(rows)) - 1
        previous = np.empty_like(number)
        previous[1:] = number[:-1]
        previous[first] = self.last[symbol[first]]
        if (number > previous).all():  # the usual case: every symbol's ids rise
            self.last[symbol[last]] = number[last]
            return []
        highest = np.empty_like(number)
        for start, end in zip(first, last + 1, strict=True):
            np.maximum.accumulate(number[start:end], out=highest[start:end])
        np.maximum(highest, self.last[symbol], out=highest)
        before = np.empty_like(number)
        before[1:] = highest[:-1]
        before[first] = self.last[symbol[first]]
        self.last[symbol[last]] = highest[last]
        seen: list[int] = rows[number <= before].tolist()
        return seen
