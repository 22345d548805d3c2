"""`record` away for longer than the broker keeps: the gap is counted, and shown on the API."""

import signal
from pathlib import Path

from ingest.broker import EmbeddedBroker
from ingest.producer import TopicProducer
from optimize.decision import Decision, encode_decision
from storage.protocol import DecisionQuery
from storage.records import encode_status
from storage.sqlite import SqliteStore
from tests.factories import FIRST_ROW, make_decision, make_status
from tests.integration.commands import Running
from ui.server import create_app


def send(producer: TopicProducer, decisions: list[Decision]) -> None:
    for decision in decisions:
        producer.send("decisions", encode_decision(decision))
    producer.send("status", encode_status(make_status(decisions[-1].row_end_ns)))
    producer.flush(30)


def test_what_the_broker_no_longer_had_is_counted_and_shown(tmp_path: Path) -> None:
    made = [make_decision(FIRST_ROW + row, n=40) for row in range(1_500)]
    path = tmp_path / "decisions.sqlite"
    with EmbeddedBroker() as broker, TopicProducer(broker.address) as producer:
        settings = {
            "kafka__bootstrap": broker.address,
            "kafka__fetch_wait_max_ms": 2,
            "storage__path": path,
            "storage__retention_s": 1e9,
        }
        with SqliteStore(path) as store:

            def is_stored(decision: Decision) -> bool:
                kept, states = store.decisions(DecisionQuery(limit=1)), store.statuses()
                return bool(
                    kept
                    and states
                    and kept[0].id == decision.id
                    and states[0].time_ns == decision.row_end_ns
                )

            with Running(tmp_path, "record", **settings) as recorder:
                send(producer, made[:50])
                recorder.until(lambda: is_stored(made[49]), "the first decisions to be stored")
                recorder.end(signal.SIGKILL)
            assert store.statuses()[0].notices == ()
            # 1450 of 8 kB: twice what the broker keeps.
            send(producer, made[50:])
            with Running(tmp_path, "record", **settings) as recorder:
                recorder.until(lambda: is_stored(made[-1]), "the last decision to be stored")
                assert recorder.end(signal.SIGTERM) < 5
                assert recorder.process.returncode == 0
            kept = store.decisions(DecisionQuery(newest_first=False, limit=10_000))
            n_lost = len(made) - len(kept)
            assert n_lost > 100
            assert [d.id for d in kept] == [d.id for d in made[:50] + made[50 + n_lost :]]
            shown = create_app(store, dashboard=False).test_client().get("/api/v1/status")
            assert shown.json["status"]["notices"] == [
                "record: decisions gone from the broker before they could be stored: "
                f"{n_lost}; the history has a gap"
            ]
