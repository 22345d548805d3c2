"""What the kernels of windows of single ticks are to reach, for `bench.goal_tables`."""

from typing import Final

from bench.goals import Goal, case_takes_at_most, is_at_most, peer_takes
from bench.kernels import tick_names

GOALS: Final[tuple[Goal, ...]] = (
    peer_takes(tick_names.ROLLING, 2.5, "bottleneck"),
    peer_takes(tick_names.ROLLING, 8.0, "polars"),
    case_takes_at_most(tick_names.ON_DEMAND, 0.8, tick_names.ROLLING),
    *(
        is_at_most(tick_names.drift_case(tape, measure), 1.0, tick_names.DRIFT_UNIT, "max")
        for measure in tick_names.MEASURES
        for tape in tick_names.TAPE_NAMES
    ),
    is_at_most(tick_names.WORST_TICK, 10.0, tick_names.WORST_TICK_UNIT, "max"),
    *(
        is_at_most(case, 2000.0, tick_names.WORST_ROW_UNIT, "max")
        for case in (tick_names.WORST_ROW, tick_names.WORST_ROW_READ)
    ),
)
