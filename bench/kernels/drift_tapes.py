"""Tapes of prices that are hard for rolling moments, each in a way of its own. Pure."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from bench.kernels.tick_names import TAPE_NAMES
from stats.compiled import FloatArray

_REGIMES: Final = 20
_TREND: Final = 50_000


def iid(generator: np.random.Generator, ticks: int) -> FloatArray:
    """Make equal independent steps of 1e-4."""
    return _walk(1e-4 * generator.standard_normal(ticks))


def regime(generator: np.random.Generator, ticks: int) -> FloatArray:
    """Make steps of 1e-2 and 1e-5 by turns, ten times each; a calm one ends it."""
    calm = np.arange(ticks) * _REGIMES // ticks % 2
    return _walk(np.where(calm, 1e-5, 1e-2) * generator.standard_normal(ticks))


def glitch(generator: np.random.Generator, ticks: int) -> FloatArray:
    """Make equal independent steps of 1e-4 and one wild price, a thousandth, at a third."""
    prices = iid(generator, ticks)
    prices[ticks // 3] /= 1000.0
    return prices


def fine_tick(generator: np.random.Generator, ticks: int) -> FloatArray:
    """Make steps of at most two ticks of 1e-5 at a price of 60 000."""
    steps: FloatArray = np.cumsum(1e-5 * generator.integers(-2, 3, ticks))
    return 60_000.0 + steps


def trend(generator: np.random.Generator, ticks: int) -> FloatArray:
    """Make steps of 1e-3 each, give or take 1e-6, up and down by turns of 50 000 ticks."""
    signs = np.where(np.arange(ticks) // _TREND % 2, -1.0, 1.0)
    return _walk(1e-3 * signs + 1e-6 * generator.standard_normal(ticks))


def _walk(steps: FloatArray) -> FloatArray:
    prices: FloatArray = 100.0 * np.exp(np.cumsum(steps))
    return prices


TAPES: Final[Mapping[str, Callable[[np.random.Generator, int], FloatArray]]] = dict(
    zip(TAPE_NAMES, (iid, regime, glitch, fine_tick, trend), strict=True)
)
