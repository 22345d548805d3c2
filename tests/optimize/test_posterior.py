import math

import numpy as np
import pytest
from scipy import stats

from optimize.factor import factorise, solve_factored
from optimize.posterior import draw_posterior
from tests.optimize.problems import estimates, returns


def draw_many(mean, covariance, n_observations, count, *, first=0):
    n = len(mean)
    factor, drawn, mu = np.empty((n, n)), np.empty((n, n)), np.empty(n)
    factorise(covariance, factor)
    means, covariances = np.empty((count, n)), np.empty((count, n, n))
    for d in range(count):
        draw_posterior(mean, factor, n_observations, 5, 0, first + d, mu, drawn)
        means[d], covariances[d] = mu, drawn.T @ drawn
    return means, covariances


@pytest.mark.parametrize("n_assets", [1, 2, 5, 31, 64])
def test_the_factor_gives_the_covariance_back(n_assets):
    _, covariance = estimates(1, n_assets, n_assets + 30)
    factor = np.empty((n_assets, n_assets))
    assert factorise(covariance, factor) == n_assets
    np.testing.assert_allclose(factor.T @ factor, covariance, rtol=0, atol=1e-15)
    np.testing.assert_array_equal(factor, np.triu(factor))
    values = np.arange(1.0, n_assets + 1)
    expected = np.linalg.solve(covariance, values)
    solve_factored(factor, values)
    np.testing.assert_allclose(values, expected, rtol=1e-9)


def test_a_covariance_of_few_rows_has_the_rank_of_its_rows():
    covariance = np.cov(returns(2, 40, 15), rowvar=False)  # 14 of 40 dimensions
    factor = np.empty((40, 40))
    assert factorise(covariance, factor) == 14
    scale = covariance.diagonal().max()
    np.testing.assert_allclose(factor.T @ factor, covariance, rtol=0, atol=1e-9 * scale)


# Anderson, Multivariate Analysis: a'Sigma a of Sigma ~ IW(nu, Psi) is inverse gamma with shape
# (nu - n + 1) / 2 and scale a'Psi a / 2, for any a; W (mu - m)'Sigma^-1 (mu - m) is chi-square.
@pytest.mark.parametrize(("n_assets", "rows"), [(1, 30), (4, 12), (6, 200), (12, 10), (20, 3000)])
def test_draws_have_the_posterior_distribution(n_assets, rows):
    mean, covariance = estimates(3, n_assets, max(rows, n_assets + 10))
    means, covariances = draw_many(mean, covariance, rows, 3000)
    nu = max(rows - 1, n_assets + 2)
    psi = covariance * (nu - n_assets - 1)
    directions = np.random.default_rng(8).normal(size=(3, n_assets))
    for a in [*directions, np.eye(n_assets)[0], np.eye(n_assets)[-1]]:
        variances = np.einsum("i,dij,j->d", a, covariances, a)
        shape = (nu - n_assets + 1) / 2
        law = stats.invgamma(shape, scale=a @ psi @ a / 2)
        assert stats.kstest(variances, law.cdf).pvalue > 0.001
    apart = np.linalg.solve(covariances, (means - mean)[:, :, None])[:, :, 0]
    squares = rows * np.einsum("di,di->d", means - mean, apart)
    assert stats.kstest(squares, "chi2", args=(n_assets,)).pvalue > 0.001


def test_draws_have_the_moments_of_scipys_inverse_wishart():
    n, rows, count = 4, 40, 6000
    mean, covariance = estimates(4, n, rows)
    means, covariances = draw_many(mean, covariance, rows, count)
    law = stats.invwishart(rows - 1, covariance * (rows - 1 - n - 1))
    np.testing.assert_allclose(law.mean(), covariance, rtol=1e-12)
    error = covariances.std(axis=0) / math.sqrt(count)
    assert (np.abs(covariances.mean(axis=0) - law.mean()) < 4.5 * error).all()
    np.testing.assert_allclose(np.diag(covariances.var(axis=0)), np.diag(law.var()), rtol=0.25)
    scatter = np.cov(means, rowvar=False) * rows
    scale = np.sqrt(np.outer(covariance.diagonal(), covariance.diagonal()))
    assert (np.abs(scatter - covariance) < 0.1 * scale).all()
    assert (np.abs(means.mean(axis=0) - mean) < 4.5 * means.std(axis=0) / math.sqrt(count)).all()


def test_a_draw_is_a_function_of_its_number_alone():
    mean, covariance = estimates(5, 9, 60)
    means, covariances = draw_many(mean, covariance, 60, 20)
    again_means, again = draw_many(mean, covariance, 60, 5, first=13)
    np.testing.assert_array_equal(again_means, means[13:18])
    np.testing.assert_array_equal(again, covariances[13:18])


def test_draws_of_a_singular_covariance_stay_in_its_span():
    sample = returns(6, 30, 12)
    covariance = np.cov(sample, rowvar=False)
    _, null = np.split(np.linalg.svd(covariance)[0], [11], axis=1)
    _, covariances = draw_many(sample.mean(axis=0), covariance, 12, 50)
    inside = np.abs(null.T @ covariances @ null).max(axis=(1, 2))
    assert (inside < 1e-9 * np.abs(covariances).max(axis=(1, 2))).all()
    assert np.isfinite(covariances).all()
