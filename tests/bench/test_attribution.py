import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.pipeline.attribution import SPANS, STAGES, Arrivals, Sent, attribute

START = 1_800_000_000_000_000_000
US = 1_000


def arrivals_of(rows: list[tuple[int, dict[str, int]]]) -> Arrivals:
    names = rows[0][1]
    return Arrivals(
        np.array([offset for offset, _ in rows], np.int64),
        {name: np.array([stamps[name] for _, stamps in rows], np.int64) for name in names},
    )


def test_stages_of_a_scripted_tape_are_the_delays_that_were_put_in():
    # Three ticks at 0, 100 and 200 us; the first has its own decision, the others share one.
    sent = Sent(START + US * np.array([0, 100, 200]), START + US * np.array([5, 107, 209]), 40)
    delays = (("received", 300), ("updated", 11), ("submitted", 13), ("solved", 17),
              ("published", 19), ("arrived", 500))  # fmt: skip

    def stamps(begin_us: int) -> dict[str, int]:
        at, found = begin_us, {}
        for name, delay in delays:
            at += delay
            found[name] = START + US * at
        return found

    rows = [(40, stamps(5)), (42, stamps(209))]
    found = attribute(sent, arrivals_of(rows), 0)
    assert found.n_uncovered == 0
    expected = {
        "generator lag": [5, 7, 9],
        "kafka in": [300, 402, 300],  # the second waited for the third: 209 + 300 - 107
        "update": [11] * 3,
        "wait": [13] * 3,
        "solve": [17] * 3,
        "publish": [19] * 3,
        "kafka out": [500] * 3,
        "own part": [60] * 3,
        "made": [365, 469, 369],
        "total": [865, 969, 869],
    }
    assert {name: values.tolist() for name, values in found.stages.items()} == expected
    whole = sum(found.stages[name] for name in STAGES)
    np.testing.assert_array_equal(whole, found.stages["total"])


def test_warm_up_and_ticks_that_nobody_covers_do_not_count():
    sent = Sent(START + US * np.arange(10), START + US * np.arange(10), 0)
    rows = [(3, {"received": START, "published": START, "arrived": START + US * 100}),
            (7, {"received": START, "published": START, "arrived": START + US * 200})]  # fmt: skip
    found = attribute(sent, arrivals_of(rows), warm_up_ns=2 * US)
    assert found.stages["total"].tolist() == [98, 97, 196, 195, 194, 193]
    assert found.n_uncovered == 2
    assert "solve" not in found.stages  # the relay has no such stamp
    assert set(SPANS) <= set(found.stages)


def test_nothing_that_arrives_covers_nothing():
    sent = Sent(START + np.arange(4), START + np.arange(4), 0)
    empty = np.zeros(0, np.int64)
    found = attribute(sent, Arrivals(empty, {"arrived": empty}), 0)
    assert found.n_uncovered == 4
    assert found.stages["total"].tolist() == []


@given(
    st.lists(st.integers(0, 50), min_size=1, max_size=30),
    st.lists(st.tuples(st.integers(-1, 45), st.integers(0, 99)), min_size=1, max_size=30),
    st.integers(0, 10),
)
def test_a_tick_ends_at_the_first_arrival_that_covers_it(
    gaps: list[int], messages: list[tuple[int, int]], first_offset: int
):
    due = START + US * np.cumsum(gaps)
    arrived = START + US * np.cumsum([later for _, later in messages])
    rows = [
        (offset, {"received": int(at), "published": int(at), "arrived": int(at)})
        for (offset, _), at in zip(messages, arrived, strict=True)
    ]
    found = attribute(Sent(due, due, first_offset), arrivals_of(rows), 0)
    expected = []
    for i, due_ns in enumerate(due):
        for offset, stamps in rows:
            if offset >= first_offset + i:
                expected.append((stamps["arrived"] - int(due_ns)) / 1e3)
                break
    assert found.stages["total"].tolist() == pytest.approx(expected)
    assert found.n_uncovered == len(due) - len(expected)
