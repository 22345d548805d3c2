"""The tick window pushed and read by one kernel: two calls from Python take two microseconds."""

from stats.compiled import FloatArray, IntArray, kernel
from stats.pending import SYMBOL, TIME
from stats.tick_blocks import read_tick, read_ticks
from stats.tick_rings import push_tick, push_ticks
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


@kernel
def push_and_read_batches(
    inbox_i: IntArray,
    inbox_f: FloatArray,
    every: int,
    ids: IntArray,
    out: FloatArray,
    ticks_f: FloatArray,
    ring: FloatArray,
    times: IntArray,
    ticks_i: IntArray,
    sums: FloatArray,
    inverses: FloatArray,
) -> None:
    """Append ticks and read symbols after each ``every`` of them, as `TickWindow` does."""
    for first in range(0, len(inbox_f), every):
        push_ticks(first, first + every, inbox_i, inbox_f, ticks_f, ring, times, ticks_i)
        read_ticks(ids, out, ring, times, ticks_i, sums, inverses)


def read_in_batches(
    inbox_i: IntArray,
    inbox_f: FloatArray,
    every: int,
    ids: IntArray,
    window: TickWindow,
    out: FloatArray,
) -> None:
    """Write the seven statistics of symbols after each ``every`` ticks to float64[7, ids].

    ``every`` divides the ticks; inbox and window are as `read_after_each` has them.
    """
    push_and_read_batches(inbox_i, inbox_f, every, ids, out, *window.arrays)
