"""The rate that a pipeline keeps pace with is found, and nothing else is taken for it."""

import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.brokers import embedded_broker
from bench.page import make_page
from bench.pipeline.load import send_tape
from bench.pipeline.saturation import Form, run_bench
from bench.pipeline.saturation_ramp import (
    MOST_GROWTH,
    MOST_P99_S,
    RESOLUTION,
    Ramp,
    Step,
    growth,
    judge_step,
    settle,
)
from bench.pipeline.workload import make_tape
from bench.report import read_report
from bench.rows import format_number
from ingest.broker import EmbeddedBroker
from ingest.consumer import TopicConsumer
from ingest.packed import decode_packed
from tests.descendants import descendants
from tests.integration.commands import until

SECONDS = 5.0


def ages_of(rate: float, capacity: float, stall_s: float = 0.0) -> np.ndarray:
    """Let ticks through a queue that empties at its capacity and stands still once; in us."""
    due = np.arange(0.0, SECONDS, 1.0 / rate)
    done = np.empty_like(due)
    free = 0.0
    for place, when in enumerate(due):
        if place == len(due) // 2:
            free = max(free, when) + stall_s
        free = max(free, when) + 1.0 / capacity
        done[place] = free
    return (done - due) * 1e6 + 300.0


@pytest.mark.parametrize(
    ("rate", "outcome"), [(700.0, "kept pace"), (990.0, "kept pace"), (1100.0, "fell behind")]
)
def test_a_queue_that_is_fed_faster_than_it_is_emptied_is_told(rate: float, outcome: str):
    ages = ages_of(rate, 1000.0)
    assert judge_step(ages, np.zeros_like(ages), 0, SECONDS, 1.0) == outcome


def test_ages_grow_by_what_the_queue_lacks():
    assert growth(ages_of(1250.0, 1000.0), SECONDS) == pytest.approx(0.25, abs=0.01)
    assert growth(ages_of(900.0, 1000.0), SECONDS) == pytest.approx(0.0, abs=1e-3)


def test_a_queue_that_grew_before_what_counts_and_only_stays_is_told():
    old = ages_of(500.0, 1000.0) + 0.7e6
    assert judge_step(old, np.zeros_like(old), 0, SECONDS, 1.0) == "fell behind"
    assert judge_step(old, old, 0, SECONDS, 1.0) == "not offered"


def test_ages_of_a_slow_decision_and_one_stall_are_no_queue_that_grows():
    old = ages_of(500.0, 1000.0) + 0.2e6
    assert judge_step(old, np.zeros_like(old), 0, SECONDS, 1.0) == "kept pace"
    stalled = ages_of(900.0, 1000.0, stall_s=0.1)
    assert judge_step(stalled, np.zeros_like(stalled), 0, SECONDS, 1.0) == "kept pace"


def test_a_queue_that_comes_and_goes_is_told_by_the_p99():
    lulls = ages_of(900.0, 1000.0, stall_s=0.3)
    assert np.median(lulls) < 1e6 * MOST_P99_S < np.percentile(lulls, 99)
    assert judge_step(lulls, np.zeros_like(lulls), 0, SECONDS, 1.0) == "late"
    assert judge_step(lulls, lulls, 0, SECONDS, 1.0) == "offered late"


@pytest.mark.parametrize(
    ("steps", "outcome"),
    [
        (("late", "kept pace"), "kept pace"),
        (("late", "late"), "fell behind"),
        (("late", "not offered"), "not offered"),
        (("offered late", "offered late"), "not offered"),
        (("fell behind",), "fell behind"),
        (("kept pace",), "kept pace"),
    ],
)
def test_what_is_late_once_is_played_once_more(steps: tuple[Step, ...], outcome: str):
    left = list(steps)
    assert settle(left.pop(0), lambda: left.pop(0)) == outcome
    assert not left


def test_the_page_says_the_p99_at_the_rate_that_was_kept_of_older_results_too():
    published = read_report(Path(__file__).parents[2] / "docs/performance/saturation.json")
    ages = [row for row in published.rows if row.case.endswith("age there")]
    page = make_page([published])
    for row in ages:
        told = next(line for line in page.splitlines() if line.startswith(f"| {row.case} "))
        assert f"p99 {format_number(np.median(row.p99_runs))} (" in told
    few = [msgspec.structs.replace(row, p99_runs=()) for row in ages]
    short = msgspec.structs.replace(published, rows=tuple(few))
    assert f"p99 {format_number(few[0].p99)} (-)" in make_page([short])


def test_a_generator_that_falls_back_is_not_taken_for_the_pipeline():
    late = ages_of(1200.0, 1000.0)
    assert judge_step(late + 500.0, late, 0, SECONDS, 1.0) == "not offered"


def test_ticks_that_no_decision_covers_are_too_many():
    few = np.full(100, 300.0)
    assert judge_step(few, np.zeros(120), 20, SECONDS, 1.0) == "fell behind"
    assert judge_step(np.empty(0), np.zeros(120), 120, SECONDS, 1.0) == "fell behind"


@given(st.floats(150.0, 150_000.0), st.sampled_from(["fell behind", "not offered"]))
def test_a_ramp_finds_what_can_be_kept_up_with_in_few_steps(capacity: float, over):
    ramp, tried = Ramp(1_000.0, 100.0, 64_000.0), []
    while (rate := ramp.next_rate()) is not None:
        tried.append(rate)
        assert 100.0 <= rate <= 64_000.0
        ramp.take(rate, "kept pace" if rate <= capacity else over)
        assert len(tried) <= 12
    found = ramp.found()
    if capacity >= 64_000.0:
        assert found == (64_000.0, "kept pace")
    elif found.rate:
        assert found.rate <= capacity <= found.rate * RESOLUTION
        assert found.ended_by == over
    else:  # halved from the first it comes to 125, and no further down
        assert capacity < 125.0


def test_a_ramp_of_which_nothing_is_kept_ends():
    ramp = Ramp(1_000.0, 100.0, 64_000.0)
    while (rate := ramp.next_rate()) is not None:
        ramp.take(rate, "fell behind")
    assert ramp.found().rate == 0.0


def test_packed_messages_are_due_with_their_last_tick():
    with EmbeddedBroker() as broker:
        begun_ns = time.time_ns()
        sent = send_tape(broker.address, "packed", 3, 2_000.0, 0.0527, per_message=10)
        consumer = TopicConsumer(broker.address, ["packed"])
        values: list[bytes] = []

        def has_all() -> bool:
            raw = consumer.poll(0.2)
            values.extend(raw.values if raw is not None else [])
            return len(values) >= 10

        until(has_all, "all messages", 20.0)
        consumer.close()
    tape = make_tape(3, 2_000.0, 0.0527)
    assert len(tape.due_ns) == 105
    assert len(values) == len(sent["due_ns"]) == len(sent["sent_ns"]) == 10  # five are left over
    rows = [decode_packed(bytes(value)) for value in values]
    prices = np.concatenate([one.prices for one in rows])
    np.testing.assert_array_equal(prices, tape.prices[:100])
    times = np.concatenate([one.event_time_ns for one in rows])
    np.testing.assert_array_equal(times[9::10], sent["due_ns"])
    assert (times > begun_ns).all()


def test_a_short_ramp_gives_rows_of_both_and_leaves_nothing_behind(tmp_path: Path):
    before = descendants()
    # Of a second a hundredth is one stall of a busy machine: then a lower rate is kept.
    form = Form("packed", 100, first=5_000.0, least=300.0, most=5_000.0)
    report = run_bench(embedded_broker, 1.0, 1, tmp_path, forms=(form,))
    until(lambda: descendants() <= before, "its processes to be gone", 5.0)
    case = "embedded, exact, packed ticks up to which decisions keep pace"
    rates = {row.subject: row for row in report.rows if row.case == case}
    assert {name: row.p50 for name, row in rates.items()} == {
        "silverbullet": 5_000.0, "relay": 5_000.0,
    }  # fmt: skip
    ages = {row.subject: row for row in report.rows if row.case == f"{case}, age there"}
    assert all(0.0 < row.p50 < 2_000.0 for row in ages.values())
    assert report.machine["limit of packed, silverbullet"].endswith(" 1 of 1")
    assert report.notes
    (kept,) = tmp_path.glob("saturation-*.json")
    assert read_report(kept) == report
    assert MOST_GROWTH < 0.1
