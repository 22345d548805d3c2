"""Whether two processes would give the same bits: canary blocks and a hash of their results."""

import hashlib
import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import cast, get_args

import numpy as np

from optimize.engines.messages import Result
from optimize.engines.protocol import Evaluate
from optimize.engines.wire import encode
from optimize.job import CURVES, BlockResult, DrawJob, Kind, Objective
from stats.compiled import FloatArray, source_fingerprint

_DRAWS, _BLOCK = 12, 8  # two blocks, the second short
_OBSERVATIONS = 90
# Smallest positive double: zero where a library has switched denormals off.
_DENORMAL = 5e-324


def load_evaluate(path: str) -> Evaluate:
    """Import ``module:function``.

    Raises
    ------
    ValueError
        There is no such module or function.
    """
    module, _, name = path.partition(":")
    try:
        return cast(Evaluate, getattr(importlib.import_module(module), name))
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"evaluate={path!r}: must be module:function ({error})") from error


def same_bits(one: BlockResult, other: BlockResult) -> bool:
    """Tell whether two results of a block are equal bit by bit, also in NaN and -0."""
    return _bits(one) == _bits(other)


def misfit(job: DrawJob, result: BlockResult) -> str:
    """Say what about a result cannot be of this job; empty if nothing."""
    block, n = result.block, job.n_assets
    if not 0 <= block < job.n_blocks:
        return f"block {block}: the job has blocks 0 to {job.n_blocks - 1}"
    points = result.count if job.kind in CURVES else 0
    sizes = [len(a) for a in (result.weight_mean, result.weight_m2, result.cloud_return)]
    if sizes != [n, n, points] or len(result.cloud_volatility) != points:
        return f"block {block}: arrays of {sizes} elements, must be {[n, n, points]}"
    return ""


@cache
def canary_job(n_assets: int, kind: Kind, objective: Objective) -> DrawJob:
    """Make a job whose inputs are the same bits anywhere: integers over powers of two.

    The covariance is a sum of outer products added in a fixed order, one of the means is a
    denormal.
    """
    state = 12345 + n_assets
    rows: list[FloatArray] = []
    for _ in range(_OBSERVATIONS):
        row = np.empty(n_assets)
        for asset in range(n_assets):
            state = (1103515245 * state + 12345) % 2**31  # the C standard's example generator
            row[asset] = ((state >> 8) % 2001 - 1000) / 65536.0
        rows.append(row)
    mean, covariance = np.zeros(n_assets), np.zeros((n_assets, n_assets))
    for row in rows:
        mean += row / 64.0
        covariance += row[:, None] * row[None, :] / 128.0
    mean[n_assets // 2] = _DENORMAL
    start = np.zeros(n_assets)
    for array in (mean, covariance, start):
        array.setflags(write=False)
    n_draws = {"exact": 1, "frontier": _BLOCK}.get(kind, _DRAWS)
    return DrawJob(
        kind, mean, covariance, _OBSERVATIONS, objective, 0.5, start, n_draws, _BLOCK, 7, 1
    )


def fingerprint(evaluate: Evaluate) -> str:
    """Hash canary blocks' results, denormal arithmetic, and the sources that make or carry them.

    Those are the kernels with what calls them (`source_fingerprint`) and this package, whose
    messages bring job and result across. A caller's own ``evaluate`` shows by its results.

    Returns
    -------
    str
        16 hexadecimal characters; equal in processes whose results may be mixed.
    """
    digest = hashlib.sha256(source_fingerprint().encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    digest.update((np.array([_DENORMAL]) * 1.0).tobytes())
    for job in _canary_jobs():
        for block in range(job.n_blocks):
            digest.update(_bits(evaluate(job, block)))
    return digest.hexdigest()[:16]


def _canary_jobs() -> Iterator[DrawJob]:
    for n_assets in (7, 50):
        for kind in get_args(Kind):
            for objective in get_args(Objective):
                yield canary_job(n_assets, kind, objective)


def _bits(result: BlockResult) -> bytes:
    return encode(Result(0, result, 0))
