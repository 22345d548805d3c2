"""Portfolio optimisation: exact solves, Monte Carlo blocks and the engines that run them.

From a notebook: ``from optimize import solve``.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optimize.pair_exchange import Solution, solve

__all__ = ["Solution", "solve"]

_HOMES = {"Solution": "pair_exchange", "solve": "pair_exchange"}


def __getattr__(name: str) -> Any:
    """Import a name of the library when it is first used: types alone need no kernels."""
    if name not in _HOMES:
        raise AttributeError(f"module 'optimize' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(f"optimize.{_HOMES[name]}"), name)
