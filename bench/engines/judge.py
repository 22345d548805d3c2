"""Whether an answer is right: our kernels' bits, or plain numpy's averages; and its merging."""

import hashlib
from collections.abc import Sequence
from functools import cache

import numpy as np

from bench.contest import WrongResultError
from bench.engines.jobs import Mode, evaluate, make_job
from optimize.engines.messages import Result
from optimize.engines.wire import encode
from optimize.evaluate import merge_blocks
from optimize.job import BlockResult, DrawJob
from stats.compiled import FloatArray

# Two averages of independent draws differ by more once in 5e8 comparisons.
_STANDARD_ERRORS = 6.0


def digest(results: Sequence[BlockResult]) -> str:
    """Hash results bit by bit, in the order of blocks."""
    found = hashlib.sha256()
    for result in results:
        found.update(encode(Result(0, result, 0)))
    return found.hexdigest()


@cache
def expected_results(name: str) -> tuple[BlockResult, ...]:
    """Evaluate a job here, block by block; every subject's answers are compared with it."""
    job = make_job(name)
    return tuple(evaluate(job, block) for block in range(job.n_blocks))


@cache
def _expected_digest(name: str) -> str:
    return digest(expected_results(name))


def merge(mode: Mode, name: str, job: DrawJob, results: Sequence[BlockResult]) -> None:
    """Make a decision of the blocks, as the pipeline does, or a user of numpy."""
    if name == "empty":
        return
    if mode == "kernels":
        merge_blocks(job, results)
    else:
        _average(results)


def check(mode: Mode, name: str, results: Sequence[BlockResult]) -> None:
    """Compare an answer with `expected_results`.

    Raises
    ------
    WrongResultError
        Bits differ, or averages by more than 6 standard errors.
    """
    wrong = _misses_bits(name, results) if mode == "kernels" else _misses_averages(name, results)
    if wrong:
        raise WrongResultError(f"{name}: {wrong}")


def _misses_bits(name: str, results: Sequence[BlockResult]) -> str:
    if digest(results) == _expected_digest(name):
        return ""
    wanted = expected_results(name)
    if [one.block for one in results] != [one.block for one in wanted]:
        return f"{len(results)} blocks, or not in order, instead of {len(wanted)}"
    pairs = zip(wanted, results, strict=True)
    differing = [one.block for one, other in pairs if digest([one]) != digest([other])]
    return f"blocks {differing} differ in their bits from those evaluated here"


def _misses_averages(name: str, results: Sequence[BlockResult]) -> str:
    for place, (ours, theirs) in enumerate(
        zip(_average(expected_results(name)), _average(results), strict=True)
    ):
        (mean, deviation, n), (other, spread, m) = ours, theirs
        error = np.sqrt(deviation**2 / n + spread**2 / m) + 1e-12
        scores = np.abs(mean - other) / error
        if not (np.isfinite(scores).all() and scores.max() <= _STANDARD_ERRORS):
            return f"average {place} is off by {scores.max():.1f} standard errors"
    return ""


def _average(results: Sequence[BlockResult]) -> list[tuple[FloatArray, FloatArray, int]]:
    """Give mean, deviation and number of what blocks hold (Chan, Golub and LeVeque 1979)."""
    counts = np.array([one.count for one in results], np.float64)
    n = int(counts.sum())
    if len(results[0].cloud_return):
        clouds = [(one.cloud_return, one.cloud_volatility) for one in results]
        joined = (np.concatenate(parts) for parts in zip(*clouds, strict=True))
        return [(one.mean(keepdims=True), one.std(keepdims=True), n) for one in joined]
    means = np.stack([one.weight_mean for one in results])
    mean = counts @ means / n
    m2 = sum(one.weight_m2 for one in results) + counts @ (means - mean) ** 2
    return [(mean, np.sqrt(m2 / max(n - 1, 1)), n)]
