"""What a solver's Sharpe ratios miss of the optimum at most, by a bound that needs no solver.

By duality no ratio's square is above p'Sigma^-1 p, where p is the mean plus a multiplier >= 0 of
each bound: l of y_i >= 0 adds l, c of y_i <= cap sum(y) adds cap sum(c) - c. With y the portfolio
found, scaled so that mean'y = y'Sigma y, multipliers are chosen for which p is Sigma y but for a
small rest r: the bound is y'Sigma y + 2 y'r + r'Sigma^-1 r.
"""

import math

import numpy as np
from numpy.typing import NDArray

from bench import peers, solver_peers
from bench.rows import OURS, Row, make_row
from bench.solver_cases import SIZES, cap_of, make_family, make_job
from bench.solver_goals import DENSE, GAP_UNIT, SPARSE, gap_name
from optimize.evaluate import evaluate_block
from stats.compiled import FloatArray

# A gap of nothing is told as the rounding of a ratio.
_ROUNDING = 2.0**-52
_SEEDS = (1, 2)
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
    for family in (SPARSE, DENSE):
        for capped in (False, True):
            gaps: dict[str, list[float]] = {}
            for n in SIZES:
                for seed in _SEEDS if n < max(SIZES) else _SEEDS[:1]:
                    _add_gaps(gaps, family, n, seed, capped)
            rows += [
                make_row(gap_name(family, capped), subject, GAP_UNIT, [np.array(found)])
                for subject, found in gaps.items()
            ]
    return rows


def _add_gaps(
    gaps: dict[str, list[float]], family: str, n_assets: int, seed: int, capped: bool
) -> None:
    mean, covariance = make_family(family, n_assets, seed)
    cap = cap_of(n_assets) if capped else 1.0
    found = [
        (OURS, evaluate_block(make_job(mean, covariance, cap, warm), 0).weight_mean)
        for warm in (False, True)
    ]
    if peers.is_installed("daqp"):
        weights = solver_peers.daqp_max_sharpe(mean, covariance, cap)
        found.append(("daqp", np.minimum(weights, cap)))
    if not capped and peers.is_installed("scipy"):
        found.append(("scipy NNLS", peers.nnls_max_sharpe(mean, covariance)))
    for subject, weights in found:
        gaps.setdefault(subject, []).append(gap_bound(weights, mean, covariance, cap))
