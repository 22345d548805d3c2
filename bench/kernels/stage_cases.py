"""Parts of the kernels that decide how long a decision takes, each timed alone.

Hot, in a compiled loop of its own: they say what a kernel's time is made of, and need not add up
to it. Only ours take part, as no peer has the same parts.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np

from bench.case_names import FACTOR, FORM, GAMMAS, NORMALS, PUSH, SOLVE, WEIGHTS, stage_case
from bench.contest import Case, Contender, returned
from bench.kernels import covariance_cases
from bench.kernels.covariance_names import ASSETS, EVERY, covariance_name
from bench.kernels.draw_goals import PORTFOLIOS, cloud_name, resample_name
from bench.kernels.solver_problems import make_problem
from bench.rows import OURS
from optimize.factor import factorise
from optimize.gamma import fill_gammas
from optimize.normal import fill_normals, whole_normals
from optimize.pair_exchange import freeze, solve_estimates
from optimize.philox import CHI_SQUARES
from optimize.posterior import degrees_of_freedom, draw_posterior, solve_bartlett
from optimize.product import fill_covariance
from optimize.simplex import RUN, count_words, draw_run, fill_sizes
from optimize.start import optimise
from stats.compiled import FloatArray, IntArray, kernel

_DRAWS: Final = 32
_LARGE, _LARGE_DRAWS = 500, 8  # a draw of 500 assets is 4 MB


class Drawn(NamedTuple):
    """A problem's draws, and room for the parts of one.

    Attributes
    ----------
    start
        float64[n]: the optimum of the estimates, where each solve begins.
    factor, means, columns, covariances
        float64[n, n] of the estimates; float64[k, n], float64[k, n, n] and float64[k, n, n] of
        the draws.
    normals, shapes, chi, work
        As `draw_posterior` and `optimise` have them.
    """

    start: FloatArray
    factor: FloatArray
    means: FloatArray
    columns: FloatArray
    covariances: FloatArray
    normals: FloatArray
    shapes: FloatArray
    chi: FloatArray
    work: FloatArray


def make_drawn(n_assets: int) -> Drawn:
    """Draw from the posterior of the problem that `resample_case` has."""
    n, rows, draws = n_assets, max(300, 2 * n_assets), _draws_of(n_assets)
    mean, covariance = make_problem(n, rows=rows)
    start = np.zeros(n)
    solve_estimates(True, freeze(mean), freeze(covariance), 1.0, start)
    factor = np.empty((n, n))
    factorise(covariance, factor)
    means, columns, covariances = np.empty((draws, n)), *np.empty((2, draws, n, n))
    for d in range(draws):
        draw_posterior(mean, factor, rows, 1, 0, d, means[d], columns[d])
        fill_covariance(columns[d], covariances[d])
    shapes = 0.5 * (degrees_of_freedom(rows, n) - (n - 1.0 - np.arange(n, dtype=np.float64)))
    normals = np.empty(whole_normals(n * (n - 1) // 2 + n))
    fill_normals(1, 0, 0, normals)
    return Drawn(
        start, factor, means, columns, covariances, normals, shapes,
        np.sqrt(2.0 * shapes), np.empty((3, n)),
    )  # fmt: skip


def _draws_of(n_assets: int) -> int:
    return _DRAWS if n_assets < _LARGE else _LARGE_DRAWS


@kernel
def repeat_normals(draws: int, out: FloatArray) -> None:
    """Fill the normals of some draws."""
    for d in range(draws):
        fill_normals(1, 0, d, out)


@kernel
def repeat_gammas(draws: int, shapes: FloatArray, out: FloatArray) -> None:
    """Fill the gammas of some draws."""
    for d in range(draws):
        fill_gammas(1, 0, d, CHI_SQUARES, shapes, out)


@kernel
def repeat_factors(
    draws: int, factor: FloatArray, chi: FloatArray, normals: FloatArray, out: FloatArray
) -> None:
    """Solve for the factor of some draws' covariances."""
    for _ in range(draws):
        solve_bartlett(factor, 1.0, chi, normals, out)


@kernel
def repeat_covariances(columns: FloatArray, out: FloatArray) -> None:
    """Multiply draws' factors by their transposes."""
    for d in range(columns.shape[0]):
        fill_covariance(columns[d], out)


@kernel
def repeat_solves(
    start: FloatArray, means: FloatArray, covariances: FloatArray, work: FloatArray
) -> None:
    """Solve draws from the optimum of the estimates."""
    for d in range(means.shape[0]):
        work[2] = start
        optimise(True, means[d], covariances[d], 1.0, work[2], work[:2])


@kernel
def repeat_weights(runs: int, sizes: IntArray, words: Any, panel: FloatArray) -> None:
    """Draw the weights of a cloud's runs, which go round its sizes."""
    for run in range(runs):
        held = sizes[run % sizes.shape[0]]
        draw_run(1, 0, run, words[:, : count_words(held)], panel)


def _part(case: str, stage: str, unit: str, call: Callable[..., Any], per_call: int) -> Case:
    alone = Contender(OURS, call, tuple, returned, per_call)
    return Case(stage_case(case, stage), unit, (alone,), judge=None)


def draw_stages(n_assets: int) -> list[Case]:
    """Give the parts of a draw: its random numbers, its factor, its covariance, its solve."""
    one, out = make_drawn(n_assets), np.empty((n_assets, n_assets))
    gammas, draws = np.empty(n_assets), _draws_of(n_assets)
    calls: dict[str, Callable[..., Any]] = {
        NORMALS: partial(repeat_normals, draws, one.normals.copy()),
        GAMMAS: partial(repeat_gammas, draws, one.shapes, gammas),
        FACTOR: partial(repeat_factors, draws, one.factor, one.chi, one.normals, out),
        FORM: partial(repeat_covariances, one.columns, out),
        SOLVE: partial(repeat_solves, one.start, one.means, one.covariances, one.work),
    }
    case = resample_name(n_assets)
    return [_part(case, stage, "us a draw", call, draws) for stage, call in calls.items()]


def cloud_stage(n_assets: int) -> Case:
    """Give the drawing of a cloud's weights, without what is then computed of them."""
    sizes = np.empty(64, np.int64)
    sizes = sizes[: fill_sizes(n_assets, 1.0, sizes)]
    words = np.empty((2, count_words(n_assets)), np.uint64)
    panel = np.empty(4 * (words.shape[1] - RUN))
    call = partial(repeat_weights, PORTFOLIOS // RUN, sizes, words, panel)
    return _part(cloud_name(n_assets), WEIGHTS, "ns a portfolio", call, PORTFOLIOS)


def push_stage(n_assets: int, every: int) -> Case:
    """Give the rows of a covariance case pushed and never read."""
    call, rows = covariance_cases.push_alone(n_assets)
    return _part(covariance_name(n_assets, every), PUSH, "us a row", call, rows)


def stage_cases(sizes: tuple[int, ...]) -> list[Case]:
    """Give all parts; those of draws and clouds at some sizes."""
    parts = [part for n in sizes for part in draw_stages(n)]
    parts += [cloud_stage(n) for n in sizes]
    return parts + [push_stage(n, every) for every in EVERY for n in ASSETS]
