import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from optimize import plain_cloud
from optimize.cloud import cloud_block
from optimize.pair_exchange import freeze
from optimize.simplex import FEW, RUN, fill_sizes, turn_exponentials
from tests.optimize.problems import estimates


def measure(mean, covariance, count, *, cap=1.0, seed=4, round_=0, first=0):
    found = np.empty((2, count))
    cloud_block(
        freeze(mean), freeze(covariance), cap, seed, round_, first, found[0], found[1]
    )  # fmt: skip
    return found


def portfolios(n, count, **options):
    """Weights, each as the return where one asset pays 1 and the others nothing."""
    nothing = np.zeros((n, n))
    return np.stack([measure(row, nothing, count, **options)[0] for row in np.eye(n)], axis=1)


def sizes_of(n, cap=1.0):
    sizes = np.empty(64, np.int64)
    return [int(size) for size in sizes[: fill_sizes(n, cap, sizes)]]


def many_of(n, cap):
    """The kinds of draws that share more held assets than a few."""
    return [kind for kind, held in enumerate(sizes_of(n, cap)) if held > FEW]


def kinds_of(weights, n, cap=1.0):
    """The draws of each number of held assets."""
    kind = np.arange(len(weights)) // RUN % len(sizes_of(n, cap))
    return [(held, weights[kind == place]) for place, held in enumerate(sizes_of(n, cap))]


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 40), st.integers(0, 2**40), st.integers(0, 5000), st.integers(1, 200),
    st.sampled_from([1.0, 0.5, 0.3, 0.07, 0.001]),
)  # fmt: skip
def test_draws_are_portfolios_of_their_number_of_assets_within_the_cap(n, seed, first, count, cap):
    weights = portfolios(n, count, cap=cap, seed=seed, first=first)
    most = max(cap, 1.0 / n)
    assert (weights >= 0.0).all()
    assert weights.max() <= most * (1 + 1e-12)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=0, atol=1e-12)
    sizes = sizes_of(n, most)
    held = np.array([sizes[d // RUN % len(sizes)] for d in range(first, first + count)])
    np.testing.assert_array_equal((weights > 0.0).sum(axis=1), held)


@pytest.mark.parametrize(("n", "cap"), [(50, 1.0), (50, 0.3), (50, 0.021), (3, 1.0), (1, 1.0)])
def test_numbers_of_held_assets_halve_from_all_to_as_few_as_the_cap_allows(n, cap):
    sizes = sizes_of(n, cap)
    assert sizes[0] == n
    assert (sizes[-1] - 1) * cap < 1.0 <= sizes[-1] * cap + 1e-12
    assert all(a > b >= a / 2 or b == sizes[-1] for a, b in itertools.pairwise(sizes))


def test_weights_are_even_on_the_simplex_of_the_held_assets():
    # Dirichlet of concentration 1: each weight is beta(1, k - 1), each asset held k / n of times.
    n, count = 12, 40_000
    for held, part in kinds_of(portfolios(n, count), n):
        share = (part > 0.0).mean(axis=0)
        # Runs of more than a few assets share them: those are fewer independent choices.
        choices = len(part) / (RUN if held > FEW else 1)
        error = math.sqrt(held / n * (1 - held / n) / choices)
        assert share == pytest.approx(held / n, abs=5 * error + 1e-12)
        if held > 1:
            values = part[part > 0.0][:: held + 1]
            assert stats.kstest(values, stats.beta(1, held - 1).cdf).pvalue > 0.001


def test_every_pair_of_assets_is_as_likely_as_any_other():
    n, count = 11, 5 * 4000 * 2
    pairs = dict(kinds_of(portfolios(n, count), n))[2]
    assert len(pairs) > 7000
    held = np.sort(np.argsort(pairs, axis=1)[:, -2:], axis=1)
    found = np.bincount(held[:, 0] * n + held[:, 1], minlength=n * n)
    expected = np.triu(np.ones((n, n)), 1).reshape(-1) > 0
    assert not found[~expected].any()
    # A random order serves 128 pairs, which are more even than chance: so from above only.
    assert stats.chisquare(found[expected]).pvalue > 0.001


def test_the_cloud_reaches_corners_edges_and_middle():
    weights = portfolios(100, 800)
    most = weights.max(axis=1)
    assert (most > 0.9).mean() > 0.1
    assert (most < 0.1).mean() > 0.2
    assert ((weights > 0.0).sum(axis=1) == 2).mean() > 0.1
    capped = portfolios(100, 800, cap=0.25)
    # As few assets as the cap allows are all at it: a corner of what is left of the simplex.
    assert (np.sort(capped, axis=1)[:, -4:].min(axis=1) > 0.25 - 1e-12).mean() > 0.1


@pytest.mark.parametrize(("n", "cap"), [(13, 1.0), (13, 0.2), (300, 1.0), (300, 0.05)])
def test_returns_and_risks_are_those_of_the_weights(n, cap):
    mean, covariance = estimates(5, n, n + 80)
    count = 333
    options = {"cap": cap, "seed": 6, "round_": 2, "first": 50}
    weights = portfolios(n, count, **options)
    returns, risks = measure(mean, covariance, count, **options)
    np.testing.assert_allclose(returns, weights @ mean, rtol=1e-11, atol=1e-15)
    is_many = np.isin(np.arange(50, 50 + count) // RUN % len(sizes_of(n, cap)), many_of(n, cap))
    variances = np.einsum("di,ij,dj->d", weights, covariance, weights, optimize=True)
    gross = np.einsum("di,ij,dj->d", weights, np.abs(covariance), weights, optimize=True)
    # Of few held assets in doubles; of many in floats, whose half a last place is 6e-8.
    error = np.abs(risks**2 - variances) / gross
    assert error[~is_many].max(initial=0.0) < 1e-13
    assert error[is_many].max(initial=0.0) < 4e-6
    assert is_many.any()


@pytest.mark.parametrize("scale", [1e-30, 1e-9, 1e9])
def test_risks_scale_with_the_covariance_far_from_what_a_float_cannot_hold(scale):
    mean, covariance = estimates(5, 60, 140)
    plain, scaled = (measure(mean, covariance * by, 400)[1] for by in (1.0, scale))
    np.testing.assert_allclose(scaled, plain * np.sqrt(scale), rtol=2e-6)


# More assets than a tile of covariances is wide, and many runs that share what they hold.
def test_many_assets_have_the_bits_of_the_plain_twin():
    mean, covariance = estimates(5, 300, 380)
    plain = np.empty((2, 500))
    plain_cloud.cloud_block(mean, covariance, 0.01, 3, 1, 5, plain[0], plain[1])
    found = measure(mean, covariance, 500, cap=0.01, seed=3, round_=1, first=5)
    np.testing.assert_array_equal(found, plain)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([1, 7, 40, 70]), st.lists(st.integers(0, 1500), max_size=6),
    st.sampled_from([1.0, 0.1]),
)  # fmt: skip
def test_any_part_of_a_cloud_has_the_bits_of_the_whole(n, cuts, cap):
    mean, covariance = estimates(2, n, n + 30)
    whole = measure(mean, covariance, 1500, cap=cap, first=11)
    edges = sorted({0, 1500, *cuts})
    for begin, end in itertools.pairwise(edges):
        part = measure(mean, covariance, end - begin, cap=cap, first=11 + begin)
        np.testing.assert_array_equal(part, whole[:, begin:end])


def test_other_seeds_rounds_and_draws_give_other_portfolios():
    mean, covariance = estimates(2, 20, 60)
    clouds = [
        measure(mean, covariance, 40, **options)[1, :8]
        for options in ({}, {"seed": 5}, {"round_": 1}, {"first": 6 * RUN * 16})
    ]
    assert len(np.unique(clouds)) == 32


def test_exponentials_are_minus_logarithms_of_32_bits():
    ends = [0, 1, 2**31, 2**32 - 2, 2**32 - 1, 3037000499, 3037000500]
    words = ends + [int(w) for w in np.random.default_rng(1).integers(0, 2**32, 20_009)]
    upper, lower = np.reshape(words, (2, -1)).astype(np.uint64)
    found = np.empty(len(words))
    turn_exponentials(upper << np.uint64(32) | lower, found)
    # log1p of what is missing to 1: exact where the uniform is near 1.
    expected = -np.log1p(-(2.0**32 - np.array(words) - 0.5) / 2.0**32)
    assert (found > 0.0).all()
    assert found == pytest.approx(expected, rel=3e-8)
    assert stats.kstest(found[len(ends) :], "expon").pvalue > 0.001


@pytest.mark.parametrize("n", [1, 6, 20])
def test_assets_without_variance_give_a_cloud_without_risk(n):
    returns, risks = measure(np.full(n, 0.5), np.zeros((n, n)), 100)
    assert not risks.any()
    np.testing.assert_allclose(returns, 0.5, rtol=1e-12)
