"""The page's session, wrong tokens, and what is guarded where other machines can ask."""

import ipaddress
from http.cookies import SimpleCookie
from pathlib import Path

import pytest

from tests.factories import FIRST_ROW, make_decision
from tests.ui.guarded import OWN, Guarded, bearer, make_guarded
from ui.sessions import Failures, Sessions

WISH = {"paused": True}
EVERYWHERE = str(ipaddress.IPv4Address(0))
WRONG = "sb_" + "w" * 43


@pytest.fixture
def guarded(tmp_path: Path) -> Guarded:
    return make_guarded(tmp_path)


@pytest.fixture
def wide(tmp_path: Path) -> Guarded:
    """As it is served to other machines."""
    return make_guarded(tmp_path, host=EVERYWHERE, dashboard=True)


def cookie_of(answer):
    (header,) = answer.headers.getlist("Set-Cookie")
    (morsel,) = SimpleCookie(header).values()
    return morsel


def test_a_login_sets_a_cookie_that_is_not_the_token(guarded: Guarded) -> None:
    answer = guarded.client().post("/login", json={"token": guarded.admin})
    assert answer.status_code == 204
    cookie = cookie_of(answer)
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/"
    assert cookie["secure"] == ""
    assert (cookie["domain"], cookie["max-age"], cookie["expires"]) == ("", "", "")
    assert len(cookie.value) >= 43
    assert guarded.admin[3:] not in cookie.value
    assert guarded.tokens.find(cookie.value) is None
    assert answer.headers["Cache-Control"] == "no-store"
    again = guarded.client().post("/login", json={"token": guarded.admin})
    assert cookie_of(again).value != cookie.value


def test_over_https_the_cookie_is_secure(guarded: Guarded) -> None:
    answer = guarded.client().post(
        "/login", json={"token": guarded.admin}, base_url="https://localhost:8443"
    )
    cookie = cookie_of(answer)
    assert cookie["secure"] is True
    assert cookie.key.endswith("_8443")  # a browser sends it to every port of the host


def test_a_form_needs_no_script(guarded: Guarded) -> None:
    page = guarded.client().get("/login")
    assert page.status_code == 200
    assert '<form method="post" action="/login">' in page.text
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    assert "http" not in page.text.replace("https://", "http://").split("<body>")[1]
    client = guarded.client()
    answer = client.post("/login", data={"token": guarded.admin}, headers={"Origin": OWN})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert client.post("/api/v1/control", json=WISH, headers={"Origin": OWN}).status_code == 202
    wrong = guarded.client().post("/login", data={"token": WRONG})
    assert wrong.status_code == 401
    assert "the token is not known here" in wrong.text
    assert "Set-Cookie" not in wrong.headers
    assert WRONG not in wrong.text


@pytest.mark.parametrize("body", [{}, {"token": ""}, {"token": 5}, {"token": None}, [], "x", None])
def test_a_login_without_a_token_is_401(guarded: Guarded, body: object) -> None:
    answer = guarded.client().post("/login", json=body)
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers


def test_a_login_from_another_origin_is_refused(guarded: Guarded) -> None:
    for origin in ("https://evil.example", "null", "http://localhost:81"):
        answer = guarded.client().post(
            "/login", data={"token": guarded.admin}, headers={"Origin": origin}
        )
        assert answer.status_code == 403
        assert "Set-Cookie" not in answer.headers


def test_a_large_body_is_refused(guarded: Guarded) -> None:
    answer = guarded.client().post("/login", json={"token": "x" * 5000})
    assert answer.status_code == 413


def test_logging_out_ends_the_session_and_the_cookie(guarded: Guarded) -> None:
    client = guarded.logged_in(guarded.admin)
    stolen = client.get_cookie("silverbullet_session").value
    assert client.get("/api/v1/access").json["name"] == "boss"
    answer = client.post("/logout", json={}, headers={"Origin": OWN})
    assert answer.status_code == 204
    assert "Expires=Thu, 01 Jan 1970" in answer.headers["Set-Cookie"]
    assert client.get("/api/v1/access").json["name"] is None
    other = guarded.client()
    other.set_cookie("silverbullet_session", stolen)
    assert other.get("/api/v1/access").json["name"] is None


def test_another_site_cannot_log_anyone_out(guarded: Guarded) -> None:
    client = guarded.logged_in(guarded.admin)
    answer = client.post("/logout", headers={"Origin": "http://localhost:81"})
    assert answer.status_code == 403
    assert client.get("/api/v1/access").json["name"] == "boss"


def test_a_session_ends_after_twelve_hours(guarded: Guarded) -> None:
    client = guarded.logged_in(guarded.reader)
    guarded.now_ns[0] += 12 * 3600 * 10**9
    assert client.get("/api/v1/access").json["scope"] == "read"
    guarded.now_ns[0] += 1
    assert client.get("/api/v1/access").json["scope"] is None


def test_sessions_are_bounded_and_the_oldest_goes() -> None:
    sessions = Sessions(lambda: 1)
    ids = [sessions.begin(f"{index}") for index in range(300)]
    held = [sessions.token_digest(session_id) for session_id in ids]
    assert held == [None] * 44 + [str(index) for index in range(44, 300)]


def test_wrong_tokens_are_limited_by_address_and_minute(guarded: Guarded) -> None:
    page = guarded.logged_in(guarded.admin)
    for _ in range(20):
        assert guarded.client().post("/login", json={"token": WRONG}).status_code == 401
    limited = guarded.client().post("/login", json={"token": guarded.admin})
    assert limited.status_code == 429
    assert int(limited.headers["Retry-After"]) == 60
    bearing = guarded.client().post("/api/v1/control", json=WISH, headers=bearer(guarded.admin))
    assert bearing.status_code == 429
    # Who has logged in, and who asks from elsewhere, is not locked out.
    assert page.post("/api/v1/control", json=WISH, headers={"Origin": OWN}).status_code == 202
    elsewhere = {"REMOTE_ADDR": "127.0.0.9"}
    answer = guarded.client().post(
        "/login", json={"token": guarded.admin}, environ_overrides=elsewhere
    )
    assert answer.status_code == 204
    guarded.now_ns[0] += 60 * 10**9
    assert guarded.client().post("/login", json={"token": guarded.admin}).status_code == 204


def test_the_addresses_that_are_counted_are_bounded(guarded: Guarded) -> None:
    failures = Failures(lambda: 5)
    for _ in range(20):
        failures.add("first")
    assert failures.wait_s("first") == 60
    for index in range(1023):
        failures.add(str(index))
    assert failures.wait_s("first") == 60
    failures.add("one more")
    assert failures.wait_s("first") == 0


def test_on_loopback_reading_is_open_and_says_who_asks(guarded: Guarded) -> None:
    client = guarded.client()
    assert client.get("/api/v1/status").status_code == 200
    assert client.get("/api/v1/access").json == {
        "name": None, "scope": None, "reads_need_token": False, "controls": True,
    }  # fmt: skip
    told = client.get("/api/v1/access", headers=bearer(guarded.reader)).json
    assert (told["name"], told["scope"]) == ("quant", "read")


DECISION = make_decision(FIRST_ROW).id
READS = ["api/v1/decisions", "api/v1/decisions/latest", f"api/v1/decisions/{DECISION}",
         "api/v1/assets", "api/v1/assets/ETHUSDT/history", "api/v1/portfolios/cloud",
         "api/v1/frontier", "api/v1/latency", "api/v1/status", "api/v1/engines",
         "api/v1/access", "api/v1/stream", "api/asset_stat", "api/portfolio_stat",
         "api/v1/openapi.json", "metrics", "readyz", "_dash-layout", "_dash-dependencies",
         "assets/feed.js", "_dash-component-suites/dash/dcc/dash_core_components.js",
         "no/such/route"]  # fmt: skip


@pytest.mark.parametrize("path", READS)
def test_open_to_other_machines_every_route_needs_a_token(wide: Guarded, path: str) -> None:
    for method in ("GET", "HEAD", "OPTIONS"):
        assert wide.client().open(f"/{path}", method=method).status_code == 401
        wrong = wide.client().open(f"/{path}", method=method, headers=bearer(WRONG))
        assert wrong.status_code == 401
    for secret in (wide.reader, wide.admin):
        with wide.client().get(f"/{path}", headers=bearer(secret)) as answer:
            assert answer.status_code in {200, 404}
        with wide.logged_in(secret).get(f"/{path}") as answer:
            assert answer.status_code in {200, 404}


def test_there_every_route_of_the_application_is_guarded(wide: Guarded) -> None:
    """Whatever is mounted later too: no list of guarded routes is kept."""
    open_paths = set()
    for rule in wide.app.url_map.iter_rules():
        path = rule.rule
        for argument in rule.arguments:
            path = path.replace(f"<path:{argument}>", "x").replace(f"<{argument}>", "x")
        path = path.replace("<string:package_name>", "x").replace("<path:fingerprinted_path>", "x")
        for method in rule.methods:
            answer = wide.client().open(path, method=method)
            if answer.status_code not in {401, 403}:
                open_paths.add(path)
    assert open_paths == {"/", "/healthz", "/login"}
    page = wide.client().get("/")
    assert (page.status_code, page.headers["Location"], page.data) == (303, "/login", b"")


def test_there_dash_s_own_callback_takes_a_token_too(wide: Guarded) -> None:
    body = {"output": "x.y", "outputs": [], "inputs": [], "changedPropIds": []}
    client = wide.client()
    headers = {"Origin": OWN}
    assert client.post("/_dash-update-component", json=body, headers=headers).status_code == 401
    foreign = {"Origin": "http://evil.example"}
    page = wide.logged_in(wide.reader)
    assert page.post("/_dash-update-component", json=body, headers=foreign).status_code == 403


def test_there_no_first_content_leaves_without_a_token(wide: Guarded) -> None:
    assert "ETHUSDT" in wide.logged_in(wide.reader).get("/").text


@pytest.mark.parametrize(
    ("host", "status"),
    [("192.168.1.5:8050", 200), ("[fe80::1]:8050", 200), ("127.0.0.1", 200), ("localhost", 200),
     ("evil.example", 403), ("192.168.1.5.evil.example", 403), ("", 403)],
)  # fmt: skip
def test_there_it_is_asked_by_address(wide: Guarded, host: str, status: int) -> None:
    headers = bearer(wide.reader) | {"Host": host}
    assert wide.client().get("/api/v1/status", headers=headers).status_code == status


def test_the_loopback_address_that_was_given_is_one_to_ask_by(tmp_path: Path) -> None:
    other = make_guarded(tmp_path, host="127.0.0.2")
    for host, status in (("127.0.0.2:8050", 200), ("127.0.0.3", 403), ("192.168.1.5", 403)):
        assert other.client().get("/api/v1/status", headers={"Host": host}).status_code == status


def test_a_name_that_was_given_is_one_to_ask_by(tmp_path: Path) -> None:
    named = make_guarded(tmp_path, host="Trading.example")
    for host, status in (("trading.example:8050", 200), ("other.example", 403)):
        headers = bearer(named.reader) | {"Host": host}
        assert named.client().get("/api/v1/status", headers=headers).status_code == status


PROXY = ("Trading.example", "desk.example")


def test_the_names_of_a_proxy_are_served_and_no_others(tmp_path: Path) -> None:
    proxied = make_guarded(tmp_path, host_names=PROXY)
    for host, status in (
        ("trading.example", 200), ("TRADING.example:8443", 200), ("desk.example", 200),
        ("127.0.0.1", 200), ("a.trading.example", 403), ("trading.example.evil.example", 403),
        ("192.168.1.5", 403),
    ):  # fmt: skip
        headers = bearer(proxied.reader) | {"Host": host}
        assert proxied.client().get("/api/v1/status", headers=headers).status_code == status


def test_behind_a_proxy_everyone_needs_a_token(tmp_path: Path) -> None:
    """Whoever reaches the proxy asks from a loopback address."""
    proxied = make_guarded(tmp_path, host_names=PROXY, dashboard=True)
    for host in ("trading.example", "127.0.0.1"):
        answer = proxied.client().get("/api/v1/status", headers={"Host": host})
        assert answer.status_code == 401
        answer = proxied.client().get("/", headers={"Host": host})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    local = make_guarded(tmp_path / "x", host_names=("localhost", "127.0.0.1"))
    assert local.client().get("/api/v1/status").status_code == 200


def test_the_page_behind_a_proxy_with_tls_logs_in_and_steers(tmp_path: Path) -> None:
    proxied = make_guarded(tmp_path, host_names=PROXY)
    page, own = proxied.client(), "https://trading.example"
    answer = page.post("/login", json={"token": proxied.admin}, base_url=own)
    assert cookie_of(answer)["secure"] is True
    for origin, status in ((own, 202), ("https://desk.example", 403), (OWN, 403)):
        answer = page.post("/api/v1/control", json=WISH, base_url=own, headers={"Origin": origin})
        assert answer.status_code == status


def test_a_stream_ends_with_its_token(wide: Guarded) -> None:
    with wide.client().get("/api/v1/stream", headers=bearer(wide.reader)) as answer:
        frames = iter(answer.response)
        next(frames)
        assert b"event: decision" in next(frames)
        wide.tokens.revoke("quant")
        assert list(frames) == []


def test_reading_can_be_guarded_on_loopback_too(tmp_path: Path) -> None:
    guarded = make_guarded(tmp_path, reads_need_token=True)
    assert guarded.client().get("/api/v1/status").status_code == 401
    answer = guarded.client().get("/api/v1/status", headers=bearer(guarded.reader))
    assert answer.status_code == 200
    spec = guarded.client().get("/api/v1/openapi.json", headers=bearer(guarded.reader)).json
    assert spec["paths"]["/api/v1/status"]["get"]["security"] == [{"token": []}, {"session": []}]
    assert "security" not in spec["paths"]["/healthz"]["get"]
