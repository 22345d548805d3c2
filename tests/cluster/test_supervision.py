"""When a child is started again, and when that is given up."""

from hypothesis import given
from hypothesis import strategies as st

from cluster.supervision import Backoff, Supervision

S = 1_000_000_000


def fail(watch: Supervision, now_ns: int, ran_ns: int = 0) -> int:
    """Start it, let it end after ``ran_ns``; give the wait that follows."""
    watch.started(now_ns)
    watch.ended(now_ns + ran_ns, "exit code 1")
    return (watch.due_ns or 0) - now_ns - ran_ns


def test_first_start_is_due_at_once_and_a_running_child_is_not_started() -> None:
    watch = Supervision()
    assert watch.due(0)
    watch.started(0)
    assert watch.due_ns is None
    assert not watch.due(10**12)


def test_waits_double_up_to_the_longest() -> None:
    watch = Supervision(Backoff(first_ns=S, longest_ns=8 * S, give_up_after=0))
    assert [fail(watch, k * 100 * S) // S for k in range(6)] == [1, 2, 4, 8, 8, 8]
    assert watch.restarts == 5


def test_child_that_ran_steadily_begins_with_the_first_wait_again() -> None:
    watch = Supervision(Backoff(first_ns=S, steady_ns=60 * S))
    fail(watch, 0)
    fail(watch, 100 * S)
    assert fail(watch, 200 * S, ran_ns=60 * S) == S


def test_gives_up_after_failures_in_turn_with_the_last_reason() -> None:
    watch = Supervision(Backoff(give_up_after=3))
    for k in range(3):
        assert watch.given_up == ""
        fail(watch, k * 100 * S)
    assert watch.due_ns is None
    assert not watch.due(10**15)
    assert watch.given_up == "given up after 3 failures in turn; the last: exit code 1"


def test_can_be_told_that_a_restart_is_no_use() -> None:
    watch = Supervision()
    watch.started(0)
    watch.give_up("another fingerprint")
    assert not watch.due(10**15)
    assert watch.given_up == "another fingerprint"


@given(st.integers(1, 10_000), st.floats(1.0, 10.0))
def test_wait_is_never_shorter_than_the_first_nor_longer_than_the_longest(
    failures: int, factor: float
) -> None:
    backoff = Backoff(first_ns=S, longest_ns=30 * S, factor=factor)
    assert S <= backoff.delay_ns(failures) <= 30 * S
    assert backoff.delay_ns(failures) <= backoff.delay_ns(failures + 1)
