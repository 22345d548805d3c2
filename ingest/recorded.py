"""Recorded files as a feed's source: played once or in a loop, at another time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ingest.file_ticks import FileTicks
from ingest.files import FileInput, open_ticks, sniff
from ingest.formats import SECOND_NS
from ingest.ticks import NO_TRADE_ID

_FUTURE_NS: Final = 60 * SECOND_NS  # admission takes event times up to so far ahead of Kafka's


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
        """Begin at most one interval before ``begin_ns``; see `ingest.feed.TickSource`."""
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


def open_recorded(
    paths: Sequence[str | Path],
    *,
    now_ns: int,
    sample_interval_ns: int | None = None,
    symbol: str | None = None,
    time_column: str | None = None,
    loop: bool = False,
    keep_event_times: bool = False,
) -> RecordedSource:
    """Look at recorded files and make a source of them.

    Parameters
    ----------
    paths, symbol, time_column
        See `ingest.files.sniff`.
    now_ns
        Wall time, UTC: no recording holds later ticks. Such rows are passed on to be refused.
    sample_interval_ns
        Length of a row; None: the files' own spacing, one second where they have none.
    loop, keep_event_times
        See `RecordedSource`.

    Raises
    ------
    ingest.formats.FileFormatError
        The files cannot be read as ticks.
    """
    found = sniff(paths, symbol=symbol, time_column=time_column, latest_ns=now_ns + _FUTURE_NS)
    if sample_interval_ns is None:
        sample_interval_ns = found.spacing_ns or SECOND_NS
    return RecordedSource(found, sample_interval_ns, loop=loop, keep_event_times=keep_event_times)


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
