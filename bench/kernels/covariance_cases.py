"""The window of rows beside what rolls a covariance matrix."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np

from bench.contest import Case, Contender, differ, returned
from bench.kernels import covariance_peers as peers
from bench.kernels.covariance_names import (
    ADD_EVICT,
    ASSETS,
    EVERY,
    NUMBAGG,
    NUMBAGG_ASSETS,
    WINDOW,
    covariance_name,
)
from bench.rows import FROM_PYTHON, OURS
from stats.compiled import FloatArray

# Two turns of the window's spans of 128 rows, so that their cost is in each call.
_ROWS: Final = 256
_TOLERANCE: Final = 1e-11


def make_rows(n_assets: int) -> FloatArray:
    """Make rows float64[WINDOW + 256, n_assets] that have one factor in common."""
    generator = np.random.default_rng(n_assets)
    rows: FloatArray = 1e-3 * generator.standard_normal((WINDOW + _ROWS, n_assets))
    rows += 5e-4 * generator.standard_normal((len(rows), 1))
    return rows


def _contender(subject: str, call: Callable[..., Any], rows: int, *arguments: Any) -> Contender:
    return Contender(subject, call, lambda: arguments, returned, rows)


def _no_result(*_: Any) -> None:
    """Of the bound there is nothing to compare."""


def covariance_case(n_assets: int, every: int) -> Case:
    """Covariance of the last rows, the whole matrix, after each ``every`` rows."""
    rows, out = make_rows(n_assets), np.empty((n_assets, n_assets))
    # As many rows as end with the last of the reads that are kept.
    step = every * peers.KEPT
    new = rows[WINDOW : WINDOW + _ROWS // step * step]
    ours = peers.OurWindow(rows[:WINDOW], every)
    live = peers.OurWindow(rows[:WINDOW], every)
    evict = peers.AddAndEvict(rows[:WINDOW], every)
    seen = rows[: WINDOW + len(new)]
    contenders = [
        _contender(OURS, ours, len(new), new),
        _contender(FROM_PYTHON, live.from_python, len(new), new),
        _contender(ADD_EVICT, evict, len(new), new),
        Contender("bound", peers.multiply_rows, lambda: (new, every, out), _no_result, len(new)),
        _contender(
            "numpy.cov", peers.last_numpy_covariances, peers.KEPT * every, seen, WINDOW, every
        ),
    ]
    if n_assets <= NUMBAGG_ASSETS:
        contenders.append(
            _contender(NUMBAGG, peers.numbagg_covariances, len(seen), seen, WINDOW, every)
        )
    return Case(
        name=covariance_name(n_assets, every),
        unit="us a row",
        contenders=tuple(contenders),
        judge=lambda first, other: differ((first,), (other,), _TOLERANCE),
    )


def push_alone(n_assets: int) -> tuple[Callable[[], Any], int]:
    """Give a call that pushes rows into a full window of ours and reads none, and how many."""
    rows = make_rows(n_assets)
    window = peers.OurWindow(rows[:WINDOW], every=_ROWS + 1)
    return partial(window, rows[WINDOW:]), _ROWS


COVARIANCE_CASES: Final[tuple[Callable[[], Case], ...]] = tuple(
    partial(covariance_case, n_assets, every) for every in EVERY for n_assets in ASSETS
)
