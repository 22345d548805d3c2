"""Parts of the kernels that decide how long a decision takes, each timed alone.

Hot, in a compiled loop of its own: they say what a kernel's time is made of, and need not add up
to it. Only ours take part, as no peer has the same parts.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

from bench.case_names import FACTOR, FORM, GAMMAS, NORMALS, PART, SOLVE, WEIGHTS, stage_case
from bench.contest import Case, Contender
from bench.kernels.draw_goals import PORTFOLIOS, cloud_name, resample_name
from bench.kernels.solver_problems import make_problem
from bench.rows import OURS
from optimize.factor import factorise
from optimize.few_held import holds_few, optimise_few
from optimize.gamma import fill_gammas
from optimize.normal import fill_normals, whole_normals
from optimize.pair_exchange import freeze, solve_estimates
from optimize.philox import CHI_SQUARES
from optimize.posterior import degrees_of_freedom, draw_posterior, fill_shapes, solve_bartlett
from optimize.product import fill_covariance
from optimize.simplex import FEW, RUN, count_sharing, count_words, draw_run, fill_sizes
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
    normals, shapes, scale, chi
        As `draw_posterior` has them for the last draw.
    """

    start: FloatArray
    factor: FloatArray
    means: FloatArray
    columns: FloatArray
    covariances: FloatArray
    normals: FloatArray
    shapes: FloatArray
    scale: float
    chi: FloatArray


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
    shapes, chi = np.empty((2, n))
    fill_shapes(rows, shapes)
    fill_gammas(1, 0, draws - 1, CHI_SQUARES, shapes, chi)
    normals = np.empty(whole_normals(n * (n - 1) // 2 + n))
    fill_normals(1, 0, draws - 1, normals)
    scale = float(np.sqrt(degrees_of_freedom(rows, n) - n - 1.0))
    return Drawn(
        start, factor, means, columns, covariances, normals, shapes, scale, np.sqrt(2.0 * chi)
    )


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
    draws: int,
    factor: FloatArray,
    scale: float,
    chi: FloatArray,
    normals: FloatArray,
    out: FloatArray,
) -> None:
    """Solve for the factor of a draw's covariance, again and again."""
    for _ in range(draws):
        solve_bartlett(factor, scale, chi, normals, out)


@kernel
def repeat_covariances(columns: FloatArray, out: FloatArray) -> None:
    """Multiply draws' factors by their transposes."""
    for d in range(columns.shape[0]):
        fill_covariance(columns[d], out)


@kernel
def repeat_solves(
    start: FloatArray,
    means: FloatArray,
    covariances: FloatArray,
    work: FloatArray,
    weights: FloatArray,
) -> None:
    """Solve draws from the optimum of the estimates."""
    for d in range(means.shape[0]):
        weights[:] = start
        optimise(True, means[d], covariances[d], 1.0, weights, work)


@kernel
def repeat_parts(
    start: FloatArray,
    means: FloatArray,
    columns: FloatArray,
    room: FloatArray,
    weights: FloatArray,
) -> None:
    """Solve draws for the few assets they hold, without forming their covariances."""
    for d in range(means.shape[0]):
        weights[:] = start
        optimise_few(True, means[d], columns[d], 1.0, weights, room)


@kernel
def repeat_weights(runs: int, assets: int, sizes: IntArray, words: Any, panel: FloatArray) -> None:
    """Draw the weights of a cloud's runs, which go round its sizes.

    Words to choose assets by only for a run that chooses, not for those that share its assets.
    """
    kinds = sizes.shape[0]
    for run in range(runs):
        held = sizes[run % kinds]
        sharing = count_sharing(assets, held) if held > FEW else 1
        begin = 0 if run // kinds % sharing == 0 else RUN
        draw_run(1, 0, run, begin, words[:, : count_words(held)], panel)


def part_case(
    case: str,
    stage: str,
    unit: str,
    call: Callable[..., Any],
    arguments: tuple[Any, ...],
    per_call: int,
    *,
    written: int = -1,
) -> Case:
    """Make the case of a part; ``written`` is the place of the argument that it writes."""
    alone = Contender(OURS, call, lambda: arguments, lambda _, made: made[written].copy(), per_call)
    return Case(stage_case(case, stage), unit, (alone,), judge=None)


def draw_stages(n_assets: int) -> list[Case]:
    """Give the parts of a draw: its random numbers, its factor, its covariance, its solve.

    Each ends with what it makes of the last draw.
    """
    one, out = make_drawn(n_assets), np.empty((n_assets, n_assets))
    gammas, weights, work = *np.empty((2, n_assets)), np.empty((2, n_assets))
    draws = _draws_of(n_assets)
    parts: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
        NORMALS: (repeat_normals, (draws, np.empty_like(one.normals))),
        GAMMAS: (repeat_gammas, (draws, one.shapes, gammas)),
        FACTOR: (repeat_factors, (draws, one.factor, one.scale, one.chi, one.normals, out)),
    }
    if holds_few(one.start):
        parts[PART] = repeat_parts, (one.start, one.means, one.columns, out.reshape(-1), weights)
    else:
        parts[FORM] = repeat_covariances, (one.columns, out)
        parts[SOLVE] = repeat_solves, (one.start, one.means, one.covariances, work, weights)
    case = resample_name(n_assets)
    return [part_case(case, stage, "us a draw", *part, draws) for stage, part in parts.items()]


def cloud_stage(n_assets: int) -> Case:
    """Give the drawing of a cloud's weights, without what is then computed of them."""
    sizes = np.empty(64, np.int64)
    sizes = sizes[: fill_sizes(n_assets, 1.0, sizes)]
    words = np.empty((2, count_words(n_assets)), np.uint64)
    panel = np.empty(4 * (words.shape[1] - RUN))
    arguments = PORTFOLIOS // RUN, n_assets, sizes, words, panel
    return part_case(
        cloud_name(n_assets), WEIGHTS, "ns a portfolio", repeat_weights, arguments, PORTFOLIOS
    )


def stage_cases(sizes: tuple[int, ...]) -> list[Case]:
    """Give the parts of draws and clouds of some sizes."""
    return [part for n in sizes for part in draw_stages(n)] + [cloud_stage(n) for n in sizes]
