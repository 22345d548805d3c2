"""What the kernels of rolling covariances are to reach, for `bench.goal_tables`."""

from typing import Final

from bench.goals import Goal

GOALS: Final[tuple[Goal, ...]] = ()
