"""The page as the server sends it: whole, self-contained, and alone at its path."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from storage.sqlite import SqliteStore
from tests.factories import make_decision, make_status
from tests.ui.tape import FailingStore
from ui.dashboard import page
from ui.server import create_app


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FlaskClient]:
    store = SqliteStore(tmp_path / "store.sqlite")
    yield create_app(store, portfolio="second").test_client()
    store.close()


class Addresses(HTMLParser):
    """Collects what a page makes a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [
            value for name, value in attrs if name in ("src", "href") and value and tag != "a"
        ]


def test_all_that_the_page_loads_is_ours_and_there(client: FlaskClient) -> None:
    addresses = Addresses()
    addresses.feed(client.get("/").text)
    assert len(addresses.found) > 20
    for address in addresses.found:
        assert address.startswith("/")
        assert not address.startswith("//")
        assert client.get(address).status_code == 200, address


def test_the_page_may_not_reach_another_host(client: FlaskClient) -> None:
    policy = client.get("/").headers["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["connect-src"] == "'self'"
    assert "unsafe" not in directives["script-src"]
    sources = {source for value in directives.values() for source in value.split()}
    plain = {"'none'", "'self'", "'unsafe-inline'", "data:", "blob:"}
    assert all(source in plain or source.startswith("'sha256-") for source in sources)


def test_every_inline_script_is_allowed_by_its_hash(client: FlaskClient) -> None:
    answer = client.get("/")
    scripts = re.findall(r"<script(?: id=\"_dash-renderer\"[^>]*)?>(.+?)</script>", answer.text)
    assert len(scripts) == 2
    for script in scripts:
        assert page._script_hash(script) in answer.headers["Content-Security-Policy"]


def first_content(client: FlaskClient) -> dict:
    answer = client.get("/")
    assert answer.status_code == 200
    (data,) = re.findall(r'<script type="application/json" id="first">(.*?)</script>', answer.text)
    return json.loads(data)


def test_the_newest_decision_and_status_stand_in_the_page(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "store.sqlite")
    client = create_app(store).test_client()
    assert first_content(client) == {"decision": None, "status": None}
    decisions = [make_decision(row, 3, reason="</script><b>") for row in (1, 2)]
    store.append([*decisions, make_decision(9, 3, portfolio="other")], [make_status(5 * 10**9)])
    found = first_content(client)
    api = "/api/v1"
    assert found["decision"] == client.get(f"{api}/decisions/latest").json
    assert found["decision"]["id"] == decisions[1].id
    assert found["decision"]["reason"] == "</script><b>"
    assert found["status"] == client.get(f"{api}/status").json["status"]
    store.close()


def test_a_store_that_fails_leaves_the_page_to_say_so() -> None:
    client = create_app(FailingStore()).test_client()
    assert first_content(client) == {"decision": None, "status": None}
    assert client.get("/api/v1/decisions").status_code == 503


def test_only_the_root_is_the_page(client: FlaskClient) -> None:
    assert client.get("/").status_code == 200
    for path in ("/api/v1/nothing", "/index.html", "/decisions"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "SilverBullet</title>" not in answer.text


def test_nothing_is_drawn_on_the_server(client: FlaskClient) -> None:
    callbacks = client.get("/_dash-dependencies").json
    assert len(callbacks) == 4
    scripts = "".join(path.read_text() for path in page.ASSETS.glob("*.js"))
    for callback in callbacks:
        function = callback["clientside_function"]
        assert function["namespace"] == "silverbullet"
        assert f"silverbullet.{function['function_name']} =" in scripts


def test_the_page_shows_the_portfolio_of_its_server(client: FlaskClient) -> None:
    layout = json.dumps(client.get("/_dash-layout").json)
    assert '"data-portfolio": "second"' in layout
    assert layout.count('"id": "announce"') == 1


def test_every_id_that_the_scripts_name_is_in_the_layout(client: FlaskClient) -> None:
    layout = json.dumps(client.get("/_dash-layout").json)
    ids = set(re.findall(r'"id": "([^"]+)"', layout))
    scripts = "".join(path.read_text() for path in page.ASSETS.glob("*.js"))
    named = set(re.findall(r'getElementById\("([^"]+)"\)', scripts))
    named |= set(re.findall(r'paint\.text\("([^"]+)"', scripts))
    assert len(named) > 20
    assert named - ids == set()


def test_what_no_page_asks_is_refused_without_an_error_of_the_servers(client, caplog) -> None:
    for body in ({}, {"output": "x", "inputs": []}, {"output": "..a.b..", "changedPropIds": 7}):
        answer = client.post("/_dash-update-component", json=body)
        assert answer.status_code == 404
        assert answer.json["detail"] == "the page has no callbacks on the server"
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
