"""Errors are problem documents with a remedy, and strangers are refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.factories import FIRST_ROW, make_decision
from tests.ui.tape import NOW_NS, FailingStore, fill
from ui.server import create_app


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FlaskClient]:
    store = fill(tmp_path / "store.sqlite")
    yield create_app(store, now_ns=lambda: NOW_NS, dashboard=False).test_client()
    store.close()


def problem(answer, status: int) -> dict:
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    document = answer.json
    assert document["status"] == status
    assert document["type"] == "about:blank"
    assert all(document[name] for name in ("title", "detail", "instance", "remedy"))
    return document


OTHER_ID = make_decision(FIRST_ROW, portfolio="other").id


@pytest.mark.parametrize(
    ("path", "parameter", "says"),
    [
        ("decisions?limit=0", "limit", "greater than or equal to 1"),
        ("decisions?limit=501", "limit", "less than or equal to 500"),
        ("decisions?limit=many", "limit", "integer"),
        ("decisions?order=random", "order", "newest"),
        ("decisions?start=yesterday", "start", "ISO 8601"),
        ("decisions?end=-5", "end", "ISO 8601"),
        ("decisions?start=9223372036854775808", "start", "1970 to 2262"),
        ("decisions?start=1960-01-01", "start", "1970 to 2262"),
        ("decisions?start=10&end=10", "query", "start must be before end"),
        ("decisions?after=latest", "after", "pattern"),
        (f"decisions?before={OTHER_ID}", "before", "not of portfolio main"),
        ("decisions?limt=5", "limt", "not permitted"),
        ("decisions?portfolio=Main%20one", "portfolio", "pattern"),
        ("decisions/latest?verbose=1", "verbose", "not permitted"),
        ("decisions/newest", "decision_id", "portfolio:row:offsets"),
        (f"decisions/{OTHER_ID}?portfolio=main", "decision_id", "not of portfolio main"),
        ("assets/ETHUSDT/history?limit=5001", "limit", "5000"),
        ("latency?decisions=2001", "decisions", "2000"),
        ("latency?decisions=1e3", "decisions", "integer"),
        ("stream?after=5", "after", "pattern"),
    ],
)
def test_a_bad_parameter_is_named(client, path: str, parameter: str, says: str) -> None:
    document = problem(client.get(f"/api/v1/{path}"), 422)
    faults = {fault["parameter"]: fault["message"] for fault in document["errors"]}
    assert says in faults[parameter]
    assert parameter in document["detail"]


def test_all_bad_parameters_are_named_at_once(client) -> None:
    document = problem(client.get("/api/v1/decisions?limit=0&order=x&foo=1"), 422)
    assert {fault["parameter"] for fault in document["errors"]} == {"limit", "order", "foo"}


EVERY_ROUTE = ["v1/decisions", "v1/decisions/latest", f"v1/decisions/{OTHER_ID}", "v1/assets",
               "v1/assets/ETHUSDT/history", "v1/portfolios/cloud", "v1/frontier", "v1/latency",
               "v1/status", "v1/engines", "v1/access", "v1/stream", "asset_stat",
               "portfolio_stat"]  # fmt: skip


@pytest.mark.parametrize("route", EVERY_ROUTE)
def test_a_parameter_given_twice_is_refused_by_name(client, route: str) -> None:
    answer = client.get(f"/api/{route}?portfolio=main&limit=1&portfolio=main&limit=2")
    document = problem(answer, 422)
    faults = {fault["parameter"]: fault["message"] for fault in document["errors"]}
    assert faults == {
        "portfolio": "given 2 times (main, main), takes one value",
        "limit": "given 2 times (1, 2), takes one value",
    }
    assert all(name in document["detail"] for name in faults)


def test_all_routes_with_parameters_refuse_repetition(client) -> None:
    described = client.get("/api/v1/openapi.json").json["paths"]
    taking = {
        path
        for path, item in described.items()
        if any(one["in"] == "query" for one in item.get("get", {}).get("parameters", []))
    }
    assert len(taking) == len(EVERY_ROUTE)
    for template in taking:
        path = template.replace("{symbol}", "ETHUSDT").replace("{decision_id}", OTHER_ID)
        problem(client.get(f"{path}?portfolio=main&portfolio=other"), 422)


def test_no_such_route_comes_before_a_repeated_parameter(client) -> None:
    problem(client.get("/api/v1/nothing?limit=1&limit=2"), 404)
    # A scraper may name what it wants several times; the metrics take no parameter.
    assert client.get("/metrics?name[]=a&name[]=b").status_code == 200


def test_a_bad_last_event_id_is_named(client) -> None:
    for text in ("17", OTHER_ID, "main:00001750000000:0-1\u00e9"):
        answer = client.get("/api/v1/stream", headers={"Last-Event-ID": text})
        problem(answer, 422)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/api/v1/nothing", "nothing is served"),
        ("/api/v1/decisions/main:00000000000007:0-000000000001", "no decision main:"),
        ("/api/v1/decisions/latest?portfolio=nobody", "portfolio nobody"),
        ("/api/v1/status?portfolio=nobody", "portfolio nobody"),
        ("/api/v1/assets?portfolio=nobody", "portfolio nobody"),
        ("/api/v1/latency?portfolio=nobody", "portfolio nobody"),
        ("/api/v1/engines?portfolio=nobody", "portfolio nobody"),
        ("/api/v1/portfolios/cloud?portfolio=other", "with a cloud"),
        ("/api/v1/frontier?portfolio=other", "with a cloud"),
        ("/api/v1/assets/XRPUSDT/history", "XRPUSDT"),
        ("/api/asset_stat?asset=XRPUSDT", "XRPUSDT"),
        ("/api/portfolio_stat?portfolio=nobody", "portfolio nobody"),
    ],
)
def test_what_is_not_there_is_said(client, path: str, says: str) -> None:
    assert says in problem(client.get(path), 404)["detail"]


def test_a_history_that_is_only_empty_in_the_range_is_no_error(client) -> None:
    answer = client.get("/api/v1/assets/ETHUSDT/history?end=5")
    assert answer.json == {"symbol": "ETHUSDT", "rows": [], "next": None}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_only_reading_is_allowed(client, method: str) -> None:
    answer = client.open("/api/v1/decisions", method=method)
    problem(answer, 405)
    assert "GET" in answer.headers["Allow"]


ROUTES = ["decisions", "decisions/latest", f"decisions/{OTHER_ID}", "assets", "assets/X/history",
          "portfolios/cloud", "frontier", "latency", "status", "engines"]  # fmt: skip


@pytest.mark.parametrize("route", ROUTES)
def test_a_store_that_fails_gives_503_with_its_reason(route: str) -> None:
    client = create_app(FailingStore(), dashboard=False).test_client()
    answer = client.get(f"/api/v1/{route}")
    assert "the file is damaged" in problem(answer, 503)["detail"]
    assert answer.headers["Retry-After"]


def test_a_fault_of_ours_gives_500_without_its_secrets() -> None:
    app = create_app(FailingStore(RuntimeError("password=hunter2")), dashboard=False)
    answer = app.test_client().get("/api/v1/decisions/latest")
    problem(answer, 500)
    assert "hunter2" not in answer.text


FOREIGN = [
    "evil.example",
    "evil.example:8050",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "192.168.1.5:8050",
    "[::2]",
    "192.0.2.1:8050",
    "127.0.0.1:8050@evil.example",
    "",
]


@pytest.mark.parametrize("host", FOREIGN)
def test_a_foreign_host_is_refused_everywhere(client, host: str) -> None:
    for path in ("/api/v1/decisions", "/api/v1/stream", "/healthz", "/metrics", "/nowhere",
                 "/api/v1/openapi.json"):  # fmt: skip
        answer = client.get(path, headers={"Host": host})
        assert "name of this machine" in problem(answer, 403)["detail"]


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "localhost:8050", "127.0.0.1:65535", "[::1]", "[::1]:8050"]
)
def test_this_machines_own_names_are_served(client, host: str) -> None:
    assert client.get("/healthz", headers={"Host": host}).status_code == 200


def test_other_sites_scripts_are_refused_and_their_links_followed(client) -> None:
    script = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    problem(client.get("/api/v1/stream", headers=script), 403)
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/api/v1/status", headers=link).status_code == 200
    assert client.post("/api/v1/status", headers=link).status_code == 403
    own = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert client.get("/api/v1/status", headers=own).status_code == 200


def test_what_is_not_served_and_what_is_nested_without_end_are_refused(client: FlaskClient) -> None:
    told = problem(client.get("/api/v1/nonsense"), 404)
    assert told["detail"] == "nothing is served at /api/v1/nonsense"
    deep = client.post("/login", data=b'{"token":' * 50_000, content_type="application/json")
    assert 400 <= deep.status_code < 500


def test_a_recursion_of_the_servers_own_is_no_fault_of_the_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(*_: object) -> None:
        raise RecursionError

    with fill(tmp_path / "store.sqlite") as store:
        monkeypatch.setattr(store, "decisions", endless)
        client = create_app(store, now_ns=lambda: NOW_NS, dashboard=False).test_client()
        told = problem(client.get("/api/v1/decisions"), 500)
        assert told["detail"] == "GET /api/v1/decisions failed inside the server"
        deep = client.post("/api/v1/control", data=b"[" * 50_000, content_type="application/json")
        assert 400 <= deep.status_code < 500
