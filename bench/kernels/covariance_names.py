"""Names of the cases of covariances, by which measuring and judging agree."""

from typing import Final

WINDOW: Final = 1000
EVERY: Final = (10, 1)
ASSETS: Final = (10, 50, 100, 200, 500)
ADD_EVICT: Final = "add_evict"
NUMBAGG: Final = "numbagg"
NUMBAGG_ASSETS: Final = 100
"""Of more, the matrices after all rows, which is what numbagg gives, would take 0.5 GB."""


def covariance_name(n_assets: int, every: int) -> str:
    """Name the case."""
    reads = "row" if every == 1 else f"{every} rows"
    return f"covariance of {n_assets} assets, window {WINDOW}, read every {reads}"
