"""An application with tokens, for tests: who may do what, and what reached the topic."""

from pathlib import Path
from typing import NamedTuple

from apiflask import APIFlask
from flask.testing import FlaskClient

from storage.control import Control
from storage.tokens import TokenFile
from tests.ui.tape import NOW_NS, fill
from ui.control import ControlUnavailableError
from ui.server import create_app

OWN = "http://localhost"
JSON = {"Content-Type": "application/json"}


class Guarded(NamedTuple):
    """An application, its tokens and what it sent."""

    app: APIFlask
    tokens: TokenFile
    admin: str
    reader: str
    sent: list[Control]
    now_ns: list[int]

    def client(self) -> FlaskClient:
        return self.app.test_client()

    def logged_in(self, secret: str) -> FlaskClient:
        client = self.client()
        assert client.post("/login", json={"token": secret}).status_code == 204
        return client


def make_guarded(
    folder: Path, *, broker: str = "up", dashboard: bool = False, **options
) -> Guarded:
    """Make it over a filled store; the broker is up, down or not named."""
    tokens = TokenFile(folder / "tokens.json")
    admin, reader = tokens.create("boss", "admin", NOW_NS), tokens.create("quant", "read", NOW_NS)
    sent: list[Control] = []
    now_ns = [NOW_NS]

    def send(control: Control) -> None:
        if broker == "down":
            raise ControlUnavailableError("no broker answers at 127.0.0.1:1")
        sent.append(control)

    app = create_app(
        fill(folder / "store.sqlite"),
        now_ns=lambda: now_ns[0],
        dashboard=dashboard,
        tokens=tokens.path,
        send_control=None if broker == "unnamed" else send,
        **options,
    )
    return Guarded(app, tokens, admin, reader, sent, now_ns)


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}
