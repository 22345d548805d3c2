"""When the risk-return cloud and its frontier are made: rarely, and never before a decision."""

import numpy as np

from optimize.decision import Curve
from optimize.frontier import efficient_frontier
from silverbullet.events import Evaluate, JobDone
from silverbullet.portfolio import Basis, make_job
from silverbullet.sections import Optimize
from stats.compiled import FloatArray

# A picture is read to three digits; six make a cloud of 500 points 11 kB of JSON, all 17 make 22.
_DIGITS = 6


class CloudSchedule:
    """Asks for a cloud at most once an interval and holds it for the next decision."""

    def __init__(self, settings: Optimize) -> None:
        self._settings = settings
        self._tag: int | None = None
        self._basis: Basis | None = None
        self._curves: tuple[Curve, Curve] | None = None
        self._last_ns: int | None = None

    def ask(self, basis: Basis, tag: int, time_ns: int) -> list[Evaluate]:
        """Ask for a cloud of a decision's statistics, if one is due."""
        settings = self._settings
        if settings.cloud_points == 0 or self._tag is not None:
            return []
        interval_ns = round(settings.cloud_interval_s * 1e9)
        # From the last on: a clock that was set back does not hold the next cloud up.
        if self._last_ns is not None and self._last_ns <= time_ns < self._last_ns + interval_ns:
            return []
        job = make_job(basis.moments, settings, basis.job.start_weights, kind="cloud")
        self._last_ns, self._tag, self._basis = time_ns, tag, basis._replace(job=job)
        return [Evaluate(tag, job)]

    def keep(self, done: JobDone) -> bool:
        """Take the cloud's result; tell whether it was the one asked for."""
        if self._basis is None or done.tag != self._tag:
            return False
        job, row = self._basis.job, self._basis.moments.row
        frontier = efficient_frontier(
            mean=job.mean, covariance=job.covariance, max_weight=job.max_weight
        )
        self._tag = self._basis = None
        self._curves = (
            Curve(
                row=row,
                volatility=_rounded(done.outcome.cloud_volatility),
                expected_return=_rounded(done.outcome.cloud_return),
            ),
            Curve(
                row=row,
                volatility=_rounded(frontier.volatility),
                expected_return=_rounded(frontier.expected_return),
            ),
        )
        return True

    def drop(self, tag: int) -> bool:
        """Forget a cloud that could not be made; tell whether it was the one asked for."""
        if tag != self._tag:
            return False
        self._tag = self._basis = None
        return True

    def take(self) -> tuple[Curve, Curve] | None:
        """Give cloud and frontier once, if there are new ones."""
        curves, self._curves = self._curves, None
        return curves


def _rounded(values: FloatArray) -> FloatArray:
    """Round to six significant digits; zeros stay."""
    size = np.abs(values)
    exponent = np.floor(np.log10(size, where=size > 0, out=np.zeros_like(size)))
    scale = 10.0 ** (_DIGITS - 1 - exponent)
    return np.asarray(np.round(values * scale) / scale)
