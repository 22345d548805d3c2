"""Where a feed's ticks come from, and their event times. Pure but for the files it reads."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from ingest.files import FileInput, FileTicks, open_ticks
from ingest.simulator import Market, Simulator
from ingest.ticks import NO_TRADE_ID

MOST_HISTORY_TICKS: Final = 60_000
"""1.1 MB packed: history stays whole in the 5 MB that the embedded broker keeps."""


class TickSource(Protocol):
    """Gives ticks from an event time on."""

    def chunks(self, begin_ns: int, live_ns: int) -> Iterator[FileTicks]:
        """Give ticks in the order of their clocks.

        Parameters
        ----------
        begin_ns
            Event time at which they begin.
        live_ns
            Event time up to which they are history: sent at once, where others are paced.
        """
        ...


@dataclass(frozen=True, slots=True)
class SimulatedSource:
    """The simulated market, without an end.

    Attributes
    ----------
    market
        What is simulated.
    """

    market: Market

    def chunks(self, begin_ns: int, live_ns: int) -> Iterator[FileTicks]:
        """See `TickSource`; history is thinned to 60 000 ticks where it would have more."""
        simulator = Simulator(self.market, begin_ns)
        if live_ns > begin_ns:
            thinned = MOST_HISTORY_TICKS * 1e9 / (live_ns - begin_ns)
            rate = min(self.market.rate_per_s, thinned)
            yield from simulator.chunks(until_ns=live_ns, rate_per_s=rate)
        yield from simulator.chunks()


@dataclass(frozen=True, slots=True)
class RecordedSource:
    """Recorded files, once or again and again.

    Attributes
    ----------
    recorded
        The files, as `ingest.files.sniff` found them.
    sample_interval_ns
        Event times are shifted by multiples of it, so that rows hold the same ticks as in the
        recording.
    loop
        Begin again at the end. Each pass begins in the row after the last one of the pass before;
        the price leaps there from the last back to the first.
    keep_event_times
        Do not shift.

    Raises
    ------
    ValueError
        The interval is not positive, or event times are kept in a loop.
    """

    recorded: FileInput
    sample_interval_ns: int
    loop: bool = False
    keep_event_times: bool = False

    def __post_init__(self) -> None:
        if self.sample_interval_ns <= 0:
            raise ValueError(f"sample_interval_ns={self.sample_interval_ns}: must be > 0")
        if self.loop and self.keep_event_times:
            raise ValueError("a loop cannot keep event times: they would go back at its start")

    def chunks(self, begin_ns: int, live_ns: int) -> Iterator[FileTicks]:  # noqa: ARG002
        """See `TickSource`; the first tick is at most one interval before ``begin_ns``."""
        while True:
            shift: Shift | None = None
            for ticks in open_ticks(self.recorded):
                if self.keep_event_times:
                    yield ticks
                    continue
                if shift is None:
                    shift = shift_to(begin_ns, int(ticks.clock_ns[0]), self.sample_interval_ns)
                yield (moved := shift.apply(ticks))
                # The next pass's first tick lies in the row after this one; rows hold their end.
                row = -(-int(moved.clock_ns[-1]) // self.sample_interval_ns)
                begin_ns = (row + 1) * self.sample_interval_ns
            if not self.loop:
                return


def shift_to(begin_ns: int, first_ns: int, sample_interval_ns: int) -> "Shift":
    """Shift by whole intervals so that the first tick is the last possible up to ``begin_ns``."""
    whole = (begin_ns - first_ns) // sample_interval_ns * sample_interval_ns
    return Shift(whole, first_ns + whole)


class Shift:
    """Moves one pass of recorded ticks to another time.

    Trade ids are moved too: to the pass's first event time plus their distance from the first
    id of their symbol. So a trade that stands twice in a recording is still seen to be the
    same, and the next pass, which has the same ids again, is not taken for the same trades.

    Parameters
    ----------
    by_ns
        Added to event times.
    first_id
        Base of the new trade ids.
    """

    def __init__(self, by_ns: int, first_id: int) -> None:
        self.by_ns = by_ns
        self._first_id = first_id
        self._first_ids = np.empty(0, np.int64)

    def apply(self, ticks: FileTicks) -> FileTicks:
        """Move some ticks; times that cannot be right, which moved no clock, stay as they are."""
        times = ticks.event_time_ns
        is_right = (times > 0) & (times <= ticks.clock_ns)
        return replace(
            ticks,
            event_time_ns=np.where(is_right, times + self.by_ns, times),
            trade_ids=self._trade_ids(ticks),
            clock_ns=ticks.clock_ns + self.by_ns,
        )

    def _trade_ids(self, ticks: FileTicks) -> NDArray[np.int64]:
        ids, symbols = ticks.trade_ids, ticks.symbol_ids
        known = np.full(len(ticks.symbols), NO_TRADE_ID, np.int64)
        known[: len(self._first_ids)] = self._first_ids
        numbered = ids != NO_TRADE_ID
        seen, first = np.unique(symbols[numbered], return_index=True)
        known[seen] = np.where(known[seen] == NO_TRADE_ID, ids[numbered][first], known[seen])
        self._first_ids = known
        return np.where(numbered, ids - known[symbols] + self._first_id, NO_TRADE_ID)
