"""What a solver's portfolios miss of the optimum at most, by a bound that needs no solver.

Of minimum variance it is the gap of the volatility: its inverse is the ratio of means of 1. By
duality no ratio's square is above p'Sigma^-1 p, where p is the mean plus a multiplier >= 0 of
each bound: l of y_i >= 0 adds l, c of y_i <= cap sum(y) adds cap sum(c) - c. With y the portfolio
found, scaled so that mean'y = y'Sigma y, multipliers are chosen for which p is Sigma y but for a
small rest r: the bound is y'Sigma y + 2 y'r + r'Sigma^-1 r.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bench.kernels import solver_peers
from bench.kernels.solver_goals import GAP_CASES, GAP_UNITS, SIZES, gap_name
from bench.kernels.solver_problems import cap_of, make_family, make_job
from bench.peers import is_installed
from bench.rows import OURS, Row, make_row
from optimize.evaluate import evaluate_block
from optimize.job import Objective
from stats.compiled import FloatArray

# A gap of nothing is told as the rounding of a ratio.
_ROUNDING = 2.0**-52
_SEEDS, _LARGE_SEEDS = 8, 3
BoolArray = NDArray[np.bool_]


def gap_bound(weights: FloatArray, mean: FloatArray, covariance: FloatArray, cap: float) -> float:
    """Bound (S* - S) / S of feasible weights."""
    gradient = covariance @ weights
    gain, variance = float(weights @ mean), float(weights @ gradient)
    scale = gain / variance
    slope = mean - scale * gradient
    full = (weights >= cap * (1.0 - 1e-12)) & (cap < 1.0)
    pull = np.where(full, np.maximum(slope + _level(slope, full, cap), 0.0), 0.0)
    rest = np.maximum(slope + cap * pull.sum() - pull, 0.0)
    added = 2.0 * scale * float(weights @ rest) + float(rest @ np.linalg.solve(covariance, rest))
    share = added / (scale * gain)  # of the ratio's square
    return max(share / (1.0 + math.sqrt(1.0 + share)), _ROUNDING)


def _level(slope: FloatArray, full: BoolArray, cap: float) -> float:
    """Give cap times the sum of the multipliers of those at the cap."""
    room = 1.0 - cap * np.count_nonzero(full)
    if room > 1e-9:
        return max(cap * float(slope[full].sum()) / room, 0.0)
    return max(-float(slope[full].min()), 0.0)


def measure_gaps() -> list[Row]:
    """Bound the gaps of ours, cold and warm, and of daqp and NNLS, over sizes and seeds."""
    rows: list[Row] = []
    for objective, family, capped in GAP_CASES:
        gaps: dict[str, list[float]] = {}
        for n in SIZES:
            for seed in range(1, 1 + (_LARGE_SEEDS if n == max(SIZES) else _SEEDS)):
                for subject, gap in _gaps(objective, make_family(family, n, seed), capped):
                    gaps.setdefault(subject, []).append(gap)
        name = gap_name(family, capped, objective)
        rows += [
            make_row(name, subject, GAP_UNITS[objective], [np.array(found)])
            for subject, found in gaps.items()
        ]
    return rows


def _gaps(
    objective: Objective, problem: tuple[FloatArray, FloatArray], capped: bool
) -> Iterator[tuple[str, float]]:
    mean, covariance = problem
    n = len(mean)
    cap = cap_of(n) if capped else 1.0
    jobs = [make_job(mean, covariance, cap, warm, objective) for warm in (False, True)]
    found = [(OURS, evaluate_block(job, 0).weight_mean) for job in jobs]
    if objective == "min_variance":
        mean = np.ones(n)  # the ratio is then one over the volatility
    if is_installed("daqp"):
        weights = solver_peers.daqp_max_sharpe(mean, covariance, solver_peers.daqp_bounds(n, cap))
        found.append(("daqp", np.minimum(weights, cap)))
    if not capped and is_installed("scipy"):
        found.append(("scipy NNLS", solver_peers.nnls_max_sharpe(mean, covariance)))
    for subject, weights in found:
        yield subject, gap_bound(weights, mean, covariance, cap)
