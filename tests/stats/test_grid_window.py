import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stats import row_blocks
from stats.grid_window import GridWindow
from tests.stats.oracles import EPS, TAPES, kappa, long_log_returns, two_pass

N = 5
ALL = np.arange(N)


def push_all(window: GridWindow, rows: np.ndarray, first_row: int) -> None:
    for k, row in enumerate(rows):
        window.push(first_row + k, row, len(row))


def bits(window: GridWindow, ids: np.ndarray = ALL, open_values=None) -> bytes:
    mean, covariance, volatility, count = window.read(ids, open_values)
    return b"".join(
        (mean.tobytes(), covariance.tobytes(), volatility.tobytes(), bytes([count % 251]))
    )


def assert_right(window: GridWindow, expected_rows: np.ndarray) -> None:
    mean, covariance, volatility, count = window.read(ALL)
    true_mean, true_covariance = two_pass(expected_rows)
    assert count == len(expected_rows)
    spread = np.sqrt(true_covariance.diagonal())
    k = np.array([kappa(m, v) for m, v in zip(true_mean, spread**2, strict=True)])
    bound = 20 * EPS * np.outer(k * spread, k * spread)
    assert (np.abs(covariance - true_covariance) <= bound).all()
    assert (np.abs(mean - true_mean) <= 20 * EPS * (np.abs(true_mean) + spread)).all()
    np.testing.assert_array_equal(covariance, covariance.T)
    np.testing.assert_array_equal(volatility, np.sqrt(covariance.diagonal()))


@pytest.mark.parametrize("tape", TAPES)
@pytest.mark.parametrize("window_rows", [2, 19, 60, 73])
def test_mean_and_covariance_match_two_passes_in_extended_precision(tape, window_rows):
    prices = TAPES[tape](np.random.default_rng(3), 1200, N)
    exact = long_log_returns(prices)
    rows = exact.astype(np.float64)
    window = GridWindow(window_rows)
    for k, row in enumerate(rows):
        window.push(10**9 + k, row, N)
        if k >= 1 and (k < 100 or k % 37 == 0):
            assert_right(window, rows[max(0, k + 1 - window_rows) : k + 1])


def test_a_window_of_thousands_of_rows_stays_as_exact():
    rows = np.random.default_rng(9).normal(1e-3, 1e-3, (7500, N))
    window = GridWindow(3001)
    push_all(window, rows, 123)
    assert_right(window, rows[-3001:])


def test_zero_variance_is_exactly_zero_also_where_returns_are_not():
    rows = np.tile([0.0, 0.1, -1 / 3, 1e-9, 0.7], (200, 1))
    window = GridWindow(50)
    push_all(window, rows, 17)
    mean, covariance, volatility, _ = window.read(ALL)
    np.testing.assert_array_equal(mean, rows[0])
    assert not covariance.any()
    assert not volatility.any()


@pytest.mark.parametrize("window_rows", [2, 7, 20, 40, 53])
def test_bits_are_those_of_a_restart_once_the_window_is_full(window_rows):
    rng = np.random.default_rng(window_rows)
    rows = rng.normal(0, 1e-3, (400, N))
    whole = GridWindow(window_rows)
    expected = {}
    for k, row in enumerate(rows):
        whole.push(5000 + k, row, N)
        if rng.random() < 0.5:  # reads must leave no trace
            whole.read(ALL, row)
        expected[k] = bits(whole)
    for first in rng.integers(0, 300, 12).tolist():
        window = GridWindow(window_rows)
        for k in range(first, 400):
            window.push(5000 + k, rows[k], N)
            if k - first >= window_rows - 1:
                assert bits(window) == expected[k]


@pytest.mark.parametrize("window_rows", [2, 20, 45])
def test_an_open_row_has_the_bits_it_closes_with_and_changes_nothing(window_rows):
    rows = np.random.default_rng(1).normal(0, 1e-3, (150, N))
    window = GridWindow(window_rows)
    window.push(999, rows[0], N)
    for k in range(1, 150):
        before = bits(window) if k > 1 else b""
        standing = bits(window, open_values=rows[k])
        assert not before or bits(window) == before
        window.push(999 + k, rows[k], N)
        assert bits(window) == standing


def test_a_missing_return_touches_its_own_row_and_column_and_leaves_nothing():
    rows = np.random.default_rng(2).normal(0, 1e-3, (160, N))
    holed = rows.copy()
    holed[50, 2] = np.nan
    clean, window = GridWindow(45), GridWindow(45)
    others = np.array([0, 1, 3, 4])
    for k in range(160):
        clean.push(k, rows[k], N)
        window.push(k, holed[k], N)
        if k < 2:
            continue
        assert bits(window, others) == bits(clean, others)
        covariance = window.read(ALL)[1]
        assert np.isnan(covariance[2]).all() == (50 <= k < 95)
        if not 50 <= k < 95:
            assert bits(window) == bits(clean)


def test_symbols_that_come_later_are_missing_before_and_exact_after():
    rng = np.random.default_rng(4)
    rows = rng.normal(0, 1e-3, (300, 60))
    window = GridWindow(47)
    known = np.minimum(60, 2 + np.arange(300) // 2)
    for k in range(300):
        window.push(k, rows[k], int(known[k]))
    mean, covariance, _, _ = window.read(np.arange(60))
    true_mean, true_covariance = two_pass(rows[-47:])
    np.testing.assert_allclose(covariance, true_covariance.astype(float), rtol=0, atol=1e-20)
    np.testing.assert_allclose(mean, true_mean.astype(float), rtol=0, atol=1e-18)
    late = GridWindow(47)
    for k in range(100):
        late.push(k, rows[k], int(known[k]))
    covariance = late.read(np.arange(51))[1]
    first_rows = np.array([int(np.argmax(known > i)) for i in range(51)])
    np.testing.assert_array_equal(np.isnan(covariance.diagonal()), first_rows > 100 - 47)


def test_members_are_picked_by_id():
    rows = np.random.default_rng(8).normal(0, 1e-3, (90, N))
    window = GridWindow(30)
    push_all(window, rows, 0)
    mean, covariance, volatility, _ = window.read(ALL)
    ids = np.array([1, 4])
    some = window.read(ids)
    np.testing.assert_array_equal(some[0], mean[ids])
    np.testing.assert_array_equal(some[1], covariance[np.ix_(ids, ids)])
    np.testing.assert_array_equal(some[2], volatility[ids])


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 70),
    st.integers(0, 10**6),
    st.integers(3, 160),
    st.integers(0, 2**32),
)
def test_any_window_and_any_start(window_rows, first_row, count, seed):
    rows = np.random.default_rng(seed).normal(1e-4, 1e-3, (count, N))
    window = GridWindow(window_rows)
    push_all(window, rows, first_row)
    assert window.rows_filled == min(window_rows, count)
    assert_right(window, rows[-window_rows:])


def test_rows_must_follow_one_another():
    window = GridWindow(10)
    window.push(5, np.zeros(N), N)
    with pytest.raises(ValueError, match=r"row=7: must follow 5"):
        window.push(7, np.zeros(N), N)
    window.restart()
    assert window.rows_filled == 0
    window.push(7, np.zeros(N), N)
    assert window.rows_filled == 1


def test_a_window_of_one_row_is_refused():
    with pytest.raises(ValueError, match="window_rows=1"):
        GridWindow(1)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 21),
    st.sampled_from([16, 47, 100, 300]),
    st.integers(0, 2**32),
)
def test_bits_depend_on_nobody_elses_reads_nor_on_other_symbols(n, window_rows, seed):
    rng = np.random.default_rng(seed)
    rows = rng.normal(1e-4, 1e-3, (window_rows + 90, n))
    read, quiet = GridWindow(window_rows), GridWindow(window_rows)
    push_all(quiet, rows[:-1], 77)
    for k, row in enumerate(rows[:-1]):
        read.push(77 + k, row, n)
        kind = rng.integers(0, 5)
        ids = np.flatnonzero(rng.random(n) < 0.7) if kind > 2 else np.arange(rng.integers(0, n) + 1)
        for _ in range(rng.integers(0, 2) if kind else 2):
            read.read(ids, rows[k + 1] if rng.random() < 0.5 else None)
    for ids in (np.arange(n), np.flatnonzero(rng.random(n) < 0.5), np.arange(n // 2)):
        alone = GridWindow(window_rows)
        push_all(alone, np.ascontiguousarray(rows[:-1, ids]), 77)
        own = np.arange(len(ids))
        assert bits(read, ids) == bits(quiet, ids) == bits(alone, own)
        expected = bits(alone, own, np.ascontiguousarray(rows[-1, ids]))
        assert bits(read, ids, rows[-1]) == bits(quiet, ids, rows[-1]) == expected
    read.push(77 + len(rows) - 1, rows[-1], n)
    assert bits(read, ids) == expected


@pytest.mark.parametrize("window_rows", [7, 60, 300])
def test_bits_of_rows_read_one_by_one_are_those_of_reads_that_keep_no_front(window_rows):
    rows = np.random.default_rng(6).normal(0, 1e-3, (window_rows + 150, 21))
    read, rare = GridWindow(window_rows), [GridWindow(window_rows) for _ in range(3)]
    kept = set()
    for k, row in enumerate(rows):
        n = min(21, 2 + k // 7)
        for window in (read, *rare):
            window.push(1000 + k, row, n)
        if k > 0:
            ids = np.arange(n)
            assert bits(read, ids) == bits(rare[k % 3], ids)
            assert bits(read, ids[1:]) == bits(rare[k % 3], ids[1:])
        kept.add(int(read.arrays[-1][row_blocks.KEPT_BLOCK]))
    blocks = len(rows) // min(16, window_rows)
    assert blocks // 2 < len(kept) <= blocks + 3
    assert all(window.arrays[-1][row_blocks.KEPT_BLOCK] == 0 for window in rare)
