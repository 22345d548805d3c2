"""The window of rows beside the libraries people use for rolling covariances."""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench import peers
from bench.contest import Case, Contender, differ, returned
from bench.report import OURS
from stats.compiled import FloatArray
from stats.grid_window import GridWindow

WINDOW = 1000
_ROWS_READ_EVERY = 10
_ROWS = 200
_TOLERANCE = 1e-11


def _peer(subject: str, call: Any, per_call: int, *arguments: Any) -> Contender:
    return Contender(subject, call, lambda: arguments, returned, per_call)


def _push_and_read_rows(window: GridWindow, rows: FloatArray, first: int) -> FloatArray:
    n = rows.shape[1]
    ids, found = np.arange(n), []
    for k, values in enumerate(rows):
        window.push(first + k, values, n)
        if (k + 1) % _ROWS_READ_EVERY == 0:
            found.append(window.read(ids)[1])
    return np.stack(found)


def covariance_case(n_assets: int) -> Case:
    """Covariance of a window of rows, read every 10 rows."""
    generator = np.random.default_rng(n_assets)
    rows = 1e-3 * generator.standard_normal((WINDOW + _ROWS, n_assets))
    rows += 5e-4 * generator.standard_normal((len(rows), 1))
    template = GridWindow(WINDOW)
    for k in range(WINDOW):
        template.push(k, rows[k], n_assets)
    contenders = [
        Contender(
            OURS,
            _push_and_read_rows,
            lambda: (copy.deepcopy(template), rows[WINDOW:], WINDOW),
            returned,
            _ROWS,
        ),
        _peer("numpy.cov", peers.numpy_covariances, _ROWS, rows, WINDOW, _ROWS_READ_EVERY),
    ]
    if n_assets <= 50:  # numbagg's result of all rows would take 96 MB at 100
        contenders.append(
            _peer("numbagg", peers.numbagg_covariances, len(rows), rows, WINDOW, _ROWS_READ_EVERY)
        )
    return Case(
        name=f"covariance of {n_assets} assets, window {WINDOW}, read every 10 rows",
        unit="us a row",
        contenders=tuple(contenders),
        judge=lambda first, other: differ((first,), (other,), _TOLERANCE),
    )


WINDOW_CASES: tuple[Callable[[], Case], ...] = (
    *(partial(covariance_case, n) for n in (10, 50, 100)),
)
