"""What a browser is told to forbid, on every kind of answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ui.guarded import OWN, Guarded, bearer, make_guarded
from tests.ui.tape import FailingStore
from ui.server import create_app

PAGES = {"/", "/login"}
SUITE = "/_dash-component-suites/dash/dcc/dash_core_components.js"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Guarded:
    return make_guarded(tmp_path_factory.mktemp("headers"), dashboard=True)


def policy(headers) -> dict[str, list[str]]:
    (text,) = headers.getlist("Content-Security-Policy")
    return {part.split()[0]: part.split()[1:] for part in text.split(";")}


def answers(guarded: Guarded) -> Iterator[tuple[str, int]]:
    yield from {
        "/": 200, "/login": 200, "/assets/feed.js": 200, "/assets/base.css": 200, SUITE: 200,
        "/assets/favicon.svg": 200, "/assets/none.js": 404, "/_dash-layout": 200,
        "/_dash-dependencies": 200, "/api/v1/decisions": 200, "/api/v1/stream": 200,
        "/api/v1/decisions?limit=0": 422, "/api/v1/control": 404, "/api/v1/openapi.json": 200,
        "/nowhere": 404, "/healthz": 200, "/readyz": 200, "/metrics": 200,
        "/api/portfolio_stat": 200,
    }.items()  # fmt: skip


def check(headers, path: str) -> None:
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == ("same-origin" if path == "/login" else "no-referrer")
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert {"camera=()", "geolocation=()", "payment=()"} <= set(
        headers["Permissions-Policy"].split(", ")
    )
    assert "Access-Control-Allow-Origin" not in headers
    told = policy(headers)
    assert told["default-src"] == told["frame-ancestors"] == told["base-uri"] == ["'none'"]
    assert told["form-action"] == (["'self'"] if path == "/login" else ["'none'"])
    assert told.get("object-src", ["'none'"]) == ["'none'"]  # default-src, where it is not named
    scripts = told.get("script-src", [])
    assert not {"'unsafe-inline'", "'unsafe-eval'", "*", "data:", "blob:"} & set(scripts)
    if path not in PAGES:
        assert set(told) == {"default-src", "frame-ancestors", "base-uri", "form-action"}


def test_every_kind_of_answer_carries_them(guarded: Guarded) -> None:
    for path, status in answers(guarded):
        with guarded.client().get(path) as answer:
            assert answer.status_code == status, path
            check(answer.headers, path)


def test_so_do_refusals_redirects_and_answers_without_a_body(guarded: Guarded) -> None:
    client = guarded.client()
    tag = client.get("/api/v1/decisions/latest").headers["ETag"]
    for status, answer in (
        (304, client.get("/api/v1/decisions/latest", headers={"If-None-Match": tag})),
        (403, client.get("/api/v1/status", headers={"Host": "evil.example"})),
        (401, client.post("/api/v1/control", json={"paused": True})),
        (
            413,
            client.post("/api/v1/control", json={"x": "y" * 5000}, headers=bearer(guarded.admin)),
        ),
        (303, client.post("/logout", headers={"Origin": OWN})),
    ):
        assert answer.status_code == status
        check(answer.headers, "")
    wrong = client.post("/login", data={"token": "x"}, headers={"Origin": OWN})
    assert wrong.status_code == 401
    check(wrong.headers, "/login")


def test_so_do_faults_of_our_own() -> None:
    client = create_app(FailingStore(RuntimeError("x")), dashboard=False).test_client()
    answer = client.get("/api/v1/decisions/latest")
    assert answer.status_code == 500
    check(answer.headers, "")


def test_a_page_that_asks_too_often_is_told_under_them(tmp_path: Path) -> None:
    client = make_guarded(tmp_path, dashboard=True, requests_per_s=0.1).client()
    assert client.get("/").status_code == 200
    answer = client.get("/")
    assert answer.status_code == 429
    check(answer.headers, "")


def test_the_page_runs_its_own_scripts_alone(guarded: Guarded) -> None:
    told = policy(guarded.client().get("/").headers)
    assert told["script-src"][0] == "'self'"
    assert all(source.startswith("'sha256-") for source in told["script-src"][1:])
    assert told["connect-src"] == ["'self'"]
    login = policy(guarded.client().get("/login").headers)
    assert all(source.startswith("'sha256-") for source in login["script-src"])
    assert all(source.startswith("'sha256-") for source in login["style-src"])
