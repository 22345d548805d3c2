"""Several sources merged by time in bounded memory. Pure: arrays in, arrays out."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Block = tuple[NDArray[Any], ...]
"""Columns of equal length; the first, int64[n], is the clock and never falls, not even from one
block of a source to the next."""

END_OF_TIME: Final = int(np.iinfo(np.int64).max)


def clock(event_time_ns: NDArray[np.int64], begin_ns: int, latest_ns: int) -> NDArray[np.int64]:
    """Give the time at which each row of a source is due: the running maximum of event times.

    A time that cannot be right (before 1970, after ``latest_ns``) moves no clock: one row dated
    2100 would otherwise hold back all rows behind it.

    Parameters
    ----------
    event_time_ns
        int64[n], in the source's order.
    begin_ns
        The clock before the first of them.
    latest_ns
        The latest time that can be right.

    Returns
    -------
    NDArray[np.int64]
        int64[n], never falling.
    """
    can_be = (event_time_ns > 0) & (event_time_ns <= latest_ns)
    return np.maximum.accumulate(np.maximum(np.where(can_be, event_time_ns, begin_ns), begin_ns))


@dataclass(frozen=True, slots=True)
class Source:
    """What can be merged.

    Attributes
    ----------
    first_ns
        A time before which its clock has no row; it is opened when the merge comes to it.
    open
        Begins to read its blocks.
    """

    first_ns: int
    open: Callable[[], Iterator[Block]]


@dataclass(slots=True)
class _Open:
    """A source being read; ``block`` holds what is read of it and not yet passed on."""

    order: int
    blocks: Iterator[Block]
    block: Block = field(default=())

    def refill(self) -> bool:
        """Read the next block that has rows; tells whether there was one."""
        self.block = next((block for block in self.blocks if len(block[0])), ())
        return bool(self.block)

    def take(self, n: int) -> Block:
        taken = tuple(column[:n] for column in self.block)
        self.block = tuple(column[n:] for column in self.block)
        return taken


def merge(sources: Sequence[Source]) -> Iterator[Block]:
    """Merge sources by their clocks: the same rows as a stable sort of all of them by clock.

    At most one block of each source that is open at the time is held. A source is opened when
    the merge comes to its first row and closed at its end, so an archive of files a day each
    needs the memory of one day.

    Parameters
    ----------
    sources
        Rows of equal clock keep the order of their sources, and within one their own.

    Yields
    ------
    Block
        Rows in order; never empty.
    """
    waiting = sorted(range(len(sources)), key=lambda i: (sources[i].first_ns, i), reverse=True)
    opened: list[_Open] = []
    while waiting or opened:
        # The first source, in the order of rows, of which more has to be read to go on.
        last = min(((int(s.block[0][-1]), s.order) for s in opened), default=None)
        if waiting and (last is None or (sources[waiting[-1]].first_ns, waiting[-1]) <= last):
            order = waiting.pop()
            source = _Open(order, sources[order].open())
            if source.refill():
                opened.append(source)
                opened.sort(key=lambda s: s.order)
        elif last is not None:
            yield from _emit(opened, *last)
            opened = [s for s in opened if len(s.block[0]) or s.refill()]


def _emit(opened: Sequence[_Open], bound_ns: int, order: int) -> Iterator[Block]:
    """Pass on all rows up to the last one held of source ``order``, whose clock is ``bound_ns``."""
    parts = []
    for source in opened:
        # Later sources' rows of this very time come after what that source may still have of it.
        side: Any = "right" if source.order <= order else "left"
        n = int(np.searchsorted(source.block[0], bound_ns, side))
        if n:
            parts.append(source.take(n))
    if len(parts) == 1:
        yield parts[0]
        return
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    by_clock = np.argsort(columns[0], kind="stable")
    yield tuple(column[by_clock] for column in columns)
