"""The event stream: whole, in order, none twice, bounded, for as many clients as allowed."""

import json
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimize.decision import encode_decision
from storage.records import encode_status
from storage.sqlite import SqliteStore
from tests.factories import FIRST_ROW, SECOND_NS, make_decision, make_status
from tests.ui.reading import DECISIONS, WAIT_S, Reader, ids
from ui.server import create_app
from ui.stream import StreamHub


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


def test_it_begins_with_the_newest_decision_and_status(store: SqliteStore, hub: StreamHub) -> None:
    status = make_status(5)
    store.append(DECISIONS[:3], [make_status(4), status])
    reader = Reader(hub.frames("main", None))
    kind, event_id, data = reader.event("decision", "status")
    assert (kind, event_id) == ("decision", DECISIONS[2].id)
    assert data == json.loads(encode_decision(DECISIONS[2]))
    kind, event_id, data = reader.event("decision", "status")
    assert (kind, event_id, data) == ("status", None, json.loads(encode_status(status)))


def test_it_goes_on_with_what_is_recorded(store: SqliteStore, hub: StreamHub) -> None:
    reader = Reader(hub.frames("main", None))  # nothing is recorded yet
    # Alive, and so before the first append: a stream that begins after it has the newest alone.
    assert next(reader.frames) == b": alive\n\n"
    started = threading.Thread(
        daemon=True, target=store.append, args=(DECISIONS[:4], [make_status(7)])
    )
    started.start()
    assert reader.ids(4) == ids(DECISIONS[:4])
    assert reader.event("status")[2]["time_ns"] == 7
    started.join()
    store.append(DECISIONS[4:6], [make_status(8)])
    assert reader.ids(2) == ids(DECISIONS[4:6])
    assert reader.event("status")[2]["time_ns"] == 8


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), n_clients=st.integers(1, 4))
def test_clients_that_come_and_go_see_each_decision_once(
    tmp_path_factory: pytest.TempPathFactory, seed: int, n_clients: int
) -> None:
    """While decisions are being recorded, in batches of any size."""
    rng = random.Random(seed)
    store = SqliteStore(tmp_path_factory.mktemp("stream") / "store.sqlite")
    hub = StreamHub(store, limit=50, heartbeat_s=0.05, poll_s=0.001)
    hub.enter()
    store.append(DECISIONS[:1], [])
    batches, at = [], 1
    while at < 120:
        size = rng.choice((1, 1, 2, 5, 40))
        batches.append(DECISIONS[at : min(at + size, 120)])
        at += size
    seen: dict[int, list[str]] = {}

    def follow(client: int, stops: list[int]) -> None:
        found = [DECISIONS[0].id]
        while len(found) < 120:
            frames = hub.frames("main", found[-1])
            reader = Reader(frames)
            for _ in range(min(stops.pop() if stops else 120, 120 - len(found))):
                kind, event_id, _ = reader.event("decision", "lagged")
                if kind == "lagged":
                    break  # on a busy machine: resume from the store
                found.append(event_id)
            frames.close()
        seen[client] = found

    threads = [
        threading.Thread(
            daemon=True, target=follow, args=(c, [rng.randrange(1, 30) for _ in range(5)])
        )
        for c in range(n_clients)
    ]
    for thread in threads:
        thread.start()
    for batch in batches:
        store.append(batch, [])
    for thread in threads:
        thread.join(WAIT_S)
    hub.close()
    store.close()
    assert seen == {client: ids(DECISIONS[:120]) for client in range(n_clients)}


def test_a_long_absence_is_read_from_the_store(store: SqliteStore, hub: StreamHub) -> None:
    store.append(DECISIONS, [])
    reader = Reader(hub.frames("main", DECISIONS[9].id))
    assert reader.ids(390) == ids(DECISIONS[10:])
    assert hub.n_dropped == 0


def test_after_a_pruned_decision_comes_all_that_is_left(store: SqliteStore, hub: StreamHub) -> None:
    store.append(DECISIONS[5:8], [])
    assert Reader(hub.frames("main", DECISIONS[2].id)).ids(3) == ids(DECISIONS[5:8])


def test_silence_is_filled_with_comments(store: SqliteStore, hub: StreamHub) -> None:
    store.append(DECISIONS[:1], [])
    frames = hub.frames("main", None)
    Reader(frames).event("decision")
    assert [next(frames) for _ in range(3)] == [b": alive\n\n"] * 3


def test_decisions_of_a_longer_interval_still_come(store: SqliteStore, hub: StreamHub) -> None:
    """Their row numbers, and so their ids, are smaller than those before."""
    store.append(DECISIONS[:2], [])
    reader = Reader(hub.frames("main", None))
    assert reader.ids(1) == [DECISIONS[1].id]
    first = FIRST_ROW // 60 + 10
    minutes = [make_decision(first + i, sample_interval_ns=60 * SECOND_NS) for i in range(3)]
    store.append(minutes, [])
    assert reader.ids(3) == ids(minutes)
    resumed = Reader(hub.frames("main", minutes[0].id))
    assert resumed.ids(2) == ids(minutes[1:])


def test_portfolios_do_not_mix(store: SqliteStore, hub: StreamHub) -> None:
    other = [make_decision(FIRST_ROW + i, portfolio="other") for i in range(3)]
    store.append([DECISIONS[0], other[0]], [])
    readers = {name: Reader(hub.frames(name, None)) for name in ("main", "other")}
    assert readers["main"].ids(1) + readers["other"].ids(1) == [DECISIONS[0].id, other[0].id]
    store.append([*other[1:], DECISIONS[1]], [])
    assert readers["other"].ids(2) == ids(other[1:])
    assert readers["main"].ids(1) == [DECISIONS[1].id]


def test_closing_ends_every_stream(store: SqliteStore, hub: StreamHub) -> None:
    readers = [Reader(hub.frames("main", None)) for _ in range(5)]
    threads = [
        threading.Thread(daemon=True, target=list, args=(reader.frames,)) for reader in readers
    ]
    for thread in threads:
        thread.start()
    hub.close()
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()


def test_places_are_limited_and_given_back(store: SqliteStore) -> None:
    app = create_app(store, streams=2, heartbeat_s=0.05, poll_s=0.01, dashboard=False)
    client = app.test_client()
    store.append(DECISIONS[:1], [])
    taken = [client.get("/api/v1/stream", buffered=False) for _ in range(2)]
    assert taken[0].content_type == "text/event-stream"
    assert client.head("/api/v1/stream").status_code == 200  # takes no place
    refused = client.get("/api/v1/stream")
    assert (refused.status_code, refused.json["status"]) == (503, 503)
    assert int(refused.headers["Retry-After"]) > 0
    taken[0].close()
    again = client.get("/api/v1/stream", buffered=False)
    assert again.status_code == 200
    assert Reader(again.iter_encoded()).ids(1) == ids(DECISIONS[:1])
    metrics = client.get("/metrics").text
    assert "silverbullet_streams_open 2.0" in metrics
    for answer in (taken[1], again):
        answer.close()
    assert "silverbullet_streams_open 0.0" in client.get("/metrics").text


def test_last_event_id_wins_over_after(store: SqliteStore) -> None:
    store.append(DECISIONS[:10], [])
    client = create_app(store, heartbeat_s=0.05, dashboard=False).test_client()
    for headers, first in (({}, 3), ({"Last-Event-ID": DECISIONS[6].id}, 7)):
        address = f"/api/v1/stream?after={DECISIONS[2].id}"
        answer = client.get(address, headers=headers, buffered=False)
        assert Reader(answer.iter_encoded()).ids(10 - first) == ids(DECISIONS[first:10])
        answer.close()
