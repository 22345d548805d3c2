"""Clients that ask too often wait: by token, by address, at the login; the page never does."""

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silverbullet.sections import Serve
from tests.ui.guarded import Guarded, bearer, make_guarded
from ui.rates import LOGINS_PER_MINUTE, WINDOW_S, Rates, client_of

STATUS = "/api/v1/status"
WRONG = "sb_" + "w" * 43
OTHER = {"REMOTE_ADDR": "127.0.0.9"}
MOST = 10  # of one client in 10 s, at one a second


@pytest.fixture
def now_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Give the clock of the library that counts; it stands at the beginning of a window."""
    found = [1_000_000_020.0]
    clock = SimpleNamespace(time=lambda: found[0])
    for module in ("limits.storage.memory", "limits.strategies", "ui.rates"):
        monkeypatch.setattr(f"{module}.time", clock)
    return found


@pytest.fixture
def guarded(tmp_path: Path, now_s: list[float]) -> Guarded:
    return make_guarded(tmp_path, requests_per_s=MOST / WINDOW_S, dashboard=True)


def statuses(guarded: Guarded, n: int, path: str = STATUS, **options) -> set[int]:
    return {guarded.client().get(path, **options).status_code for _ in range(n)}


def test_one_who_asks_too_often_is_told_how_long_to_wait(
    guarded: Guarded, now_s: list[float]
) -> None:
    assert statuses(guarded, MOST) == {200}
    answer = guarded.client().get(STATUS)
    assert answer.status_code == 429
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == 429
    assert "serve.requests_per_s" in answer.json["remedy"]
    assert 1 <= int(answer.headers["Retry-After"]) <= WINDOW_S
    now_s[0] += 2 * WINDOW_S
    assert statuses(guarded, MOST) == {200}


def test_who_waits_as_told_is_served(guarded: Guarded, now_s: list[float]) -> None:
    statuses(guarded, MOST)
    waited_s = 0
    while (answer := guarded.client().get(STATUS)).status_code == 429:
        waited_s += int(answer.headers["Retry-After"])
        now_s[0] += int(answer.headers["Retry-After"])
        assert waited_s <= 2 * WINDOW_S
    assert answer.status_code == 200


def test_nobody_else_waits_and_a_supervisor_never_does(guarded: Guarded) -> None:
    statuses(guarded, MOST + 1)
    assert statuses(guarded, 1) == {429}
    assert statuses(guarded, MOST, environ_overrides=OTHER) == {200}
    assert statuses(guarded, 5 * MOST, "/healthz") == {200}


def test_a_token_is_counted_by_its_name_wherever_it_comes_from(guarded: Guarded) -> None:
    statuses(guarded, MOST + 1)  # its address is used up
    sent = {"headers": bearer(guarded.reader)}
    assert statuses(guarded, MOST // 2, **sent) == {200}
    assert statuses(guarded, MOST // 2, **sent, environ_overrides=OTHER) == {200}
    assert statuses(guarded, 1, **sent, environ_overrides=OTHER) == {429}
    assert statuses(guarded, 1, headers=bearer(guarded.admin)) == {200}


def test_a_session_is_counted_as_its_token(guarded: Guarded) -> None:
    page = guarded.logged_in(guarded.reader)
    assert {page.get(STATUS).status_code for _ in range(MOST)} == {200}
    assert page.get(STATUS).status_code == 429
    assert statuses(guarded, 1, headers=bearer(guarded.reader)) == {429}


def test_a_wrong_token_is_counted_by_address(guarded: Guarded) -> None:
    assert statuses(guarded, MOST, headers=bearer(WRONG)) == {200}  # reading is open here
    assert statuses(guarded, 1) == {429}


@pytest.mark.parametrize(
    ("method", "path", "before"),
    [("GET", "/nothing", 404), ("PUT", STATUS, 405), ("GET", "/login", 200),
     ("GET", "/assets/feed.js", 200), ("GET", "/_dash-layout", 200), ("GET", "/", 200),
     ("GET", "/metrics", 200), ("POST", "/api/v1/control", 401)],
)  # fmt: skip
def test_everything_else_is_counted(guarded: Guarded, method: str, path: str, before: int) -> None:
    def ask() -> int:
        with guarded.client().open(path, method=method) as answer:
            return answer.status_code

    assert {ask() for _ in range(MOST)} == {before}
    assert ask() == 429


def test_what_was_refused_is_in_the_metrics(guarded: Guarded) -> None:
    statuses(guarded, MOST + 3)
    statuses(guarded, MOST + 2, headers=bearer(guarded.reader))
    text = guarded.client().get("/metrics", environ_overrides=OTHER).text
    assert 'silverbullet_http_limited_total{counted_by="address"} 3.0' in text
    assert 'silverbullet_http_limited_total{counted_by="token"} 2.0' in text
    assert 'silverbullet_http_limited_total{counted_by="login"} 0.0' in text
    assert re.search(r'http_requests_total{.*"/api/v1/status",status="429"} 5.0', text)


def test_guesses_are_limited_harder_and_counted(tmp_path: Path) -> None:
    guarded = make_guarded(tmp_path, reads_need_token=True)
    assert statuses(guarded, 20, headers=bearer(WRONG)) == {401}
    answer = guarded.client().get(STATUS, headers=bearer(guarded.reader))
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) == 60
    text = (
        guarded.client()
        .get("/metrics", headers=bearer(guarded.reader), environ_overrides=OTHER)
        .text
    )
    assert 'silverbullet_http_limited_total{counted_by="wrong_token"} 1.0' in text


def test_one_wrong_token_counts_and_is_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    guarded = make_guarded(tmp_path, reads_need_token=True)
    assert statuses(guarded, 19, headers=bearer(WRONG)) == {401}
    assert statuses(guarded, 1, headers=bearer(guarded.reader)) == {200}
    assert sum("is not known here" in line for line in caplog.messages) == 19


def test_the_log_does_not_grow_with_what_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    guarded = make_guarded(tmp_path, reads_need_token=True)
    statuses(guarded, 300, headers=bearer(WRONG))
    assert len(caplog.messages) == 20


def test_logins_are_limited_too(tmp_path: Path, now_s: list[float]) -> None:
    guarded = make_guarded(tmp_path)

    def log_in(**options) -> int:
        body = {"token": guarded.reader}
        return guarded.client().post("/login", json=body, **options).status_code

    assert {log_in() for _ in range(LOGINS_PER_MINUTE)} == {204}
    assert log_in() == 429
    form = guarded.client().post("/login", data={"token": guarded.reader})
    assert (form.status_code, form.content_type) == (429, "text/html; charset=utf-8")
    assert int(form.headers["Retry-After"]) >= 1
    assert log_in(environ_overrides=OTHER) == 204
    now_s[0] += 120
    assert log_in() == 204


def test_without_a_limit_there_is_none() -> None:
    rates = Rates(0.0)
    assert {rates.wait_s("127.0.0.1", None) for _ in range(5000)} == {0}


def addresses(page: str) -> Iterator[str]:
    for found in re.finditer(r'(?:src|href)="(/[^"]+)"', page):
        yield found[1]


def test_32_pages_that_load_at_once_are_within_the_default(tmp_path: Path) -> None:
    page = make_guarded(tmp_path, dashboard=True).client().get("/").text
    files = {address for address in addresses(page) if not address.startswith("/api/")}
    assert len(files) > 30
    # The page, its layout and callbacks, parts of charts loaded late, decisions twice, status,
    # access, and the stream, which may be asked for again and again.
    requests = len(files) + 20
    assert 32 * requests <= Serve().requests_per_s * WINDOW_S


def test_the_document_tells_of_it(tmp_path: Path) -> None:
    spec = make_guarded(tmp_path).client().get("/api/v1/openapi.json").json
    told = {
        path
        for path, item in spec["paths"].items()
        for operation in item.values()
        if "Retry-After" in operation["responses"].get("429", {}).get("headers", {})
    }
    assert told == set(spec["paths"]) - {"/healthz"}


@given(st.ip_addresses(v=6), st.integers(0, 2**64 - 1))
def test_hosts_of_an_ipv6_network_are_one_client(address: ipaddress.IPv6Address, host: int) -> None:
    other = ipaddress.IPv6Address((int(address) >> 64 << 64) | host)
    if not (address.is_loopback or other.is_loopback):
        assert client_of(str(address)) == client_of(str(other))
    further = ipaddress.IPv6Address(int(address) ^ (1 << 64))
    assert client_of(str(address)) != client_of(str(further))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_a_client(address: ipaddress.IPv4Address) -> None:
    assert client_of(str(address)) == str(address)


def test_what_is_no_address_is_a_client_too() -> None:
    assert client_of("") == ""
    assert client_of("fe80::1%eth0") != client_of("fe80:0:0:1::1")
