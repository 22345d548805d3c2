from fractions import Fraction

import numpy as np
import pytest

from bench import drift, worst_update
from bench.drift_tapes import TAPES
from bench.rows import OURS, group_cases
from bench.tick_names import DRIFT_UNIT, MEASURES, TAPE_NAMES, WINDOW, drift_case


@pytest.fixture(scope="module")
def cases():
    return group_cases(drift.measure_drift(12 * WINDOW))


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("tape", TAPE_NAMES)
def test_our_windows_stay_within_the_bound_on_each_tape(cases, tape: str, measure: str):
    rows = {row.subject: row for row in cases[drift_case(tape, measure)]}
    assert 0.0 < rows[OURS].max < 1.0
    assert rows[OURS].unit == DRIFT_UNIT


@pytest.mark.parametrize("measure", MEASURES)
def test_what_adds_and_evicts_is_found_to_drift_after_a_wild_price(cases, measure: str):
    others = [row for row in cases[drift_case("glitch", measure)] if row.subject != OURS]
    assert others
    for row in others:
        assert row.max > 1000.0, row.subject


def test_reference_agrees_with_rational_arithmetic():
    # Doublings and halvings: the returns are the same number but for their sign.
    signs = np.where(np.random.default_rng(3).random(WINDOW) < 0.3, -1, 1)
    signs[::2] = -signs[::2]
    prices = np.exp2(np.concatenate(([0], np.cumsum(signs))).astype(np.float64))
    exact = drift.exact_moments(prices, np.array([WINDOW - 1]))
    mean = Fraction(int(signs.sum()), WINDOW)
    m2 = sum((int(sign) - mean) ** 2 for sign in signs)
    m4 = sum((int(sign) - mean) ** 4 for sign in signs)
    assert float(exact.kurtosis[0]) == pytest.approx(float(WINDOW * m4 / m2**2 - 3), rel=1e-15)
    variance = float(m2 / (WINDOW - 1)) * np.log(2) ** 2
    assert float(exact.variance[0]) == pytest.approx(variance, rel=1e-15)


def test_tapes_are_prices_and_hard_in_the_way_they_say():
    for name, make in TAPES.items():
        prices = make(np.random.default_rng(1), 60_001)
        assert np.isfinite(prices).all(), name
        assert (prices > 0.0).all(), name
        returns = np.abs(np.diff(np.log(prices)))
        if name == "glitch":
            assert (returns > 1.0).sum() == 2
        if name == "regime":
            assert returns[:3000].std() > 100 * returns[-3000:].std()


def test_an_interruption_of_one_repetition_is_not_taken_for_the_windows(monkeypatch):
    calls = iter(range(10**9))

    def clock() -> int:
        # The clock is asked twice an update, 1 us apart, but for one stop in the second repetition.
        call = next(calls)
        return 1000 * call + (10**9 if call >= 2 * 50 + 21 else 0)

    monkeypatch.setattr(worst_update.time, "perf_counter_ns", clock)
    np.testing.assert_array_equal(worst_update.least_tick_us(50, 3), np.full(50, 1.0))


def test_a_pause_that_each_repetition_has_is_found():
    least = worst_update.least_row_us(40, 2)
    assert len(least) == WINDOW
    assert least.min() > 0.0
    # A sealed block takes longer than a row that is only kept.
    assert least.max() > 2.0 * np.median(least)
