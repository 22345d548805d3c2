"""By which rule a change between results counts as one: margins, and the verdict. Pure.

The repetitions of one session tell how much it varies within itself. Sessions of one program differ
by more, so a margin is of sessions: a wide one where BASE is one result, a narrower one where it is
several, all of which NEW must lie beyond.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from bench.intervals import Interval

Figure = Literal["p50", "p99"]
ONE_BASE: Final[Mapping[Figure, float]] = {"p50": 0.45, "p99": 0.9}
"""Of a time beside one BASE. The published sessions of the kernels, both of one commit, differ by
up to 1.42x, the nearer end of the interval (10 assets, dense, one row later: ours took as long in
both, daqp 1.7 times as long in the second). In three sessions before, p99s were up to 1.88x apart.
"""
SEVERAL_BASES: Final[Mapping[Figure, float]] = {"p50": 0.15, "p99": 0.25}
"""Of a time beside each of several. Of three sessions of one day, each beside the two others, 14 of
291 medians lie above both by 5 %, 5 by 10 %, none by 15 %; no p99 by 25 %."""
SIZE: Final = 0.05
"""Of what is no time: no session of a machine changes the bytes of a message."""
FEW_RUNS: Final[Mapping[str, float]] = {"MiB": 0.1}
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


class Beside(NamedTuple):
    """What one case takes in NEW over what it takes in one BASE, the peers' change taken out.

    Attributes
    ----------
    ratio
        None where there is none.
    interval
        95 % interval of ``ratio``; None with too few repetitions.
    peers
        The same of its peers; None without.
    judged
        The interval to be judged, or the ratio alone; None where ``why_not`` says why it is not.
    """

    ratio: float | None
    interval: Interval | None
    peers: float | None
    judged: Interval | None
    why_not: Verdict = "within noise"


def choose_margin(figure: Figure, unit: str, n_bases: int, *, is_timed: bool) -> float:
    """Give by how much a change must exceed none.

    Parameters
    ----------
    n_bases
        Results that the case is set beside.
    is_timed
        Whether it is a time or a rate, as sessions change.
    """
    if not is_timed:
        return FEW_RUNS.get(unit, SIZE)
    return (ONE_BASE if n_bases == 1 else SEVERAL_BASES)[figure]


def judge_all(intervals: Sequence[Interval], margin: float) -> Verdict:
    """Judge a case by its change beside each BASE: all must say the same.

    >>> judge_all([Interval(1.4, 1.5), Interval(1.2, 1.3)], 0.15)
    'slower'
    >>> judge_all([Interval(1.4, 1.5), Interval(1.1, 1.3)], 0.15)
    'within noise'
    """
    if all(one.low > 1.0 + margin for one in intervals):
        return "slower"
    return "faster" if all(one.high < 1.0 / (1.0 + margin) for one in intervals) else "within noise"


def say_rule(n_bases: int) -> str:
    """Say in a sentence by which rule times were judged."""
    margins = ONE_BASE if n_bases == 1 else SEVERAL_BASES
    beyond = f"{margins['p50']:.0%} (a p99: {margins['p99']:.0%})".replace("%", " %")
    if n_bases == 1:
        return (
            f"Rule: one BASE, so a time is slower where its 95 % interval lies beyond {beyond}, as "
            "far as sessions of unchanged code were apart; name several results as BASE for a "
            "narrower margin."
        )
    return (
        f"Rule: {n_bases} BASEs, so a time is slower where its 95 % interval beside each of them "
        f"lies beyond {beyond}; a case that one BASE alone has is judged as beside one."
    )
