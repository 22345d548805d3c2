"""Whether a run reads on after it stood still, under virtual time."""

from hypothesis import given
from hypothesis import strategies as st

from silverbullet.standstill import LONGEST_NS, STANDSTILL_NS, YOUNG_NS, Standstill, overdue

MS = 1_000_000
START_NS = 1_700_000_000_000 * MS


def test_after_a_standstill_it_reads_on_until_a_message_of_now() -> None:
    machine, now_ns = Standstill(), START_NS
    assert not machine.step(now_ns, now_ns - 5 * MS)
    now_ns += 30_000 * MS
    assert machine.step(now_ns, now_ns - 30_000 * MS)
    assert machine.step(now_ns + 3 * MS, None)
    assert machine.step(now_ns + 9 * MS, now_ns - 15_000 * MS)
    assert not machine.step(now_ns + 20 * MS, now_ns - 40 * MS)
    assert not machine.step(now_ns + 30 * MS, None)


def test_where_no_message_is_young_it_goes_on_after_a_while() -> None:
    machine, now_ns = Standstill(), START_NS
    machine.step(now_ns, None)
    now_ns += 2 * STANDSTILL_NS
    behind_ns = 60_000 * MS  # the producer's clock
    turns = range(0, LONGEST_NS, 100 * MS)
    assert all(machine.step(now_ns + at, now_ns + at - behind_ns) for at in turns)
    assert not machine.step(now_ns + LONGEST_NS, now_ns + LONGEST_NS - behind_ns)


@given(
    st.lists(
        st.tuples(
            st.integers(-10_000, STANDSTILL_NS // MS),
            st.one_of(st.none(), st.integers(0, 10**7)),
        )
    )
)
def test_who_comes_by_often_enough_never_reads_on(turns: list[tuple[int, int | None]]) -> None:
    """Whatever the age of messages, and though the clock be set back."""
    machine, now_ns = Standstill(), START_NS
    for after_ms, age_ms in turns:
        now_ns += after_ms * MS
        assert not machine.step(now_ns, None if age_ms is None else now_ns - age_ms * MS)


@given(st.integers(STANDSTILL_NS + 1, 10**18), st.integers(0, YOUNG_NS - 1))
def test_a_young_message_ends_it_however_long_it_stood_still(still_ns: int, age_ns: int) -> None:
    machine = Standstill()
    machine.step(START_NS, None)
    now_ns = START_NS + still_ns
    assert not machine.step(now_ns, now_ns - age_ns)


def test_what_lay_too_long_is_late() -> None:
    assert overdue(1_000 * MS, 1.0) == ""
    assert overdue(30_500 * MS, 1.0) == "late by 29500 ms"
