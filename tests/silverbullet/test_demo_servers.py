"""Servers of a demo that die: told, started again, given up, by a clock of the test's own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.process import Child, spawn
from silverbullet.demo_servers import LOOK_INTERVAL_NS, SERVER_RESTARTS, KeptServers
from tests.integration.commands import until

SECOND_NS = 1_000_000_000


class Rig:
    """Two services; what ails them and how a start ends is the test's to say."""

    def __init__(self, folder: Path) -> None:
        self.ailing: dict[str, str] = {}
        self.script = "pass"
        self.started: list[Child] = []
        self._folder = folder
        self.kept = KeptServers(["kafka", "cassandra"], self._trouble, self._start)
        self.now_ns = 100 * SECOND_NS

    def watch(self, after_ns: int = 0) -> tuple[list[str], str]:
        self.now_ns += after_ns
        return self.kept.watch(self.now_ns)

    def until_ended(self) -> None:
        until(lambda: self.started[-1].poll() is not None, "the start to end", 30)

    def _trouble(self, name: str) -> str:
        return self.ailing.get(name, "")

    def _start(self, name: str) -> Child:
        argv = [sys.executable, "-c", self.script]
        name = f"services up {name}"
        self.started.append(spawn(argv, name=name, log_path=self._folder / "up.log"))
        return self.started[-1]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.kept.stop()


def test_a_server_that_died_is_told_and_started_again_and_the_other_left_alone(rig: Rig) -> None:
    assert rig.watch() == ([], "")
    assert rig.watch(LOOK_INTERVAL_NS) == ([], "")
    rig.ailing["kafka"] = "node 1 ended: without a word (killed?)"
    assert rig.watch(LOOK_INTERVAL_NS // 2) == ([], "")
    told = ["kafka, node 1 ended: without a word (killed?); it is started again"]
    assert rig.watch(LOOK_INTERVAL_NS // 2) == (told, "")
    assert rig.started == []
    assert rig.watch(SERVER_RESTARTS.delay_ns(1)) == ([], "")
    assert [child.name for child in rig.started] == ["services up kafka"]
    rig.until_ended()
    rig.ailing.clear()
    assert rig.watch(SECOND_NS) == (["kafka is up again"], "")
    assert rig.watch(LOOK_INTERVAL_NS) == ([], "")


def test_one_that_was_mended_or_taken_down_by_hand_meanwhile_is_not_started(rig: Rig) -> None:
    rig.watch()
    rig.ailing["cassandra"] = "node 1 ended"
    assert rig.watch(LOOK_INTERVAL_NS)[0] == ["cassandra, node 1 ended; it is started again"]
    rig.ailing.clear()
    for _ in range(5):
        assert rig.watch(SECOND_NS) == ([], "")
    assert rig.started == []


def test_one_that_does_not_come_up_is_given_up_with_the_remedy(rig: Rig) -> None:
    rig.watch()
    rig.ailing["kafka"] = "node 1 ended"
    rig.script = "raise SystemExit('Error: kafka: the disk is full')"
    rig.watch(LOOK_INTERVAL_NS)
    failure, said = "", []
    for failures in range(1, SERVER_RESTARTS.give_up_after):
        assert failure == ""
        rig.watch(SERVER_RESTARTS.delay_ns(failures))
        assert len(rig.started) == failures
        rig.until_ended()
        lines, failure = rig.watch()
        said += lines
    assert len(said) == SERVER_RESTARTS.give_up_after - 2
    assert said[0].endswith("exit code 1: Error: kafka: the disk is full; it is tried again")
    assert failure.startswith("kafka: given up after 5 failures in turn")
    assert "the disk is full" in failure
    assert failure.endswith("mend it: silverbullet services up kafka")


def test_a_stop_ends_the_start_under_way(rig: Rig) -> None:
    rig.watch()
    rig.ailing["kafka"] = "node 1 ended"
    rig.script = "import time; time.sleep(600)"
    rig.watch(LOOK_INTERVAL_NS)
    rig.watch(SECOND_NS)
    assert rig.started[0].poll() is None
    rig.kept.stop()
    assert rig.started[0].poll() == -15
