"""How far rolling windows are off after many updates, in bounds of what rounding alone explains.

A bound is that of a computation from the window alone: with kappa = sqrt(1 + mean^2 / variance),
20 eps kappa of the variance, 40 eps kappa (kurtosis + 3) of the kurtosis and 8e-15 kappa of a
covariance, relative to the product of the standard deviations. What stays below has not drifted.
The reference is computed in two passes in extended precision, from the prices of each window.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.kernels import drift_peers, drift_tapes, tick_peers
from bench.kernels.add_evict import make_add_evict
from bench.kernels.tick_driver import read_after_each
from bench.kernels.tick_names import DRIFT_UNIT, MEASURES, NO_NUMBER, WINDOW, drift_case
from bench.peers import is_installed
from bench.rows import OURS, Row, make_row
from stats.compiled import FloatArray, IntArray
from stats.grid_window import GridWindow
from stats.returns import log_returns
from stats.tick_window import TickWindow

FULL_UPDATES: Final = 10_000_000
SHORT_UPDATES: Final = 200_000
_READS: Final = 300
_CHUNK: Final = 20_000
_EPS: Final = float(np.finfo(np.float64).eps)
_COVARIANCE_BOUND: Final = 8e-15
LongArray = NDArray[np.longdouble]
# What each subject read: variances, and kurtoses where it has them.
Readings = dict[str, tuple[FloatArray, ...]]


class Exact(NamedTuple):
    """Moments of windows in extended precision, [k] each: reference and scale of errors."""

    mean: LongArray
    variance: LongArray
    kurtosis: LongArray
    kappa: FloatArray


def measure_drift(updates: int, *, seed: int = 1) -> list[Row]:
    """Measure all tapes, moments of ticks and covariances of rows.

    Parameters
    ----------
    updates
        Returns that go through each window, at least ten windows.
    """
    generator = np.random.default_rng(seed)
    places = _places(updates)
    rows, pairs = [], []
    for name, make in drift_tapes.TAPES.items():
        prices = make(generator, updates + 1)
        rows += _tick_rows(name, prices, places)
        other = _returns_of(make(generator, updates + 1))
        pairs.append((name, _returns_of(prices), other))
    return rows + _covariance_rows(pairs, places)


def _places(updates: int) -> IntArray:
    """Give the returns after which windows are read: all through, and the very last."""
    return np.unique(np.linspace(2 * WINDOW, updates - 1, _READS).astype(np.int64))


def _returns_of(prices: FloatArray) -> FloatArray:
    out = np.empty(len(prices) - 1)
    log_returns(prices[1:], prices[:-1], out)
    return out


def exact_moments(prices: FloatArray, places: IntArray) -> Exact:
    """Compute moments of the windows that end with some returns, in two passes each."""
    found = []
    for place in places.tolist():
        part = prices[place + 1 - WINDOW : place + 2].astype(np.longdouble)
        returns = np.log1p((part[1:] - part[:-1]) / part[:-1])
        mean = returns.mean()
        square = (returns - mean) ** 2
        m2 = square.sum()
        found.append((mean, m2 / (WINDOW - 1), WINDOW * (square**2).sum() / m2**2 - 3))
    mean, variance, kurtosis = np.array(found).T
    return Exact(mean, variance, kurtosis, np.sqrt(1 + mean**2 / variance).astype(np.float64))


def _tick_rows(tape: str, prices: FloatArray, places: IntArray) -> list[Row]:
    exact = exact_moments(prices, places)
    bounds = (
        20 * _EPS * exact.kappa * exact.variance,
        40 * _EPS * exact.kappa * (exact.kurtosis + 3),
    )
    found = _read_ours(prices, places) | _read_peers(prices, places)
    rows = []
    for which, measure in enumerate(MEASURES[:2]):
        for subject, moments in found.items():
            if len(moments) > which:
                wrong = np.abs(moments[which] - exact[which + 1]) / bounds[which]
                rows.append(_row(drift_case(tape, measure), subject, wrong))
    return rows


def _row(case: str, subject: str, wrong: LongArray) -> Row:
    shown = np.nan_to_num(wrong.astype(np.float64), nan=NO_NUMBER, posinf=NO_NUMBER)
    return make_row(case, subject, DRIFT_UNIT, [np.minimum(shown, NO_NUMBER)])


def _chunks(prices: FloatArray) -> Iterator[tuple[int, IntArray, FloatArray]]:
    """Lay prices out as ticks of one asset, some at a time; with the number of the first."""
    for first in range(0, len(prices), _CHUNK):
        part = prices[first : first + _CHUNK]
        inbox_i = np.zeros((2, len(part)), np.int64)
        inbox_i[1] = 10**18 + np.arange(first, first + len(part)) * 10**7
        yield first, inbox_i, np.ascontiguousarray(part)


def _read_ours(prices: FloatArray, places: IntArray) -> Readings:
    window, found = TickWindow(WINDOW), np.empty((2, len(places)))
    for first, inbox_i, part in _chunks(prices):
        out = np.empty((7, len(part)))
        read_after_each(inbox_i, part, window, out)
        _keep(found, out[[2, 4]], places + 1 - first)
    return {OURS: (found[0], found[1])}


def _keep(found: FloatArray, out: FloatArray, at: IntArray) -> None:
    inside = (at >= 0) & (at < out.shape[1])
    found[:, inside] = out[:, at[inside]]


def _read_peers(prices: FloatArray, places: IntArray) -> Readings:
    """Read what takes away as well as adds; libraries get our log returns, exact to a few ulp."""
    result: Readings = {}
    for subject, write in (
        ("add_evict, sums of powers", tick_peers.add_evict_after_each),
        ("add_evict, Pebay's update and its inverse", tick_peers.removing_after_each),
    ):
        state, found = make_add_evict(1, WINDOW), np.empty((2, len(places)))
        for first, inbox_i, part in _chunks(prices):
            out = np.empty((4, len(part)))
            write(inbox_i, part, state, out)
            _keep(found, out[[1, 3]], places + 1 - first)
        result[subject] = (found[0], found[1])
    returns = _returns_of(prices)
    for library, variances in (
        ("bottleneck", drift_peers.bottleneck_variances),
        ("numbagg", drift_peers.numbagg_variances),
    ):
        if is_installed(library):
            result[library] = (variances(returns, WINDOW, places),)
    return result


def _covariance_rows(
    pairs: Sequence[tuple[str, FloatArray, FloatArray]], places: IntArray
) -> list[Row]:
    """Roll the covariance of two assets of each tape, all in one window of ours."""
    columns = np.stack([one for _, a, b in pairs for one in (a, b)], axis=1)
    window, ids, n = GridWindow(WINDOW), np.arange(columns.shape[1]), columns.shape[1]
    ours, wanted = np.empty((len(places), n, n)), set(places.tolist())
    k = 0
    for row, values in enumerate(columns):
        window.push(row, values, n)
        if row in wanted:
            ours[k] = window.read(ids)[1]
            k += 1
    rows = []
    for which, (tape, a, b) in enumerate(pairs):
        at = 2 * which
        evicted = np.empty((len(places), 3))
        drift_peers.add_evict_covariance(a, b, WINDOW, places, evicted)
        found = {OURS: ours[:, [at, at, at + 1], [at, at + 1, at + 1]]}
        found["add_evict, Welford's update and its inverse"] = evicted
        if is_installed("numbagg"):
            found["numbagg"] = drift_peers.numbagg_covariances(a, b, WINDOW, places)
        for subject, values in found.items():
            wrong = _covariance_errors(values, a, b, places)
            rows.append(_row(drift_case(tape, "covariance"), subject, wrong))
    return rows


def _covariance_errors(
    values: FloatArray, a: FloatArray, b: FloatArray, places: IntArray
) -> LongArray:
    """Give the largest error of each 2 x 2 covariance, in bounds."""
    wrong = np.empty(len(places), np.longdouble)
    for k, place in enumerate(places.tolist()):
        part = slice(place + 1 - WINDOW, place + 1)
        x = np.stack((a[part], b[part])).astype(np.longdouble)
        mean = x.mean(axis=1, keepdims=True)
        exact = (x - mean) @ (x - mean).T / (WINDOW - 1)
        spread = np.sqrt(exact.diagonal())
        kappa = np.sqrt(1 + (mean[:, 0] / spread) ** 2).max()
        gap = np.abs(values[k] - exact[[0, 0, 1], [0, 1, 1]])
        scale = np.array([spread[0] ** 2, spread[0] * spread[1], spread[1] ** 2])
        wrong[k] = (gap / scale).max() / (_COVARIANCE_BOUND * kappa)
    return wrong
