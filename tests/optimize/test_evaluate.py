import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from optimize import efficient_frontier, solve
from optimize.evaluate import evaluate_block, evaluate_job, merge_blocks
from optimize.outcome import optimality_gap
from tests.optimize.problems import estimates, make_job, nnls_optimum, run, sharpe, volatility

KINDS = ("exact", "resample", "cloud", "frontier")


def bits(value) -> list[bytes]:
    """Every field of a result or an outcome, bit by bit."""
    fields = (getattr(value, name) for name in value.__struct_fields__)
    return [
        repr(f).encode() if isinstance(f, (str, type(None))) else np.asarray(f).tobytes()
        for f in fields
    ]


@pytest.fixture(params=KINDS)
def job(request):
    mean, covariance = estimates(31, 12, 150)
    draws = {"exact": 1, "frontier": 24}.get(request.param, 300)
    return make_job(mean, covariance, kind=request.param, n_draws=draws, n_observations=150)


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False), st.sampled_from(["resample", "cloud"]))
def test_any_order_of_blocks_gives_the_same_bits(random, kind):
    job = make_job(*estimates(31, 12, 150), kind=kind, n_draws=300)
    blocks = list(range(job.n_blocks))
    random.shuffle(blocks)
    assert bits(run(job, blocks)) == bits(run(job))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(1, 20),
    st.sampled_from(["max_sharpe", "min_variance"]),
    st.sampled_from([1.0, 0.3, 0.04]),
    st.booleans(),
)
def test_an_exact_job_solved_in_one_go_has_the_bits_of_its_block(seed, n, objective, cap, warm):
    job = make_job(*estimates(seed, n, 40), kind="exact", objective=objective, max_weight=cap)
    if warm:
        before = evaluate_job(make_job(*estimates(seed + 1, n, 40), kind="exact")).weights
        job = structs.replace(job, start_weights=before)
    assert bits(evaluate_job(job)) == bits(run(job))


@pytest.mark.parametrize(("seed", "n"), [(293, 8), (224, 7)])
@pytest.mark.parametrize("objective", ["max_sharpe", "min_variance"])
def test_where_the_exchanges_do_not_end_the_block_has_the_same_bits_too(seed, n, objective):
    rows = np.random.default_rng(seed).normal(size=(n - 2, n)) + 0.3
    mean, covariance = rows.mean(axis=0), np.cov(rows, rowvar=False)
    job = make_job(mean, covariance, kind="exact", n_draws=1, objective=objective)
    assert "bound on exchanges" in evaluate_job(job).status
    assert bits(evaluate_job(job)) == bits(run(job))


def test_a_block_does_not_depend_on_the_other_blocks(job):
    alone = [bits(evaluate_block(job, block)) for block in range(job.n_blocks)]
    backwards = [bits(evaluate_block(job, block)) for block in reversed(range(job.n_blocks))]
    assert alone == backwards[::-1]
    if job.n_blocks > 1:
        fewer = structs.replace(job, n_draws=64)
        assert bits(evaluate_block(fewer, 1)) == alone[1]
        assert evaluate_block(job, job.n_blocks - 1).count == 300 % 32


def test_threads_and_processes_give_the_same_bits(job, tmp_path):
    expected = bits(run(job))
    with ThreadPoolExecutor(4) as pool:
        several = list(
            pool.map(lambda block: evaluate_block(job, block), list(range(job.n_blocks)) * 3)
        )
    for start in range(3):
        part = several[start * job.n_blocks : (start + 1) * job.n_blocks]
        assert bits(merge_blocks(job, part)) == expected
    program = (
        "from tests.optimize.test_evaluate import bits, run\n"
        "from tests.optimize.problems import estimates, make_job\n"
        "job = make_job(*estimates(31, 12, 150), "
        f"kind={job.kind!r}, n_draws={job.n_draws}, n_observations=150)\n"
        "print(b'|'.join(bits(run(job))).hex())"
    )
    root = Path(__file__).parents[2]
    other = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root
    )
    assert other.stdout.strip() == b"|".join(expected).hex()


def test_the_merge_is_the_mean_and_deviation_of_all_draws():
    job = make_job(*estimates(7, 9, 80), n_draws=100, n_observations=80)
    single = structs.replace(job, block_size=1)
    weights = np.array([evaluate_block(single, d).weight_mean for d in range(100)])
    ratios = np.array([evaluate_block(single, d).sharpe_mean for d in range(100)])
    for size in (1, 7, 32, 100):
        found = run(structs.replace(job, block_size=size))
        np.testing.assert_allclose(found.weights, weights.mean(axis=0), rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(
            found.weight_stddev, weights.std(axis=0, ddof=1), rtol=1e-10, atol=1e-15
        )
        assert found.sharpe_stddev == pytest.approx(ratios.std(ddof=1), rel=1e-10)
    assert (weights.std(axis=0) > 0).any()


@pytest.mark.parametrize("objective", ["max_sharpe", "min_variance"])
def test_every_draw_is_solved_exactly(objective):
    # Rebuild each draw's estimates and give them to scipy's non-negative least squares.
    from optimize.factor import factorise
    from optimize.posterior import draw_posterior

    mean, covariance = estimates(8, 7, 60)
    mean = mean + 0.002
    job = make_job(
        mean, covariance, objective=objective, n_draws=50, block_size=1, n_observations=60
    )
    factor, drawn, mu = np.empty((7, 7)), np.empty((7, 7)), np.empty(7)
    factorise(covariance, factor)
    for draw in range(50):
        draw_posterior(mean, factor, 60, job.seed, job.round, draw, mu, drawn)
        sigma = drawn.T @ drawn
        found = evaluate_block(job, draw)
        if objective == "min_variance" or mu.max() <= 0.0:
            best = nnls_optimum(np.ones(7), sigma)
            ours = volatility(found.weight_mean, sigma)
            assert ours == pytest.approx(volatility(best, sigma), rel=1e-9)
        else:
            best = nnls_optimum(mu, sigma)
            assert found.sharpe_mean == pytest.approx(sharpe(best, mu, sigma), rel=1e-9)
        np.testing.assert_allclose(found.weight_mean, best, atol=1e-4)


def test_an_exact_job_is_what_solve_finds_with_no_gap():
    mean, covariance = estimates(31, 12, 150)
    found = run(make_job(mean, covariance, kind="exact", n_draws=1, max_weight=0.3))
    alone = solve(mean=mean, covariance=covariance, max_weight=0.3)
    np.testing.assert_array_equal(found.weights, alone.weights)
    assert (found.sharpe, found.status, found.exchanges) == (
        alone.sharpe,
        alone.status,
        alone.exchanges,
    )
    assert found.optimality_gap == 0.0
    assert found.sharpe_stddev is None
    assert not found.weight_stddev.any()


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(0, 10**6),
    st.sampled_from([1.0, 0.2, 0.01]),
    st.sampled_from(["max_sharpe", "min_variance"]),
)
def test_outcomes_are_valid_portfolios_with_the_price_of_robustness(n, seed, cap, objective):
    mean, covariance = estimates(seed, n, n + 20)
    job = make_job(
        mean, covariance, objective=objective, max_weight=cap, n_draws=64, n_observations=n + 20
    )
    found = run(job)
    assert (found.weights >= 0.0).all()
    assert (found.weights <= max(cap, 1 / n)).all()
    assert abs(found.weights.sum() - 1.0) < 1e-12
    best = solve(mean=mean, covariance=covariance, objective=objective, max_weight=cap)
    risk = volatility(found.weights, covariance)
    assert found.volatility == pytest.approx(risk, rel=1e-12)
    if objective == "max_sharpe" and best.expected_return > 0.0:
        expected = 1.0 - (found.weights @ mean / risk) / best.sharpe
    else:
        expected = risk / best.volatility - 1.0
    assert found.optimality_gap == pytest.approx(max(expected, 0.0), abs=1e-9)
    assert found.optimality_gap >= 0.0
    assert found.status == best.status


@pytest.mark.parametrize(("n", "standing"), [(10, 0.02), (50, 0.02)])
def test_near_estimates_give_near_portfolios(n, standing):
    mean, covariance = estimates(17, n, 500)
    nudged = mean * (1.0 + 0.001 * np.sin(np.arange(n)))
    job = make_job(mean, covariance, n_draws=256, n_observations=500)
    base = run(job).weights
    moved = run(structs.replace(job, mean=nudged)).weights
    other_numbers = run(structs.replace(job, round=1)).weights
    turnover = np.abs(base - moved).sum() / 2
    assert 0.0 < turnover < 0.002
    assert turnover < 0.1 * np.abs(base - other_numbers).sum() / 2 < standing


def test_other_seeds_and_rounds_give_other_draws():
    job = make_job(*estimates(17, 10, 100))
    weights = [
        run(structs.replace(job, **change)).weights for change in ({}, {"seed": 12}, {"round": 1})
    ]
    assert not np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def degenerate():
    few = np.cov(np.random.default_rng(1).normal(size=(5, 12)), rowvar=False)
    mean, covariance = estimates(2, 6, 60)
    twin = [0, 1, 2, 3, 4, 5, 5]
    return [
        ("constant", np.zeros(4), np.zeros((4, 4)), 100, "no asset has any variance"),
        ("one asset", np.array([0.1]), np.array([[1.0]]), 100, "one asset"),
        ("few rows", np.full(12, 0.01), few, 5, "no more rows than assets"),
        ("twins", np.abs(mean)[twin], covariance[np.ix_(twin, twin)], 60, ""),
        ("falling", -np.abs(mean), covariance, 60, "no portfolio has a positive"),
        ("riskless riser", np.array([1.0, 0.5]), np.diag([0.0, 1.0]), 60, "variance is zero"),
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "mean", "covariance", "rows", "reason"), degenerate())
@pytest.mark.parametrize("objective", ["max_sharpe", "min_variance"])
def test_degenerate_estimates_give_a_finite_outcome(
    kind, name, mean, covariance, rows, reason, objective
):
    job = make_job(
        mean,
        covariance,
        kind=kind,
        n_draws=24 if kind == "frontier" else 40,
        n_observations=rows,
        objective=objective,
    )
    found = run(job)
    for value in (found.weights, found.weight_stddev, found.cloud_return, found.cloud_volatility):
        assert np.isfinite(value).all()
    assert abs(found.weights.sum() - 1.0) < 1e-9
    assert (found.weights >= 0.0).all()
    assert math.isfinite(found.optimality_gap)
    assert found.sharpe is None or math.isfinite(found.sharpe)
    assert found.sharpe_stddev is None or math.isfinite(found.sharpe_stddev)
    if objective == "max_sharpe":
        assert reason in found.status


def test_a_cloud_has_a_point_a_draw_and_the_exact_portfolio():
    mean, covariance = estimates(31, 12, 150)
    found = run(make_job(mean, covariance, kind="cloud", n_draws=300))
    assert len(found.cloud_return) == len(found.cloud_volatility) == 300
    np.testing.assert_array_equal(found.weights, solve(mean=mean, covariance=covariance).weights)
    assert (found.cloud_volatility > 0.0).all()


def test_a_frontier_has_the_points_of_the_efficient_frontier():
    mean, covariance = estimates(31, 12, 150)
    found = run(make_job(mean, covariance, kind="frontier", n_draws=24, max_weight=0.3))
    wanted = efficient_frontier(mean=mean, covariance=covariance, max_weight=0.3)
    np.testing.assert_array_equal(found.cloud_return, wanted.expected_return)
    np.testing.assert_array_equal(found.cloud_volatility, wanted.volatility)


def test_a_frontier_in_several_blocks_is_refused():
    job = make_job(*estimates(31, 12, 150), kind="frontier", n_draws=300)
    with pytest.raises(ValueError, match="a frontier of 10 blocks: it is traced in one"):
        evaluate_block(job, 0)


@pytest.mark.parametrize("blocks", [[0], [0, 1, 2, 2], [0, 1, 2, 3, 3], []])
def test_missing_and_repeated_blocks_are_refused(blocks):
    job = make_job(*estimates(7, 5, 50), n_draws=100)
    results = [evaluate_block(job, block) for block in blocks]
    with pytest.raises(ValueError, match="give each of them once"):
        merge_blocks(job, results)


@pytest.mark.parametrize("block", [-1, 4])
def test_a_block_that_the_job_does_not_have_is_refused(block):
    with pytest.raises(ValueError, match="blocks 0 to 3"):
        evaluate_block(make_job(*estimates(7, 5, 50), n_draws=100), block)


@pytest.mark.parametrize(
    ("by_sharpe", "found", "best", "gap"),
    [
        (True, (1.0, 2.0), (1.0, 1.0), 0.5),
        (False, (1.0, 3.0), (1.0, 2.0), 0.5),
        (True, (-1.0, 1.0), (1.0, 1.0), 2.0),
        (False, (0.0, 1.0), (0.0, 0.0), 1.0),
        (True, (1.0, 0.0), (1.0, 0.0), 0.0),
        (True, (1.0, 1.0), (1.0 - 1e-15, 1.0), 0.0),
    ],
)
def test_the_gap_is_the_share_of_the_optimum_missed(by_sharpe, found, best, gap):
    assert optimality_gap(by_sharpe, *found, *best) == pytest.approx(gap)
