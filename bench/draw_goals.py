"""What the kernels of clouds and resampling are to reach, for `bench.goal_tables`."""

from typing import Final

from bench.goals import Goal

GOALS: Final[tuple[Goal, ...]] = ()
