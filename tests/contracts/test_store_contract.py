"""What any store must do. A new one joins by a class in tests/storage/backends.py."""

import math
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from optimize.decision import encode_decision
from storage.protocol import DecisionQuery, Store, StoreError
from tests.factories import FIRST_ROW, SECOND_NS, make_decision, make_status
from tests.storage.backends import BACKENDS, Backend, make_backend, prune_all

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    return make_backend(request.param, tmp_path, request)


@pytest.fixture
def store(backend: Backend) -> Iterator[Store]:
    opened = backend.open()
    yield opened
    opened.close()


def ids(store: Store, **query: object) -> list[str]:
    return [decision.id for decision in store.decisions(DecisionQuery(**query))]


def test_a_decision_comes_back_with_every_bit(store: Store) -> None:
    numbers = np.array([math.nan, 5e-324, -0.0, 1.7976931348623157e308, 0.1, math.nan])
    whole = make_decision(
        n=6,
        cloud_points=50,
        skewness=numbers,
        sharpe=None,
        reason='a "reason" — ünïcode, \\ and \0',
        offsets={"0": 2**62, "1": 0},
    )
    assert store.append([whole], []) == 1
    (back,) = store.decisions(DecisionQuery())
    assert encode_decision(back) == encode_decision(whole)
    finite = ~np.isnan(numbers)
    assert back.skewness[finite].tobytes() == numbers[finite].tobytes()
    assert np.isnan(back.skewness[~finite]).all()
    assert not back.weights.flags.writeable


def test_nan_statistics_come_back_as_nan_in_a_history(store: Store) -> None:
    decision = make_decision(n=2, kurtosis=np.array([math.nan, 3.5]))
    store.append([decision], [])
    first, second = (store.asset_history(s, DecisionQuery())[0] for s in decision.symbols)
    assert math.isnan(first.kurtosis)
    assert second.kurtosis == 3.5
    assert first.price == decision.prices[0]


def test_pages_by_id_in_both_directions_see_each_decision_once(store: Store) -> None:
    made = [make_decision(FIRST_ROW + row) for row in range(25)]
    store.append(made[::-1], [])  # the order of arrival is no matter
    expected = [decision.id for decision in made]
    forward: list[str] = []
    while page := ids(
        store, after_id=forward[-1] if forward else None, newest_first=False, limit=7
    ):
        forward += page
    backward: list[str] = []
    while page := ids(store, before_id=backward[-1] if backward else None, limit=7):
        backward += page
    assert forward == expected
    assert backward == expected[::-1]
    assert ids(store, after_id=expected[3], before_id=expected[6]) == expected[5:3:-1]


def test_newest_is_by_time_where_the_sampling_interval_changed(store: Store) -> None:
    seconds = [make_decision(FIRST_ROW + row) for row in range(3)]
    half_hours = [
        make_decision(FIRST_ROW // 1800 + row, sample_interval_ns=1800 * SECOND_NS)
        for row in range(1, 4)
    ]
    store.append(seconds + half_hours, [])
    assert min(d.id for d in seconds) > max(d.id for d in half_hours)
    assert ids(store, limit=1) == [half_hours[-1].id]
    assert ids(store, after_id=seconds[-1].id, newest_first=False) == [d.id for d in half_hours]


def test_time_range_takes_the_start_and_leaves_the_end(store: Store) -> None:
    made = [make_decision(FIRST_ROW + row) for row in range(6)]
    store.append(made, [])
    start, end = made[2].row_end_ns, made[5].row_end_ns
    assert ids(store, start_ns=start, end_ns=end, newest_first=False) == [d.id for d in made[2:5]]
    assert ids(store, start_ns=-(2**70), end_ns=2**70, limit=2**70) == [d.id for d in made[::-1]]
    assert ids(store, start_ns=end, end_ns=start) == []


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_of_nothing_gives_nothing(store: Store, limit: int) -> None:
    store.append([make_decision()], [make_status()])
    assert ids(store, limit=limit) == []
    assert store.asset_history("A000USDT", DecisionQuery(limit=limit)) == []
    assert store.statuses(limit=limit) == []


def test_with_cloud_names_only_decisions_that_carry_one(store: Store) -> None:
    made = [make_decision(FIRST_ROW + row, cloud_points=5 * (row % 3 == 0)) for row in range(9)]
    store.append(made, [])
    expected = [made[6].id, made[3].id, made[0].id]
    assert ids(store, with_cloud=True) == expected
    rows = store.asset_history("A001USDT", DecisionQuery(with_cloud=True))
    assert [row.decision_id for row in rows] == expected


def test_portfolios_do_not_mix(store: Store) -> None:
    main, other = make_decision(), make_decision(portfolio="other", seed=1)
    store.append([main, other], [make_status(), make_status(portfolio="other", row=7)])
    assert ids(store) == [main.id]
    assert ids(store, portfolio="other") == [other.id]
    (row,) = store.asset_history("A000USDT", DecisionQuery(portfolio="other"))
    assert row.weight == other.weights[0]
    assert store.statuses("other")[0].row == 7
    assert ids(store, portfolio="none") == []


def test_history_of_a_symbol_that_left_is_still_there(store: Store) -> None:
    with_it = [make_decision(FIRST_ROW + row, n=3) for row in range(3)]
    without = [make_decision(FIRST_ROW + 3 + row, n=2) for row in range(10)]
    store.append(with_it + without, [])
    rows = store.asset_history("A002USDT", DecisionQuery(limit=2))
    assert [row.decision_id for row in rows] == [with_it[2].id, with_it[1].id]
    assert store.asset_history("NONE", DecisionQuery()) == []


def test_the_same_records_twice_have_no_effect(store: Store) -> None:
    first = make_decision()
    again = make_decision(seed=9, weights=first.weights[::-1].copy())
    assert again.id == first.id
    assert store.append([first, first], [make_status(row=1), make_status(row=2)]) == 1
    assert store.append([again, make_decision(FIRST_ROW + 1)], [make_status(row=3)]) == 1
    assert encode_decision(store.decisions(DecisionQuery())[1]) == encode_decision(first)
    assert len(store.asset_history("A000USDT", DecisionQuery())) == 2
    assert [status.row for status in store.statuses(limit=9)] == [1]


def test_a_call_that_fails_half_way_keeps_nothing_and_the_next_goes_well(
    backend: Backend, store: Store
) -> None:
    store.append([make_decision(n=5)], [make_status()])
    batch = [make_decision(FIRST_ROW + row, n=5) for row in range(1, 4)]
    status = make_status((FIRST_ROW + 9) * SECOND_NS)
    with backend.refusing("A003USDT"), pytest.raises(StoreError, match="injected"):
        store.append([make_decision(FIRST_ROW + 7, n=2), *batch], [status])
    assert len(ids(store)) == 1
    assert len(store.asset_history("A000USDT", DecisionQuery())) == 1
    assert len(store.statuses(limit=9)) == 1
    assert store.append(batch, [status]) == 3
    assert len(store.asset_history("A003USDT", DecisionQuery())) == 4
    assert len(store.statuses(limit=9)) == 2


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"weights": np.zeros(2)}, "weights"),
        ({"symbols": ("A", "B", "A")}, "twice"),
        ({"row_end_ns": 2**63}, "row_end_ns"),
        ({"row_end_ns": -1}, "row_end_ns"),
        ({"expected_return": math.nan}, "expected_return"),
        ({"offsets": {"0": 2**64}}, "offsets"),
        ({"id": ""}, "name"),
    ],
)
def test_a_record_that_could_not_be_read_again_is_refused_by_name(
    store: Store, changes: dict[str, object], named: str
) -> None:
    with pytest.raises(StoreError, match=named):
        store.append([make_decision(FIRST_ROW + 1), make_decision(**{"id": "x", **changes})], [])
    assert ids(store) == []


def test_prune_deletes_what_is_older_and_nothing_else(store: Store) -> None:
    made = [make_decision(FIRST_ROW + row, n=2) for row in range(450)]
    others = [make_decision(FIRST_ROW + row, portfolio="other") for row in range(5)]
    times = [(FIRST_ROW + row) * SECOND_NS for row in range(4)]
    store.append(made + others, [make_status(time) for time in times])
    assert prune_all(store, made[430].row_end_ns) == 430 + 5
    assert ids(store, newest_first=False) == [d.id for d in made[430:]]
    history = store.asset_history("A001USDT", DecisionQuery(newest_first=False, limit=999))
    assert [row.decision_id for row in history] == [d.id for d in made[430:]]
    assert ids(store, portfolio="other") == []
    assert store.statuses() == []
    # A stream that resumes after what is gone goes on with the oldest that is left.
    assert ids(store, after_id=made[100].id, newest_first=False, limit=1) == [made[430].id]
    assert ids(store, before_id=made[100].id) == []


def test_statuses_come_newest_first(store: Store) -> None:
    times = [(FIRST_ROW + row) * SECOND_NS for row in (3, 1, 4, 0, 2)]
    store.append([], [make_status(time) for time in times])
    assert [s.time_ns for s in store.statuses(limit=3)] == sorted(times)[:1:-1]
    assert store.statuses()[0] == make_status(max(times))


def test_all_is_there_after_reopening(backend: Backend) -> None:
    first = backend.open()
    first.append([make_decision()], [make_status()])
    first.close()
    first.close()
    second = backend.open()
    assert ids(second) == [make_decision().id]
    assert second.append([make_decision()], []) == 0
    second.close()
    for use in (ids, lambda store: store.append([make_decision()], [])):
        with pytest.raises(StoreError, match="closed"):
            use(second)


def test_a_reader_waits_for_a_store_that_is_not_there_yet(backend: Backend) -> None:
    reader = backend.open(read_only=True)
    assert ids(reader) == []
    assert reader.statuses() == []
    assert reader.asset_history("A000USDT", DecisionQuery()) == []
    writer = backend.open()
    writer.append([make_decision()], [])
    assert ids(reader) == [make_decision().id]
    with pytest.raises(StoreError, match="read-only"):
        reader.append([make_decision()], [])
    writer.close()
    reader.close()


def test_other_processes_and_threads_read_whole_decisions_while_one_writes(
    backend: Backend, store: Store
) -> None:
    total, n_threads = backend.load
    store.append([make_decision(n=4)], [])
    command = [sys.executable, "-m", "tests.storage.reader_process", backend.address(), str(total)]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    seen: list[int] = []

    def read() -> None:
        while len(found := ids(store, limit=total)) < total:
            assert found == sorted(found, reverse=True)
        seen.append(len(store.asset_history("A003USDT", DecisionQuery(limit=total))))

    threads = [threading.Thread(target=read) for _ in range(n_threads)]
    try:
        for thread in threads:
            thread.start()
        for row in range(1, total, 3):
            store.append([make_decision(FIRST_ROW + row + k, n=4) for k in range(3)], [])
        store.append([make_decision(FIRST_ROW + total, n=4)], [])
        for thread in threads:
            thread.join(60)
        outputs = [process.communicate(timeout=60)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert seen == [total] * n_threads
    assert outputs == [f"whole {total}\n"] * 2
