"""One thread reads the store for all streams: once, only what is new, through failures."""

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from optimize.decision import Decision
from storage.protocol import DecisionQuery, StoreError
from storage.records import Status
from storage.sqlite import SqliteStore
from tests.ui.reading import DECISIONS, WAIT_S, Reader, ids
from ui.stream import StreamHub


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "store.sqlite")
    yield opened
    opened.close()


class Watched:
    """A store that counts reads, fails on demand and can hold back what the poller has read."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.fails = False
        self.n_failed = threading.Semaphore(0)
        self.n_given: Counter[str] = Counter()
        self.held, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def decisions(self, query: DecisionQuery) -> list[Decision]:
        if self.fails:
            self.n_failed.release()
            raise StoreError("reading x: locked; close the other program")
        found = self._store.decisions(query)
        name = threading.current_thread().name
        self.n_given[name] += len(found)
        if name == "stream" and found and not self.go_on.is_set():
            self.held.set()
            self.go_on.wait(WAIT_S)
        return found

    def statuses(self, portfolio: str = "main", limit: int = 1) -> list[Status]:
        return self._store.statuses(portfolio, limit)


def test_one_thread_reads_for_all_clients(store: SqliteStore) -> None:
    before = set(threading.enumerate())
    watched = Watched(store)
    hub = StreamHub(watched, limit=50, heartbeat_s=0.05, poll_s=0.002)
    store.append(DECISIONS[:1], [])
    readers = []
    for _ in range(20):
        hub.enter()
        readers.append(Reader(hub.frames("main", None)))
        assert readers[-1].ids(1) == ids(DECISIONS[:1])
        readers[-1].frames.send(None)  # beyond the beginning: from here on only its mailbox
    watched.n_given.clear()
    store.append(DECISIONS[1:9], [])
    for reader in readers:
        assert reader.ids(8) == ids(DECISIONS[1:9])
    assert watched.n_given == {"stream": 8}
    assert [thread.name for thread in set(threading.enumerate()) - before] == ["stream"]
    hub.close()


def test_the_poller_reads_only_what_comes_after_its_first_client(store: SqliteStore) -> None:
    watched = Watched(store)
    hub = StreamHub(watched, limit=5, heartbeat_s=0.05, poll_s=0.002)
    hub.enter()
    store.append(DECISIONS[:390], [])
    reader = Reader(hub.frames("main", None))
    assert reader.ids(1) == [DECISIONS[389].id]
    assert next(reader.frames).startswith(b":")  # from here on it is served by its mailbox
    store.append(DECISIONS[390:], [])
    assert reader.ids(10) == ids(DECISIONS[390:])
    assert watched.n_given["stream"] == 10
    hub.close()


def test_what_is_polled_while_a_client_resumes_comes_once(store: SqliteStore) -> None:
    """It has by REST what the poller has read but not handed on yet."""
    watched = Watched(store)
    hub = StreamHub(watched, limit=5, heartbeat_s=0.05, poll_s=0.002)
    hub.enter()
    store.append(DECISIONS[:1], [])
    other = Reader(hub.frames("main", None))
    assert other.ids(1) == ids(DECISIONS[:1])
    assert next(other.frames).startswith(b":")
    watched.go_on.clear()
    store.append(DECISIONS[1:3], [])
    assert watched.held.wait(WAIT_S)
    resumed = Reader(hub.frames("main", DECISIONS[2].id))
    assert next(resumed.frames).startswith(b":")
    watched.go_on.set()
    assert other.ids(2) == ids(DECISIONS[1:3])
    store.append(DECISIONS[3:4], [])
    assert resumed.ids(1) == ids(DECISIONS[3:4])
    hub.close()


def test_a_store_that_fails_for_a_while_leaves_no_gap(store: SqliteStore) -> None:
    watched = Watched(store)
    hub = StreamHub(watched, limit=5, heartbeat_s=0.05, poll_s=0.002)
    hub.enter()
    store.append(DECISIONS[:1], [])
    reader = Reader(hub.frames("main", None))
    assert reader.ids(1) == ids(DECISIONS[:1])
    assert next(reader.frames).startswith(b":")
    watched.fails = True
    assert watched.n_failed.acquire(timeout=WAIT_S)
    store.append(DECISIONS[1:5], [])
    watched.fails = False
    assert reader.ids(4) == ids(DECISIONS[1:5])
    hub.close()
