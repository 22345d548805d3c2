"""Two results of one benchmark side by side: what got slower beyond noise. Pure.

Times of two days, or two machines, do not compare. So what a case takes now is divided by what it
took then, and that by what became of its peers, which no change of ours touches. The interval is a
percentile bootstrap (Efron 1979) over the repetitions of all of them.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
from rich import box
from rich.table import Table

from bench.intervals import LEAST_RUNS, RESAMPLES, drawn_medians, make_rng, middle
from bench.report import Report
from bench.rows import OUR_OTHERS, OURS, Row, format_number, group_cases, times
from bench.text_table import write_tables
from stats.compiled import FloatArray

MARGIN: Final = 0.05
"""A change of 5 % is none: on a shared machine two runs of one build differ by as much."""

Verdict = Literal[
    "slower", "faster", "within noise", "too few repetitions", "single runs, not judged"
]
JUDGED: Final = frozenset[Verdict]({"slower", "faster", "within noise"})


class Change(NamedTuple):
    """What became of one case.

    Attributes
    ----------
    ratio
        Time it takes now over the time it took, its peers' own change taken out; of a rate the
        other way round, so that above 1 is slower.
    low, high
        95 % interval of ``ratio``.
    peers
        The same of its peers: how much quicker or slower the machine was; None without peers.
    """

    case: str
    ratio: float
    low: float
    high: float
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
        """Give a table for a terminal, what got slower first."""
        table = Table(box=box.SIMPLE_HEAD)
        for name in ("case", "time now / then", "95 % interval", "peers now / then", ""):
            table.add_column(name, no_wrap=True)
        for change in sorted(self.changes, key=lambda one: (one.verdict != "slower", -one.ratio)):
            peers = "no peer" if change.peers is None else f"{format_number(change.peers)}x"
            interval = f"{format_number(change.low)} to {format_number(change.high)}"
            ratio = f"{format_number(change.ratio)}x"
            table.add_row(change.case, ratio, interval, peers, change.verdict)
        lines = [f"only in the first: {case}" for case in self.missing]
        lines += [f"only in the second: {case}" for case in self.added]
        return write_tables(table, lines=lines)


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


def _compare_case(case: str, then: Sequence[Row], now: Sequence[Row]) -> Iterator[Change]:
    was, is_now = _find(then, OURS), _find(now, OURS)
    if was is None or is_now is None:
        return
    # A change of ours that all of ours share would be taken for the machine's.
    pairs = [
        (row, other)
        for row in then
        if row is not was and row.subject not in OUR_OTHERS
        and (other := _find(now, row.subject))
    ]  # fmt: skip
    rng = make_rng()
    mine = _drawn_ratios(was, is_now, rng)
    others = [_drawn_ratios(*pair, rng) for pair in pairs]
    # The peers' geometric mean: one that jumped counts no more than another.
    drift = np.exp(np.mean(np.log(others), axis=0)) if others else np.ones(RESAMPLES)
    peers = float(np.exp(np.mean([np.log(_ratio(*pair)) for pair in pairs]))) if pairs else None
    low, high = middle(mine / drift)
    n_runs = min(len(row.runs) for pair in (*pairs, (was, is_now)) for row in pair)
    is_single = len(was.runs) == len(is_now.runs) == 1
    # Drift, gaps and peaks are measured once: more repetitions are not what they lack.
    verdict = "single runs, not judged" if is_single else _judge(low, high, n_runs)
    yield Change(case, _ratio(was, is_now) / (peers or 1.0), low, high, peers, verdict)


def _ratio(was: Row, is_now: Row) -> float:
    return float(np.median(times(is_now)) / np.median(times(was)))


def _drawn_ratios(was: Row, is_now: Row, rng: np.random.Generator) -> FloatArray:
    """Give the ratio of medians of as many repetitions, drawn anew each time."""
    before, after = (drawn_medians(times(row), rng) for row in (was, is_now))
    ratios: FloatArray = after / before
    return ratios


def _judge(low: float, high: float, n_runs: int) -> Verdict:
    if n_runs < LEAST_RUNS:
        return "too few repetitions"
    if low > 1.0 + MARGIN:
        return "slower"
    return "faster" if high < 1.0 / (1.0 + MARGIN) else "within noise"
