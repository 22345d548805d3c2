import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.covariance import OAS

from stats.estimators import bayes_stein, oas, oas_and_bayes_stein

SIZES = st.integers(1, 12)


def sample(seed: int, n: int, rows: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = rng.normal(0, 1, (n, n)) * rng.uniform(0.1, 2, n)
    return 1e-3 * (rng.normal(0, 1, (rows, n)) @ mixing + rng.normal(0, 0.3, n))


def jorion(mean: np.ndarray, covariance: np.ndarray, rows: int) -> np.ndarray:
    """Bayes-Stein as printed: the precision from (T - 1) / (T - N - 2) S."""
    n = len(mean)
    precision = np.linalg.inv(covariance * (rows - 1) / (rows - n - 2))
    ones = np.ones(n)
    target = ones @ precision @ mean / (ones @ precision @ ones)
    gap = mean - target * ones
    shrinkage = (n + 2) / (n + 2 + rows * gap @ precision @ gap)
    return (1 - shrinkage) * mean + shrinkage * target * ones


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), SIZES, st.integers(0, 200))
def test_bayes_stein_is_jorions(seed, n, more):
    x = sample(seed, n, n + 5 + more)
    mean, covariance = x.mean(axis=0), np.cov(x, rowvar=False).reshape(n, n)
    expected = jorion(mean, covariance, len(x))
    got = bayes_stein(mean, covariance, len(x))
    condition = np.linalg.cond(covariance)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-14 * condition * np.abs(mean).max())


def test_means_shrink_fully_where_rows_say_nothing():
    x = sample(1, 6, 8)
    mean, covariance = x.mean(axis=0), np.cov(x, rowvar=False)
    got = bayes_stein(mean, covariance, 8)
    assert np.ptp(got) < 1e-15
    precision = np.linalg.inv(covariance)
    assert got[0] == pytest.approx(precision.sum(axis=0) @ mean / precision.sum(), rel=1e-9)


def test_identical_and_constant_assets_change_nothing_for_the_others():
    x = sample(2, 4, 100)
    doubled = np.column_stack((x, x[:, 1], np.zeros(100)))
    alone = bayes_stein(x.mean(axis=0), np.cov(x, rowvar=False), 100)
    got = bayes_stein(doubled.mean(axis=0), np.cov(doubled, rowvar=False), 100)
    np.testing.assert_allclose(got[:4], alone, rtol=1e-9)
    assert got[4] == pytest.approx(alone[1], rel=1e-9)
    assert got[5] == 0.0


def test_fewer_rows_than_assets_stay_finite():
    x = sample(3, 12, 5)
    got = bayes_stein(x.mean(axis=0), np.cov(x, rowvar=False), 5)
    assert np.isfinite(got).all()
    assert np.abs(got).max() <= np.abs(x.mean(axis=0)).max() * 12


def test_without_any_variance_means_stay():
    np.testing.assert_array_equal(bayes_stein(np.zeros(3), np.zeros((3, 3)), 50), np.zeros(3))
    np.testing.assert_array_equal(oas(np.zeros((3, 3)), 50), np.zeros((3, 3)))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), SIZES, st.integers(2, 200))
def test_oas_is_scikit_learns_with_one_degree_of_freedom_less(seed, n, rows):
    x = sample(seed, n, rows)
    got = oas(np.cov(x, rowvar=False).reshape(n, n), rows)
    expected = OAS().fit(x).covariance_ * rows / (rows - 1)
    np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-16)
    np.testing.assert_array_equal(got, got.T)
    assert np.linalg.eigvalsh(got).min() > 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), SIZES, st.integers(2, 60))
def test_both_at_once_have_the_bits_of_one_after_the_other(seed, n, rows):
    x = sample(seed, n, rows)
    mean, covariance = x.mean(axis=0), np.cov(x, rowvar=False).reshape(n, n)
    means, shrunk = oas_and_bayes_stein(mean, covariance, rows)
    np.testing.assert_array_equal(shrunk, oas(covariance, rows))
    np.testing.assert_array_equal(means, bayes_stein(mean, shrunk, rows))
    with pytest.raises(ValueError, match="not finite"):
        oas_and_bayes_stein(mean, np.full((n, n), np.inf), rows)
    with pytest.raises(ValueError, match="must be"):
        oas_and_bayes_stein(mean[1:], covariance, rows)
    with pytest.raises(ValueError, match="read-only"):
        shrunk[0, 0] = 1.0


def test_results_are_read_only_and_inputs_untouched():
    x = sample(4, 3, 40)
    mean, covariance = x.mean(axis=0), np.cov(x, rowvar=False)
    copies = mean.copy(), covariance.copy()
    for result in (bayes_stein(mean, covariance, 40), oas(covariance, 40)):
        with pytest.raises(ValueError, match="read-only"):
            result[0] = 1.0
    np.testing.assert_array_equal(mean, copies[0])
    np.testing.assert_array_equal(covariance, copies[1])


def test_bad_input_is_refused():
    good = np.eye(2)
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        oas(np.ones(2), 10)
    with pytest.raises(ValueError, match="not finite"):
        oas(np.full((2, 2), np.nan), 10)
    with pytest.raises(ValueError, match="beyond 1e150"):
        oas(np.diag([1e200, 1.0]), 10)
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="entries that are not finite"):
            bayes_stein(np.zeros(2), np.array([[1.0, 0.0], [0.0, bad]]), 10)
        with pytest.raises(ValueError, match=r"must be \(2,\) and finite"):
            bayes_stein(np.array([0.0, bad]), good, 10)
    with pytest.raises(ValueError, match="n_observations=1"):
        oas(good, 1)
    with pytest.raises(ValueError, match=r"mean has shape \(3,\)"):
        bayes_stein(np.zeros(3), good, 10)
