"""What an overload is to leave as it is, for `bench.goal_tables`; the names of its cases."""

from typing import Final

from bench.goals import Goal, Side, is_at_most, varies_at_most

AGE: Final = "age of a decision"
MEDIAN_AGE: Final = "age of a decision, in solve times"
SINGLE_AGE: Final = "age of a decision, each in solve times"
MEMORY: Final = "memory of run"
FACTOR: Final = "ticks for each decision"
_LEAST_OVERLOAD: Final = 10.0
_MOST_SOLVES: Final = 3.0
# Flat, of ages: neighbours on the machine moved the median solve of a quarter by 8 % within ten
# minutes, and the age with it; a queue that grows would grow by its whole length each quarter.
_MOST_AGE: Final = 1.1
_MOST_MEMORY: Final = 1.05

GOALS: Final[tuple[Goal, ...]] = (
    Goal(
        f"overload: ticks for each decision, at least {_LEAST_OVERLOAD:g}",
        Side(FACTOR), None, _LEAST_OVERLOAD, at_least=True, unit="ticks",
    ),
    Goal(
        f"age of a decision: every quarter's median at most {_MOST_SOLVES:g} median solve times",
        Side(MEDIAN_AGE, of="greatest"), None, _MOST_SOLVES, unit="solves",
    ),
    is_at_most(SINGLE_AGE, _MOST_SOLVES, "solves", "p99"),
    varies_at_most(AGE, _MOST_AGE, "quarter's median"),
    varies_at_most(MEMORY, _MOST_MEMORY, "quarter's median"),
)  # fmt: skip
