"""Clients slower than the records: bounded memory, told what they missed, in nobody's way."""

import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.protocol import DecisionQuery
from storage.sqlite import SqliteStore
from tests.factories import make_status
from tests.ui.reading import DECISIONS, WAIT_S, Reader, ids
from ui.events import Event
from ui.mailbox import Mailbox
from ui.stream import CAPACITY, StreamHub


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "store.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def hub(store: SqliteStore) -> Iterator[StreamHub]:
    made = StreamHub(store, limit=50, heartbeat_s=0.05, poll_s=0.002)
    made.enter()
    yield made
    made.close()


def test_a_burst_reaches_a_client_that_reads(store: SqliteStore) -> None:
    hub = StreamHub(store, limit=1, heartbeat_s=0.05, poll_s=0.002, patience_s=WAIT_S)
    hub.enter()
    store.append(DECISIONS[:1], [])
    reader = Reader(hub.frames("main", None))
    assert reader.ids(1) == ids(DECISIONS[:1])
    assert next(reader.frames).startswith(b":")  # from here on it is served by its mailbox
    store.append(DECISIONS[1:], [])
    assert len(DECISIONS) > 5 * CAPACITY
    assert reader.ids(399) == ids(DECISIONS[1:])
    assert hub.n_dropped == 0
    hub.close()


def test_one_stalled_client_does_not_hold_up_the_others(store: SqliteStore) -> None:
    hub = StreamHub(store, limit=2, heartbeat_s=0.05, poll_s=0.002, patience_s=0.5)
    for _ in range(2):
        hub.enter()
    store.append(DECISIONS[:1], [])
    stalled, reader = (Reader(hub.frames("main", None)) for _ in range(2))
    for each in (stalled, reader):
        assert each.ids(1) == ids(DECISIONS[:1])
        assert next(each.frames).startswith(b":")
    begun = monotonic()
    for at in range(1, 391, 10):
        store.append(DECISIONS[at : at + 10], [])
        assert reader.ids(10) == ids(DECISIONS[at : at + 10])
    assert monotonic() - begun < WAIT_S
    kind, _, data = stalled.event("decision", "lagged")
    assert (kind, data["after"]) == ("lagged", DECISIONS[0].id)
    hub.close()


def test_a_slow_client_is_told_what_it_missed(store: SqliteStore, hub: StreamHub) -> None:
    store.append(DECISIONS[:1], [make_status(1)])
    slow = Reader(hub.frames("main", None))
    slow.event("decision")
    slow.event("status")
    quick = Reader(hub.frames("main", None))
    assert quick.ids(1) == ids(DECISIONS[:1])
    for index in range(1, 200):  # the slow one reads nothing meanwhile
        store.append(DECISIONS[index : index + 1], [make_status(1 + index)])
        assert quick.ids(1) == [DECISIONS[index].id]
    kind, _, data = slow.event("decision", "status", "lagged")
    assert kind == "lagged"
    assert data["after"] == DECISIONS[0].id
    kind, first, _ = slow.event("decision", "lagged")
    assert kind == "decision"
    missed = store.decisions(DecisionQuery(after_id=data["after"], before_id=first, limit=1000))
    assert len(missed) == data["dropped"] > 0
    assert hub.n_dropped == data["dropped"]
    assert slow.ids(199 - data["dropped"] - 1)[-1] == DECISIONS[199].id


@settings(max_examples=100, deadline=None)
@given(
    capacity=st.integers(1, 8),
    kinds=st.lists(st.sampled_from(["decision", "status", "take"]), max_size=60),
)
def test_a_mailbox_is_bounded_keeps_the_newest_and_counts_the_rest(
    capacity: int, kinds: list[str]
) -> None:
    mailbox = Mailbox(capacity)
    put, taken, dropped, newest = [], [], 0, None

    def take() -> None:
        nonlocal dropped
        given_now = mailbox.take(0)
        assert len(given_now.events) <= capacity + 1
        decisions = [event for event in given_now.events if event.is_decision]
        dropped += given_now.n_dropped
        if newest in put and newest not in taken:
            assert decisions[-1] == newest
        taken.extend(decisions)

    for number, kind in enumerate(kinds):
        if kind == "take":
            take()
        elif kind == "decision":
            newest = Event(b"d", (number, f"id{number}"))
            put.append(newest)
            mailbox.put(newest)
        else:
            mailbox.put(Event(b"s", status_ns=number + 1))
    take()
    assert len(taken) + dropped == len(put)
    assert taken == sorted(taken, key=lambda event: event.position)


def test_capacity_is_what_the_documents_say() -> None:
    mailbox = Mailbox(CAPACITY)
    for number in range(10 * CAPACITY):
        mailbox.put(Event(b"x", (number, "id")))
    assert len(mailbox.take(0).events) <= CAPACITY


def test_room_is_waited_for_only_while_a_client_keeps_up() -> None:
    keeping_up, too_slow = Mailbox(4), Mailbox(4)
    for number in range(4):
        keeping_up.put(Event(b"x", (number, "id")))
    reader = threading.Timer(0.05, keeping_up.take, (0,))
    reader.start()
    keeping_up.wait_for_room(2, WAIT_S)
    assert keeping_up.take(0).events == []  # it was read
    for number in range(7):
        too_slow.put(Event(b"x", (number, "id")))
    begun = monotonic()
    too_slow.wait_for_room(4, WAIT_S)
    assert monotonic() - begun < WAIT_S / 2
    reader.join()
