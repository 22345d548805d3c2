import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from bench.engines.latency_schedule import (
    even_due_ns,
    is_sustained,
    poisson_due_ns,
    predict_stalled,
    serve_ns,
)
from bench.engines.latency_search import RateSearch


def test_a_poisson_schedule_has_exponential_gaps_and_is_seeded():
    due = poisson_due_ns(3, 200.0, 30.0)
    assert len(due) == 6000
    gaps = np.diff(due) / 1e9
    assert stats.kstest(gaps, "expon", args=(0, 1 / 200.0)).pvalue > 1e-3
    assert np.array_equal(due, poisson_due_ns(3, 200.0, 30.0))
    assert not np.array_equal(due, poisson_due_ns(4, 200.0, 30.0))
    assert len(poisson_due_ns(1, 0.01, 1.0)) == 1


def test_even_due_times_do_not_drift():
    due = even_due_ns(3.0, 3001)
    assert due[0] == 0
    assert due[-1] == 1_000_000_000_000


requests = st.lists(
    st.tuples(st.integers(0, 10**9), st.integers(1, 10**9)), min_size=1, max_size=40
)


@given(requests)
def test_a_server_ends_each_request_as_the_closed_form_says(pairs: list[tuple[int, int]]):
    due = np.cumsum([gap for gap, _ in pairs])
    service = np.array([took for _, took in pairs])
    begun, done = serve_ns(due, service)
    # done_i = max over j <= i of due_j + service_j + ... + service_i.
    for i in range(len(due)):
        assert done[i] == max(due[j] + service[j : i + 1].sum() for j in range(i + 1))
    assert np.array_equal(begun, done - service)
    assert (begun >= due).all()


@given(st.floats(0.1, 1e4), st.floats(0.1, 3.0), st.integers(60, 300))
def test_a_rate_is_sustained_up_to_what_the_server_can_do(rate: float, load: float, count: int):
    assume(not 0.97 < load < 1.12)
    due = even_due_ns(rate, count)
    begun, done = serve_ns(due, np.full(count, round(load / rate * 1e9)))
    # Behind by two services and 5 % of the window at most: from 60 requests on, 1.12 is over.
    assert is_sustained(due, begun, done) == (load < 1.0)


def test_stalls_touch_those_stalled_and_those_due_meanwhile():
    due = np.arange(10) * 50_000_000
    service = np.full(10, 1_000_000)
    service[4] += 200_000_000
    begun, done = serve_ns(due, service)
    touched, latencies = predict_stalled(due, begun, done, np.array([4]), 200_000_000)
    # Due 50 and 100 ms after the stalled one's begin: late by 151 and 102 ms; the next 53.
    assert touched == 3
    assert np.array_equal(latencies, done - due)
    assert np.round(latencies[4:9] / 1e6).tolist() == [201, 152, 103, 54, 5]


@given(st.floats(0.01, 1e6), st.floats(0.01, 1e6), st.sampled_from([0.02, 0.1, 0.5]))
def test_the_search_finds_what_a_server_can_do(capacity: float, first: float, precision: float):
    search = RateSearch(first, precision=precision, most_trials=200)
    while (rate := search.next_rate()) is not None:
        search.took(rate, rate <= capacity)
    assert search.highest <= capacity < search.highest * (1 + precision) * (1 + 1e-12)


@given(st.lists(st.booleans(), min_size=30, max_size=30), st.integers(1, 30))
def test_a_disturbed_search_ends_and_quotes_no_rate_above_one_that_failed(
    outcomes: list[bool], most: int
):
    search = RateSearch(10.0, most_trials=most)
    tried = []
    for outcome in outcomes:
        rate = search.next_rate()
        if rate is None:
            break
        tried.append((rate, outcome))
        search.took(rate, outcome)
    assert len(tried) <= most
    failed = [rate for rate, held in tried if not held]
    held = [rate for rate, held in tried if held]
    assert search.highest == max((r for r in held if r < min(failed, default=np.inf)), default=0.0)


@pytest.mark.parametrize(("first", "precision"), [(0.0, 0.1), (-1.0, 0.1), (1.0, 0.0)])
def test_a_search_without_a_beginning_is_refused(first: float, precision: float):
    with pytest.raises(ValueError, match="must be > 0"):
        RateSearch(first, precision=precision)
