"""Which symbols the portfolio may hold, and in plain words why the others are left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from stats import pending
from stats.compiled import FloatArray, IntArray

AssetPhase = Literal["member", "filling", "stale", "missing_rows"]


@dataclass(frozen=True, slots=True)
class AssetView:
    """One symbol and why it is, or is not, a member.

    Attributes
    ----------
    state
        ``member``; ``filling``: it has every row so far, but these are too few;
        ``missing_rows``: rows of the window lie before its first price; ``stale``: too long
        without a tick.
    reason
        Why it is no member; empty for a member.
    price, last_event_time_ns
        Its newest tick; NaN and 0 where there is none.
    """

    symbol: str
    state: AssetPhase
    reason: str
    price: float
    last_event_time_ns: int


@dataclass(frozen=True, slots=True)
class Universe:
    """The rule of membership.

    A symbol is a member when it has every row of the window (while the window fills: every row
    so far, and at least ``min_observations``); it leaves after ``stale_after`` rows without a
    tick, and is back with its next one.

    Attributes
    ----------
    window_rows
        W of the grid window.
    min_observations
        Rows before the first membership; W where that is less.
    stale_after
        Rows without a tick, >= 1.
    """

    window_rows: int
    min_observations: int
    stale_after: int

    def members(self, symbol_i: IntArray, last_row: int, rows_filled: int) -> IntArray:
        """Give the ids of the members, ascending.

        Parameters
        ----------
        symbol_i
            int64[4, n] as in ``pending``: of each symbol, the first row with a price and the
            last row with a tick.
        last_row, rows_filled
            Newest closed row, and the rows of returns in the window that ends there.
        """
        if rows_filled < min(self.min_observations, self.window_rows):
            return np.zeros(0, np.int64)
        # A return needs the price of the row before.
        oldest_return = last_row - rows_filled + 1
        whole = symbol_i[pending.FIRST_ROW] < oldest_return
        fresh = symbol_i[pending.TICK_ROW] > last_row - self.stale_after
        known = symbol_i[pending.FIRST_ROW] != pending.NONE
        return np.flatnonzero(whole & fresh & known)

    def _explain(
        self, first_row: int, tick_row: int, last_row: int, rows_filled: int
    ) -> tuple[AssetPhase, str]:
        if first_row == pending.NONE:
            return "missing_rows", "no price in a closed row yet"
        quiet = last_row - tick_row
        if quiet >= self.stale_after:
            return "stale", f"no tick for {quiet} rows; left out after {self.stale_after}"
        need = min(self.min_observations, self.window_rows)
        rows = min(rows_filled, last_row - first_row)
        if rows < rows_filled:
            missing = rows_filled - rows
            return (
                "missing_rows",
                f"first price came {missing} rows after the window's beginning: "
                f"{rows} of {rows_filled} rows",
            )
        if rows < need:
            return "filling", f"{rows} of at least {need} rows"
        return "member", ""

    def describe(
        self,
        symbols: Sequence[str],
        symbol_i: IntArray,
        symbol_f: FloatArray,
        last_row: int | None,
        rows_filled: int,
    ) -> list[AssetView]:
        """Describe symbols, the n-th of which has id n."""
        views = []
        for s, symbol in enumerate(symbols):
            known = s < symbol_i.shape[1] and symbol_i[pending.NEWEST_TIME, s] != pending.NONE
            if not known or last_row is None:
                phase: AssetPhase = "missing_rows"
                reason = "no row has closed yet" if known else "no tick used yet"
            else:
                first_row = int(symbol_i[pending.FIRST_ROW, s])
                tick_row = int(symbol_i[pending.TICK_ROW, s])
                phase, reason = self._explain(first_row, tick_row, last_row, rows_filled)
            price = float(symbol_f[pending.NEWEST_PRICE, s]) if known else float("nan")
            time = int(symbol_i[pending.NEWEST_TIME, s]) if known else 0
            views.append(AssetView(symbol, phase, reason, price, time))
        return views
