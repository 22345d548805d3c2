"""Real server processes: where they listen with tokens and without, and what stays secret."""

import http.client
import ipaddress
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from storage.sqlite import SqliteStore
from storage.tokens import TokenFile
from tests.factories import FIRST_ROW, make_decision, make_status
from tests.integration.commands import COMMAND, environment
from tests.ui.guarded import bearer
from tests.ui.serving import ROOT, WAIT_S, until
from ui.server import BindError, _address

# Listens on 127.0.0.1, yet is none of the names that are known to be this machine's own alone:
# served as an address open to other machines is, with nothing open to any.
WIDE = "127.1"
EVERYWHERE = str(ipaddress.IPv4Address(0))


class Serving:
    """`silverbullet serve` as a process; the store holds one decision."""

    def __init__(self, folder: Path, *words: str) -> None:
        with SqliteStore(folder / "store.sqlite") as store:
            store.append([make_decision(FIRST_ROW)], [make_status()])
        self.log = folder / "serve.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "serve", "--port", "0", *words],
                env=environment(folder, storage__path=folder / "store.sqlite"),
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        until(lambda: "serving http" in self.said() or self.process.poll() is not None, "its start")
        found = re.search(r"serving (http://\S+)", self.said())
        self.place = urlsplit(found[1]) if found else None

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def ask(self, path: str, headers: dict | None = None, body: dict | None = None):
        connection = http.client.HTTPConnection(
            self.place.hostname, self.place.port, timeout=WAIT_S
        )
        text = None if body is None else json.dumps(body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        method = "GET" if body is None else "POST"
        connection.request(method, path, text, {**kind, **(headers or {})})
        answer = connection.getresponse()
        status, found = answer.status, answer.headers
        if not path.endswith("/stream"):
            answer.read()
        connection.close()
        return status, found


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[Serving]:
    made = Serving(folder, *words)
    children = psutil.Process(made.process.pid).children() if made.place else []
    try:
        yield made
    finally:
        made.process.terminate()
        made.process.wait(WAIT_S)
        for child in children:
            if child.is_running():
                child.kill()


def tokens_of(folder: Path) -> TokenFile:
    return TokenFile(folder / "state" / "silverbullet" / "tokens.json")


@pytest.mark.parametrize("host", [EVERYWHERE, "::", WIDE])
def test_without_a_token_it_listens_for_this_machine_alone(tmp_path: Path, host: str) -> None:
    with serving(tmp_path, "--set", f"serve.host={host}") as server:
        assert server.process.wait(WAIT_S) == 2
        (line,) = server.said().splitlines()
    assert line.startswith(f"Error: host={host}: other machines could reach it and there is no")
    assert "silverbullet token create --scope admin NAME" in line


def test_without_a_token_no_proxy_is_served(tmp_path: Path) -> None:
    with serving(tmp_path, "--set", "serve.host_names=trading.example,localhost") as server:
        assert server.process.wait(WAIT_S) == 2
        (line,) = server.said().splitlines()
    assert line.startswith("Error: host=trading.example: other machines could reach it and there")


def test_the_names_of_a_proxy_and_the_rate_are_settings(tmp_path: Path) -> None:
    reader = tokens_of(tmp_path).create("quant", "read", 1)
    words = ("serve.host_names=trading.example", "serve.requests_per_s=0.5")
    with serving(tmp_path, *(word for one in words for word in ("--set", one))) as server:
        until(lambda: server.ask("/healthz")[0] == 200, "the worker")
        named = {"Host": "trading.example", "X-Forwarded-Proto": "https"}
        assert server.ask("/api/v1/status", named)[0] == 401
        status, headers = server.ask("/login", named, {"token": reader})
        assert status == 204
        assert "Secure" in headers["Set-Cookie"]
        asked = [server.ask("/api/v1/status", named | bearer(reader)) for _ in range(6)]
        assert [status for status, _ in asked] == [200] * 5 + [429]
        assert int(asked[-1][1]["Retry-After"]) >= 1


def test_a_revoked_or_damaged_token_opens_nothing(tmp_path: Path) -> None:
    tokens = tokens_of(tmp_path)
    tokens.create("boss", "admin", 1)
    tokens.revoke("boss")
    with pytest.raises(BindError, match="there is no token"):
        _address(EVERYWHERE, 0, tokens.path)
    tokens.path.write_text("{")
    with pytest.raises(BindError, match="no file of tokens"):
        _address(EVERYWHERE, 0, tokens.path)


@pytest.mark.parametrize("host", [EVERYWHERE, "192.0.2.7", "::"])
def test_with_a_token_any_address_may_be_listened_on(tmp_path: Path, host: str) -> None:
    tokens = tokens_of(tmp_path)
    tokens.create("quant", "read", 1)
    assert _address(host, 0, tokens.path)[1] == host


def test_with_a_token_it_serves_more_and_asks_everyone_for_it(tmp_path: Path) -> None:
    tokens = tokens_of(tmp_path)
    reader, admin = tokens.create("quant", "read", 1), tokens.create("boss", "admin", 1)
    with serving(tmp_path, "--set", f"serve.host={WIDE}") as server:
        until(lambda: server.ask("/healthz")[0] == 200, "the worker")
        for path in ("/api/v1/status", "/api/v1/stream", "/_dash-layout", "/metrics"):
            status, headers = server.ask(path)
            assert status == 401
            assert headers["WWW-Authenticate"].startswith("Bearer ")
            assert server.ask(path, bearer(reader))[0] == 200
        status, headers = server.ask("/")
        assert (status, headers["Location"]) == (303, "/login")
        status, headers = server.ask("/login", body={"token": reader})
        cookie = headers["Set-Cookie"].partition(";")[0]
        assert status == 204
        assert cookie.startswith(f"silverbullet_session_{server.place.port}=")
        assert server.ask("/", {"Cookie": cookie})[0] == 200
        # Revoked by another process, it ends here and now, session and all; the rest go on.
        tokens.revoke("quant")
        assert server.ask("/api/v1/status", bearer(reader))[0] == 401
        assert server.ask("/", {"Cookie": cookie})[0] == 303
        assert server.ask("/api/v1/status", bearer(admin))[0] == 200
        words = [word for p in psutil.process_iter(["cmdline"]) for word in p.info["cmdline"] or ()]
        for secret in (reader, admin, cookie.partition("=")[2]):
            assert secret not in server.said()
            assert not any(secret in word for word in words)


def test_on_loopback_it_serves_without_any_and_steers_nothing(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        until(lambda: server.ask("/healthz")[0] == 200, "the worker")
        assert server.ask("/api/v1/status")[0] == 200
        assert server.ask("/api/v1/control", body={"paused": True})[0] == 401
        assert server.ask("/api/v1/control", {"Origin": "http://evil.example"}, {})[0] == 403
        admin = tokens_of(tmp_path).create("boss", "admin", 1)  # made while it serves
        assert server.ask("/api/v1/control", bearer(admin), {"paused": True})[0] == 503
        log = server.said()
    refused = [line for line in log.splitlines() if "refused POST '/api/v1/control'" in line]
    assert [re.search(r"with (\d+)", line)[1] for line in refused] == ["401", "403"]
    assert admin not in log


def test_a_body_without_a_length_is_refused(tmp_path: Path) -> None:
    admin = tokens_of(tmp_path).create("boss", "admin", 1)
    with serving(tmp_path) as server:
        until(lambda: server.ask("/healthz")[0] == 200, "the worker")
        connection = http.client.HTTPConnection("127.0.0.1", server.place.port, timeout=WAIT_S)
        headers = {**bearer(admin), "Content-Type": "application/json"}
        pieces = iter([b"[" + b" " * 3000, b" " * 3000, b"]"])
        connection.request("POST", "/api/v1/control", pieces, headers, encode_chunked=True)
        assert connection.getresponse().status == 411
        connection.close()
