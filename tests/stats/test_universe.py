import math

import pytest

from stats.market import Market, NotReady
from tests.stats.tapes import SECOND, Tick, feed

NAMES = ("A", "B", "C", "D")


class Tape:
    """A market of one second rows in which chosen symbols tick in each row."""

    def __init__(self, **changes) -> None:
        given = {
            "sample_interval_ns": SECOND,
            "allowed_lateness_ns": 0,
            "window_rows": 20,
            "window_ticks": 10,
            "min_observations": 5,
            "stale_after": 4,
            "defer_ticks": True,
        }
        self.market = Market(**(given | changes))
        self.row = 100

    def go(self, rows: int, *symbols: int) -> dict[str, tuple[str, str]]:
        """Let rows pass; the states at the end of the last of them."""
        for _ in range(rows):
            ticks = [Tick(s, 1.0 + s, self.row * SECOND + 9, 0, self.row) for s in symbols]
            list(feed(self.market, ticks))
            self.row += 1
        list(self.market.close())
        return {view.symbol: (view.state, view.reason) for view in self.market.assets(NAMES)}

    def members(self) -> tuple[str, ...]:
        moments = self.market.moments(NAMES)
        return () if isinstance(moments, NotReady) else moments.symbols


def test_symbols_become_members_when_they_have_enough_rows():
    tape = Tape()
    states = tape.go(5, 0, 1)
    assert states["A"] == ("filling", "4 of at least 5 rows")
    assert states["C"] == ("missing_rows", "no tick used yet")
    assert tape.members() == ()
    states = tape.go(1, 0, 1)
    assert states["A"] == states["B"] == ("member", "")
    assert tape.members() == ("A", "B")


def test_a_symbol_that_lists_late_waits_for_the_whole_window():
    tape = Tape()
    tape.go(9, 0)
    tape.go(1, 0, 2)
    states = tape.go(10, 0, 2)
    assert states["C"][0] == "missing_rows"
    assert states["C"][1].endswith("10 of 19 rows")
    states = tape.go(9, 0, 2)
    assert states["C"][1].endswith("19 of 20 rows")
    assert tape.members() == ("A",)
    states = tape.go(1, 0, 2)
    assert states["C"] == ("member", "")
    assert tape.members() == ("A", "C")


def test_a_silent_symbol_leaves_and_comes_back_with_its_next_tick():
    tape = Tape()
    tape.go(30, 0, 1)
    tape.go(3, 0)
    assert tape.members() == ("A", "B")
    states = tape.go(1, 0)
    assert states["B"] == ("stale", "no tick for 4 rows; left out after 4")
    assert tape.members() == ("A",)
    tape.go(50, 0)
    assert tape.members() == ("A",)
    states = tape.go(1, 0, 1)
    assert states["B"] == ("member", "")
    assert tape.members() == ("A", "B")


def test_all_symbols_silent_leave_nobody():
    tape = Tape(partitions=(0, 1))
    ticks = [Tick(s, 1.0, k * SECOND + 9, 0, k) for k in range(100, 140) for s in (0, 1)]
    list(feed(tape.market, ticks))
    # Another partition's only tick, far ahead of the rest, lets their silence be known.
    list(feed(tape.market, [Tick(2, 1.0, 200 * SECOND, 1, 0)]))
    list(feed(tape.market, [Tick(0, 1.0, 160 * SECOND, 0, 999)]))
    assert tape.market.last_row == 158
    assert tape.market.moments(NAMES) == NotReady("no symbol had a tick for 4 rows")


def test_the_least_number_of_rows_is_never_more_than_the_window():
    tape = Tape(window_rows=3, min_observations=30)
    states = tape.go(3, 0)
    assert states["A"] == ("filling", "2 of at least 3 rows")
    assert tape.go(1, 0)["A"] == ("member", "")


def test_views_carry_the_newest_price_and_its_time():
    tape = Tape()
    list(feed(tape.market, [Tick(1, 7.5, 105 * SECOND, 0, 0), Tick(1, 7.0, 104 * SECOND, 0, 1)]))
    views = tape.market.assets(NAMES)
    assert (views[1].price, views[1].last_event_time_ns) == (7.5, 105 * SECOND)
    assert views[1].reason == "no row has closed yet"
    assert math.isnan(views[0].price)
    assert views[0].last_event_time_ns == 0


def test_a_member_missing_names_the_first_reason():
    tape = Tape(window_rows=30, min_observations=5)
    tape.go(1, 0)
    tape.go(8, 1)
    moments = tape.market.moments(NAMES)
    assert isinstance(moments, NotReady)
    assert moments.reason.startswith("no symbol is a member; B: first price came 1 rows")


@pytest.mark.parametrize("stale_after", [1, 2, 50])
def test_stale_after_counts_rows_without_a_tick(stale_after):
    tape = Tape(stale_after=stale_after)
    tape.go(30, 0, 1)
    for quiet in range(1, 60):
        states = tape.go(1, 1)
        assert (states["A"][0] == "stale") == (quiet >= stale_after)
