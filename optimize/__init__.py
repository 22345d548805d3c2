"""Portfolio optimisation: exact solves, Monte Carlo blocks and the engines that run them.

From a notebook: ``from optimize import solve, resample, efficient_frontier``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optimize.frontier import Frontier, efficient_frontier
    from optimize.pair_exchange import Solution, solve
    from optimize.resampling import Resampled, resample

__all__ = ["Frontier", "Resampled", "Solution", "efficient_frontier", "resample", "solve"]

_HOMES = {
    "Frontier": "frontier",
    "Resampled": "resampling",
    "Solution": "pair_exchange",
    "efficient_frontier": "frontier",
    "resample": "resampling",
    "solve": "pair_exchange",
}


def __getattr__(name: str) -> Any:
    """Import a name of the library when it is first used: types alone need no kernels."""
    if name not in _HOMES:
        raise AttributeError(f"module 'optimize' has no attribute {name!r}")
    return getattr(import_module(f"optimize.{_HOMES[name]}"), name)
