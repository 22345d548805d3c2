"""What the kernels of windows of single ticks are to reach, for `bench.goal_tables`."""

from typing import Final

from bench.goals import Goal

GOALS: Final[tuple[Goal, ...]] = ()
