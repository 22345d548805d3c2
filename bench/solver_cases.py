"""The solver beside what people use for its job."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from bench import peers, solver_peers
from bench.contest import Case, Contender, returned
from bench.report import OURS
from bench.solver_goals import COLD, DENSE, SPARSE, WARM, solve_name
from optimize.evaluate import evaluate_block
from optimize.job import DrawJob
from optimize.pair_exchange import freeze, solve
from stats.compiled import FloatArray

_OBSERVATIONS = 300


def make_problem(
    n_assets: int, seed: int = 1, rows: int = _OBSERVATIONS
) -> tuple[FloatArray, FloatArray]:
    """Make estimates of correlated assets, several of which the optimum holds.

    Returns
    -------
    mean, covariance : FloatArray
        float64[n], float64[n, n]; of that many rows of a factor model.
    """
    generator = np.random.default_rng([seed, n_assets])
    factor = generator.standard_normal((rows, 1))
    own = generator.standard_normal((rows, n_assets))
    returns = 1e-3 * (0.6 * factor * generator.uniform(0.5, 1.5, n_assets) + own)
    returns += generator.uniform(5e-5, 2.5e-4, n_assets)
    mean = freeze(returns.mean(axis=0))
    return mean, freeze(np.cov(returns, rowvar=False))


def _sharpe(mean: FloatArray, covariance: FloatArray, weights: FloatArray) -> float:
    return float(mean @ weights / np.sqrt(weights @ covariance @ weights))


def _judge_portfolios(mean: FloatArray, covariance: FloatArray) -> Callable[[Any, Any], str]:
    def judge(first: FloatArray, other: FloatArray) -> str:
        best, found = (_sharpe(mean, covariance, weights) for weights in (first, other))
        gap = float(np.abs(first - other).max())
        # PyPortfolioOpt's solver lets weights of -1e-6 pass, which gain it 1e-5 of the ratio;
        # skfolio's misses 7e-5 of it.
        is_whole = abs(other.sum() - 1.0) <= 1e-3  # the ratio is that of any multiple, too
        if is_whole and abs(found / best - 1.0) <= 2e-4 and gap <= 1e-2:
            return ""
        return f"Sharpe ratio {found!r} instead of {best!r}, weights off by {gap:.3g}"

    return judge


def cap_of(n_assets: int) -> float:
    """Give the cap of a case: 0.3 of 10 assets, 0.1 of 50, 5 / n of more."""
    return 0.3 if n_assets <= 10 else 5.0 / n_assets


def make_family(family: str, n_assets: int, seed: int = 1) -> tuple[FloatArray, FloatArray]:
    """Make estimates of which the optimum holds few assets, or most.

    The dense ones are weakly correlated, with means near Sigma w for a positive w. Both are of
    300 rows, or of twice as many as assets.
    """
    rows = max(_OBSERVATIONS, 2 * n_assets)
    if family == SPARSE:
        return make_problem(n_assets, seed, rows)
    generator = np.random.default_rng([seed, n_assets])
    factor = 0.2 * generator.standard_normal((rows, 1)) * generator.uniform(0.5, 1.5, n_assets)
    own = generator.standard_normal((rows, n_assets)) * generator.uniform(0.5, 1.5, n_assets)
    covariance = np.cov(1e-3 * (factor + own), rowvar=False)
    mean = covariance @ generator.uniform(0.2, 1.8, n_assets) / n_assets
    mean *= 1.0 + 0.05 * generator.standard_normal(n_assets)
    return freeze(mean), freeze(covariance)


def row_before(mean: FloatArray, covariance: FloatArray) -> FloatArray:
    """Give the means of one row before: of r rows it moves them by 1 / r of a deviation."""
    n = len(mean)
    shift = np.sqrt(np.diag(covariance)) / max(_OBSERVATIONS, 2 * n)
    moved: FloatArray = mean + shift * np.random.default_rng(n).standard_normal(n)
    return moved


def make_job(mean: FloatArray, covariance: FloatArray, cap: float, warm: bool) -> DrawJob:
    """Make the job of an exact decision, from zeros or from the weights of the row before."""
    start = np.zeros(len(mean))
    if warm:
        before = row_before(mean, covariance)
        start = solve(mean=before, covariance=covariance, max_weight=cap).weights
    return DrawJob(
        kind="exact",
        mean=mean,
        covariance=covariance,
        n_observations=max(_OBSERVATIONS, 2 * len(mean)),
        objective="max_sharpe",
        max_weight=cap,
        start_weights=freeze(start),
        n_draws=1,
        block_size=1,
        seed=1,
        round=0,
    )


def solve_case(n_assets: int) -> Case:
    """Maximum Sharpe ratio, long only, by the call of a notebook."""
    mean, covariance = make_problem(n_assets)

    def ours() -> FloatArray:
        return solve(mean=mean, covariance=covariance).weights

    return Case(
        name=solve_name(n_assets),
        unit="us a solve",
        contenders=(
            Contender(OURS, ours, tuple, returned),
            Contender("scipy NNLS", peers.nnls_max_sharpe, lambda: (mean, covariance), returned),
            Contender(
                "PyPortfolioOpt", peers.pypfopt_max_sharpe, lambda: (mean, covariance), returned
            ),
        ),
        judge=_judge_portfolios(mean, covariance),
    )


def job_case(
    n_assets: int, family: str, start: str, capped: bool = False, slow: bool = False
) -> Case:
    """Make the case of what an engine runs for a decision: its block.

    Parameters
    ----------
    start
        Cold, or as `run` does at each decision: from the weights of the row before. Of the peers
        daqp has a warm start, too.
    slow
        With the libraries that take milliseconds.
    """
    mean, covariance = make_family(family, n_assets)
    cap = cap_of(n_assets) if capped else 1.0
    job = make_job(mean, covariance, cap, start == WARM)
    if start == WARM:
        before = row_before(mean, covariance)
        daqp = Contender(
            "daqp",
            solver_peers.daqp_next,
            lambda: (solver_peers.daqp_model(before, covariance, cap), mean, covariance),
            returned,
        )
    else:
        daqp = Contender(
            "daqp", solver_peers.daqp_max_sharpe, lambda: (mean, covariance, cap), returned
        )
    contenders = [
        Contender(OURS, evaluate_block, lambda: (job, 0), lambda found, _: found.weight_mean),
        daqp,
    ]
    if not capped:
        contenders.append(
            Contender("scipy NNLS", peers.nnls_max_sharpe, lambda: (mean, covariance), returned)
        )
    if slow:
        # Their solvers' tolerances are absolute: in other units they find a program infeasible.
        ask = (mean / np.abs(mean).max(), covariance / covariance.diagonal().mean(), cap)
        contenders.append(
            Contender("PyPortfolioOpt", peers.pypfopt_max_sharpe, lambda: ask, returned)
        )
        contenders.append(Contender("skfolio", peers.skfolio_max_sharpe, lambda: ask, returned))
    return Case(
        name=solve_name(n_assets, family, start, capped),
        unit="us a solve",
        contenders=tuple(contenders),
        judge=_judge_portfolios(mean, covariance),
    )


SIZES = (10, 50, 100, 500)
# Above, one call of a slow library takes seconds.
_SLOW_UP_TO = 100
_SHORT = (
    *((n, SPARSE, start, False) for n in SIZES for start in (COLD, WARM)),
    *(
        (n, family, start, capped)
        for n in (50, 500)
        for family, capped in ((DENSE, False), (SPARSE, True), (DENSE, True))
        for start in (COLD, WARM)
    ),
)
_NOTEBOOK = tuple(partial(solve_case, n) for n in (10, 50, 100))
SOLVER_CASES: tuple[Callable[[], Case], ...] = (
    *_NOTEBOOK,
    *(partial(job_case, *one) for one in _SHORT),
)
FULL_SOLVER_CASES: tuple[Callable[[], Case], ...] = (
    *_NOTEBOOK,
    *(
        partial(job_case, n, family, start, capped, slow=start == COLD and n <= _SLOW_UP_TO)
        for n in SIZES
        for family in (SPARSE, DENSE)
        for capped in (False, True)
        for start in (COLD, WARM)
    ),
)
