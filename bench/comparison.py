"""Two results of one benchmark side by side: what got slower beyond noise. Pure.

Times of two days, or two machines, do not compare. So what a case takes is divided by what its
peers take in the same repetition, which no change of ours touches, and that of now by that of then.
A time or a rate with no peer beside it is shown and not judged: one build measured in two sessions
differed by 14 to 31 %. The interval is `bench.intervals.ratio_interval`, over the repetitions of
both.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
from rich import box
from rich.table import Table

from bench.intervals import Interval, ratio_interval
from bench.report import Report
from bench.rows import (
    LEAST_FOR_RUNS_P99,
    OUR_OTHERS,
    OURS,
    TWIN,
    Row,
    format_interval,
    format_number,
    group_cases,
    is_rate,
    is_time,
    times,
)
from bench.text_table import write_tables
from stats.compiled import FloatArray

Figure = Literal["p50", "p99"]
MARGINS: Final[Mapping[Figure, float]] = {"p50": 0.05, "p99": 0.25}
"""A change of 5 % is none: on a shared machine two runs of one build differ by as much. Of p99s, by
which neighbours show, four measurements of one build in a row differed by 11 %."""
FEW_RUNS_MARGINS: Final[Mapping[str, float]] = {"MiB": 0.1}
"""By unit: what has too few repetitions is judged where it is known how much that varies. The peaks
of four runs of one build differed by 0.8 %."""

Verdict = Literal[
    "slower",
    "faster",
    "within noise",
    "too few repetitions",
    "single runs, not judged",
    "no peer, not judged",
    "not above 0, no ratio",
]
JUDGED: Final = frozenset[Verdict]({"slower", "faster", "within noise"})


class Change(NamedTuple):
    """What became of one case.

    Attributes
    ----------
    figure
        Of what: the repetitions' medians, or their p99s where ours and a peer have enough values.
    ratio
        Time it takes now over the time it took, its peers' own change taken out: the median over
        all pairs of a repetition now and one then. Of a rate the other way round, so that above 1
        is slower. None where a repetition of it or of a peer is not above 0.
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
    """All cases of both results, and those that only one has."""

    changes: tuple[Change, ...]
    missing: tuple[str, ...]
    added: tuple[str, ...]

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
        lines = [f"only in the first: {case}" for case in self.missing]
        lines += [f"only in the second: {case}" for case in self.added]
        return write_tables(table, lines=[*lines, *self._untold()])

    def _untold(self) -> Iterator[str]:
        """Say how much could not be judged, and why."""
        cases = {change.case for change in self.changes}
        tails = {change.case for change in self.changes if change.figure == "p99"}
        if cases - tails:
            yield (
                f"p99 not judged in {len(cases - tails)} of {len(cases)} cases: it is for times of "
                f"which ours and a peer have {LEAST_FOR_RUNS_P99} values in each repetition of both"
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


def compare_reports(base: Report, new: Report) -> Comparison:
    """Set two results side by side.

    Raises
    ------
    ValueError
        They are of different benchmarks.
    """
    if base.bench != new.bench:
        raise ValueError(f"bench {base.bench} beside bench {new.bench}: compare one with itself")
    then, now = group_cases(base.rows), group_cases(new.rows)
    ours = [case for case in then if case in now and _find(then[case], OURS)]
    changes = [change for case in ours for change in _compare_case(case, then[case], now[case])]
    return Comparison(
        tuple(changes),
        tuple(case for case in then if case not in now),
        tuple(case for case in now if case not in then),
    )


def _find(rows: Sequence[Row], subject: str) -> Row | None:
    return next((row for row in rows if row.subject == subject), None)


class _Pair(NamedTuple):
    """One subject's figure in the repetitions of both results: float64[runs] each."""

    then: FloatArray
    now: FloatArray

    @property
    def ratio(self) -> float:
        return float(np.median(self.now) / np.median(self.then))

    def beside(self, others: "Sequence[_Pair]") -> "_Pair":
        """Divide by the others' geometric mean in the same repetition.

        One that jumped counts no more than another.
        """
        if not others:
            return self
        then, now = (np.mean(np.log(sides), axis=0) for sides in zip(*others, strict=True))
        return _Pair(self.then / np.exp(then), self.now / np.exp(now))


def _compare_case(case: str, then: Sequence[Row], now: Sequence[Row]) -> Iterator[Change]:
    was, is_now = _find(then, OURS), _find(now, OURS)
    if was is None or is_now is None:
        return
    # A change of ours that all of ours share would be taken for the machine's. A kernel without a
    # peer has its numpy twin beside it, which shares nothing with it.
    theirs = {row.subject for row in then} - OUR_OTHERS - {OURS} or {TWIN}
    others = [
        (row, other)
        for row in then
        if row.subject in theirs
        and (other := _find(now, row.subject))
        and (len(row.runs), len(other.runs)) == (len(was.runs), len(is_now.runs))
    ]  # fmt: skip
    peers = [_pair(row, other) for row, other in others]
    yield _compare(case, "p50", was, _pair(was, is_now), peers)
    tails = [_tails(*one) for one in others if one[0].p99_runs and one[1].p99_runs]
    # A tail is the machine's before it is ours: without a peer's, one build's second measurement
    # had a p99 of 1.55 times the first (1.42 to 1.68); with peers' none of 12 was beyond 1.1.
    if is_time(was) and was.p99_runs and is_now.p99_runs and tails:
        yield _compare(case, "p99", was, _tails(was, is_now), tails)


def _pair(was: Row, is_now: Row) -> _Pair:
    with np.errstate(divide="ignore"):  # of a rate of 0
        return _Pair(times(was), times(is_now))


def _tails(was: Row, is_now: Row) -> _Pair:
    return _Pair(np.array(was.p99_runs), np.array(is_now.p99_runs))


def _compare(case: str, figure: Figure, was: Row, ours: _Pair, others: Sequence[_Pair]) -> Change:
    sides = [side for pair in (ours, *others) for side in pair]
    if not all(np.all((side > 0.0) & np.isfinite(side)) for side in sides):
        return Change(case, figure, None, None, None, None, "not above 0, no ratio")
    peers = float(np.exp(np.mean([np.log(one.ratio) for one in others]))) if others else None
    lead = ours.beside(others)
    ratio = float(np.median(np.divide.outer(lead.now, lead.then)))
    interval = ratio_interval(lead.now, lead.then)
    low, high = interval or (None, None)
    verdict: Verdict
    if not others and (is_time(was) or is_rate(was)):
        verdict = "no peer, not judged"
    elif interval is None:
        verdict = _judge_few(ratio, was.unit, len(lead.then) == len(lead.now) == 1)
    else:
        verdict = _judge(*interval, MARGINS[figure])
    return Change(case, figure, ratio, low, high, peers, verdict)


def _judge_few(ratio: float, unit: str, single: bool) -> Verdict:
    """Judge what has too few repetitions by a margin; drift, gaps, times and the like are not."""
    margin = FEW_RUNS_MARGINS.get(unit)
    if margin is not None:
        return _judge(ratio, ratio, margin)
    return "single runs, not judged" if single else "too few repetitions"


def _judge(low: float, high: float, margin: float) -> Verdict:
    if low > 1.0 + margin:
        return "slower"
    return "faster" if high < 1.0 / (1.0 + margin) else "within noise"
