"""Rings of each symbol's newest ticks: what is kept of them, and how one is appended."""

from stats import pending
from stats.compiled import FloatArray, IntArray, inlined, lean_kernel
from stats.returns import log_return

# ticks_i: returns so far, slot of the newest, event time of the newest tick and of the one
# before, pivot and its hash, the pivot that suffix and prefix stand on, the first tick that is
# not in the prefix, the block whose suffixes are there for each tick.
COUNT, SLOT, NEWEST_TIME, PREVIOUS_TIME, PIVOT, PIVOT_HASH, BUILT, SUMMED, OPENED = range(9)
PRICE, PREVIOUS = 0, 1
NO_TIME = -(2**62)
LARGEST_HASH = 2**63 - 1


@inlined
def mix_time(time: int) -> int:
    """Hash an event time: two rounds of multiply and xor-shift, wrapping at 64 bits."""
    h = time * -7046029254386353131
    h ^= (h >> 32) & 0xFFFFFFFF
    h *= -4658895280553007687
    return h ^ ((h >> 29) & 0x7FFFFFFFF)


@inlined
def push_tick(
    s: int,
    time: int,
    price: float,
    ticks_f: FloatArray,
    ring: FloatArray,
    times: IntArray,
    ticks_i: IntArray,
) -> None:
    """Append a tick of symbol ``s``, which is not earlier than its newest."""
    count, slot, before = ticks_i[s, COUNT], ticks_i[s, SLOT], ticks_i[s, NEWEST_TIME]
    if time > before:
        previous = ticks_f[s, PRICE]
        ticks_f[s, PREVIOUS] = previous
        ticks_i[s, PREVIOUS_TIME] = before
        ticks_i[s, NEWEST_TIME] = time
        if before != NO_TIME:
            slot = slot + 1 if slot + 1 < ring.shape[1] else 0
            count += 1
            ticks_i[s, COUNT], ticks_i[s, SLOT] = count, slot
            hashed = mix_time(time)
            if hashed < ticks_i[s, PIVOT_HASH]:
                ticks_i[s, PIVOT_HASH], ticks_i[s, PIVOT] = hashed, count - 1
    else:
        previous, before = ticks_f[s, PREVIOUS], ticks_i[s, PREVIOUS_TIME]
        if ticks_i[s, SUMMED] == count:
            ticks_i[s, SUMMED] = count - 1
    ticks_f[s, PRICE] = price
    if count > 0:
        ring[s, slot, 0] = log_return(price, previous)
        ring[s, slot, 1] = (price - previous) / (1e-9 * (time - before))
        times[s, slot] = time


@lean_kernel
def push_ticks(
    start: int,
    stop: int,
    inbox_i: IntArray,
    inbox_f: FloatArray,
    ticks_f: FloatArray,
    ring: FloatArray,
    times: IntArray,
    ticks_i: IntArray,
) -> None:
    """Append ticks; symbol -1 is passed over.

    A tick earlier than its symbol's newest is not used; one at the same instant replaces that
    one's price.
    """
    for i in range(start, stop):
        s, time = inbox_i[pending.SYMBOL, i], inbox_i[pending.TIME, i]
        if s >= 0 and time >= ticks_i[s, NEWEST_TIME]:
            push_tick(s, time, inbox_f[i], ticks_f, ring, times, ticks_i)
