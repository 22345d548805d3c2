"""Steering between the topic of controls and the engines: what the log and the status say of it."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

import pytest

from ingest.codec import RawMessages
from optimize.engines.moves import Switch
from silverbullet.controls import EngineChoice
from silverbullet.settings import load_settings
from silverbullet.steering import Steering
from storage.control import Control, encode_control
from tests.silverbullet.scripted_shell import ScriptedSource, Shell, messages_of
from tests.silverbullet.test_engine_changes import Puppet
from tests.silverbullet.virtual_shell import random_tape

RAY = EngineChoice(("ray", "local"), "tasks", 2)


class Feed:
    """A topic that a test writes to."""

    def __init__(self) -> None:
        self.come: list[tuple[bytes, str]] = []

    def catch_up(self) -> list[tuple[bytes, str]]:
        return self.take()

    def take(self) -> list[tuple[bytes, str]]:
        come, self.come = self.come, []
        return come

    def start(self) -> None:
        return

    def close(self) -> None:
        return

    def ask(self, number: str, **wish: object) -> None:
        asked = Control(id=number, time_ns=1, who="ann", **wish)  # type: ignore[arg-type]
        self.come.append((encode_control(asked), "control[0]@0"))


class Rig:
    def __init__(self) -> None:
        self.feed = Feed()
        self.made: list[Puppet] = []
        self.tell: list[Callable[[Switch], None]] = []

    def steering(self) -> Steering:
        made = Steering(self.feed, RAY, self._make, lambda: 0, lambda: 7, "f00d")  # type: ignore[arg-type]
        made.start()
        return made

    def _make(
        self, choice: EngineChoice, ids: "count[int]", tell: Callable[[Switch], None]
    ) -> Puppet:
        self.made.append(Puppet(choice, ids))
        self.tell.append(tell)
        return self.made[-1]


@dataclass
class EndingSource(ScriptedSource):
    """Ends the run behind its last message."""

    stop: threading.Event = field(default_factory=threading.Event)
    ending: Callable[[], None] = lambda: None

    def poll(self, timeout_s: float) -> RawMessages | None:
        if not self.messages:
            self.ending()
            self.stop.set()
        return super().poll(timeout_s)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def switched(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [text for text in caplog.messages if text.startswith("jobs go to")]


def test_a_change_of_engines_is_logged_once_with_the_engine_before(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    steering = rig.steering()
    rig.tell[0](Switch("", "local", "local is ready"))
    rig.made[0].phases["ray"] = "ready"
    rig.tell[0](Switch("local", "ray", "ray is ready"))
    rig.feed.ask("c1", order=("spark",))
    steering.step()
    rig.tell[1](Switch("", "spark", "spark is ready"))  # of those that come up, before they decide
    rig.made[1].phases["spark"] = "ready"
    steering.step()
    rig.tell[1](Switch("spark", "local", "spark failed (killed)"))
    assert switched(caplog) == [
        "jobs go to local now (before: none): local is ready",
        "jobs go to ray now (before: local): ray is ready",
        "jobs go to spark now (before: ray): asked for by ann",
        "jobs go to local now (before: spark): spark failed (killed)",
    ]
    assert [(one.old, one.new) for one in steering.switches] == [
        ("", "local"), ("local", "ray"), ("ray", "spark"), ("spark", "local"),
    ]  # fmt: skip


def test_a_run_that_starts_again_wants_what_the_one_before_did(rig: Rig) -> None:
    rig.feed.ask("c1", order=("spark",), dispatch="resident")
    rig.feed.ask("c2", order=("ray", "local"))
    first = rig.steering()
    rig = Rig()
    live = rig.steering()
    rig.feed.ask("c1", order=("spark",), dispatch="resident")
    live.step()
    rig.feed.ask("c2", order=("ray", "local"))
    live.step()
    assert live.wanted == first.wanted
    assert live.change == "changing to ray, local (resident, 2 workers): ray is starting"
    rig.made[-1].phases["ray"] = "ready"
    live.step()
    assert [(entry.id, entry.state) for entry in live.log] == [("c1", "applied"), ("c2", "applied")]
    assert live.engines.choice == RAY._replace(dispatch="resident")


@pytest.mark.parametrize(("is_paused", "is_resumed"), [(False, False), (True, False), (True, True)])
def test_a_run_started_again_is_paused_as_before_and_decides_in_the_turn_that_resumes_it(
    rig: Rig, is_paused: bool, is_resumed: bool
) -> None:
    if is_paused:
        rig.feed.ask("c1", paused=True)
    settings = load_settings(
        flags={
            "window": {"rows": 20, "min_observations": 5},
            "optimize": {"method": "exact", "cloud_points": 0},
        }
    )
    tape = random_tape(3, n_rows=40)
    source = EndingSource(deque(messages_of(tape, len(tape))))  # all is there with the first turn
    if is_resumed:
        source.ending = lambda: rig.feed.ask("c2", paused=False)
    shell = Shell(settings, source, stop=source.stop, steering=rig.steering())
    shell.runner.run()
    assert source.n_read > 0
    assert bool(shell.producer.decisions()) is (is_resumed or not is_paused)
