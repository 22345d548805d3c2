import gc
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.contest import (
    Case,
    Contender,
    WrongResultError,
    check_case,
    differ,
    measure_case,
    returned,
)

SLEEP_S = 0.02


def contender(subject: str, call: Callable[..., Any], per_call: int = 1) -> Contender:
    return Contender(subject, call, lambda: (np.arange(4.0),), returned, per_call)


def case_of(*contenders: Contender, tolerance: float = 1e-9, unit: str = "us a call") -> Case:
    return Case(
        "double", unit, contenders, lambda first, other: differ((first,), (other,), tolerance)
    )


def double(values: np.ndarray) -> np.ndarray:
    return 2.0 * values


def test_a_contender_with_a_wrong_result_is_not_timed():
    timed = []

    def wrong(values: np.ndarray) -> np.ndarray:
        timed.append(1)
        return 2.0 * values + 1e-6

    case = case_of(contender("silverbullet", double), contender("peer", wrong))
    with pytest.raises(WrongResultError, match="double: peer does not do what silverbullet does"):
        measure_case(case, 0.0, 5)
    assert len(timed) == 1


def test_a_result_within_the_tolerance_passes():
    near = contender("peer", lambda values: 2.0 * values * (1 + 1e-12))
    check_case(case_of(contender("silverbullet", double), near))


def test_a_contender_may_have_a_judge_of_its_own():
    off = Contender(
        "loose", lambda values: 2.0 * values * (1 + 1e-6), lambda: (np.arange(4.0),), returned,
        judge=lambda first, other: differ((first,), (other,), 1e-5),
    )  # fmt: skip
    check_case(case_of(contender("silverbullet", double), off))
    with pytest.raises(WrongResultError, match="loose"):
        check_case(case_of(contender("silverbullet", double), replace(off, judge=None)))


def test_without_a_judge_each_contender_is_run_and_none_compared():
    other = contender("another size", lambda values: 3.0 * values)
    compared = case_of(contender("silverbullet", double), other)
    with pytest.raises(WrongResultError, match="another size"):
        check_case(compared)
    rows = measure_case(replace(compared, judge=None), 0.0, 2)
    assert [row.subject for row in rows] == ["silverbullet", "another size"]


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ((np.ones(3),), "1 results instead of 2"),
        ((np.ones(3), np.ones(2)), "shape"),
        ((np.ones(3), np.array([1.0, np.nan, 1.0])), "off by nan"),
        ((np.array([1.0, 1.0, 1.1]), np.ones(3)), "result 0 is off by 0.1"),
    ],
)
def test_differences_are_named(other: Any, says: str):
    assert says in differ((np.ones(3), np.ones(3)), other, 1e-9)


def test_nan_equals_nan_and_a_result_left_out_is_not_compared():
    first = (np.array([1.0, np.nan]), np.ones(2))
    assert differ(first, (np.array([1.0, np.nan]), None), 0.0) == ""
    assert "not finite" in differ(first, (np.array([1.0, 2.0]), None), 0.0)


class ScriptedClock:
    """Stands still but for what contenders add to it."""

    def __init__(self) -> None:
        self.now_ns = 10**18

    def __call__(self) -> int:
        return self.now_ns


def taking(clock: ScriptedClock, subject: str, *times_ns: int, per_call: int = 1) -> Contender:
    """Make a contender whose calls take these times, the last one for good."""
    left = list(times_ns)

    def call(values: np.ndarray) -> np.ndarray:
        clock.now_ns += left.pop(0) if len(left) > 1 else left[0]
        return double(values)

    return contender(subject, call, per_call)


def test_contenders_take_turns_and_each_begins_once():
    clock, order = ScriptedClock(), []

    def noting(subject: str) -> Callable[..., Any]:
        def call(values: np.ndarray) -> np.ndarray:
            order.append(subject)
            clock.now_ns += 10**6  # long enough for a turn of one call
            return double(values)

        return call

    names = ["silverbullet", "first", "second"]
    case = case_of(*(contender(name, noting(name)) for name in names))
    rows = measure_case(case, 0.0, 3, clock)
    turns = order[-9:]
    assert [turns[i : i + 3] for i in (0, 3, 6)] == [
        ["silverbullet", "first", "second"],
        ["first", "second", "silverbullet"],
        ["second", "silverbullet", "first"],
    ]
    assert [row.subject for row in rows] == names
    assert all(len(row.runs) == 3 for row in rows)


def test_rows_hold_the_times_that_calls_took():
    clock = ScriptedClock()
    # Two calls before the turns: one whose result is compared, one that says how long one takes.
    row, peer = measure_case(
        case_of(
            taking(clock, "silverbullet", 9_000_000, 9_000_000, 1_000_000, 3_000_000, 2_000_000),
            taking(clock, "peer", 9_000_000, 9_000_000, 4_000_000, 4_000_000, 8_000_000),
        ),
        0.0,
        3,
        clock,
    )
    assert row.runs == (1000.0, 3000.0, 2000.0)
    assert (row.p50, row.max) == (2000.0, 3000.0)
    assert row.p99 == pytest.approx(2980.0)
    assert peer.runs == (4000.0, 4000.0, 8000.0)


@pytest.mark.parametrize(
    ("unit", "expected"), [("ns a tick", 200_000), ("us a row", 200), ("ms a job", 0.2)]
)
def test_times_are_in_the_unit_of_the_case(unit: str, expected: float):
    clock = ScriptedClock()
    case = case_of(
        taking(clock, "silverbullet", 2_000_000, per_call=10),
        taking(clock, "peer", 100, per_call=1),
        unit=unit,
    )
    row, quick = measure_case(case, 0.0, 2, clock)
    assert row.p50 == pytest.approx(expected)
    assert quick.p50 == pytest.approx(expected / 2_000)  # 100 ns a call, many to a sample


def test_times_are_of_the_processor_so_waiting_costs_nothing():
    def waiting(values: np.ndarray) -> np.ndarray:
        time.sleep(SLEEP_S)
        return double(values)

    row, _ = measure_case(
        case_of(contender("silverbullet", waiting), contender("peer", double)), 0.0, 3
    )
    assert 0 < row.p50 < SLEEP_S * 1e6 / 2


def test_each_call_has_its_own_arguments():
    def spoil(values: np.ndarray) -> float:
        values += 1.0
        return float(values.sum())

    calls = Contender("silverbullet", spoil, lambda: (np.zeros(4),), returned)
    case = Case(
        "spoil", "us a call", (calls, calls), lambda a, b: "" if a == b == 4.0 else "spoilt"
    )
    rows = measure_case(case, 0.01, 2)
    check_case(case)
    assert rows[0].p50 > 0


def test_what_was_there_before_is_no_garbage_of_a_turn():
    old = [[k] for k in range(10)]
    kept = {id(one) for one in old}
    seen: list[bool] = []

    def look(values: np.ndarray) -> np.ndarray:
        seen.append(any(id(one) in kept for one in gc.get_objects()))
        return 2.0 * values

    measure_case(case_of(contender("silverbullet", look)), 0.0, 3)
    assert seen[0], "the check of results is not timed: nothing is left out yet"
    assert not any(seen[1:])
    assert gc.get_freeze_count() == 0
