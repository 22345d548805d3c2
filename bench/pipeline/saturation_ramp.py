"""Up to which rate a pipeline keeps pace: how a step is judged, and which comes next. Pure.

A queue that is fed at R ticks a second and emptied at C < R makes its ticks (R - C) / C seconds
older each second. So a rate is too high where ages grow by more than `MOST_GROWTH` seconds a
second, or have grown so since the step began, with no queue. It is too high, too, where a queue
comes and goes and one tick of a hundred is older than `MOST_P99_S`. And it is no rate of the
pipeline where what sends the ticks falls back as much.
"""

import math
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

import numpy as np

from stats.compiled import FloatArray

MOST_GROWTH: Final = 0.05
"""In a step of five seconds 190 ms: a stall of the machine takes 50, and is no queue that grows."""
MOST_P99_S: Final = 0.25
"""Five stalls of the machine. Judged by medians alone, 2 260 000 packed ticks a second were called
kept with a p99 of 0.5 to 1.3 s beside a median of 5 ms: whoever trades on them has both."""
RESOLUTION: Final = 1.12
"""The ramp ends where the rate that was too high is at most so many times one that was kept up
with: three steps between a rate and its double."""
_FACTOR: Final = 2.0
_PARTS: Final = 4

Outcome = Literal["kept pace", "fell behind", "not offered"]
Step = Literal["kept pace", "fell behind", "not offered", "late", "offered late"]
"""What one step shows. Late alone is not judged yet: it may be one stall of the machine, of which
there was one in six plays of five seconds, so the rate is played once more."""
_IF_LATE_AGAIN: Final[dict[Step, Outcome]] = {"late": "fell behind", "offered late": "not offered"}


def growth(ages_us: FloatArray, seconds: float) -> float:
    """Give by how many seconds a second ages grow.

    Parameters
    ----------
    ages_us
        float64[n], of ticks that were due evenly over ``seconds``, in that order, microseconds.

    Raises
    ------
    ValueError
        They are fewer than four.
    """
    if len(ages_us) < _PARTS:
        raise ValueError(f"{len(ages_us)} ages say nothing of how they grow")
    first, *_, last = (float(np.median(part)) for part in np.array_split(ages_us, _PARTS))
    return (last - first) / 1e6 / (seconds * (_PARTS - 1) / _PARTS)


def falls_back(ages_us: FloatArray, seconds: float, before_s: float) -> bool:
    """Tell whether a queue grows, or has grown before and only stays.

    Packed ticks at 3 200 000 a second were 0.7 s old after a second that did not count, and no
    older two seconds later, when their generator was done and left its processor to the others.

    Parameters
    ----------
    ages_us, seconds
        See `growth`.
    before_s
        Seconds of the step before them, which began with no queue.
    """
    since_s = before_s + seconds
    at_end_s = float(np.median(np.array_split(ages_us, _PARTS)[-1])) / 1e6
    return growth(ages_us, seconds) > MOST_GROWTH or at_end_s > MOST_GROWTH * since_s


def has_late(ages_us: FloatArray) -> bool:
    """Tell whether one of a hundred is too old: a queue comes and goes, or the machine stood."""
    return float(np.percentile(ages_us, 99)) / 1e6 > MOST_P99_S


def judge_step(
    ages_us: FloatArray, lags_us: FloatArray, n_uncovered: int, seconds: float, before_s: float
) -> Step:
    """Say what became of one step.

    Parameters
    ----------
    ages_us
        float64[n], from each tick being due to the decision that covers it arriving, in the order
        of the ticks, microseconds.
    lags_us
        float64[n], from each being due to its being sent.
    n_uncovered
        Ticks that no decision ever covered.
    seconds, before_s
        In which they were due, and how long the step had gone on before.
    """
    if len(lags_us) >= _PARTS and falls_back(lags_us, seconds, before_s):
        return "not offered"
    if n_uncovered or falls_back(ages_us, seconds, before_s):
        return "fell behind"
    if len(lags_us) >= _PARTS and has_late(lags_us):
        return "offered late"
    return "late" if has_late(ages_us) else "kept pace"


def settle(step: Step, play_again: Callable[[], Step]) -> Outcome:
    """Say what became of a rate: where a step was late alone, what it shows once more.

    >>> settle("late", lambda: "kept pace"), settle("late", lambda: "offered late")
    ('kept pace', 'not offered')
    """
    last = play_again() if step in _IF_LATE_AGAIN else step
    match last:
        case "late" | "offered late":
            return _IF_LATE_AGAIN[last]
        case _:
            return last


class Saturation(NamedTuple):
    """Where a ramp has ended.

    Attributes
    ----------
    rate
        Highest rate that was kept up with, ticks a second; 0: none was.
    ended_by
        What became of the lowest rate above; ``kept pace``: there was none to try.
    """

    rate: float
    ended_by: Outcome


class Ramp:
    """Doubles the rate until it is too high, then halves the step, as ratios, until it is small.

    Parameters
    ----------
    first, least, most
        Rate to begin with, and those below and above which none is tried, ticks a second.
    """

    def __init__(self, first: float, least: float, most: float) -> None:
        self._first, self._least, self._most = first, least, most
        self._kept = 0.0
        self._over = math.inf
        self._ended_by: Outcome = "kept pace"

    def next_rate(self) -> float | None:
        """Give the rate to try next; None: it is over."""
        if self._kept == 0.0:
            rate = self._first if math.isinf(self._over) else self._over / _FACTOR
            return rate if rate >= self._least else None
        if math.isinf(self._over):
            return min(_FACTOR * self._kept, self._most) if self._kept < self._most else None
        if self._over <= RESOLUTION * self._kept:
            return None
        return math.sqrt(self._kept * self._over)

    def take(self, rate: float, outcome: Outcome) -> None:
        """Take in what became of a rate."""
        if outcome == "kept pace":
            self._kept = max(self._kept, rate)
        elif rate < self._over:
            self._over, self._ended_by = rate, outcome

    def found(self) -> Saturation:
        """Give what was found so far."""
        return Saturation(self._kept, self._ended_by)
