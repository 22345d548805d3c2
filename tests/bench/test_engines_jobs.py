import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.contest import WrongResultError
from bench.engines.jobs import (
    JOBS,
    Mode,
    evaluate,
    make_job,
    run_share,
    stalled,
    trace_of,
    traced,
)
from bench.engines.judge import check, digest, expected_results, merge
from optimize.engines.fingerprint import same_bits
from optimize.evaluate import evaluate_block


@pytest.mark.parametrize("name", ["resample-10", "cloud-100"])
def test_engines_run_our_own_blocks_and_a_trace_changes_nothing_else(name: str):
    job = make_job(name)
    wanted = evaluate_block(job, 3)
    assert same_bits(evaluate(job, 3), wanted)
    found = evaluate(traced(job), 3)
    begin, end = trace_of(found)
    assert 0 < begin < end < begin + 10**10
    back = replace(found, exchanges=wanted.exchanges, sharpe_m2=wanted.sharpe_m2)
    assert same_bits(back, wanted)


def test_a_stalled_block_takes_200_ms_and_is_right_all_the_same():
    job = make_job("empty")
    began_s = time.monotonic()
    found = evaluate(stalled(job), 0)
    assert time.monotonic() - began_s >= 0.2
    assert same_bits(found, evaluate(job, 0))


def test_an_unknown_job_is_refused_by_name():
    with pytest.raises(ValueError, match="'resample-7'"):
        make_job("resample-7")


@given(st.integers(1, 32))
def test_shares_are_all_blocks_once_and_in_order(shares: int):
    job = make_job("resample-10")
    found = [one for share in range(shares) for one in run_share("kernels", job, share, shares)]
    check("kernels", "resample-10", found)


# Not resample-100, the same code for a second more.
@pytest.mark.parametrize("name", [name for name in JOBS if name != "resample-100"])
@pytest.mark.parametrize("shares", [1, 2])
def test_numpy_does_the_same_job(name: str, shares: int):
    mode: Mode = "numpy"
    job = make_job(name)
    shares = min(shares, job.n_blocks)
    found = [one for share in range(shares) for one in run_share(mode, job, share, shares)]
    check(mode, name, found)
    merge(mode, name, job, found)
    assert sum(one.count for one in found) == job.n_draws


def test_one_bit_of_one_block_is_found_and_named():
    wanted = list(expected_results("resample-10"))
    weights = wanted[7].weight_mean.copy()
    weights[2] = np.nextafter(weights[2], 2.0)
    wrong = [*wanted[:7], replace(wanted[7], weight_mean=weights), *wanted[8:]]
    with pytest.raises(WrongResultError, match=r"resample-10: blocks \[7\]"):
        check("kernels", "resample-10", wrong)
    with pytest.raises(WrongResultError, match="31 blocks"):
        check("kernels", "resample-10", wanted[:-1])
    with pytest.raises(WrongResultError, match="not in order"):
        check("kernels", "resample-10", wanted[::-1])
    assert digest(wanted) != digest(wrong)


@pytest.mark.parametrize("name", ["resample-10", "cloud-100"])
def test_numpy_that_does_another_job_is_found(name: str):
    job = make_job(name)
    other = replace(job, mean=job.mean * 1.5 + 1e-4 * np.arange(job.n_assets))
    found = run_share("numpy", other, 0, 1)
    with pytest.raises(WrongResultError, match="standard errors"):
        check("numpy", name, found)
