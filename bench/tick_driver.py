"""The tick window read after every tick: one kernel, for a call from Python costs microseconds."""

import numpy as np

from stats import pending, tick_blocks
from stats.compiled import FloatArray, IntArray, kernel
from stats.tick_window import TickWindow


@kernel
def push_and_read(
    inbox_i: IntArray,
    inbox_f: FloatArray,
    ids: IntArray,
    out: FloatArray,
    ticks_f: FloatArray,
    returns: FloatArray,
    slopes: FloatArray,
    times: IntArray,
    ticks_i: IntArray,
    suffixes: FloatArray,
    prefixes: FloatArray,
) -> None:
    """Append each tick and read its symbol's statistics into ``out`` float64[ticks, 7, 1]."""
    for t in range(len(inbox_f)):
        tick_blocks.push_ticks(t, t + 1, inbox_i, inbox_f, ticks_f, returns, slopes, times, ticks_i)
        s = inbox_i[pending.SYMBOL, t]
        tick_blocks.read_ticks(
            ids[s : s + 1], out[t], returns, slopes, times, ticks_i, suffixes, prefixes
        )


def read_after_each(
    inbox_i: IntArray, inbox_f: FloatArray, window: TickWindow, out: FloatArray
) -> None:
    """Write the seven statistics of each tick's symbol after it.

    Parameters
    ----------
    inbox_i, inbox_f
        As `TickWindow.push` has them.
    window
        Has room for the symbols.
    out
        float64[ticks, 7, 1].
    """
    ids = np.arange(len(window.arrays[4]))
    push_and_read(inbox_i, inbox_f, ids, out, *window.arrays)
