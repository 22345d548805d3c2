"""Intervals hold what they are of as often as they say, at the repetitions that are in use."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from bench.intervals import median_interval, ratio_interval
from bench.verdicts import RULE, decide

LEAST_RUNS = 6
REPETITIONS = (3, 5, 6, 7, 9, 12, 25)


def covers(n: int, low: int, high: int) -> float:
    """Give how often the true median lies from the low-th to the high-th of n values."""
    below = binom(n, 0.5)  # how many of n lie below it
    return float(below.cdf(high - 1) - below.cdf(low - 1))


@pytest.mark.parametrize("n", REPETITIONS)
def test_an_interval_of_a_median_is_the_narrowest_that_holds_it_with_95_percent(n: int):
    interval = median_interval([float(rank) for rank in range(n, 0, -1)])
    if interval is None:
        assert covers(n, 1, n) < 0.95  # not even the whole range would do
        return
    low, high = int(interval.low), int(interval.high)
    assert low + high == n + 1
    assert covers(n, low, high) >= 0.95
    assert low + 1 > high - 1 or covers(n, low + 1, high - 1) < 0.95


@pytest.mark.parametrize("n", [n for n in REPETITIONS if n >= LEAST_RUNS])
def test_an_interval_of_skewed_values_holds_the_median_as_often_as_it_says(n: int):
    rng = np.random.default_rng(n)
    tries = 2_000
    inside = 0
    for _ in range(tries):
        interval = median_interval(rng.lognormal(0.0, 0.5, n))
        assert interval is not None
        inside += interval.low <= 1.0 <= interval.high
    assert inside / tries > 0.95 - 3.0 * np.sqrt(0.95 * 0.05 / tries)


@given(st.lists(st.floats(0.1, 10.0), min_size=LEAST_RUNS, max_size=12))
def test_an_interval_lies_within_what_was_measured_around_the_median(values: list[float]):
    interval = median_interval(values)
    assert interval is not None
    assert min(values) <= interval.low <= np.median(values) <= interval.high <= max(values)


@pytest.mark.parametrize(("n", "m"), [(3, 3), (3, 4), (3, 5), (4, 4), (5, 4)])
def test_an_interval_of_a_ratio_leaves_out_only_what_95_percent_allows(n: int, m: int):
    # Without a difference all orders of both results' values are as likely: each is tried.
    missed = total = 0
    for chosen in itertools.combinations(range(n + m), n):
        over = [2.0**rank for rank in chosen]
        under = [2.0**rank for rank in range(n + m) if rank not in chosen]
        interval = ratio_interval(over, under)
        total += 1
        if interval is None:
            missed = total  # the whole range would not do
            continue
        missed += not interval.low <= 1.0 <= interval.high
    if missed == total:
        assert 2.0 / total > 0.05  # those two orders in which all of one are above the other
    else:
        assert 0 < missed / total <= 0.05


def test_a_verdict_needs_both_ends_and_the_rule_is_said():
    interval = median_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert interval is not None
    assert [decide(interval, limit) for limit in (6.0, 3.0, 1.0, 0.9)] == [
        "met", "not decided", "not decided", "missed",
    ]  # fmt: skip
    assert [decide(interval, limit, at_least=True) for limit in (1.0, 3.0, 6.1)] == [
        "met", "not decided", "missed",
    ]  # fmt: skip
    assert "fewer than six" in RULE
    assert median_interval([1.0] * (LEAST_RUNS - 1)) is None
    assert median_interval([1.0] * LEAST_RUNS) == (1.0, 1.0)
