"""When the risk-return cloud and its frontier are made: rarely, and never before a decision."""

from collections.abc import Sequence

import numpy as np
from msgspec.structs import replace

from optimize.decision import Curve
from optimize.job import CURVES, Kind
from optimize.outcome import Outcome
from silverbullet.events import Evaluate, JobDone
from silverbullet.portfolio import Basis
from silverbullet.sections import Optimize
from stats.compiled import FloatArray

# A picture is read to three digits; six make a cloud of 500 points 11 kB of JSON, all 17 make 22.
_DIGITS = 6
_POINTS = 24  # of a frontier: one block, for each point begins at the one before


class CloudSchedule:
    """Asks for a cloud and a frontier at most once an interval, holds them for the next decision.

    Both are jobs of the engines: a frontier of 24 points takes 2 ms at 50 assets, 26 at 500, for
    which no tick waits.
    """

    def __init__(self, settings: Optimize) -> None:
        self._settings = settings
        self._asked: dict[int, Kind] = {}
        self._found: dict[Kind, Outcome] = {}
        self._row = 0
        self._curves: tuple[Curve, Curve] | None = None
        self._last_ns: int | None = None

    def ask(self, basis: Basis, tags: Sequence[int], time_ns: int) -> list[Evaluate]:
        """Ask for the curves of a decision's statistics under two tags, if they are due."""
        settings = self._settings
        if settings.cloud_points == 0 or self._asked:
            return []
        interval_ns = round(settings.cloud_interval_s * 1e9)
        # From the last on: a clock that was set back does not hold the next cloud up.
        if self._last_ns is not None and self._last_ns <= time_ns < self._last_ns + interval_ns:
            return []
        self._last_ns, self._row, self._found = time_ns, basis.moments.row, {}
        self._asked = dict(zip(tags, CURVES, strict=True))
        sizes = (settings.cloud_points, settings.block_size), (_POINTS, _POINTS)
        return [
            Evaluate(tag, replace(basis.job, kind=kind, n_draws=n_draws, block_size=block_size))
            for (tag, kind), (n_draws, block_size) in zip(self._asked.items(), sizes, strict=True)
        ]

    def keep(self, done: JobDone) -> bool:
        """Take a result; tell whether it was one of those asked for."""
        kind = self._asked.pop(done.tag, None)
        if kind is None:
            return False
        self._found[kind] = done.outcome
        if len(self._found) == len(CURVES):
            cloud, frontier = (self._curve(self._found[kind]) for kind in CURVES)
            self._curves = cloud, frontier
        return True

    def drop(self, tag: int) -> bool:
        """Forget what could not be made; tell whether it was one of those asked for."""
        return self._asked.pop(tag, None) is not None

    def take(self) -> tuple[Curve, Curve] | None:
        """Give cloud and frontier once, if there are new ones."""
        curves, self._curves = self._curves, None
        return curves

    def _curve(self, outcome: Outcome) -> Curve:
        return Curve(
            row=self._row,
            volatility=_rounded(outcome.cloud_volatility),
            expected_return=_rounded(outcome.cloud_return),
        )


def _rounded(values: FloatArray) -> FloatArray:
    """Round to six significant digits; zeros stay."""
    size = np.abs(values)
    exponent = np.floor(np.log10(size, where=size > 0, out=np.zeros_like(size)))
    scale = 10.0 ** (_DIGITS - 1 - exponent)
    return np.asarray(np.round(values * scale) / scale)
