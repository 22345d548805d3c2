"""What a comparison found, as data and as the table that people read. Pure."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from rich import box
from rich.table import Table

from bench.comparison_rule import JUDGED, Figure, Verdict, say_rule
from bench.intervals import Interval
from bench.rows import LEAST_FOR_RUNS_P99, format_interval, format_number
from bench.text_table import write_tables


class Change(NamedTuple):
    """What became of one case.

    Attributes
    ----------
    figure
        Of what: the repetitions' medians, or their p99s where ours and a peer have enough values.
    ratio
        Time it takes now over the time it took, its peers' own change taken out: the median over
        all pairs of a repetition now and one then. Of a rate the other way round, so that above 1
        is slower. None where a repetition of it or of a peer is not above 0. Of several bases that
        beside which it is the nearest to 1.
    low, high
        95 % interval of ``ratio``; None with too few repetitions for one: three beside three, or
        beside four.
    peers
        The same of its peers: how much quicker or slower the machine was; None without peers.
    """

    case: str
    figure: Figure
    ratio: float | None
    low: float | None
    high: float | None
    peers: float | None
    verdict: Verdict


class Comparison(NamedTuple):
    """All cases that are on both sides, those that only one has, and how many bases there were."""

    changes: tuple[Change, ...]
    missing: tuple[str, ...]
    added: tuple[str, ...]
    bases: int = 1

    @property
    def is_judged(self) -> bool:
        """Whether anything at all could be told of any case."""
        return any(change.verdict in JUDGED for change in self.changes)

    def to_text(self) -> str:
        """Give a table for a terminal, what got slower first, then what could not be told."""
        table = Table(box=box.SIMPLE_HEAD)
        for name in ("case", "of", "time now / then", "95 % interval", "peers now / then", ""):
            table.add_column(name, no_wrap=True)
        for change in sorted(self.changes, key=_place):
            table.add_row(*_cells(change))
        lines = [f"only in BASE: {case}" for case in self.missing]
        lines += [f"only in NEW: {case}" for case in self.added]
        return write_tables(table, lines=[*lines, *self._untold(), self.rule])

    @property
    def rule(self) -> str:
        """Say by which rule was judged."""
        return say_rule(self.bases)

    def _untold(self) -> Iterator[str]:
        """Say how much could not be judged, and why."""
        cases = {change.case for change in self.changes}
        tails = {change.case for change in self.changes if change.figure == "p99"}
        if cases - tails:
            yield (
                f"p99 not judged in {len(cases - tails)} of {len(cases)} cases: it is for times of "
                f"which ours and a peer have {LEAST_FOR_RUNS_P99} values in each repetition"
            )
        counts = Counter(change.verdict for change in self.changes if change.verdict not in JUDGED)
        yield from (f"{count} of {len(self.changes)}: {why}" for why, count in counts.items())


def _place(change: Change) -> tuple[bool, float]:
    """Put what got slower first, and what has no ratio last."""
    return change.verdict != "slower", -(change.ratio or 0.0)


def _cells(change: Change) -> tuple[str, ...]:
    ratio = "-" if change.ratio is None else f"{format_number(change.ratio)}x"
    peers = "no peer" if change.peers is None else f"{format_number(change.peers)}x"
    if change.ratio is None:
        peers = "-"
    low, high = change.low, change.high
    interval = format_interval(None if low is None or high is None else Interval(low, high))
    return change.case, change.figure, ratio, interval, peers, change.verdict
