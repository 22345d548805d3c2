"""The jobs of ``bench engines``, and what workers run for them: our kernels, or plain numpy."""

import math
import time
from collections.abc import Callable
from typing import Literal

import numpy as np
from msgspec.structs import replace

from bench.kernels.draw_cases import sizes_of
from bench.kernels.draw_peers import numpy_cloud, scipy_resample
from bench.kernels.solver_problems import make_problem
from optimize.evaluate import evaluate_block
from optimize.job import BlockResult, DrawJob
from optimize.pair_exchange import freeze

EVALUATE = "bench.engines.jobs:evaluate"
JOBS = ("empty", "resample-10", "resample-50", "resample-100", "cloud-100")
STALL_NS = 200_000_000
Mode = Literal["kernels", "numpy"]

_OBSERVATIONS, _BLOCK = 300, 32
_DRAWS, _PORTFOLIOS = 1024, 1000
# No job of ours has these: they say what a worker does beside, or instead of, its work.
_EMPTY_SEED = 4_000_001
_ROUND, _TRACED_ROUND, _STALLED_ROUND = 0, 4_000_002, 4_000_003
_NOTHING = freeze(np.empty(0))
_ONE = freeze(np.ones(1))
_EMPTY_RESULT = BlockResult(0, 1, _ONE, _ONE, 0.0, 0.0, _NOTHING, _NOTHING, 0)


def make_job(name: str) -> DrawJob:
    """Make a job by its name.

    Raises
    ------
    ValueError
        There is no such job.
    """
    kind, _, size = name.partition("-")
    if name not in JOBS:
        raise ValueError(f"job {name!r}: there are {', '.join(JOBS)}")
    if kind == "empty":
        mean, covariance, draws, seed = np.full(1, 1e-3), np.full((1, 1), 1e-6), 1, _EMPTY_SEED
    else:
        mean, covariance = make_problem(int(size))
        draws, seed = (_PORTFOLIOS if kind == "cloud" else _DRAWS), 1
    start = np.zeros(len(mean))
    return DrawJob(
        "cloud" if kind == "cloud" else "resample", freeze(mean), freeze(covariance),
        _OBSERVATIONS, "max_sharpe", 1.0, freeze(start), draws, _BLOCK, seed, _ROUND,
    )  # fmt: skip


def traced(job: DrawJob) -> DrawJob:
    """Have workers write into the results when they began, and for how long they were at it."""
    return replace(job, round=_TRACED_ROUND)


def stalled(job: DrawJob) -> DrawJob:
    """Have workers wait 200 ms before each block."""
    return replace(job, round=_STALLED_ROUND)


def evaluate(job: DrawJob, block: int) -> BlockResult:
    """Evaluate a block as `optimize.evaluate.evaluate_block` does; what engines run here."""
    return _beside(job, lambda own: evaluate_block(own, block))


def run_share(mode: Mode, job: DrawJob, share: int, shares: int) -> list[BlockResult]:
    """Do one of equal shares of a job; what the peers' workers run.

    Parameters
    ----------
    mode
        ``kernels``: our blocks, so that only the way to the workers differs from ours;
        ``numpy``: what a user would write instead, as one block a share.
    """
    if mode == "numpy":
        return [_beside(job, lambda own: _numpy_share(own, share, shares))]
    first, last = (job.n_blocks * k // shares for k in (share, share + 1))
    return [evaluate(job, block) for block in range(first, last)]


def trace_of(result: BlockResult) -> tuple[int, int]:
    """Give begin and end of a traced block, ns of the machine's monotonic clock."""
    return result.exchanges, result.exchanges + int(result.sharpe_m2)


def _beside(job: DrawJob, work: Callable[[DrawJob], BlockResult]) -> BlockResult:
    began_ns = time.monotonic_ns()
    if job.round == _STALLED_ROUND:
        time.sleep(STALL_NS / 1e9)
    own = replace(job, round=_ROUND) if job.round in {_TRACED_ROUND, _STALLED_ROUND} else job
    result = _EMPTY_RESULT if job.seed == _EMPTY_SEED else work(own)
    if job.round != _TRACED_ROUND:
        return result
    # One machine, one monotonic clock for all its processes. 2^53 ns are 104 days.
    took_ns = time.monotonic_ns() - began_ns
    return replace(result, exchanges=began_ns, sharpe_m2=float(took_ns))


def _numpy_share(job: DrawJob, share: int, shares: int) -> BlockResult:
    first, last = (job.n_draws * k // shares for k in (share, share + 1))
    count = last - first
    returns = volatilities = _NOTHING
    mean = m2 = np.zeros(job.n_assets)
    if job.kind == "cloud":
        sizes, counts = sizes_of(job.n_assets, count)
        returns, volatilities = numpy_cloud(
            job.mean, job.covariance, counts, sizes, job.seed + share
        )
    else:
        weights = scipy_resample(
            job.mean, job.covariance, job.n_observations, count, job.seed + share
        )
        mean = weights.mean(axis=0)
        m2 = ((weights - mean) ** 2).sum(axis=0)
    return BlockResult(share, count, mean, m2, math.nan, math.nan, returns, volatilities, 0)
