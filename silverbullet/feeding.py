"""Where ticks come from, as the options of `demo` and `simulate` say."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from ingest.feed import TickSource
from ingest.files import sniff
from ingest.formats import FileFormatError
from ingest.newest import newest_ticks
from ingest.recorded import RecordedSource, open_recorded
from ingest.simulator import Market, SimulatedSource
from silverbullet.options import Refused
from silverbullet.settings import Settings

# A row of the year 2100 must not hold back all that stand behind it; admission refuses it.
FUTURE_NS = 60_000_000_000
# Fewer rows without a tick than these for each that has one are not worth a word.
_SPARSE_ROWS = 10
# Rows before the window that history fills too: the first row has no return, the last is open.
_EXTRA_ROWS = 3


class FeedOptions(NamedTuple):
    """The options of a feed; ``speed`` is a number or ``max``, ``rate`` ticks a second."""

    symbol: str | None = None
    time_column: str | None = None
    loop: bool = False
    speed: str = "1"
    assets: int = 12
    rate: float = 60.0
    seed: int = 2

    def speed_factor(self) -> float:
        """Give the event time that passes in a second of wall time.

        Raises
        ------
        Refused
            It is neither a number above 0 nor ``max``.
        """
        try:
            speed = math.inf if self.speed == "max" else float(self.speed)
        except ValueError:
            speed = math.nan
        if not speed > 0:
            raise Refused(f"--speed {self.speed}: write a number above 0, or max")
        return speed


def spacing_settings(paths: Sequence[Path], options: FeedOptions) -> dict[str, dict[str, Any]]:
    """Give the settings that files suggest: rows as long as their own spacing, if they have one.

    Raises
    ------
    Refused
        The files cannot be read as ticks.
    """
    if not paths:
        return {}
    try:
        found = sniff(
            paths,
            symbol=options.symbol,
            time_column=options.time_column,
            latest_ns=time.time_ns() + FUTURE_NS,
        )
    except FileFormatError as error:
        raise Refused(str(error)) from None
    spacing_ns = found.spacing_ns
    return {} if spacing_ns is None else {"window": {"sample_interval_s": spacing_ns / 1e9}}


def make_source(
    paths: Sequence[Path],
    options: FeedOptions,
    settings: Settings,
    *,
    keep_event_times: bool = False,
) -> TickSource:
    """Make the source: recorded files, or the simulator where there are none.

    Raises
    ------
    Refused
        The files cannot be read as ticks.
    """
    if not paths:
        return SimulatedSource(Market(options.assets, options.rate, options.seed))
    try:
        return open_recorded(
            paths,
            now_ns=time.time_ns(),
            sample_interval_ns=settings.window.sample_interval_ns,
            symbol=options.symbol,
            time_column=options.time_column,
            loop=options.loop,
            keep_event_times=keep_event_times,
        )
    except FileFormatError as error:
        raise Refused(str(error)) from None


def sparse_rows(source: TickSource, settings: Settings) -> str | None:
    """Say in one line, with the remedy, that most rows will have no tick; None where they have.

    So it is where candles or closes lie beside quotes or trades, which have no spacing of their
    own: rows are then as short as the settings say.
    """
    if not isinstance(source, RecordedSource):
        return None
    interval_ns = settings.window.sample_interval_ns
    spaced = [(file.spacing_ns or 0, file.csv.path.name) for file in source.recorded.files]
    sparse = sorted(pair for pair in spaced if pair[0] >= _SPARSE_ROWS * interval_ns)
    if not sparse:
        return None
    spacing_ns, name = sparse[-1]
    more = f" and {len(sparse) - 1} more such files" if len(sparse) > 1 else ""
    return (
        f"rows last {interval_ns / 1e9:g}s, but {name} has prices {spacing_ns / 1e9:g}s apart"
        f"{more}: most rows will be without a tick; pass --sample-interval "
        f"{spacing_ns / 1e9:g}s, or give such files apart"
    )


def go_on(
    source: TickSource, read_tail: Callable[[int], list[bytes]]
) -> tuple[TickSource, int | None]:
    """Let a source go on where a topic ends.

    Parameters
    ----------
    source
        A simulated one goes on from the topic's newest prices: from its first ones each asset
        would leap once, and the leap would stay in the window.
    read_tail
        Gives so many of the topic's newest messages, oldest first.

    Returns
    -------
    TickSource
        The source that goes on.
    int or None
        The topic's newest event time, UTC; None where it holds no tick.
    """
    if not isinstance(source, SimulatedSource):
        return source, newest_ticks(read_tail).event_time_ns
    newest = newest_ticks(read_tail, source.symbols)
    return replace(source, prices=newest.prices), newest.event_time_ns


def history_ns(paths: Sequence[Path], settings: Settings) -> int:
    """Give the length of history that fills the window; recordings have none to give."""
    if paths:
        return 0
    return (settings.window.rows + _EXTRA_ROWS) * settings.window.sample_interval_ns
