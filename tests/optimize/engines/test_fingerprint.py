"""Canaries: the same anywhere, and different as soon as one bit is."""

from fractions import Fraction

import numpy as np
import pytest

from optimize.engines.fingerprint import canary_job, fingerprint, load_evaluate, misfit, same_bits
from optimize.job import BlockResult, DrawJob
from tests.optimize.engines.fake import evaluate
from tests.optimize.engines.rigs import FAKE, draw_job


def test_canary_inputs_are_exact_numbers() -> None:
    """Sums of integers over powers of two: rational arithmetic must give the same bits."""
    job = canary_job(7, "resample", "max_sharpe")
    state, rows = 12345 + 7, []
    for _ in range(90):
        row = []
        for _ in range(7):
            state = (1103515245 * state + 12345) % 2**31
            row.append(Fraction((state >> 8) % 2001 - 1000, 65536))
        rows.append(row)
    for i in range(7):
        for j in range(7):
            exact = sum(row[i] * row[j] for row in rows) / 128
            assert Fraction(float(job.covariance[i, j])) == exact
        if i != 3:
            assert Fraction(float(job.mean[i])) == sum(row[i] for row in rows) / 64
    assert job.mean[3] == 5e-324
    assert np.linalg.eigvalsh(job.covariance)[0] > 0


def test_fingerprint_is_stable_and_sees_one_bit_in_one_block() -> None:
    def differs(job: DrawJob, block: int) -> BlockResult:
        result = evaluate(job, block)
        if (job.n_assets, job.kind, job.objective, block) == (50, "cloud", "min_variance", 1):
            result.weight_m2[49] = np.nextafter(result.weight_m2[49], 2.0)
        return result

    assert fingerprint(evaluate) == fingerprint(evaluate)
    assert fingerprint(differs) != fingerprint(evaluate)


def test_bits_are_compared_not_values() -> None:
    one, other = evaluate(draw_job(3), 0), evaluate(draw_job(3), 0)
    one.weight_mean[0] = other.weight_mean[0] = np.nan
    assert same_bits(one, other)
    one.weight_m2[1], other.weight_m2[1] = 0.0, -0.0
    assert not same_bits(one, other)


def test_misfit_names_what_cannot_be_of_the_job() -> None:
    job, cloud = draw_job(4), draw_job(4, kind="cloud")
    assert misfit(job, evaluate(job, 0)) == ""
    assert misfit(cloud, evaluate(cloud, 0)) == ""
    assert "arrays of [5, 5, 0] elements, must be [4, 4, 0]" in misfit(
        job, evaluate(draw_job(5), 0)
    )
    assert "must be [4, 4, 32]" in misfit(cloud, evaluate(job, 0))
    long = draw_job(4, n_draws=32 * 99)
    assert "block 60: the job has blocks 0 to 7" in misfit(job, evaluate(long, 60))


def test_evaluate_is_loaded_by_its_name_and_a_wrong_name_is_refused() -> None:
    assert load_evaluate(FAKE) is evaluate
    for path in ("no_such_module:f", f"{FAKE}x", "nonsense", ":"):
        with pytest.raises(ValueError, match="must be module:function"):
            load_evaluate(path)
