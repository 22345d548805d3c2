"""Names and units of the cases of windows, by which measuring and judging agree."""

from typing import Final

N_ASSETS: Final = 50
WINDOW: Final = 1000
READ_EVERY: Final = 500
_OF: Final = f"tick moments of {N_ASSETS} assets, window {WINDOW}, "
ROLLING: Final = _OF + "after every tick"
ON_DEMAND: Final = _OF + f"read every {READ_EVERY} ticks"
LIVE: Final = _OF + "called for each tick"

TAPE_NAMES: Final = ("iid", "regime", "glitch", "fine tick", "trend")
MEASURES: Final = ("variance", "kurtosis", "covariance")
DRIFT_UNIT: Final = "of the bound"
DRIFT_UPDATES: Final = "drift updates"
"""The fact of a measurement that says how many went through each window."""
NO_NUMBER: Final = 1e15
"""Stands for a drift that is no number at all."""

N_ROW_ASSETS: Final = 500
WORST_TICK: Final = f"worst tick pushed and read, window {WINDOW}"
WORST_ROW: Final = f"worst row of {N_ROW_ASSETS} assets pushed, window {WINDOW}"
WORST_ROW_READ: Final = f"worst row of {N_ROW_ASSETS} assets pushed and read, window {WINDOW}"
WORST_TICK_UNIT: Final = "us a tick"
WORST_ROW_UNIT: Final = "us a row"


def drift_case(tape: str, measure: str) -> str:
    """Name the case of a tape and a measure."""
    return f"drift of the {measure}, {tape} tape"
