"""The solver beside what people use for its job."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np

from bench.contest import Case, Contender, Judge, returned
from bench.kernels import solver_peers as peers
from bench.kernels.solver_goals import COLD, DENSE, SIZES, SPARSE, WARM, solve_name
from bench.kernels.solver_problems import cap_of, make_family, make_job, make_problem, row_before
from bench.rows import OURS
from optimize.evaluate import evaluate_block
from optimize.pair_exchange import solve
from stats.compiled import FloatArray


class Slack(NamedTuple):
    """By how much a solver's portfolio may differ from ours, which misses nothing.

    Attributes
    ----------
    ratio
        Of the Sharpe ratio, relative.
    weight
        Of any weight, and of their sum.
    """

    ratio: float
    weight: float


# Active sets end with the optimum but for rounding: 5e-14 of the ratio and 5e-15 of a weight at
# 500 assets was the most of daqp's, 4e-16 and 6e-16 of NNLS's.
_EXACT: Final = Slack(1e-12, 1e-12)
# Interior points stop at a tolerance: skfolio's is off by 1e-9 of the ratio and 8e-6 of a weight.
# PyPortfolioOpt's is polished, where its units let it: of those of a row it took up to six times
# as long and let weights of -7e-7 pass.
_PYPFOPT: Final = Slack(1e-9, 1e-6)
_SKFOLIO: Final = Slack(1e-8, 5e-5)
_ROWS_A_YEAR: Final = 365 * 86_400


def _judge(mean: FloatArray, covariance: FloatArray, slack: Slack = _EXACT) -> Judge:
    def sharpe(weights: FloatArray) -> float:
        return float(mean @ weights / np.sqrt(weights @ covariance @ weights))

    def judge(first: FloatArray, other: FloatArray) -> str:
        best, found = sharpe(first), sharpe(other)
        gap = float(np.abs(first - other).max())
        off = abs(float(other.sum()) - 1.0)  # the ratio is that of any multiple, too
        if abs(found / best - 1.0) <= slack.ratio and max(gap, off) <= slack.weight:
            return ""
        return f"Sharpe ratio {found!r} instead of {best!r}, weights off by {gap:.3g}"

    return judge


def solve_case(n_assets: int) -> Case:
    """Maximum Sharpe ratio, long only, by the call of a notebook."""
    problem = make_problem(n_assets)

    def ours(mean: FloatArray, covariance: FloatArray) -> FloatArray:
        return solve(mean=mean, covariance=covariance).weights

    return Case(
        name=solve_name(n_assets),
        unit="us a solve",
        contenders=(
            Contender(OURS, ours, lambda: problem, returned),
            Contender("scipy NNLS", peers.nnls_max_sharpe, lambda: problem, returned),
            _by_the_year("PyPortfolioOpt", peers.pypfopt_max_sharpe, problem, 1.0, _PYPFOPT),
        ),
        judge=_judge(*problem),
    )


def job_case(
    n_assets: int, family: str, start: str, capped: bool = False, slow: bool = False
) -> Case:
    """Make the case of what an engine runs for a decision: its block.

    Parameters
    ----------
    start
        Cold, or as `run` does at each decision: from the weights of the row before. Of the peers
        daqp has a warm start, too: its model of the row before, active set and all.
    slow
        With the libraries that take milliseconds.
    """
    problem = make_family(family, n_assets)
    cap = cap_of(n_assets) if capped else 1.0
    job = make_job(*problem, cap, start == WARM)
    contenders = [
        Contender(OURS, evaluate_block, lambda: (job, 0), lambda found, _: found.weight_mean),
        _daqp(problem, cap, start),
    ]
    if not capped:
        contenders.append(Contender("scipy NNLS", peers.nnls_max_sharpe, lambda: problem, returned))
    if slow:
        contenders += [
            _by_the_year(subject, call, problem, cap, slack)
            for subject, call, slack in (
                ("PyPortfolioOpt", peers.pypfopt_max_sharpe, _PYPFOPT),
                ("skfolio", peers.skfolio_max_sharpe, _SKFOLIO),
            )
        ]
    return Case(
        name=solve_name(n_assets, family, start, capped),
        unit="us a solve",
        contenders=tuple(contenders),
        judge=_judge(*problem),
    )


def _daqp(problem: tuple[FloatArray, FloatArray], cap: float, start: str) -> Contender:
    """Set daqp to the problem; what stays from one row to the next is made outside the time."""
    bounds = peers.daqp_bounds(len(problem[0]), cap)
    if start == COLD:
        return Contender("daqp", peers.daqp_max_sharpe, lambda: (*problem, bounds), returned)
    before = row_before(*problem)

    def arguments() -> tuple[Any, ...]:
        return peers.daqp_model(*before, bounds), *problem

    return Contender("daqp", peers.daqp_next, arguments, returned)


def _by_the_year(
    subject: str,
    call: Callable[[FloatArray, FloatArray, float], FloatArray],
    problem: tuple[FloatArray, FloatArray],
    cap: float,
    slack: Slack,
) -> Contender:
    """Ask a library in figures of a year, as its users do: its solver's tolerances are absolute."""
    mean, covariance = problem
    asked = (_ROWS_A_YEAR * mean, _ROWS_A_YEAR * covariance, cap)
    return Contender(subject, call, lambda: asked, returned, judge=_judge(*problem, slack))


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
