from fractions import Fraction

import numpy as np
import pytest

from bench.kernels import drift, worst_update
from bench.kernels.drift_tapes import TAPES
from bench.kernels.tick_names import DRIFT_UNIT, MEASURES, TAPE_NAMES, WINDOW, drift_case
from bench.rows import OURS, group_cases


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


class Clock:
    """Goes on by what the windows below take, and by nothing else."""

    def __init__(self) -> None:
        self.now_ns = 0

    def perf_counter_ns(self) -> int:
        return self.now_ns


@pytest.mark.parametrize("read", [False, True])
def test_a_pause_each_time_is_found_and_one_interruption_is_not(monkeypatch, read: bool):
    clock, pushed = Clock(), []

    class Window:
        def __init__(self, length: int) -> None:
            assert length == WINDOW

        def push(self, row: int, values: np.ndarray, n_symbols: int) -> None:
            assert len(values) == n_symbols == 3
            pushed.append(row)
            clock.now_ns += 50_000 if row % WINDOW == 7 else 1000
            if row == 2 * WINDOW + 20:
                clock.now_ns += 10**9

        def read(self, ids: np.ndarray) -> None:
            assert read
            clock.now_ns += 2000

    monkeypatch.setattr(worst_update, "time", clock)
    monkeypatch.setattr(worst_update, "GridWindow", Window)
    expected = np.full(WINDOW, 3.0 if read else 1.0)
    expected[7] += 49.0
    np.testing.assert_array_equal(worst_update.least_row_us(3, 2, read=read), expected)
    assert pushed == list(range(3 * WINDOW))


def test_each_tick_is_timed_once_a_repetition_with_its_read(monkeypatch):
    clock, started = Clock(), []

    class Window(worst_update.TickWindow):
        def __init__(self, length: int) -> None:
            super().__init__(length)
            started.append(length)

        def read(self, ids: np.ndarray):
            clock.now_ns += 1000 + (10**9 if len(started) == 2 else 0)
            return super().read(ids)

    monkeypatch.setattr(worst_update, "time", clock)
    monkeypatch.setattr(worst_update, "TickWindow", Window)
    np.testing.assert_array_equal(worst_update.least_tick_us(50, 3), np.ones(50))
    assert started == [WINDOW] * 3
