"""Alive, ready, and the metrics."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from storage.sqlite import SqliteStore
from tests.factories import FIRST_ROW, SECOND_NS, make_decision, make_status
from tests.ui.tape import N_DECISIONS, NOW_NS, FailingStore, fill, tape
from ui.server import create_app


@pytest.fixture
def empty(tmp_path: Path) -> FlaskClient:
    store = SqliteStore(tmp_path / "absent.sqlite", read_only=True)
    return create_app(store, now_ns=lambda: NOW_NS, dashboard=False).test_client()


@pytest.mark.parametrize(
    ("age_s", "status", "says"),
    [(0.0, 200, "ready"), (10.0, 200, "ready"), (10.5, 503, "10.5 s old")],
)
def test_ready_only_with_a_fresh_status(
    tmp_path: Path, age_s: float, status: int, says: str
) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    store.append([], [make_status(NOW_NS)])
    app = create_app(store, now_ns=lambda: NOW_NS + int(age_s * SECOND_NS), dashboard=False)
    answer = app.test_client().get("/readyz")
    assert answer.status_code == status
    assert says in answer.text
    assert app.test_client().get("/healthz").json == {"status": "alive"}


def test_not_ready_without_store_or_status(empty: FlaskClient) -> None:
    assert "no status" in empty.get("/readyz").json["detail"]
    failing = create_app(FailingStore(), dashboard=False).test_client()
    answer = failing.get("/readyz")
    assert answer.status_code == 503
    assert "the file is damaged" in answer.json["detail"]
    assert failing.get("/healthz").status_code == 200


def samples(client: FlaskClient) -> dict[tuple, float]:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def test_metrics_say_what_the_records_say(tmp_path: Path) -> None:
    store = fill(tmp_path / "store.sqlite")
    client = create_app(store, now_ns=lambda: NOW_NS, streams=9, dashboard=False).test_client()
    client.get("/api/v1/status")
    client.get("/nowhere")
    samples(client)
    added = [make_decision(FIRST_ROW + N_DECISIONS + index) for index in range(5)]
    store.append(added, [])
    found = samples(client)
    ticks = {"used": 11, "late": 5, "duplicate": 2, "rejected": 7}
    for outcome, count in ticks.items():
        assert found["silverbullet_ticks_total", ("outcome", outcome)] == count
    assert found["silverbullet_ticks_rejected_total", ("reason", "not_json")] == 4
    assert found["silverbullet_decisions_total",] == N_DECISIONS
    assert found["silverbullet_status_age_seconds",] == 0.4
    assert found["silverbullet_streams_limit",] == 9
    assert found["silverbullet_store_up",] == 1
    # The first scrape saw the newest decision, the second the five after it.
    stage = ("stage", "total")
    name = "silverbullet_decision_stage_seconds"
    assert found[f"{name}_count", stage] == 6
    looked_at = (list(tape())[-1], *added)
    total_s = sum((d.times.published_ns - d.times.event_ns) / 1e9 for d in looked_at)
    assert found[f"{name}_sum", stage] == pytest.approx(total_s)
    requests = "silverbullet_http_requests_total"
    labels = [("method", "GET"), ("route", "/api/v1/status"), ("status", "200")]
    assert found[(requests, *labels)] == 1
    labels = [("method", "GET"), ("route", "none"), ("status", "404")]
    assert found[(requests, *labels)] == 1


def test_metrics_go_on_while_the_store_fails() -> None:
    client = create_app(FailingStore(), dashboard=False).test_client()
    assert samples(client)["silverbullet_store_up",] == 0
