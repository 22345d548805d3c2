import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stats.tick_window import TickWindow
from tests.stats.oracles import EPS, TAPES, four_moments, kappa, long_log_returns

ONE = np.array([0])


def push(window: TickWindow, prices, times, symbol: int = 0) -> None:
    n = len(prices)
    ticks = np.zeros((4, n), np.int64)
    ticks[0], ticks[1] = symbol, times
    window.push(ticks, np.asarray(prices, np.float64), 0, n)


def bits(window: TickWindow) -> bytes:
    s = window.read(ONE)
    fields = (s.count, s.mean, s.variance, s.skewness, s.kurtosis, s.slope_mean, s.slope_variance)
    return b"".join(field.tobytes() for field in fields)


def assert_right(window: TickWindow, prices: np.ndarray, times: np.ndarray) -> None:
    got = window.read(ONE)
    mean, variance, skewness, kurtosis = four_moments(long_log_returns(prices))
    k = kappa(float(mean), float(variance))
    assert got.count[0] == len(prices) - 1
    assert abs(got.mean[0] - mean) <= 20 * EPS * (abs(mean) + np.sqrt(variance))
    if variance == 0:
        assert got.variance[0] == 0.0
        assert np.isnan(got.skewness[0])
        assert np.isnan(got.kurtosis[0])
        return
    assert abs(got.variance[0] - variance) <= 20 * EPS * k * variance
    assert abs(got.kurtosis[0] - kurtosis) <= 40 * EPS * k * (kurtosis + 3) + 1e-15
    assert abs(got.skewness[0] - skewness) <= 40 * EPS * k * (abs(skewness) + kurtosis + 3)
    seconds = np.diff(times).astype(np.longdouble) / 10**9
    slopes = np.diff(prices.astype(np.longdouble)) / seconds
    spread = float(slopes.std(ddof=1))
    assert abs(got.slope_mean[0] - slopes.mean()) <= 1e-14 * (spread + abs(slopes.mean()))
    assert got.slope_variance[0] == pytest.approx(spread**2, rel=1e-13)


def random_times(rng: np.random.Generator, n: int) -> np.ndarray:
    return 1_700_000_000 * 10**9 + np.cumsum(rng.integers(1, 10**9, n))


@pytest.mark.parametrize("tape", TAPES)
@pytest.mark.parametrize("window_ticks", [2, 21, 200, 333])
def test_moments_match_two_passes_in_extended_precision(tape, window_ticks):
    rng = np.random.default_rng(5)
    prices = TAPES[tape](rng, 3000, 2)[:, 0]
    times = random_times(rng, 3000)
    window = TickWindow(window_ticks)
    for i in range(3000):
        push(window, prices[i : i + 1], times[i : i + 1])
        if i >= 2 and (i < 60 or i % 61 == 0):
            first = max(0, i - window_ticks)
            assert_right(window, prices[first : i + 1], times[first : i + 1])


def test_regularly_spaced_ticks_are_as_exact():
    prices = TAPES["iid"](np.random.default_rng(6), 5000, 1)[:, 0]
    times = 1_523_000_000 * 10**9 + 60 * 10**9 * np.arange(5000)
    window = TickWindow(1000)
    for i in range(0, 5000, 100):
        push(window, prices[i : i + 100], times[i : i + 100])
        first = max(0, i + 99 - 1000)
        assert_right(window, prices[first : i + 100], times[first : i + 100])


def test_a_window_of_ten_thousand_ticks_is_as_exact():
    prices = TAPES["trend"](np.random.default_rng(8), 26_000, 1)[:, 0]
    times = random_times(np.random.default_rng(9), 26_000)
    window = TickWindow(10_001)
    for stop in (9_000, 15_000, 26_000):
        push(window, prices[:stop], times[:stop])
        first = max(0, stop - 10_002)
        assert_right(window, prices[first:stop], times[first:stop])


def test_statistics_cannot_be_written_to():
    window = TickWindow(10)
    push(window, [1.0, 2.0, 3.0], [1, 2, 3])
    with pytest.raises(ValueError, match="read-only"):
        window.read(ONE).kurtosis[0] = 0.0


@pytest.mark.parametrize("window_ticks", [2, 20, 150, 401])
def test_bits_depend_on_the_window_alone(window_ticks):
    rng = np.random.default_rng(window_ticks)
    prices, times = TAPES["regime"](rng, 2500, 1)[:, 0], random_times(rng, 2500)
    whole = TickWindow(window_ticks)
    expected = {}
    for i in range(2500):
        push(whole, prices[i : i + 1], times[i : i + 1])
        expected[i] = bits(whole)
    for _ in range(12):
        window, at = TickWindow(window_ticks), int(rng.integers(0, 2000))
        first = at
        while at < 2500:
            stop = min(2500, at + int(rng.integers(1, 90)))
            push(window, prices[at:stop], times[at:stop])
            at = stop
            if at - 1 - first >= window_ticks:
                assert bits(window) == expected[at - 1]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-3, 6), st.integers(1, 2000)), min_size=3, max_size=120),
    st.integers(2, 45),
    st.integers(0, 2**32),
)
def test_earlier_ticks_are_left_out_and_the_last_at_an_instant_counts(ticks, window_ticks, seed):
    rng = np.random.default_rng(seed)
    window, time, kept = TickWindow(window_ticks), 10**18, []
    for step, cents in ticks:
        time += step * 10**6
        price = cents / 100
        push(window, [price], [time])
        if not kept or time > kept[-1][1]:
            kept.append((price, time))
        elif time == kept[-1][1]:
            kept[-1] = (price, time)
        if rng.random() < 0.3:
            window.read(ONE)
    prices, times = (np.array(column) for column in zip(*kept[-window_ticks - 1 :], strict=True))
    plain = TickWindow(window_ticks)
    push(plain, prices, times)
    assert bits(window) == bits(plain)
    if len(prices) > 2:
        got = window.read(ONE)
        mean, variance, _, _ = four_moments(long_log_returns(prices))
        assert got.mean[0] == pytest.approx(float(mean), abs=1e-14)
        assert got.variance[0] == pytest.approx(float(variance), rel=1e-13)


def test_symbols_do_not_mix_and_room_grows():
    rng = np.random.default_rng(11)
    window = TickWindow(64)
    window.reserve(40)
    prices, times = TAPES["iid"](rng, 300, 40), random_times(rng, 300)
    for s in range(40):
        push(window, prices[:150, s], times[:150], s)
    window.reserve(200)
    for s in range(40):
        push(window, prices[150:, s], times[150:], s)
    got = window.read(np.array([3, 39, 150]))
    for a, s in enumerate((3, 39)):
        alone = TickWindow(64)
        push(alone, prices[:, s], times)
        assert got.kurtosis[a] == alone.read(ONE).kurtosis[0]
    assert got.count[2] == 0
    assert np.isnan(got.mean[2])
    assert np.isnan(got.variance[2])


def test_symbol_minus_one_is_passed_over():
    window = TickWindow(10)
    push(window, [1.0, 2.0], [5, 6], symbol=-1)
    assert window.read(ONE).count[0] == 0


def test_a_window_of_one_tick_is_refused():
    with pytest.raises(ValueError, match="window_ticks=1"):
        TickWindow(1)
