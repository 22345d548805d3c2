"""The cloud and the draws from the posterior beside what people use for them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from bench.contest import Case, Contender
from bench.kernels import draw_peers
from bench.kernels.draw_goals import (
    DAQP_DRAWS,
    LARGE_ASSETS,
    LARGE_PORTFOLIOS,
    LARGE_SIZES,
    PORTFOLIOS,
    SIZES,
    cloud_name,
    resample_name,
)
from bench.kernels.solver_problems import make_problem
from bench.rows import OURS
from optimize.cloud import cloud_block
from optimize.draws import resample_block
from optimize.pair_exchange import freeze
from optimize.simplex import RUN, count_sharing, fill_sizes
from stats.compiled import FloatArray

_DRAWS = 256
_LARGE_DRAWS = 32
# Two averages of independent draws differ by more than this many standard errors once in
# 5e8 comparisons.
_STANDARD_ERRORS = 6.0
Summary = list[tuple[Any, Any, int] | None]


def _judge_averages(first: Any, other: Any) -> str:
    """Compare averages of independent draws: (mean, deviation, number of draws) each."""
    for place, (ours, theirs) in enumerate(zip(first, other, strict=True)):
        if theirs is None:  # not among its results
            continue
        error = np.sqrt(ours[1] ** 2 / ours[2] + theirs[1] ** 2 / theirs[2])
        error += 1e-9 * np.abs(ours[0]) + 1e-12
        scores = np.abs(ours[0] - theirs[0]) / error
        if not (scores <= _STANDARD_ERRORS).all():
            return f"average {place} is off by {np.max(scores):.1f} standard errors"
    return ""


def _averages(average: FloatArray, deviation: FloatArray, draws: int) -> Summary:
    """Give the averages of weights, and of their sum, which has no error."""
    return [(average, deviation, draws), (average.sum(), 0.0, draws)]


def resample_case(n_assets: int, draws: int = _DRAWS) -> Case:
    """Optimal portfolios of posterior draws."""
    # A sample covariance of fewer rows than assets is singular, which scipy refuses.
    rows = max(300, 2 * n_assets)
    mean, covariance = make_problem(n_assets, rows=rows)
    zeros = freeze(np.zeros(n_assets))

    def fresh() -> tuple[Any, ...]:
        problem = (True, mean, covariance, rows, 1.0, zeros, 1, 0, 0, draws)
        return *problem, np.zeros(n_assets), np.zeros(n_assets)

    def ours(_: Any, made: tuple[Any, ...]) -> Summary:
        return _averages(made[-2], np.sqrt(made[-1] / (draws - 1)), draws)

    def theirs(found: FloatArray, _: Any) -> Summary:
        return _averages(found.mean(axis=0), found.std(axis=0, ddof=1), draws)

    def peer(subject: str, call: Callable[..., FloatArray]) -> Contender:
        return Contender(subject, call, lambda: (mean, covariance, rows, draws, 1), theirs, draws)

    return Case(
        name=resample_name(n_assets),
        unit="us a draw",
        contenders=(
            Contender(OURS, resample_block, fresh, ours, draws),
            peer("scipy invwishart and NNLS", draw_peers.scipy_resample),
            peer(DAQP_DRAWS, draw_peers.daqp_resample),
            peer("scipy NNLS, draws by numpy", draw_peers.nnls_resample),
        ),
        judge=_judge_averages,
    )


def sizes_of(n_assets: int, portfolios: int) -> tuple[list[int], list[int]]:
    """Give the numbers of held assets of a cloud, and how many of its draws have each."""
    found = np.empty(64, np.int64)
    sizes = found[: fill_sizes(n_assets, 1.0, found)]
    kinds = np.arange(portfolios) // RUN % len(sizes)
    return sizes.tolist(), np.bincount(kinds, minlength=len(sizes)).tolist()


def _summarise(returns: FloatArray, volatilities: FloatArray, n_assets: int) -> Summary:
    """Average our draws by their number of held assets, and with them all that share those."""
    sizes, _ = sizes_of(n_assets, len(returns))
    turn, kind = np.divmod(np.arange(len(returns)) // RUN, len(sizes))
    found: Summary = []
    for values in (returns, volatilities):
        for place, held in enumerate(sizes):
            mine = values[kind == place]
            group = turn[kind == place] // count_sharing(n_assets, held)
            counts = np.bincount(group)
            means = np.bincount(group, mine) / counts
            found.append((mine.mean(), means.std(ddof=1) if len(means) > 1 else mine.std(),
                          len(means)))  # fmt: skip
    return found


def _by_size(returns: FloatArray, volatilities: FloatArray, counts: Sequence[int]) -> Summary:
    """Average a peer's draws, each alone, that stand in the order of their sizes."""
    ends = np.cumsum(counts)[:-1]
    parts = [part for values in (returns, volatilities) for part in np.split(values, ends)]
    return [(part.mean(), part.std(ddof=1), len(part)) for part in parts]


def _of_all(returns: FloatArray, volatilities: FloatArray, n_sizes: int) -> Summary:
    """Average draws that hold all assets, the first size; of the others nothing is told."""
    rest: Summary = [None] * (n_sizes - 1)
    first, second = (
        [(part.mean(), part.std(ddof=1), len(part))] for part in (returns, volatilities)
    )
    return [*first, *rest, *second, *rest]


def _bound(n_assets: int, portfolios: int, problem: tuple[Any, Any]) -> Contender:
    """Make the products alone, float32: of the weights that are held, with their covariances.

    One set of assets a size: no set is looked up, no weight drawn.
    """
    mean, covariance = problem
    sizes, counts = sizes_of(n_assets, portfolios)
    generator = np.random.default_rng(2)
    parts = []
    for size, count in zip(sizes, counts, strict=True):
        weights = generator.standard_exponential((count, size), np.float32)
        weights /= weights.sum(axis=1, keepdims=True)
        block = np.ascontiguousarray(covariance[:size, :size])
        parts.append((weights, block, np.empty_like(weights)))

    def result(_: Any, __: tuple[Any, ...]) -> Summary:
        weights, _, products = parts[0]
        variances = np.einsum("dx,dx->d", products, weights)
        return _of_all(weights @ mean, np.sqrt(variances), len(sizes))

    return Contender("bound", _multiply, lambda: (parts,), result, portfolios)


def _multiply(parts: Sequence[tuple[FloatArray, FloatArray, FloatArray]]) -> None:
    for weights, block, out in parts:
        np.matmul(weights, block, out=out)


def _numpy_clouds(
    n_assets: int, portfolios: int, estimates: tuple[Any, Any], told: str
) -> tuple[Contender, Contender]:
    """Make the same mixture as ours, each portfolio with a set of its own; and what takes least.

    That is portfolios of all assets, whose cloud has no edges and corners.
    """
    sizes, counts = sizes_of(n_assets, portfolios)
    return (
        Contender(
            f"numpy, the same mixture{told}", draw_peers.numpy_cloud,
            lambda: (*estimates, counts, sizes, 1),
            lambda found, _: _by_size(found[0], found[1], counts), portfolios,
        ),
        Contender(
            f"numpy Dirichlet of all assets and GEMM{told}", draw_peers.numpy_cloud,
            lambda: (*estimates, [portfolios], [n_assets], 1),
            lambda found, _: _of_all(found[0], found[1], len(sizes)), portfolios,
        ),
    )  # fmt: skip


def cloud_case(n_assets: int, portfolios: int = PORTFOLIOS, *, double: bool = True) -> Case:
    """Return and volatility of random portfolios; ``double``: with the peers in float64 too."""
    mean, covariance = make_problem(n_assets)
    single = mean.astype(np.float32), covariance.astype(np.float32)

    def fresh() -> tuple[Any, ...]:
        return mean, covariance, 1.0, 1, 0, 0, np.empty(portfolios), np.empty(portfolios)

    def ours(_: Any, made: tuple[Any, ...]) -> Summary:
        return _summarise(made[-2], made[-1], n_assets)

    peers = [*_numpy_clouds(n_assets, portfolios, single, ", float32")]
    if double:
        peers += _numpy_clouds(n_assets, portfolios, (mean, covariance), "")
    return Case(
        name=cloud_name(n_assets, portfolios),
        unit="ns a portfolio",
        contenders=(
            Contender(OURS, cloud_block, fresh, ours, portfolios),
            *peers,
            _bound(n_assets, portfolios, single),
        ),
        judge=_judge_averages,
    )


DRAW_CASES: tuple[Callable[[], Case], ...] = (
    *(partial(resample_case, n) for n in SIZES),
    *(partial(cloud_case, n) for n in (*SIZES, *LARGE_SIZES)),
)
# Those of which one turn of a peer takes seconds.
LONG_DRAW_CASES: tuple[Callable[[], Case], ...] = (
    *(partial(resample_case, n, _LARGE_DRAWS) for n in LARGE_SIZES),
    partial(cloud_case, LARGE_ASSETS, LARGE_PORTFOLIOS, double=False),
)
