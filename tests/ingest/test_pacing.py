"""What is due when, under a virtual clock."""

import math

from hypothesis import given
from hypothesis import strategies as st

from ingest.file_ticks import FileTicks
from ingest.pacing import LEAST_PAUSE_NS, MOST_ROWS, Pacer, Schedule, Wait
from tests.ingest.made_ticks import NOW, SECOND, ticks_at


def play(pacer: Pacer, now_ns: int, until_ns: int) -> list[tuple[int, int]]:
    """Let virtual time run; gives (wall time, event time) of every tick sent."""
    sent = []
    while now_ns < until_ns:
        due = pacer.step(now_ns)
        if due is None:
            break
        if isinstance(due, Wait):
            assert due.until_ns > now_ns
            now_ns = due.until_ns
        else:
            sent += [(now_ns, t) for t in due.clock_ns.tolist()]
            now_ns += 1000
    return sent


@given(
    st.lists(st.integers(-5 * SECOND, 20 * SECOND), min_size=1, max_size=40).map(sorted),
    st.sampled_from([0.5, 1.0, 3.0, 1000.0]),
    st.integers(1, 10),
)
def test_no_tick_is_early_or_more_than_a_pause_late(
    offsets: list[int], speed: float, size: int
) -> None:
    times = [NOW + t for t in offsets]
    chunks = (ticks_at(times[i : i + size]) for i in range(0, len(times), size))
    sent = play(Pacer(chunks, Schedule(NOW, NOW, speed)), NOW, 2 * NOW)
    assert [event for _, event in sent] == times
    for wall, event in sent:
        due = max(NOW, NOW + (event - NOW) / speed)
        assert -1000 < wall - due < LEAST_PAUSE_NS + 50_000


def test_as_fast_as_it_goes_never_waits() -> None:
    chunks = iter([ticks_at([NOW + k * SECOND for k in range(10_000)])])
    pacer = Pacer(chunks, Schedule(NOW, NOW, math.inf))
    sizes = []
    while (due := pacer.step(NOW)) is not None:
        assert isinstance(due, FileTicks)
        sizes.append(len(due))
    assert sizes == [MOST_ROWS, MOST_ROWS, 10_000 - 2 * MOST_ROWS]


def test_a_late_wake_up_catches_up() -> None:
    chunks = iter([ticks_at([NOW + k * SECOND for k in range(100)])])
    pacer = Pacer(chunks, Schedule(NOW, NOW, 1.0))
    caught_up = pacer.step(NOW + 50 * SECOND)
    assert isinstance(caught_up, FileTicks)
    assert len(caught_up) == 51
    assert pacer.step(NOW + 50 * SECOND + LEAST_PAUSE_NS) == Wait(NOW + 51 * SECOND)
