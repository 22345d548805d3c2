"""Results of one benchmark side by side: what got slower beyond noise. Pure.

Times of two days, or two machines, do not compare. So what a case takes is divided by what its
peers take in the same repetition, which no change of ours touches, and that of now by that of then.
A time or a rate with no peer beside it is shown and not judged: one build measured in two sessions
differed by 14 to 31 %. The interval is `bench.intervals.ratio_interval`, over the repetitions of
both; `bench.comparison_rule` says how far from 1 it must lie.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from bench.comparison_rule import FEW_RUNS, Beside, Figure, choose_margin, judge_all
from bench.comparison_table import Change, Comparison
from bench.intervals import Interval, ratio_interval
from bench.report import Report
from bench.rows import OUR_OTHERS, OURS, TWIN, Row, group_cases, is_rate, is_time, times
from stats.compiled import FloatArray


def compare_reports(bases: Sequence[Report], new: Report) -> Comparison:
    """Set a result beside one or several others, which are sessions of one benchmark.

    Raises
    ------
    ValueError
        They are of different benchmarks, or one base is there twice.
    """
    for place, base in enumerate(bases):
        if base.bench != new.bench:
            raise ValueError(
                f"bench {base.bench} beside bench {new.bench}: compare one with itself"
            )
        if any(base.rows == other.rows for other in bases[:place]):
            raise ValueError("one result is there twice as BASE: name each session once")
    thens, now = [group_cases(base.rows) for base in bases], group_cases(new.rows)
    known = dict.fromkeys(case for then in thens for case in then)
    shared = [case for case in known if case in now]
    changes = [
        change
        for case in shared
        for change in _compare_case(case, [then[case] for then in thens if case in then], now[case])
    ]
    return Comparison(
        tuple(changes),
        tuple(case for case in known if case not in now),
        tuple(case for case in now if case not in known),
        len(bases),
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


def _compare_case(
    case: str, thens: Sequence[Sequence[Row]], now: Sequence[Row]
) -> Iterator[Change]:
    is_now = _find(now, OURS)
    bases = [(was, then) for then in thens if (was := _find(then, OURS))]
    if is_now is None or not bases:
        return
    others = [_pair_peers(then, now, was, is_now) for was, then in bases]
    medians = [
        _compare(was, _pair(was, is_now), [_pair(*one) for one in found])
        for (was, _), found in zip(bases, others, strict=True)
    ]
    yield _settle(case, "p50", is_now, medians)
    # A tail is the machine's before it is ours: without a peer's, one build's second measurement
    # had a p99 of 1.55 times the first (1.42 to 1.68); with peers' none of 12 was beyond 1.1.
    tails = [
        _compare(was, _tails(was, is_now), found)
        for (was, _), pairs in zip(bases, others, strict=True)
        if is_time(was) and was.p99_runs and is_now.p99_runs
        and (found := [_tails(*one) for one in pairs if one[0].p99_runs and one[1].p99_runs])
    ]  # fmt: skip
    if tails:
        yield _settle(case, "p99", is_now, tails)


def _pair_peers(
    then: Sequence[Row], now: Sequence[Row], was: Row, is_now: Row
) -> list[tuple[Row, Row]]:
    """Give the peers of both, of as many repetitions as ours."""
    # A change of ours that all of ours share would be taken for the machine's. A kernel without a
    # peer has its numpy twin beside it, which shares nothing with it.
    theirs = {row.subject for row in then} - OUR_OTHERS - {OURS} or {TWIN}
    return [
        (row, other)
        for row in then
        if row.subject in theirs
        and (other := _find(now, row.subject))
        and (len(row.runs), len(other.runs)) == (len(was.runs), len(is_now.runs))
    ]  # fmt: skip


def _pair(was: Row, is_now: Row) -> _Pair:
    with np.errstate(divide="ignore"):  # of a rate of 0
        return _Pair(times(was), times(is_now))


def _tails(was: Row, is_now: Row) -> _Pair:
    return _Pair(np.array(was.p99_runs), np.array(is_now.p99_runs))


def _compare(was: Row, ours: _Pair, others: Sequence[_Pair]) -> Beside:
    sides = [side for pair in (ours, *others) for side in pair]
    if not all(np.all((side > 0.0) & np.isfinite(side)) for side in sides):
        return Beside(None, None, None, None, "not above 0, no ratio")
    peers = float(np.exp(np.mean([np.log(one.ratio) for one in others]))) if others else None
    lead = ours.beside(others)
    ratio = float(np.median(np.divide.outer(lead.now, lead.then)))
    interval = ratio_interval(lead.now, lead.then)
    found = Beside(ratio, interval, peers, interval)
    if not others and _is_timed(was):
        return found._replace(judged=None, why_not="no peer, not judged")
    if interval is None and was.unit in FEW_RUNS:
        return found._replace(judged=Interval(ratio, ratio))
    if interval is None:
        single = len(lead.then) == len(lead.now) == 1
        return found._replace(
            why_not="single runs, not judged" if single else "too few repetitions"
        )
    return found


def _is_timed(row: Row) -> bool:
    return is_time(row) or is_rate(row)


def _settle(case: str, figure: Figure, row: Row, besides: Sequence[Beside]) -> Change:
    """Give one verdict of all bases that a case could be judged beside."""
    judged = [(one, one.judged) for one in besides if one.judged is not None]
    shown = min(
        (one for one, _ in judged) if judged else besides,
        key=lambda one: float("inf") if one.ratio is None else abs(np.log(one.ratio)),
    )
    verdict = shown.why_not
    if judged:
        margin = choose_margin(figure, row.unit, len(judged), is_timed=_is_timed(row))
        verdict = judge_all([interval for _, interval in judged], margin)
    low, high = shown.interval or (None, None)
    return Change(case, figure, shown.ratio, low, high, shown.peers, verdict)
