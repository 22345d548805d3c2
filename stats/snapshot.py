"""A market's state as plain arrays, and a market made from them again.

What can be computed again from the rest (blocks, prefixes, suffixes, pivots) is left out: all
bits of both windows are a function of the rows and ticks in them, so a market restored gives
the same bits as the one it was taken from. Nothing in the arrays is an index that a kernel would
follow: pools and lists are built anew, so arrays from outside can at worst give wrong figures.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stats import pending, row_blocks, tick_rings
from stats.compiled import FloatArray, IntArray
from stats.grid import Grid
from stats.grid_window import GridWindow
from stats.tick_window import TickWindow
from stats.windows import Windows

Arrays = Mapping[str, NDArray[Any]]

# What the grid knows beside its lists, by place in `pending`'s state; not its counts, which are
# of one process.
_SCALARS = (
    pending.LAST_ROW, pending.LAST_TICK_ROW, pending.PASSED_ROW, pending.NEWEST_CLOSED_TIME,
    pending.NEWEST_USED_TIME,
)  # fmt: skip
_DIMENSIONS = {
    "scalars": 1, "marks": 2, "symbol_i": 2, "symbol_f": 2, "waiting_i": 2, "waiting_f": 1,
    "rows": 2, "row": 1, "tick_i": 2, "tick_f": 2, "tick_times": 1, "tick_values": 2,
}  # fmt: skip


class WindowsCopy(NamedTuple):
    """Copies of arrays, taken between two events; `flatten` may be done on another thread."""

    state: IntArray
    marks: IntArray
    pool_i: IntArray
    pool_f: FloatArray
    waiting: IntArray
    symbol_i: IntArray
    symbol_f: FloatArray
    rows_state: IntArray
    returns: FloatArray
    rows_filled: int
    ticks_i: IntArray
    ticks_f: FloatArray
    tick_values: FloatArray
    tick_times: IntArray


def copy_windows(windows: Windows) -> WindowsCopy:
    """Copy what a snapshot is made of: 1.5 MB, 0.3 ms, at 50 symbols and windows 300 and 1000."""
    grid, n = windows.grid, windows.grid.n_symbols
    windows.ticks.reserve(n)
    pool_i, pool_f, rows, symbol_i, symbol_f, state = grid.arrays
    first = int(state[pending.FIRST_WAITING])
    waiting = rows[first : first + int(state[pending.N_WAITING])]
    ticks_f, ring, times, ticks_i, _, _ = windows.ticks.arrays
    return WindowsCopy(
        state.copy(), grid.marks.copy(), pool_i.copy(), pool_f.copy(), waiting.copy(),
        symbol_i[:, :n].copy(), symbol_f[:, :n].copy(),
        windows.rows.arrays[-1].copy(), windows.rows.arrays[0][:, :n].copy(),
        windows.rows.rows_filled,
        ticks_i[:n].copy(), ticks_f[:n].copy(), ring[:n].copy(), times[:n].copy(),
    )  # fmt: skip


def flatten(copy: WindowsCopy) -> dict[str, NDArray[Any]]:
    """Give the state as arrays that mean the same to any process.

    Returns
    -------
    dict
        ``scalars`` int64[5], ``marks`` int64[P, 3], ``symbol_i`` int64[4, n], ``symbol_f``
        float64[4, n]: of the grid; ``waiting_i`` int64[5, m] (row, partition's place, symbol,
        event time, offset) and ``waiting_f`` float64[m]: ticks whose row is open, in their order;
        ``row`` int64[1] and ``rows`` float64[k, n]: the newest row's number and the log returns
        of the rows in the window, oldest first; ``tick_i`` int64[3, n] (ticks kept, newest event
        time and the one before), ``tick_f`` float64[2, n], ``tick_times`` int64[t] and
        ``tick_values`` float64[2, t] (log return, slope): symbol by symbol, oldest first.
    """
    newest, k, window = (
        int(copy.rows_state[row_blocks.NEWEST_ROW]),
        copy.rows_filled,
        len(copy.returns),
    )
    slots = np.arange(newest - k + 1, newest + 1) % window
    waiting_i, waiting_f = _waiting_ticks(copy)
    counts = copy.ticks_i[:, tick_rings.COUNT]
    length = copy.tick_times.shape[1]
    kept = np.minimum(counts, length)
    ring = [np.arange(c - m, c) % length for c, m in zip(counts, kept, strict=True)]
    symbols = np.repeat(np.arange(len(kept)), kept)
    places = np.concatenate([*ring, np.zeros(0, np.int64)]).astype(np.int64)
    ticks_i = copy.ticks_i[:, [tick_rings.NEWEST_TIME, tick_rings.PREVIOUS_TIME]]
    return {
        "scalars": copy.state[list(_SCALARS)], "marks": copy.marks,
        "symbol_i": copy.symbol_i, "symbol_f": copy.symbol_f,
        "waiting_i": waiting_i, "waiting_f": waiting_f,
        "row": np.array([newest]), "rows": copy.returns[slots],
        "tick_i": np.vstack((kept, ticks_i.T)), "tick_f": np.ascontiguousarray(copy.ticks_f.T),
        "tick_times": copy.tick_times[symbols, places],
        "tick_values": np.ascontiguousarray(copy.tick_values[symbols, places].T),
    }  # fmt: skip


def _waiting_ticks(copy: WindowsCopy) -> tuple[IntArray, FloatArray]:
    found: list[tuple[int, int, int, int, int]] = []
    prices: list[float] = []
    for entry in copy.waiting.tolist():
        for place in range(len(copy.marks)):
            node = entry[1 + 2 * place]
            while node >= 0:
                symbol, time, following, offset = copy.pool_i[:, node].tolist()
                found.append((entry[0], place, symbol, time, offset))
                prices.append(float(copy.pool_f[node]))
                node = following
    return np.array(found, np.int64).reshape(-1, 5).T.copy(), np.array(prices, np.float64)


def restore_windows(windows: Windows, arrays: Arrays) -> None:
    """Put a state in the place of that of windows which have taken nothing yet.

    Parameters
    ----------
    windows
        Made with the same intervals, lengths and partitions as those that were copied.
    arrays
        As `flatten` gave them.

    Raises
    ------
    ValueError
        They are not of such windows; what is wrong is named, and the windows are of no use.
    """
    _check(windows, arrays)
    _restore_grid(windows.grid, arrays)
    rows = arrays["rows"]
    _restore_rows(windows.rows, int(arrays["row"][0]), rows)
    _restore_ticks(windows.ticks, arrays)


def _check(windows: Windows, arrays: Arrays) -> None:
    for name, n_dimensions in _DIMENSIONS.items():
        if name not in arrays or arrays[name].ndim != n_dimensions:
            raise ValueError(f"{name}: must be an array of {n_dimensions} dimensions")
    grid, n = windows.grid, arrays["symbol_i"].shape[1]
    kept, waiting = arrays["tick_i"][0], arrays["waiting_i"]
    total = int(kept.sum())
    rules = {
        "scalars": len(arrays["scalars"]) == len(_SCALARS),
        "marks": arrays["marks"].shape == grid.marks.shape,
        "symbol_i": arrays["symbol_i"].shape[0] == 4,
        "symbol_f": arrays["symbol_f"].shape == (4, n),
        "waiting_i": waiting.shape == (5, len(arrays["waiting_f"]))
        and _within(waiting[1], len(grid.partitions))
        and _within(waiting[2], n)
        and bool((np.diff(waiting[0]) >= 0).all()),
        "row": len(arrays["row"]) == 1,
        "rows": arrays["rows"].shape[1] == n and len(arrays["rows"]) <= windows.rows.window_rows,
        "tick_i": arrays["tick_i"].shape == (3, n)
        and _within(kept, windows.ticks.window_ticks + 1),
        "tick_f": arrays["tick_f"].shape == (2, n),
        "tick_times": len(arrays["tick_times"]) == total,
        "tick_values": arrays["tick_values"].shape == (2, total),
    }
    for name, holds in rules.items():
        if not holds:
            raise ValueError(f"{name}: not of windows of this shape, or not a state")


def _within(values: NDArray[Any], end: int) -> bool:
    return bool(((values >= 0) & (values < end)).all())


def _restore_grid(grid: Grid, arrays: Arrays) -> None:
    n = arrays["symbol_i"].shape[1]
    waiting_i, waiting_f = arrays["waiting_i"], arrays["waiting_f"]
    grid.reserve(0, n)
    grid.symbol_i[:, :n], grid.symbol_f[:, :n] = arrays["symbol_i"], arrays["symbol_f"]
    grid.marks[:] = arrays["marks"]
    grid.state[list(_SCALARS)] = arrays["scalars"]
    grid.state[pending.N_SYMBOLS] = n
    grid.put_waiting(waiting_i, waiting_f)


def _restore_rows(window: GridWindow, newest: int, rows: FloatArray) -> None:
    first = newest - len(rows) + 1
    for k, values in enumerate(rows):
        window.push(first + k, values, rows.shape[1])


def _restore_ticks(window: TickWindow, arrays: Arrays) -> None:
    kept, n = arrays["tick_i"][0], arrays["tick_i"].shape[1]
    window.reserve(n)
    ticks_f, ring, times, ticks_i, _, _ = window.arrays
    ticks_i[:n, tick_rings.COUNT] = kept
    ticks_i[:n, tick_rings.SLOT] = (kept - 1) % window.window_ticks
    ticks_i[:n, tick_rings.NEWEST_TIME] = arrays["tick_i"][1]
    ticks_i[:n, tick_rings.PREVIOUS_TIME] = arrays["tick_i"][2]
    ticks_f[:n] = arrays["tick_f"].T
    ends = np.cumsum(kept)
    for s, (end, count) in enumerate(zip(ends.tolist(), kept.tolist(), strict=True)):
        part = slice(end - count, end)
        ring[s, :count] = arrays["tick_values"][:, part].T
        times[s, :count] = arrays["tick_times"][part]
    window.read(np.arange(n))  # finds the pivots, which the next tick is compared with
