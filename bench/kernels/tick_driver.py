"""The tick window read after every tick: one kernel, for a call from Python costs microseconds."""

from stats.compiled import FloatArray, IntArray, kernel
from stats.pending import SYMBOL, TIME
from stats.tick_blocks import read_tick
from stats.tick_rings import push_tick
from stats.tick_window import TickWindow


@kernel
def push_and_read(
    inbox_i: IntArray,
    inbox_f: FloatArray,
    out: FloatArray,
    ticks_f: FloatArray,
    ring: FloatArray,
    times: IntArray,
    ticks_i: IntArray,
    sums: FloatArray,
    inverses: FloatArray,
) -> None:
    """Append each tick, as `push_ticks` does, and read its symbol, as `read_ticks` does."""
    for t in range(len(inbox_f)):
        s = inbox_i[SYMBOL, t]
        push_tick(s, inbox_i[TIME, t], inbox_f[t], ticks_f, ring, times, ticks_i)
        read_tick(s, out, t, ring, times, ticks_i, sums, inverses)


def read_after_each(
    inbox_i: IntArray, inbox_f: FloatArray, window: TickWindow, out: FloatArray
) -> None:
    """Write the seven statistics of each tick's symbol after it.

    Parameters
    ----------
    inbox_i, inbox_f
        As `TickWindow.push` has them; no symbol is -1, and none's ticks go back in time.
    window
        Has room for the symbols.
    out
        float64[7, ticks].
    """
    push_and_read(inbox_i, inbox_f, out, *window.arrays)
