"""What a task of a foreign scheduler runs on its worker."""

import os
import time
from collections.abc import Sequence

from optimize.engines import messages
from optimize.engines.fingerprint import fingerprint, load_evaluate
from optimize.engines.wire import decode, encode


def evaluate_group(
    frame: bytes, blocks: Sequence[int], evaluate: str, budget_ns: int
) -> list[bytes]:
    """Evaluate blocks on a worker; the job comes, and the results go, as wire frames.

    Stops before the next block once ``budget_ns`` are spent: the rest is the host's to give out
    again. So a wrong guess of a block's time never holds results, or a worker, for long.
    """
    job = decode(frame)
    if not isinstance(job, messages.Job):
        raise TypeError(f"{type(job).__name__} instead of a job")
    function = load_evaluate(evaluate)
    frames: list[bytes] = []
    limit_ns = time.perf_counter_ns() + budget_ns
    for block in blocks:
        begun_ns = time.perf_counter_ns()
        if frames and begun_ns > limit_ns:
            break
        answer: messages.Message
        try:
            result = function(job.job, block)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the block's answer
            answer = messages.Failed(job.job_id, (block,), f"{type(error).__name__}: {error}")
        else:
            took_ns = time.perf_counter_ns() - begun_ns
            answer = messages.Result(job.job_id, result, took_ns, str(os.getpid()))
        frames.append(encode(answer))
    return frames


def worker_fingerprint(evaluate: str) -> str:
    """Compute a worker's fingerprint; loads its kernels on the way."""
    return fingerprint(load_evaluate(evaluate))
