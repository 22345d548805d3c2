import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench.engines.latency_schedule import poisson_due_ns, predict_stalled, serve_ns
from bench.engines.stages import middle, split, total, values
from bench.latency_figures import (
    bootstrap,
    control_fault,
    curve,
    decode,
    encode,
    record,
    summarise,
    to_hgrm,
)

STALL = 200_000_000
latencies = st.lists(st.integers(1_000, 10**10), min_size=1, max_size=60)


@settings(deadline=None, max_examples=40)
@given(latencies)
def test_percentiles_are_those_of_the_sorted_list_to_three_digits(found: list[int]):
    summary = summarise([np.array(found, np.float64)])
    ordered = sorted(found)
    for percentile, ms in (
        (50.0, summary.p50.value),
        (90.0, summary.p90),
        (99.0, summary.p99.value),
    ):
        place = max(1, int(percentile * len(found) / 100 + 0.5))  # nearest rank, as the library has
        assert ms == pytest.approx(ordered[place - 1] / 1e6, rel=1e-3)
    assert summary.max == max(found) / 1e6
    assert summary.count == len(found)


@pytest.mark.parametrize("bad", [[], [-1.0], [math.nan], [5e12]])
def test_what_no_histogram_holds_is_refused(bad: list[float]):
    with pytest.raises(ValueError, match="latencies"):
        record(np.array(bad))


def test_a_repetition_without_latencies_is_refused():
    with pytest.raises(ValueError, match="without latencies"):
        summarise([np.array([1e6]), np.array([])])


def test_a_histogram_survives_its_encoding_and_is_written_for_other_tools():
    found = np.random.default_rng(1).lognormal(15.0, 1.0, 500)
    histogram = record(found)
    again = decode(encode(histogram))
    assert again.get_total_count() == 500
    assert again.get_value_at_percentile(99.0) == histogram.get_value_at_percentile(99.0)
    lines = to_hgrm(histogram).splitlines()
    assert lines[0].split() == ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]
    numbers = [line.split() for line in lines[2:] if not line.startswith("#")]
    assert int(numbers[-1][2]) == 500
    assert float(numbers[-1][0]) == pytest.approx(found.max() / 1e6, rel=1e-3)
    tails, ms = curve(encode(histogram))
    assert (np.diff(ms) >= 0).all()
    assert ms[np.searchsorted(tails, 2.0)] == pytest.approx(np.median(found) / 1e6, rel=0.1)


def test_an_interval_of_one_repetition_is_that_of_order_statistics():
    found = np.sort(np.random.default_rng(2).exponential(1.0, 400))
    low, high = bootstrap([found], [50.0], 1)
    # Distribution-free: ranks by the binomial law of how many lie below the median.
    ranks = stats.binom.ppf((0.025, 0.975), 400, 0.5).astype(int)
    assert low[0] == pytest.approx(found[ranks[0]], rel=0.06)
    assert high[0] == pytest.approx(found[ranks[1]], rel=0.06)


def test_repetitions_that_differ_widen_the_interval():
    random = np.random.default_rng(3)
    quiet = [random.normal(10.0, 0.1, 200) for _ in range(4)]
    noisy = [one + shift for one, shift in zip(quiet, (0.0, 1.0, 2.0, 3.0), strict=True)]
    widths = [float(np.subtract(*bootstrap(one, [50.0], 1)[::-1])[0]) for one in (quiet, noisy)]
    assert widths[0] < 0.1
    assert widths[1] > 1.0


def _with_stalls(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    due = poisson_due_ns(seed, 40.0, 5.0)
    service = np.full(len(due), 1_000_000)
    places = np.array([50, 100, 150])
    service[places] += STALL
    begun, done = serve_ns(due, service)
    return due, begun, done, places


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000))
def test_a_stall_that_shows_passes_and_one_that_is_lost_does_not(seed: int):
    due, begun, done, places = _with_stalls(seed)
    touched, predicted = predict_stalled(due, begun, done, places, STALL)
    arguments = predicted, len(places), touched, STALL
    honest = (done - due).astype(np.float64)
    assert control_fault(honest, *arguments) == ""
    # From when each was begun: what a closed loop would have measured.
    assert "left out" in control_fault((done - begun).astype(np.float64), *arguments)
    lost = honest.copy()
    lost[places] = 1e6
    # Whoever came within 0.2 ms of a stalled one waited as long, and may stand for it.
    assert control_fault(lost, *arguments).endswith(("is lost", "some are left out"))
    assert "is lost" in control_fault(np.full(len(due), 1e6), *arguments)
    everywhere = honest + STALL
    assert "moves only the tail" in control_fault(everywhere, *arguments)


blocks = st.lists(st.tuples(st.integers(10, 80), st.integers(0, 19)), min_size=1, max_size=6)


@given(blocks, st.integers(0, 50), st.integers(0, 50))
def test_stages_sum_to_the_decision_and_evaluation_is_what_is_covered(
    pairs: list[tuple[int, int]], out: int, back: int
):
    spans = [(begin, begin + took) for begin, took in pairs]
    stages = split(5, 100, 103, spans, out, back)
    first, last = min(b for b, _ in spans), max(e for _, e in spans)
    covered = sum(any(b <= t < e for b, e in spans) for t in range(200))
    assert stages.evaluate * 1e6 == pytest.approx(covered)
    assert stages.wait * 1e6 == pytest.approx(last - first - covered)
    assert stages.merge * 1e6 == pytest.approx(3)
    assert stages.serialise * 1e6 == pytest.approx(min(out, first - 5) + min(back, 100 - last))
    assert total(stages) * 1e6 == pytest.approx(98)
    assert min(values(stages).values()) >= 0.0


def test_blocks_of_another_clock_are_refused():
    with pytest.raises(ValueError, match="clock of their own"):
        split(5, 100, 103, [(2, 50)], 0, 0)
    with pytest.raises(ValueError, match="no blocks"):
        split(5, 100, 103, [], 0, 0)


def test_the_middle_decision_is_one_that_was_measured():
    made = [split(0, end, end, [(1, 2)], 0, 0) for end in (50, 10, 30, 20)]
    assert middle(made) == made[3]
