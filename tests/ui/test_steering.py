"""From HTTP through the topic to a real pipeline that carries it out."""

import re
from pathlib import Path

import httpx
import pytest

from ingest.broker import EmbeddedBroker
from ingest.consumer import TopicConsumer
from silverbullet.control_sender import ControlSender
from storage.control import Control, decode_control
from storage.tokens import TokenFile
from tests.integration.commands import run_command
from tests.integration.demos import DemoUnderWay
from tests.ui.guarded import bearer
from ui.control import ControlUnavailableError


def test_a_control_is_in_the_topic_when_it_was_sent() -> None:
    controls = [Control(id=str(n), time_ns=n, who="boss", workers=n) for n in (1, 2, 3)]
    with EmbeddedBroker() as broker:
        send = ControlSender(broker.address, "control")
        for control in controls:
            send(control)
        with TopicConsumer(broker.address, []) as reader:
            found = [decode_control(payload) for payload in reader.last("control", 10)]
    assert found == controls


def test_a_broker_that_is_gone_is_said_and_the_next_control_tries_anew() -> None:
    control = Control(id="1", time_ns=1, who="boss", paused=True)
    with EmbeddedBroker() as broker:
        send = ControlSender(broker.address, "control")
        send(control)
    for _ in range(2):
        with pytest.raises(ControlUnavailableError, match=re.escape(broker.address)):
            send(control)


@pytest.mark.slow
def test_a_demo_is_steered_over_http_and_its_page(tmp_path: Path) -> None:
    words = ("--engine", "local", "--method", "exact")
    with DemoUnderWay(tmp_path, *words) as demo:
        demo.await_address()
        tokens = TokenFile(tmp_path / "state" / "silverbullet" / "tokens.json")
        assert [one.name for one in tokens.tokens()] == [f"demo-{demo.pid}"]
        # Its output is a file here, that anyone might read.
        demo.until(lambda: "token create" in demo.output(), "how it is steered")
        assert "#token=" not in demo.output()
        made = run_command(tmp_path, "token", "create", "boss", "--scope", "admin")
        secret = made.stdout.strip()
        own = tokens.find(secret)
        address = f"{demo.url}/api/v1/control"
        reader = tokens.create("quant", "read", 1)
        refused = [
            httpx.post(address, json={"paused": True}),
            httpx.post(address, json={"paused": True}, headers=bearer(reader)),
            httpx.post(address, json={"paused": True},
                       headers=bearer(secret) | {"Origin": "http://127.0.0.1:1"}),
        ]  # fmt: skip
        assert [answer.status_code for answer in refused] == [401, 403, 403]
        by_token = httpx.post(address, json={"workers": 1}, headers=bearer(secret))
        assert by_token.status_code == 202
        with httpx.Client(base_url=demo.url) as page:
            assert page.post("/login", json={"token": secret}).status_code == 204
            by_page = page.post(
                "/api/v1/control", json={"paused": True}, headers={"Origin": demo.url}
            )
        assert by_page.status_code == 202

        def is_done() -> bool:
            told = demo.answer("status")["status"]
            applied = [one["id"] for one in told["controls"] if one["state"] == "applied"]
            return told["state"] == "paused" and len(applied) == 2

        demo.until(is_done, "the pause and the worker")
        status = demo.answer("status")["status"]
        assert status["reason"] == f"paused by {own.name}"
        # These two and nothing of what was refused.
        taken = [(one["id"], one["wish"], one["state"], one["who"]) for one in status["controls"]]
        assert taken == [
            (by_token.json()["id"], "workers 1", "applied", own.name),
            (by_page.json()["id"], "pause", "applied", own.name),
        ]
        logged = demo.log("serve")
        assert logged.count("refused POST '/api/v1/control'") == 3
        assert f"control {by_page.json()['id']} by {own.name}: pause" in logged
        for part in ("serve", "run", "record", "simulate"):
            assert secret not in demo.log(part)
            assert reader not in demo.log(part)
        parts = demo.parts().values()
        assert not any(secret in word for part in parts for word in part.cmdline())
    assert [token.name for token in tokens.tokens()] == ["boss", "quant"]  # not the demo's
