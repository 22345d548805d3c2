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
_LEAST_FACTOR: Final = 1.001
_FEW_DIGITS, _MANY_DIGITS = 2.0, 1.1  # from here on two digits; below here what is above 1 counts


def decide(span: Interval, limit: float, *, at_least: bool = False) -> Outcome:
    """Judge by an interval or a range: both ends must be on the right side of the limit.

    >>> decide(Interval(1.0, 2.0), 2.0), decide(Interval(1.0, 2.0), 1.5)
    ('met', 'not decided')
    """
    sides = [end >= limit if at_least else end <= limit for end in span]
    return "met" if all(sides) else "not decided" if any(sides) else "missed"


def say_gap(outcome: Outcome, gap: str, *, is_met: bool) -> str:
    """Say by how much the median is on its side of the limit.

    >>> say_gap("met", "1.05x", is_met=True), say_gap("not decided", "1.05x", is_met=False)
    ('1.05x to spare', 'median 1.05x short')
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

    >>> say_spare(1.25), say_spare(0.25), say_spare(4e6), say_spare(1.0002), say_spare(1 / 1.014)
    ('1.25x', '4.0x', '>1000x', '<1.001x', '1.014x')
    """
    by = spare if spare >= 1.0 else 1.0 / spare if spare > 0.0 else float("inf")
    if by >= _FEW_DIGITS:
        return format_ratio(by, digits=2)
    if by < _LEAST_FACTOR:
        return f"<{_LEAST_FACTOR:g}x"
    return f"{by:.3f}x" if by < _MANY_DIGITS else f"{by:.2f}x"
