"""Met, missed or not decided: the one rule by which all goals are judged. Pure."""

from collections.abc import Mapping
from typing import Final, Literal

from bench.intervals import Interval
from bench.rows import format_ratio

Outcome = Literal["met", "missed", "not decided"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("met", "missed", "not decided")
KINDS: Final[Mapping[Outcome, str]] = {"met": "yes", "missed": "no", "not decided": "open"}
"""Classes of the HTML reports."""
RULE: Final = (
    "A goal is met if the whole 95 % interval meets it, missed if none of the interval does, and "
    "otherwise not decided. With fewer than six repetitions there is no interval: the range of the "
    "repetitions stands for it, which holds the true median in three of four cases with three "
    "repetitions, in one of two with two. Where one value is all there is, it decides. An interval "
    "is of one session: the same program measured hours later often lies outside it. Where a "
    "benchmark was measured in several sessions, figures are the newest's, and a goal that they "
    "judge differently is not decided."
)
_FACTOR: Final = 2.0  # from here on it is told as a factor, below in percent
_LEAST_PERCENT: Final = 0.1


def decide(span: Interval, limit: float, *, at_least: bool = False) -> Outcome:
    """Judge by an interval or a range: both ends must be on the right side of the limit.

    >>> decide(Interval(1.0, 2.0), 2.0), decide(Interval(1.0, 2.0), 1.5)
    ('met', 'not decided')
    """
    sides = [end >= limit if at_least else end <= limit for end in span]
    return "met" if all(sides) else "not decided" if any(sides) else "missed"


def say_gap(outcome: Outcome, gap: str, *, is_met: bool) -> str:
    """Say by how much the median is on its side of the limit.

    >>> say_gap("met", "5 %", is_met=True), say_gap("not decided", "5 %", is_met=False)
    ('5 % to spare', 'median 5 % short')
    """
    match outcome:
        case "met":
            return f"{gap} to spare"
        case "missed":
            return f"by {gap}"
        case _:
            return f"median {gap} to spare" if is_met else f"median {gap} short"


def say_spare(spare: float) -> str:
    """Write by how many times a figure is better than asked, or worse: no digit that noise makes.

    >>> say_spare(1.25), say_spare(0.25), say_spare(4e6), say_spare(1.0002)
    ('25 %', '4.0x', '>1000x', '<0.1 %')
    """
    by = spare if spare >= 1.0 else 1.0 / spare if spare > 0.0 else float("inf")
    if by >= _FACTOR:
        return format_ratio(by, digits=2)
    percent = 100.0 * (by - 1.0)
    if percent < _LEAST_PERCENT:
        return f"<{_LEAST_PERCENT:g} %"
    return f"{percent:.0f} %" if percent >= 10.0 else f"{percent:.1f} %"
