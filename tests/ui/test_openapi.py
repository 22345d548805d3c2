"""The OpenAPI document is valid, complete, and what the routes really answer."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from tests.ui.tape import NOW_NS, SYMBOLS, fill, tape
from ui.server import create_app

PLACES = {"decision_id": next(tape()).id, "symbol": quote(SYMBOLS[0])}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    path: Path = tmp_path_factory.mktemp("openapi") / "store.sqlite"
    store = fill(path)
    yield create_app(store, now_ns=lambda: NOW_NS, dashboard=False).test_client()
    store.close()


@pytest.fixture(scope="module")
def spec(client: FlaskClient) -> dict[str, Any]:
    found = client.get("/api/v1/openapi.json").json
    assert found is not None
    return found


def closed(schema: Any) -> Any:
    """Refuse fields that the document does not name, so that none goes undescribed."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    if "properties" in found:
        found.setdefault("additionalProperties", False)
    return found


def readable(spec: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the paths that are read; `test_control` has the one that is not."""
    return ((path, item) for path, item in spec["paths"].items() if "get" in item)


def check(spec: dict[str, Any], schema: dict[str, Any], answer: Any) -> None:
    whole = {**closed(schema), "components": closed(spec["components"])}
    Draft202012Validator(whole).validate(answer)


def test_it_is_valid_and_names_every_route(client: FlaskClient, spec: dict[str, Any]) -> None:
    validate(spec)
    assert spec["openapi"].startswith("3.1")
    rules = {
        rule.rule.replace("<path:", "<").replace("<", "{").replace(">", "}")
        for rule in client.application.url_map.iter_rules()
        if rule.endpoint not in {"openapi.spec", "static"}
        and not rule.endpoint.startswith("login.")
    }
    assert set(spec["paths"]) == rules
    assert {path for path, item in spec["paths"].items() if set(item) != {"get"}} == {
        "/api/v1/control"
    }


def test_every_route_answers_what_it_describes(client: FlaskClient, spec: dict[str, Any]) -> None:
    checked = 0
    for path, operations in readable(spec):
        content = operations["get"]["responses"]["200"]["content"]
        if "application/json" not in content:
            assert path in {"/api/v1/stream", "/metrics"}
            continue
        answer = client.get(path.format(**PLACES))
        assert answer.status_code == 200, answer.text
        assert answer.json
        check(spec, content["application/json"]["schema"], answer.json)
        checked += 1
    assert checked == 15


def test_every_problem_is_the_one_described(client: FlaskClient, spec: dict[str, Any]) -> None:
    for path, operations in readable(spec):
        responses = operations["get"]["responses"]
        cases = {"403": client.get(path.format(**PLACES), headers={"Host": "evil.example"})}
        if "422" in responses and operations["get"]["parameters"]:
            cases["422"] = client.get(path.format(**PLACES), query_string={"no_such": 1})
        if "404" in responses:
            cases["404"] = client.get(
                path.format(decision_id="main:00000000000001:", symbol="NONE"),
                query_string={"portfolio": "nobody"} if "{d" not in path else {},
            )
        for status, answer in cases.items():
            assert answer.status_code == int(status), (path, answer.text)
            content = responses[status]["content"]["application/problem+json"]
            check(spec, content["schema"], answer.json)


def test_parameters_say_their_bounds_and_meaning(spec: dict[str, Any]) -> None:
    parameters = {p["name"]: p for p in spec["paths"]["/api/v1/decisions"]["get"]["parameters"]}
    assert set(parameters) == {
        "portfolio", "start", "end", "after", "before", "order", "limit", "curves",
    }  # fmt: skip
    assert (parameters["limit"]["schema"]["minimum"], parameters["limit"]["schema"]["maximum"]) == (
        1,
        500,
    )
    for _, operations in readable(spec):
        for parameter in operations["get"]["parameters"]:
            assert parameter["in"] == "path" or parameter["description"]


def test_statistics_say_that_they_are_per_sampling_interval(spec: dict[str, Any]) -> None:
    schemas = spec["components"]["schemas"]
    for name in ("Decision", "AssetNow", "HistoryRow", "RiskReturn", "AssetStat", "PortfolioStat"):
        for field in ("mean", "volatility", "expected_return", "portfolio_volatility", "sharpe",
                      "reward", "risk"):  # fmt: skip
            described = schemas[name]["properties"].get(field)
            if described is None or (name, field) == ("PortfolioStat", "sharpe"):
                continue
            assert "per sampling interval" in described["description"], (name, field)
    assert "per sampling interval" in spec["info"]["description"]
