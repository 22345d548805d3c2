"""The search for the highest rate that is sustained: a step machine without a clock."""

from dataclasses import dataclass, field

_DOUBLE = 2.0


@dataclass(slots=True)
class RateSearch:
    """Brackets the highest rate by doubling or halving, then bisects geometrically.

    Ask `next_rate`, try it, tell `took`; until `next_rate` is None. A rate between those that
    held and those that did not is uncertain by ``precision``.

    Parameters
    ----------
    first
        Rate to begin with, requests a second: what one after the other gave.
    precision
        Ends when the bracket is narrower than this share.
    most_trials
        Ends after as many, whatever the bracket.

    Raises
    ------
    ValueError
        ``first`` is not above 0, or ``precision`` is not.
    """

    first: float
    precision: float = 0.1
    most_trials: int = 8
    held: float = field(default=0.0, init=False)
    failed: float = field(default=float("inf"), init=False)
    trials: list[tuple[float, bool]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        if not (self.first > 0.0 and self.precision > 0.0):
            raise ValueError(f"first={self.first}, precision={self.precision}: must be > 0")

    def next_rate(self) -> float | None:
        """Give the rate to try next; None: the search is over."""
        if len(self.trials) >= self.most_trials:
            return None
        if self.held == 0.0:
            return self.first if self.failed == float("inf") else self.failed / _DOUBLE
        if self.failed == float("inf"):
            return self.held * _DOUBLE
        if self.failed / self.held <= 1.0 + self.precision:
            return None
        return float((self.held * self.failed) ** 0.5)

    def took(self, rate: float, sustained: bool) -> None:
        """Take a trial's outcome.

        A rate that fails below one that held was disturbed, or the other was lucky: the lower
        one counts, so that what is quoted failed nowhere below.
        """
        self.trials.append((rate, sustained))
        if sustained:
            self.held = max(self.held, rate) if rate < self.failed else self.held
        else:
            self.failed = min(self.failed, rate)
            self.held = max((r for r, held in self.trials if held and r < self.failed), default=0.0)

    @property
    def highest(self) -> float:
        """Highest rate that held, with none below it that failed; 0: none did."""
        return self.held
