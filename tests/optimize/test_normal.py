import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special, stats

from optimize.gamma import fill_gammas
from optimize.normal import fill_normals, logarithm, turn_words, whole_normals


@settings(deadline=None)
@given(st.floats(2.3e-308, 1.7e308))
def test_the_logarithm_is_right_to_two_units_in_the_last_place(x):
    assert abs(logarithm(x) - math.log(x)) <= 2 * math.ulp(math.log(x))


def make_words(halves):
    """Words of 64 bits, whole vectors, from numbers of 32 in the order of their normals."""
    upper, lower = np.reshape(halves, (2, -1)).astype(np.uint64)
    return upper << np.uint64(32) | lower


def test_normals_are_the_quantiles_of_their_uniforms():
    k = np.random.default_rng(5).integers(0, 2**32, 400_000)
    k[:6] = [0, 2**32 - 1, 2**31, 2**31 - 1, 1, 7]
    out = np.empty(len(k))
    turn_words(make_words(k), out)
    # ndtri near 1 loses digits in 1 - p; the other side does not.
    side = np.minimum(k, 2**32 - 1 - k)
    expected = np.where(k == side, 1.0, -1.0) * special.ndtri((side + 0.5) * 2.0**-32)
    np.testing.assert_allclose(out, expected, rtol=4e-10, atol=0.0)
    np.testing.assert_array_equal(out[:2], [-out[1], -out[0]])
    assert 6.3 < out[1] == np.abs(out).max()


def test_normals_grow_with_their_uniforms():
    # At the centre, where L = 8, and where the exponent of the logarithm changes.
    for depth in (0.0, 8.0, *(math.log(2.0) * (np.arange(8) + 0.5))):
        x = math.sqrt(-math.expm1(-depth))
        near = np.int64((1.0 + x) * 2.0**31) + np.arange(-200, 200)
        out = np.empty(len(near))
        turn_words(make_words(near), out)
        assert (np.diff(out) > 0.0).all()


def test_normals_have_the_distribution_and_moments():
    z = np.empty(whole_normals(400_000))
    fill_normals(2024, 0, 3, z)
    assert stats.kstest(z, "norm").pvalue > 0.01
    n = len(z)
    assert abs(z.mean()) < 4 / math.sqrt(n)
    assert abs(z.var() - 1) < 4 * math.sqrt(2 / n)
    assert abs((z**3).mean()) < 4 * math.sqrt(15 / n)
    assert abs((z**4).mean() - 3) < 4 * math.sqrt(96 / n)
    for lag in (1, 2, 512, 1024, 1536, 2048):
        assert abs((z[lag:] * z[:-lag]).mean()) < 4 / math.sqrt(n)


def test_normals_of_different_draws_are_unrelated():
    z = np.empty((300, whole_normals(2001)))
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
