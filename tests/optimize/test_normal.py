import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from optimize.gamma import fill_gammas
from optimize.normal import centred_uniform, fill_normals, logarithm, turn_normal


@settings(deadline=None)
@given(st.floats(2.3e-308, 1.7e308))
def test_the_logarithm_is_right_to_two_units_in_the_last_place(x):
    assert abs(logarithm(x) - math.log(x)) <= 2 * math.ulp(math.log(x))


def test_uniforms_are_exact_symmetric_and_never_at_the_ends():
    ends = np.array([0, 2**64 - 1], np.uint64)
    low, high = centred_uniform(ends[0]), centred_uniform(ends[1])
    assert low == -high == -(0.5 - 2.0**-54)


def test_normals_are_the_quantiles_of_their_uniforms():
    words = np.random.default_rng(5).integers(0, 2**64, 200_000, np.uint64)
    words[:4] = [0, 2**64 - 1, 2**30, 2**63]
    out = np.empty(len(words))
    turn_normal(words, out)
    q = ((words >> np.uint64(11)).astype(np.int64) - 2**52 + 0.5) * 2.0**-53
    # ndtri near 1/2 loses digits in 1 - p; the tail's side does not.
    expected = -np.sign(q) * special.ndtri(0.5 - np.abs(q))
    np.testing.assert_allclose(out, expected, rtol=3e-15, atol=3e-15)
    assert np.abs(out).max() < 8.3


def test_normals_grow_with_their_uniforms():
    # At the seams between the three formulas, |q| = 0.425 and p = exp(-25).
    for p in (0.075, math.exp(-25.0)):
        near = np.int64((1.0 - p) * 2.0**53) + np.arange(-200, 200)
        out = np.empty(len(near))
        turn_normal(near.astype(np.uint64) << np.uint64(11), out)
        assert (np.diff(out) > -3e-15).all()
        assert out[-1] > out[0]


def test_normals_have_the_distribution_and_moments():
    z = np.empty(400_000)
    fill_normals(2024, 0, 3, z)
    assert stats.kstest(z, "norm").pvalue > 0.01
    n = len(z)
    assert abs(z.mean()) < 4 / math.sqrt(n)
    assert abs(z.var() - 1) < 4 * math.sqrt(2 / n)
    assert abs((z**3).mean()) < 4 * math.sqrt(15 / n)
    assert abs((z**4).mean() - 3) < 4 * math.sqrt(96 / n)
    for lag in (1, 2, 512, 1024):
        assert abs((z[lag:] * z[:-lag]).mean()) < 4 / math.sqrt(n)


def test_normals_of_different_draws_are_unrelated():
    z = np.empty((300, 2001))
    for draw in range(len(z)):
        fill_normals(1, 0, draw, z[draw])
    correlation = np.corrcoef(z) - np.eye(len(z))
    assert np.abs(correlation).max() < 5.5 / math.sqrt(z.shape[1])


@pytest.mark.parametrize("degrees", [2, 3, 7, 51, 999, 1000, 50_000])
def test_chi_squares_have_their_distribution(degrees):
    g = np.empty(100_000)
    fill_gammas(77, 0, degrees, 2, np.full(len(g), degrees / 2), g)
    chi = 2.0 * g
    assert stats.kstest(chi, "chi2", args=(degrees,)).pvalue > 0.001
    assert abs(chi.mean() - degrees) < 4 * math.sqrt(2 * degrees / len(chi))
    assert chi.var() == pytest.approx(2 * degrees, rel=0.05)


def test_an_element_of_chi_squares_does_not_depend_on_its_neighbours():
    # Rejections of one element must not move the numbers of the next.
    shapes = np.full(5000, 1.0)
    plain, changed = np.empty(5000), np.empty(5000)
    fill_gammas(1, 0, 0, 2, shapes, plain)
    other = shapes.copy()
    other[::2] = 40.0
    fill_gammas(1, 0, 0, 2, other, changed)
    np.testing.assert_array_equal(plain[1::2], changed[1::2])
    assert (plain[::2] != changed[::2]).all()
