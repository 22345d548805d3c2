"""A portfolio library in the loop of ``run``: the same client, windows and estimates.

Run as a process of its own: ``python -m bench.pipeline.library_loop BROKER TICKS DECISIONS
FETCH_WAIT_MAX_MS LIBRARY``. Only the solver is the library's, called as its users do; what it
sends is a fifth of a decision.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from bench.kernels.solver_peers import pypfopt_max_sharpe, skfolio_max_sharpe
from bench.pipeline.peer_loop import run_peer
from bench.pipeline.workload import SAMPLE_INTERVAL_NS, WINDOW_ROWS, WINDOW_TICKS
from ingest.admission import Admission
from ingest.codec import RawMessages
from ingest.ticks import SymbolTable
from stats.compiled import FloatArray
from stats.estimators import bayes_stein, oas
from stats.market import Market, NotReady

_TOLERANCE_NS = 60_000_000_000
# Figures of a year, as users give them: with those of a second solvers call it infeasible.
_ROWS_A_YEAR = 365 * 86_400_000_000_000 // SAMPLE_INTERVAL_NS
_MIN_OBSERVATIONS, _STALE_AFTER = 30, 120  # of the settings


@dataclass(frozen=True, slots=True)
class Library:
    """A library: what is imported, and how it finds the maximum Sharpe ratio."""

    module: str
    solve: Callable[[FloatArray, FloatArray], FloatArray]


LIBRARIES = {
    "PyPortfolioOpt": Library("pypfopt", pypfopt_max_sharpe),
    "skfolio": Library("skfolio", skfolio_max_sharpe),
}


class LibraryDecider:
    """Windows as ours, and a library's optimum of them."""

    def __init__(self, library: Library) -> None:
        self._solve = library.solve
        self._market = Market(
            sample_interval_ns=SAMPLE_INTERVAL_NS,
            allowed_lateness_ns=0,
            window_rows=WINDOW_ROWS,
            window_ticks=WINDOW_TICKS,
            min_observations=_MIN_OBSERVATIONS,
            stale_after=_STALE_AFTER,
            defer_ticks=False,
        )
        self._symbols = SymbolTable()
        self._admission = Admission(self._symbols, _TOLERANCE_NS)

    def decide(self, raw: RawMessages) -> tuple[float, ...] | None:
        """Digest what has come and give weights; None while the windows fill."""
        batch = self._admission.step(raw).batch
        for _ in self._market.update(
            batch.symbol_ids,
            batch.prices,
            batch.event_time_ns,
            batch.partitions,
            batch.offsets,
            batch.receive_time_ns,
        ):
            pass
        moments = self._market.open_moments(self._symbols.symbols)
        if isinstance(moments, NotReady):
            return None
        covariance = oas(moments.covariance, moments.n_observations)
        mean = bayes_stein(moments.mean, covariance, moments.n_observations)
        if mean.max() <= 0.0:  # then no portfolio has a ratio to maximise, and libraries raise
            return (0.0,) * len(mean)
        return tuple(self._solve(_ROWS_A_YEAR * mean, _ROWS_A_YEAR * covariance).tolist())


if __name__ == "__main__":
    decider = LibraryDecider(LIBRARIES[sys.argv[5]])
    run_peer(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), decider.decide)
