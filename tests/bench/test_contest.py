import time
from collections.abc import Callable
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

SLEEP_S = 0.002


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


def test_contenders_take_turns_and_each_begins_once():
    order: list[str] = []

    def slow(subject: str) -> Callable[..., Any]:
        def call(values: np.ndarray) -> np.ndarray:
            order.append(subject)
            time.sleep(SLEEP_S)  # one call a turn
            return double(values)

        return call

    names = ["silverbullet", "first", "second"]
    rows = measure_case(case_of(*(contender(name, slow(name)) for name in names)), 0.0, 3)
    turns = order[-9:]
    assert [turns[i : i + 3] for i in (0, 3, 6)] == [
        ["silverbullet", "first", "second"],
        ["first", "second", "silverbullet"],
        ["second", "silverbullet", "first"],
    ]
    assert [row.subject for row in rows] == names
    assert all(len(row.runs) == 3 for row in rows)


@pytest.mark.parametrize(
    ("unit", "one"), [("ns a tick", 1e9), ("us a row", 1e6), ("ms a job", 1e3)]
)
def test_times_are_in_the_unit_of_the_case(unit: str, one: float):
    def slow(values: np.ndarray) -> np.ndarray:
        time.sleep(SLEEP_S)
        return double(values)

    row, quick = measure_case(
        case_of(contender("silverbullet", slow, 10), contender("peer", double), unit=unit), 0.0, 2
    )
    assert SLEEP_S * one / 10 <= row.p50 < 1.0 * one
    assert quick.p50 < row.p50


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
