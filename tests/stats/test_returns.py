import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats.returns import log_return
from tests.stats.oracles import LONG

PRICES = st.floats(1e-9, 1e12)


def oracle(price: float, previous: float) -> np.longdouble:
    p, q = LONG(price), LONG(previous)
    return np.log1p((p - q) / q) if 0.5 < price / previous < 2 else np.log(p / q)


@given(PRICES, st.floats(-0.3, 0.3))
def test_close_prices_are_right_to_three_units_in_the_last_place(previous, change):
    price = previous * (1 + change)
    exact = oracle(price, previous)
    assert abs(LONG(log_return(price, previous)) - exact) <= 3 * math.ulp(abs(float(exact)))


@given(PRICES, PRICES)
def test_prices_far_apart_are_right_to_three_units_in_the_last_place(price, previous):
    exact = oracle(price, previous)
    assert abs(LONG(log_return(price, previous)) - exact) <= 3 * math.ulp(abs(float(exact)))


@given(PRICES, st.integers(1, 40))
def test_neighbouring_prices_lose_no_digit(previous, ulps):
    price = previous
    for _ in range(ulps):
        price = math.nextafter(price, math.inf)
    exact = math.log1p((price - previous) / previous)
    assert log_return(price, previous) == pytest.approx(exact, rel=5e-16, abs=0)


@given(PRICES, st.floats(-0.04, 0.04))
def test_there_and_back_cancels_exactly(previous, change):
    price = previous * (1 + change)
    assert log_return(price, previous) == -log_return(previous, price)


@pytest.mark.parametrize(
    ("price", "previous"), [(1e300, 1e-300), (5e-324, 1e300), (1e308, 1e-300), (1e-300, 1e300)]
)
def test_the_widest_ratios_are_right(price, previous):
    exact = np.log(LONG(price)) - np.log(LONG(previous))
    assert log_return(price, previous) == pytest.approx(float(exact), rel=1e-13)


def test_equal_prices_give_zero_and_a_missing_price_gives_nan():
    assert log_return(3.7, 3.7) == 0.0
    assert math.isnan(log_return(math.nan, 3.7))
    assert math.isnan(log_return(3.7, math.nan))
