import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from optimize.evaluate import evaluate_job
from silverbullet.cloud_schedule import _rounded
from silverbullet.decider import Decider
from silverbullet.events import JobDone, Paused, TicksArrived, Timer
from silverbullet.portfolio import Provenance
from silverbullet.settings import Settings, load_settings
from silverbullet.status import run_state
from tests.optimize.problems import make_job
from tests.silverbullet.virtual_shell import (
    SECOND_NS,
    START_NS,
    VirtualShell,
    random_tape,
    symbol_table,
)

FIRST_ROW = START_NS // SECOND_NS


def make_settings(**changes: dict[str, object]) -> Settings:
    base: dict[str, dict[str, object]] = {
        "window": {"sample_interval_s": 1, "rows": 40, "ticks": 100, "min_observations": 10},
        "optimize": {"method": "exact", "cloud_points": 0},
    }
    for section, values in changes.items():
        base.setdefault(section, {}).update(values)
    return load_settings(flags=base)


def make_shell(tape, *, delay=0, resume=None, only_at_end=False, **changes) -> VirtualShell:
    decider = Decider(
        make_settings(**changes), symbol_table(tape), resume=resume, only_at_end=only_at_end
    )
    return VirtualShell(decider, delay=delay)


def every_tick(tape):
    return tape.batches(range(1, len(tape)))


def test_every_row_is_decided_once_when_there_is_time():
    tape = random_tape(1)
    decisions = make_shell(tape).play(every_tick(tape), end=True)
    rows = [decision.row for decision in decisions]
    # Returns begin one row after the first price; ten of them are needed.
    assert rows == list(range(FIRST_ROW + 10, FIRST_ROW + 80))
    for decision in decisions:
        assert decision.weights.sum() == pytest.approx(1, abs=1e-12)
        assert (decision.weights >= 0).all()


@given(st.lists(st.integers(1, 479), max_size=30), st.integers(0, 3))
@hypothesis_settings(max_examples=40, deadline=None)
def test_decisions_do_not_depend_on_batching_or_on_how_long_they_take(cuts, delay):
    tape = random_tape(2)
    reference = make_shell(tape, decide={"conflate": False}).play(every_tick(tape), end=True)
    shell = make_shell(tape, delay=delay, decide={"conflate": False})
    decisions = shell.play(tape.batches(sorted(set(cuts))), end=True)
    assert [(d.row, d.digest, d.id) for d in decisions] == [
        (d.row, d.digest, d.id) for d in reference
    ]


def test_what_could_not_be_decided_in_time_is_skipped_and_counted():
    tape = random_tape(3)
    shell = make_shell(tape, delay=25)
    decisions = shell.play(every_tick(tape), end=True)
    rows = [decision.row for decision in decisions]
    assert rows == sorted(set(rows))
    assert rows[-1] == FIRST_ROW + 79
    assert 5 < len(rows) < 40
    counts = shell.decider.counts
    assert counts["conflated"] + len(rows) == 70
    assert counts["decisions"] == len(rows)


def test_without_conflation_the_consumer_is_held_back_while_a_decision_is_under_way():
    tape = random_tape(4)
    shell = make_shell(tape, delay=10, decide={"conflate": False})
    shell.take(tape.batch(0, 300, receive_time_ns=START_NS))
    assert shell.decider.busy
    assert not shell.decider.wants_ticks


def test_throttled_decisions_wait_for_their_time_and_use_what_is_newest_then():
    tape = random_tape(5)
    shell = make_shell(tape, decide={"min_interval_s": 7})
    decisions = shell.play(every_tick(tape), end=False)
    times = [d.times.updated_ns for d in decisions]
    assert all(b - a >= 7 * SECOND_NS for a, b in itertools.pairwise(times))
    assert len(decisions) >= 9
    due_ns = shell.decider.next_timer_ns()
    if due_ns is not None:
        shell.time_ns = due_ns
        shell.wake()
        assert shell.published[-1].times.updated_ns == due_ns


def test_a_resumed_run_goes_on_after_what_was_decided_with_the_same_bits():
    tape = random_tape(6)
    whole = make_shell(tape, decide={"conflate": False}).play(every_tick(tape), end=True)
    middle = whole[30]
    shell = make_shell(tape, resume=middle, decide={"conflate": False})
    rest = shell.play(every_tick(tape), end=True)
    assert [(d.id, d.digest) for d in rest] == [(d.id, d.digest) for d in whole[31:]]


def test_trigger_tick_decides_each_wake_up_on_the_open_row():
    tape = random_tape(7)
    shell = make_shell(tape, decide={"trigger": "tick"})
    shell.play(every_tick(tape))
    decisions = shell.published
    assert len(decisions) > 300
    assert len({d.id for d in decisions}) == len(decisions)
    last = decisions[-1]
    newest = {
        s: tape.prices[np.nonzero(tape.symbol_ids == i)[0][-1]] for i, s in enumerate(tape.symbols)
    }
    assert dict(zip(last.symbols, last.prices, strict=True)) == newest
    assert last.row == FIRST_ROW + 79


def test_only_at_end_decides_the_last_row_alone_whatever_the_batching():
    tape = random_tape(8)
    first = make_shell(tape, only_at_end=True).play(every_tick(tape), end=True)
    second = make_shell(tape, only_at_end=True).play(tape.batches([100, 350]), end=True)
    assert [d.row for d in first] == [FIRST_ROW + 79]
    assert [d.digest for d in first] == [d.digest for d in second]


def test_the_cloud_comes_at_most_once_an_interval_and_holds_the_frontier_above_it():
    tape = random_tape(9)
    shell = make_shell(
        tape, optimize={"method": "exact", "cloud_points": 64, "cloud_interval_s": 5}
    )
    decisions = shell.play(every_tick(tape), end=True)
    with_cloud = [d for d in decisions if d.cloud is not None]
    assert 10 <= len(with_cloud) <= 15
    cloud, frontier = with_cloud[-1].cloud, with_cloud[-1].frontier
    assert len(cloud.volatility) == 64
    # No random portfolio has more return at no more risk than the frontier's next point right.
    for volatility, expected_return in zip(cloud.volatility, cloud.expected_return, strict=True):
        right = frontier.expected_return[frontier.volatility >= volatility]
        assert not len(right) or expected_return <= right[0] + 1e-9


def test_before_enough_rows_it_says_why_it_does_not_decide():
    tape = random_tape(10, n_rows=5)
    shell = make_shell(tape)
    assert shell.play(every_tick(tape)) == []
    assert "10" in shell.decider.not_ready


def test_a_result_nobody_asked_for_is_refused():
    tape = random_tape(11, n_rows=5)
    decider = Decider(make_settings(), symbol_table(tape))
    job = make_job(np.array([0.1, 0.2]), np.eye(2), kind="exact")
    with pytest.raises(RuntimeError, match="not asked for"):
        decider.step(JobDone(77, evaluate_job(job), Provenance("x", (), False, False, "", 0, 0)))
    assert decider.step(Timer(START_NS)) == []


def test_weights_of_a_decision_are_where_the_next_one_starts():
    tape = random_tape(12)
    decisions = make_shell(tape).play(every_tick(tape), end=True)
    for previous, following in itertools.pairwise(decisions):
        assert following.start_weights.tobytes() == previous.weights.tobytes()


def test_the_cloud_is_rounded_to_six_digits_and_no_further():
    values = np.array([0.0, 1.0, 123456.789, -2.8596860817161136e-05, 7.77777777e-12])
    rounded = _rounded(values)
    assert rounded.tolist() == [0.0, 1.0, 123457.0, -2.85969e-05, 7.77778e-12]


def test_a_clock_that_is_set_back_holds_nothing_up():
    tape = random_tape(13)
    shell = make_shell(tape, decide={"trigger": "tick", "min_interval_s": 0.5})
    batches = list(every_tick(tape))
    for admitted in batches[:300]:
        shell.take(admitted)
    before = len(shell.published)
    shell.time_ns -= 3_600 * SECOND_NS
    shell.decider.step(TicksArrived(batches[300]))
    shell.wake()
    assert len(shell.published) == before + 1


def test_ticks_that_are_only_late_leave_the_state_stale():
    tape = random_tape(14)
    shell = make_shell(tape)
    shell.play(every_tick(tape))
    assert run_state(shell.decider, shell.time_ns)[0] == "deciding"
    later_ns = shell.time_ns + 60 * SECOND_NS
    shell.take(tape.batch(0, 50, receive_time_ns=later_ns))
    state, reason = run_state(shell.decider, later_ns)
    assert state == "stale"
    assert "only late ticks for 60 s" in reason


def test_paused_it_reads_on_and_decides_nothing_and_then_the_newest_row():
    tape = random_tape(9)
    shell = make_shell(tape)
    batches = list(every_tick(tape))
    shell.play(batches[:300])
    n_before = len(shell.published)
    assert n_before > 0
    shell.decider.step(Paused("paused by ann"))
    shell.play(batches[300:400])
    assert len(shell.published) == n_before
    assert shell.decider.market.n_used == 400
    assert run_state(shell.decider, shell.time_ns) == ("paused", "paused by ann")
    assert shell.decider.next_timer_ns() is None
    shell.decider.step(Paused(""))
    shell.wake()
    assert len(shell.published) == n_before + 1
    assert shell.published[-1].row == shell.decider.market.last_row
    assert shell.decider.counts["conflated"] == 0


def test_history_that_fills_the_windows_at_once_is_not_counted_as_skipped():
    tape = random_tape(15)
    shell = make_shell(tape)
    first, *rest = tape.batches([300])
    shell.play([first])
    assert len(shell.published) == 1
    assert shell.decider.counts["conflated"] == 0
    shell.play(rest)
    (before, after) = (decision.row for decision in shell.published)
    assert shell.decider.counts["conflated"] == after - before - 1 > 10


def test_paused_without_conflation_it_holds_ticks_back_and_then_decides_every_row():
    tape = random_tape(9)
    settings = {"decide": {"conflate": False}}
    reference = make_shell(tape, **settings).play(every_tick(tape), end=True)
    shell = make_shell(tape, **settings)
    batches = list(every_tick(tape))
    shell.play(batches[:300])
    shell.decider.step(Paused("paused by ann"))
    taken = 300
    while shell.decider.wants_ticks:
        shell.take(batches[taken])
        taken += 1
    assert taken < 320  # one row at most
    shell.decider.step(Paused(""))
    shell.play(batches[taken:], end=True)
    assert [(d.row, d.digest) for d in shell.published] == [(d.row, d.digest) for d in reference]


def test_rows_missed_while_it_was_down_are_counted_as_skipped_once_it_decides_again():
    tape = random_tape(16)
    batches = list(every_tick(tape))
    before = make_shell(tape).play(batches[:240])[-1]
    again = make_shell(tape, resume=before)
    first = tape.batches([300])
    again.play([next(iter(first))])
    (decision,) = again.published
    assert again.decider.counts["conflated"] == decision.row - before.row - 1 > 5
