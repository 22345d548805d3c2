"""`run`, `record` and `serve` killed on a real Kafka under load: each row decided once, equal bits.

Run by ``make faults``. Who is killed and when is drawn from a seed; ``SILVERBULLET_KILLS`` sets how
often.
"""

import os
import random
import signal
import threading
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.consumer import TopicConsumer
from optimize.decision import Decision
from storage.protocol import DecisionQuery
from storage.sqlite import SqliteStore
from tests.integration.commands import Running, run_command, until
from tests.integration.test_kafka_restart import OtherNames, settings_of
from tests.integration.test_run_restart import FIRST_ROW, decisions, send
from tests.silverbullet.virtual_shell import Tape, random_tape

pytestmark = [pytest.mark.long, pytest.mark.kafka, pytest.mark.timeout(3_000)]

N_KILLS = int(os.environ.get("SILVERBULLET_KILLS", "50"))
ROW_S = 0.1
N_ROWS = 40 + N_KILLS * 150
READY = {"run": "reading", "record": "recording", "serve": "serving"}


class Feed:
    """Sends a row of the tape every tenth of a second, on a thread."""

    def __init__(self, bootstrap: str, name: str, tape: Tape) -> None:
        self.sent, self._stop = 0, threading.Event()
        self._thread = threading.Thread(target=self._run, args=(bootstrap, name, tape), daemon=True)
        self._thread.start()

    def _run(self, bootstrap: str, name: str, tape: Tape) -> None:
        with OtherNames(bootstrap, name) as producer:
            due_s = time.monotonic()
            while self.sent < N_ROWS and not self._stop.wait(due_s - time.monotonic()):
                send(producer, tape, self.sent, self.sent + 1)
                self.sent += 1
                due_s = max(due_s + ROW_S, time.monotonic())

    def end(self) -> int:
        """Stop; give how many rows were sent."""
        self._stop.set()
        self._thread.join()
        return self.sent


class Parts:
    """The three processes, each started again after its death."""

    def __init__(self, folder: Path, settings: dict[str, Any], stack: ExitStack) -> None:
        self._folder, self._settings, self._stack = folder, settings, stack
        self.now: dict[str, Running] = {}
        self.lives: list[Running] = []
        for part in READY:
            self.start(part)

    def start(self, part: str) -> None:
        command = Running(self._folder / part, part, **self._settings)
        self.now[part] = self._stack.enter_context(command)
        self.lives.append(self.now[part])

    def kill_one(self, chosen: random.Random) -> str:
        """Kill one: a third of the time while it starts, else up to 5 s after."""
        part = chosen.choice(["run", "run", "record", "serve"])
        command, after_s = self.now[part], chosen.uniform(0.2, 5)
        if chosen.random() > 1 / 3:
            command.until(lambda: READY[part] in command.output(), f"{part} to be ready")
        threading.Event().wait(after_s)
        assert command.process.poll() is None, command.output()
        command.end(signal.SIGKILL)
        self.start(part)
        return part

    def from_checkpoint(self) -> int:
        """Count the lives of `run` that began at a checkpoint."""
        return sum("going on from the checkpoint" in life.output() for life in self.lives)


def decided(bootstrap: str, topic: str) -> list[Decision]:
    with TopicConsumer(bootstrap, []) as reader:
        return decisions(reader, topic)


def await_all(parts: Parts, settings: dict[str, Any], n_sent: int) -> dict[str, str]:
    """Wait until all rows but the last, which stays open, are decided and kept; give these."""
    bootstrap, topic = settings["kafka__bootstrap"], settings["kafka__decisions_topic"]

    def newest_row() -> int:
        return max((d.row for d in decided(bootstrap, topic)), default=0) - FIRST_ROW

    parts.now["run"].until(lambda: newest_row() >= n_sent - 2, "the newest row to be decided")
    store = SqliteStore(settings["storage__path"], read_only=True)
    every = DecisionQuery(settings["decide__portfolio"], limit=10**6)
    until(lambda: len(store.decisions(every)) >= n_sent - 11, "the store to have them all")
    kept = {d.id: d.digest for d in store.decisions(every)}
    store.close()
    return kept


def test_killed_again_and_again_no_decision_is_lost_doubled_or_changed(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    chosen = random.Random(50)
    portfolio = f"p{uuid.uuid4().hex[:8]}"
    settings: dict[str, Any] = settings_of(kafka_bootstrap, portfolio, portfolio) | {
        "storage__path": tmp_path / "decisions.sqlite",
        "decide__checkpoint_interval_s": 1,
        "storage__retention_s": 1e9,  # the ticks are of 2023
        "serve__port": 0,
    }
    tape = random_tape(50, n_rows=N_ROWS)
    made = run_command(tmp_path, "topics", **settings)
    assert made.returncode == 0, made.stderr
    begun_s = time.monotonic()
    with ExitStack() as stack:
        feed = Feed(kafka_bootstrap, portfolio, tape)
        stack.callback(feed.end)
        parts = Parts(tmp_path, settings, stack)
        for kill in range(N_KILLS):
            part = parts.kill_one(chosen)
            print(f"kill -9 {kill + 1} {part}: {feed.sent} rows sent", flush=True)
        n_sent = feed.end()
        kept = await_all(parts, settings, n_sent)
        serve = parts.now["serve"]
        serve.until(lambda: "serving" in serve.output(), "serve to be ready")
        address = serve.output().split("serving ")[-1].split()[0]
        newest = httpx.get(f"{address}/api/v1/decisions/latest", timeout=30).json()
        from_checkpoint = parts.from_checkpoint()
    took_s = time.monotonic() - begun_s
    whole = settings_of(kafka_bootstrap, portfolio, f"{portfolio}.whole")
    whole["kafka__ticks_topic"] = settings["kafka__ticks_topic"]
    done = run_command(tmp_path, "run", "--once", timeout_s=600, **whole)
    assert done.returncode == 0, done.stderr
    got = decided(kafka_bootstrap, settings["kafka__decisions_topic"])
    expected = {d.row: d for d in decided(kafka_bootstrap, whole["kafka__decisions_topic"])}
    print(
        f"{N_KILLS} kills in {took_s:.0f} s: {len(got)} decisions, {from_checkpoint} lives of "
        "`run` from a checkpoint"
    )
    assert [d.row - FIRST_ROW for d in got] == list(range(10, n_sent - 1))
    assert [d.digest for d in got] == [expected[d.row].digest for d in got]
    assert kept == {d.id: d.digest for d in got}
    assert newest["id"] == got[-1].id
    assert from_checkpoint > N_KILLS // 10
    verified = run_command(tmp_path, "replay", "--verify", timeout_s=600, **settings)
    assert verified.returncode == 0, verified.stdout
