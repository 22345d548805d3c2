"""The recorder against a scripted broker and store: nothing lost, nothing twice, all told."""

import logging
import threading
import time
from collections.abc import Sequence
from itertools import chain, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.broker import BrokerError
from optimize.decision import Decision
from storage.protocol import DecisionQuery, StoreError, UnreachableError
from storage.recorder import Recorder, record
from storage.records import Status
from storage.sqlite import SqliteStore
from tests.factories import FIRST_ROW, SECOND_NS, make_decision, make_status
from tests.storage.scripted import (
    Broker,
    Crash,
    FailingStore,
    NotedWaits,
    ScriptedSource,
    Taken,
)

LONG_S = 1e9  # nothing is too old
DECISIONS = [make_decision(FIRST_ROW + row, n=2) for row in range(10)]
STATUSES = [make_status((FIRST_ROW + row) * SECOND_NS, n=1) for row in range(4)]


@pytest.fixture
def broker() -> Broker:
    made = Broker()
    for decision in DECISIONS:
        made.send(decision)
    made.send(*STATUSES)
    return made


ALL_COMMITTED = {("decisions", 0): 10, ("status", 0): 4}


def kept_ids(store: FailingStore | SqliteStore) -> list[str]:
    query = DecisionQuery(newest_first=False, limit=999)
    return [decision.id for decision in store.decisions(query)]


def test_all_is_kept_then_committed(broker: Broker, tmp_path: Path) -> None:
    stop = threading.Event()
    with SqliteStore(tmp_path / "x.sqlite") as store:
        counts = record(ScriptedSource(broker, stop), store, stop=stop, retention_s=LONG_S)
        assert kept_ids(store) == [decision.id for decision in DECISIONS]
        assert store.statuses(limit=9) == STATUSES[::-1]
    assert broker.committed == ALL_COMMITTED
    assert (counts.decisions, counts.decisions_repeated, counts.statuses, counts.unreadable) == (
        10,
        0,
        4,
        0,
    )


@pytest.mark.parametrize("moment", ["before append", "after append", "after commit"])
@given(data=st.data())
def test_a_crash_at_any_moment_loses_nothing_and_repeats_nothing(
    moment: str, data: st.DataObject
) -> None:
    broker, store = Broker(), FailingStore()
    broker.send(*[r for pair in zip(DECISIONS, STATUSES * 3, strict=False) for r in pair])
    lives = 0
    while True:
        stop = threading.Event()
        source = ScriptedSource(broker, stop, per_poll=data.draw(st.integers(1, 8)))
        fuse = [data.draw(st.integers(0, 4)) if lives < 4 else 99]

        def burn(fuse: list[int] = fuse) -> None:
            # What is committed is kept, at every moment.
            done = broker.committed.get(("decisions", 0), 0)
            assert {d.id for d in DECISIONS[:done]} <= set(kept_ids(store))
            fuse[0] -= 1
            if fuse[0] < 0:
                raise Crash

        store.before = store.after = source.on_commit = lambda: None
        if moment == "before append":
            store.before = burn
        elif moment == "after append":
            store.after = burn
        else:
            source.on_commit = burn
        lives += 1
        try:
            record(source, store, stop=stop, retention_s=LONG_S)
            break
        except Crash:
            continue
    assert kept_ids(store) == [decision.id for decision in DECISIONS]
    assert broker.committed[("decisions", 0)] == 10


def test_replay_after_a_crash_before_the_commit_on_sqlite(broker: Broker, tmp_path: Path) -> None:
    def crash() -> None:
        raise Crash

    with SqliteStore(tmp_path / "x.sqlite") as store:
        stop = threading.Event()
        source = ScriptedSource(broker, stop, per_poll=5)
        source.on_commit = crash
        with pytest.raises(Crash):
            record(source, store, stop=stop, retention_s=LONG_S)
        assert broker.committed == {}
        assert len(kept_ids(store)) == 5
    with SqliteStore(tmp_path / "x.sqlite") as store:
        counts = record(ScriptedSource(broker, stop), store, stop=stop, retention_s=LONG_S)
        assert (counts.decisions, counts.decisions_repeated) == (5, 5)
        assert kept_ids(store) == [decision.id for decision in DECISIONS]
        assert len(store.asset_history("A001USDT", DecisionQuery())) == 10


def test_a_failing_store_keeps_the_batch_with_a_line_each_try(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    stop = NotedWaits()
    store = FailingStore(failures=12)
    counts = record(ScriptedSource(broker, stop, 4), store, stop=stop, retention_s=LONG_S)
    assert kept_ids(store) == [decision.id for decision in DECISIONS]
    assert broker.committed == ALL_COMMITTED
    assert counts.failures == 12
    expected = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0, 30.0]
    assert stop.waits == pytest.approx(expected)
    lines = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert len(lines) == 12
    assert "disk is full" in lines[0]
    assert "4 decisions and 0 status records wait, next try in 0.1 s" in lines[0]
    # The end is told once; what is kept at once afterwards is no news.
    said = "the store answers again after 0 s: 4 decisions and 0 status records are kept"
    assert caplog.messages[-1] == said
    assert caplog.text.count("answers again") == 1


def test_waits_stay_bounded_after_a_week_of_failures() -> None:
    recorder = Recorder()
    assert {recorder.failed() for _ in range(25_000)} <= {0.1 * 2**k for k in range(9)} | {30.0}


def test_stop_ends_the_wait_for_a_failing_store_and_commits_nothing(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    stop = threading.Event()
    store = FailingStore(failures=10**9)
    source = ScriptedSource(broker, threading.Event())
    thread = threading.Thread(
        target=record, args=(source, store), kwargs={"stop": stop, "retention_s": LONG_S}
    )
    thread.start()
    deadline = time.monotonic() + 30
    while store.tries < 4 and time.monotonic() < deadline:
        thread.join(0.01)
    began = time.monotonic()
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    assert time.monotonic() - began < 3
    assert broker.committed == {}
    assert "3 decisions and 0 status records come again at the next start" in caplog.text


def test_nothing_later_is_committed_over_a_batch_that_was_given_up(broker: Broker) -> None:
    stop = threading.Event()
    store = FailingStore(failures=2)
    source = ScriptedSource(broker, threading.Event())
    stop_at_first_failure = NotedWaits()
    stop_at_first_failure.wait = lambda timeout=None: stop_at_first_failure.set() or True
    record(source, store, stop=stop_at_first_failure, retention_s=LONG_S)
    assert store.failures == 0  # it would take the next batch
    assert kept_ids(store) == []
    assert broker.committed == {}
    record(ScriptedSource(broker, stop), store, stop=stop, retention_s=LONG_S)
    assert kept_ids(store) == [decision.id for decision in DECISIONS]


def test_what_the_broker_holds_at_the_order_to_stop_is_still_kept(broker: Broker) -> None:
    stop = threading.Event()
    store = FailingStore()
    store.after = stop.set
    record(ScriptedSource(broker, stop, 2), store, stop=stop, retention_s=LONG_S)
    assert len(kept_ids(store)) == 10
    assert broker.committed == ALL_COMMITTED


def test_a_broker_that_cannot_be_reached_is_tried_again(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    stop, store = NotedWaits(), FailingStore()
    source = ScriptedSource(broker, stop)
    source.poll_errors = [ConnectionError("no broker at 127.0.0.1:1; start it")] * 3
    commit_errors = [ConnectionError("no broker at 127.0.0.1:1; start it")]

    def fail_once() -> None:
        if commit_errors:
            raise commit_errors.pop()

    source.on_commit = fail_once
    errors = (ConnectionError,)
    record(source, store, stop=stop, retention_s=LONG_S, source_errors=errors)
    assert stop.waits == pytest.approx([0.1, 0.2, 0.4])
    assert caplog.text.count("no broker at 127.0.0.1:1") == 4
    assert "not committed yet" in caplog.text
    assert kept_ids(store) == [decision.id for decision in DECISIONS]
    assert broker.committed == ALL_COMMITTED


def test_an_error_that_ends_the_source_is_not_tried_again(broker: Broker) -> None:
    for at_commit in (False, True):
        stop = NotedWaits()
        source = ScriptedSource(broker, stop)
        lost = BrokerError("wrong password; check user and password", fatal=True)

        def fail(error: BrokerError = lost) -> None:
            raise error

        if at_commit:
            source.on_commit = fail
        else:
            source.poll_errors = [lost]
        with pytest.raises(BrokerError, match="wrong password"):
            record(
                source, FailingStore(), stop=stop, retention_s=LONG_S, source_errors=(BrokerError,)
            )
        assert stop.waits == []


def test_old_records_go_while_new_ones_come(tmp_path: Path) -> None:
    now_row = time.time_ns() // SECOND_NS
    old = [make_decision(now_row - 3600 + row, n=2) for row in range(700)]
    new = [make_decision(now_row - row, n=2) for row in range(5)]
    broker, stop = Broker(), threading.Event()
    with SqliteStore(tmp_path / "x.sqlite") as store:
        store.append(old, [])
        broker.send(*new)
        record(ScriptedSource(broker, stop, 1), store, stop=stop, retention_s=1800)
        assert kept_ids(store) == sorted(decision.id for decision in new)


def test_a_failure_of_retention_is_told_and_does_not_end_it(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    class Unprunable(FailingStore):
        def prune(self, before_ns: int) -> int:
            raise StoreError("deleting old records from x.sqlite: the disk is full")

    stop, store = threading.Event(), Unprunable()
    record(ScriptedSource(broker, stop), store, stop=stop, retention_s=1)
    assert len(kept_ids(store)) == 10
    assert caplog.text.count("deleting old records from x.sqlite") == 1


def test_a_store_that_old_records_fill_gets_room_by_deleting_them(broker: Broker) -> None:
    class Full(FailingStore):
        def prune(self, before_ns: int) -> int:
            if not self.tries or not self.failures:
                return 0
            self.failures -= 1  # each step makes some room; there are more than tries by then
            return 200

    stop, store = NotedWaits(), Full(failures=100)
    record(ScriptedSource(broker, stop), store, stop=stop, retention_s=1)
    assert len(kept_ids(store)) == 10
    assert store.tries < 60  # without deleting 100 and more


def test_a_store_that_cannot_be_reached_is_not_asked_to_delete(broker: Broker) -> None:
    class Away(FailingStore):
        def append(self, decisions: Sequence[Decision], statuses: Sequence[Status]) -> int:
            if self.failures:
                self.failures -= 1
                raise UnreachableError("writing Cassandra at 127.0.0.1:1: nobody answers")
            return super().append(decisions, statuses)

        def prune(self, before_ns: int) -> int:
            assert not self.failures
            return 0

    stop = NotedWaits()
    store = Away(failures=5)
    record(ScriptedSource(broker, stop), store, stop=stop, retention_s=1)
    assert len(kept_ids(store)) == 10


def test_a_long_poll_is_kept_in_bounded_transactions() -> None:
    many = [make_decision(FIRST_ROW + row, n=1) for row in range(1201)]
    broker, stop, store = Broker(), threading.Event(), FailingStore()
    broker.send(*many)
    sizes: list[int] = []
    store.after = lambda: sizes.append(len(store.kept))
    record(ScriptedSource(broker, stop, 5000), store, stop=stop, retention_s=LONG_S)
    assert sizes == [500, 1000, 1201]


@given(
    sizes=st.lists(st.sampled_from([1, 900, 1_000_000, 3_000_000, 5_000_000]), max_size=30),
    n_small=st.integers(0, 1_100),
)
def test_batches_are_bounded_by_count_and_bytes_and_keep_the_order(
    sizes: list[int], n_small: int
) -> None:
    lengths = [*sizes, *[10] * n_small]
    n = len(lengths)
    values = [bytes(length) for length in lengths]
    batches = list(Recorder().take(Taken(["elsewhere"] * n, values, [0] * n, list(range(n)))))
    ends = [batch.positions["elsewhere", 0] for batch in batches]
    assert ends == sorted(ends)
    assert ends[-1:] == [n][: len(ends)]
    pieces = [lengths[a:b] for a, b in pairwise([0, *ends])]
    assert [*chain.from_iterable(pieces)] == lengths
    for piece in pieces:
        assert 0 < len(piece) <= 500
        assert len(piece) == 1 or sum(piece) <= 4_000_000
