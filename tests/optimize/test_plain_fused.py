from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from optimize.plain_fused import fused

# Neither product nor rest under- or overflows: there it is exact.
moderate = st.floats(-1e60, 1e60).filter(lambda x: x == 0.0 or abs(x) > 1e-60)


def once(a, b, c):
    return float(Fraction(a) * Fraction(b) + Fraction(c))


@settings(deadline=None, max_examples=500)
@given(moderate, moderate, moderate)
def test_a_product_and_a_sum_are_rounded_once(a, b, c):
    assert fused(a, b, c) == once(a, b, c)


@settings(deadline=None, max_examples=500)
@given(moderate, moderate, st.integers(-3, 3), st.floats(-2.0, 2.0))
def test_where_the_sum_cancels_the_product_what_is_left_is_exact(a, b, ulps, share):
    c = -a * b * (1.0 + ulps * 2.0**-52) + share * abs(a * b) * 2.0**-54
    assert fused(a, b, c) == once(a, b, c)


def test_arrays_broadcast():
    rng = np.random.default_rng(4)
    a, b, c = rng.normal(size=(5, 1)), rng.normal(size=7), rng.normal(size=(5, 7))
    expected = [[once(a[i, 0], b[j], c[i, j]) for j in range(7)] for i in range(5)]
    np.testing.assert_array_equal(fused(a, b, c), expected)
