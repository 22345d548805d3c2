"""The recorder on a real consumer and the embedded broker."""

import threading
from pathlib import Path

from ingest.broker import EmbeddedBroker
from ingest.consumer import TopicConsumer
from ingest.producer import TopicProducer
from optimize.decision import Decision, encode_decision
from storage.protocol import DecisionQuery
from storage.recorder import RecordCounts, record
from storage.records import encode_status
from storage.sqlite import SqliteStore
from tests.factories import FIRST_ROW, make_decision, make_status

LONG_S = 1e9


def send(producer: TopicProducer, decisions: list[Decision]) -> None:
    for decision in decisions:
        producer.send("decisions", encode_decision(decision))
    producer.send("status", encode_status(make_status(decisions[-1].row_end_ns)))
    producer.flush(30)


def record_until(
    address: str, store: SqliteStore, newest: Decision, timeout_s: float = 60
) -> RecordCounts:
    """Run the recorder until a decision and the status sent after it are kept."""
    stop = threading.Event()
    counts: list[RecordCounts] = []

    def work() -> None:
        with TopicConsumer(
            address, ["decisions", "status"], group="record", start="committed", fetch_wait_max_ms=5
        ) as source:
            counts.append(record(source, store, stop=stop, retention_s=LONG_S))

    thread = threading.Thread(target=work)
    thread.start()
    waited = threading.Event()
    for _ in range(int(timeout_s / 0.02)):
        kept = store.decisions(DecisionQuery(limit=1))
        states = store.statuses()
        if kept and states and kept[0].id == newest.id and states[0].time_ns == newest.row_end_ns:
            break
        waited.wait(0.02)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()
    return counts[0]


def test_goes_on_where_it_was_committed_and_tells_what_the_broker_no_longer_had(
    tmp_path: Path,
) -> None:
    made = [make_decision(FIRST_ROW + row, n=20) for row in range(2400)]
    with (
        EmbeddedBroker() as broker,
        TopicProducer(broker.address) as producer,
        SqliteStore(tmp_path / "x.sqlite") as store,
    ):
        send(producer, made[:200])
        counts = record_until(broker.address, store, made[199])
        assert (counts.decisions, counts.decisions_repeated) == (200, 0)
        # Within what the broker keeps (5 MB a partition): none is missing, none comes twice.
        send(producer, made[200:400])
        counts = record_until(broker.address, store, made[399])
        assert (counts.decisions, counts.decisions_repeated, counts.decisions_lost) == (200, 0, 0)
        assert store.statuses()[0].notices == ()
        # Beyond it (2000 of 4 kB): the gap is counted, and shown with the state.
        send(producer, made[400:])
        counts = record_until(broker.address, store, made[-1])
        assert counts.decisions + counts.decisions_lost == 2000
        assert counts.decisions_lost > 100
        assert f"stored: {counts.decisions_lost};" in store.statuses()[0].notices[0]
        kept = [d.id for d in store.decisions(DecisionQuery(newest_first=False, limit=9999))]
        lost = slice(400, 400 + counts.decisions_lost)
        del made[lost]
        assert kept == [decision.id for decision in made]
