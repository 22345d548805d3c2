"""An evaluate function without kernels: cheap, pure, and as slow as a job asks."""

import os
import time

import numpy as np

from optimize.job import CURVES, BlockResult, DrawJob


def evaluate(job: DrawJob, block: int) -> BlockResult:
    """Make numbers that depend on every field; ``max_weight`` below 0 raises.

    ``n_observations`` above 1000 waits that many microseconds, so that a test can kill
    something meanwhile.
    """
    if not 0 <= block < job.n_blocks:
        raise ValueError(f"{block=}")
    if job.max_weight < 0:
        raise ValueError(f"max_weight={job.max_weight}: must be in (0, 1]")
    if job.n_observations > 1000:
        time.sleep(job.n_observations / 1e6)
    key = float(job.seed * 7 + job.round * 3 + block)
    weights = np.sqrt(np.abs(job.mean) * (block + 1) + job.start_weights)
    m2 = job.covariance[0] * key / 3.0
    count = min(job.block_size, job.n_draws - block * job.block_size)
    cloud = np.arange(count if job.kind in CURVES else 0) / (key + 1.0)
    return BlockResult(block, count, weights, m2, key / 7.0, key / 11.0, cloud, cloud * 3.0, block)


def broken(job: DrawJob, block: int) -> BlockResult:
    """Differ from `evaluate` in the last bit of one number, in child processes only."""
    result = evaluate(job, block)
    if {"RAY_AUTH_MODE", "SILVERBULLET_SPARK_EVALUATE"} & os.environ.keys():
        result.weight_mean[0] = np.nextafter(result.weight_mean[0], 2.0)
    return result
