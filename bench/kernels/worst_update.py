"""The worst single update of each window, place by place.

Which update is slow is known beforehand: the tick whose window's pivot is new, the row with
which a span turns. So the same updates are made again and again, and of each place the quickest
repetition counts: what an interruption took is not the window's, what each repetition takes is.
Then the percentiles are over places, and the maximum is the worst of them.
"""

import time
from typing import Final

import numpy as np

from bench.kernels.tick_cases import make_inbox, make_prices
from bench.kernels.tick_names import (
    N_ROW_ASSETS,
    WINDOW,
    WORST_ROW,
    WORST_ROW_READ,
    WORST_ROW_UNIT,
    WORST_TICK,
    WORST_TICK_UNIT,
)
from bench.rows import OURS, Row, make_row
from stats.compiled import FloatArray
from stats.grid_window import GridWindow
from stats.tick_window import TickWindow

_PLACES: Final = 20_000


def measure_worst_updates(repetitions: int) -> list[Row]:
    """Measure both windows; each place counts with the quickest of its repetitions."""
    found = {
        (WORST_TICK, WORST_TICK_UNIT): least_tick_us(_PLACES, repetitions),
        (WORST_ROW, WORST_ROW_UNIT): least_row_us(N_ROW_ASSETS, repetitions),
        (WORST_ROW_READ, WORST_ROW_UNIT): least_row_us(N_ROW_ASSETS, repetitions, read=True),
    }
    return [
        make_row(case, OURS, unit, [least], with_histogram=True)
        for (case, unit), least in found.items()
    ]


def least_tick_us(places: int, repetitions: int) -> FloatArray:
    """Time each tick of a full window of one asset, float64[places]; two calls from Python."""
    inbox = make_inbox(make_prices(1, WINDOW + 1 + places), 0)
    least, ids = np.full(places, np.inf), np.arange(1)
    for _ in range(repetitions):
        window = TickWindow(WINDOW)
        window.push(*inbox, 0, WINDOW + 1)
        window.read(ids)
        for place in range(places):
            started = time.perf_counter_ns()
            window.push(*inbox, WINDOW + 1 + place, WINDOW + 2 + place)
            window.read(ids)
            least[place] = min(least[place], time.perf_counter_ns() - started)
    return 1e-3 * least


def least_row_us(n_assets: int, repetitions: int, *, read: bool = False) -> FloatArray:
    """Time each row of a window's length, float64[WINDOW], of a window that is full.

    A row's number modulo the window's length says what has to be done for it, so the window
    goes on from one repetition to the next.

    Parameters
    ----------
    read
        Whether the whole matrix is read after each row, and counts.
    """
    values = 1e-3 * np.random.default_rng(1).standard_normal((WINDOW, n_assets))
    window, least, ids = GridWindow(WINDOW), np.full(WINDOW, np.inf), np.arange(n_assets)
    for repetition in range(1 + repetitions):
        for place in range(WINDOW):
            row = repetition * WINDOW + place
            started = time.perf_counter_ns()
            window.push(row, values[place], n_assets)
            if read:
                window.read(ids)
            took = time.perf_counter_ns() - started
            if repetition > 0:
                least[place] = min(least[place], took)
    return 1e-3 * least
