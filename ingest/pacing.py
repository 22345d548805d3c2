"""When which ticks are due. Pure: times come in, decisions come out."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from ingest.file_ticks import FileTicks

MOST_ROWS: Final = 4096  # a message of at most 110 kB and its symbols; Kafka takes 1 MB
_END_OF_TIME: Final = int(np.iinfo(np.int64).max)
LEAST_PAUSE_NS: Final = 1_000_000
"""Ticks due within a millisecond go together: a message each would cost 50 us each."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """An absolute schedule: a late wake-up delays no later tick.

    Attributes
    ----------
    begin_ns
        Wall time at which the live part begins, UTC.
    live_ns
        Event time at which it begins; earlier ticks are history, due at once.
    speed
        Event time that passes in a second of wall time; infinite: everything is due at once.
    """

    begin_ns: int
    live_ns: int
    speed: float

    def reached_ns(self, now_ns: int) -> int:
        """Give the event time up to which ticks are due."""
        if math.isinf(self.speed):
            return _END_OF_TIME
        return self.live_ns + math.floor((now_ns - self.begin_ns) * self.speed)

    def due_ns(self, clock_ns: int) -> int:
        """Give the wall time at which a tick is due."""
        if math.isinf(self.speed):
            return self.begin_ns
        return self.begin_ns + math.ceil((clock_ns - self.live_ns) / self.speed)


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is due before ``until_ns``, wall time."""

    until_ns: int


class Pacer:
    """Cuts a stream of ticks into what is due.

    Parameters
    ----------
    chunks
        Ticks, in the order of their clocks.
    schedule
        When they are due.
    """

    def __init__(self, chunks: Iterator[FileTicks], schedule: Schedule) -> None:
        self._chunks = chunks
        self._schedule = schedule
        self._ticks: FileTicks | None = None
        self._at = 0
        self._held_until_ns = 0

    def step(self, now_ns: int) -> FileTicks | Wait | None:
        """Decide what to do at a time.

        Returns
        -------
        FileTicks or Wait or None
            Ticks to send now, at most 4096; how long to wait; None at the end.
        """
        if self._ticks is None or self._at == len(self._ticks):
            self._ticks, self._at = next(self._chunks, None), 0
            if self._ticks is None:
                return None
        if now_ns < self._held_until_ns:
            return Wait(self._held_until_ns)
        clock_ns = self._ticks.clock_ns
        end = int(np.searchsorted(clock_ns, self._schedule.reached_ns(now_ns), side="right"))
        if end <= self._at:
            return Wait(max(self._schedule.due_ns(int(clock_ns[self._at])), now_ns + 1))
        if end < len(clock_ns) and end - self._at < MOST_ROWS:
            self._held_until_ns = now_ns + LEAST_PAUSE_NS
        end = min(end, self._at + MOST_ROWS)
        due = self._ticks.choose(slice(self._at, end))
        self._at = end
        return due
