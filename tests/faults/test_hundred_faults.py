"""A hundred faults of real Ray and Spark processes under load: every row decided, equal bits.

Run by ``make faults``. Rows come at a steady pace, whatever the engines are at; every fault is
drawn from a seed. ``SILVERBULLET_FAULTS`` sets how many faults a set of engines gets.
"""

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from ingest.broker import EmbeddedBroker
from ingest.consumer import TopicConsumer
from ingest.producer import TopicProducer
from optimize.decision import Decision, decode_decision
from storage.records import Status, decode_status
from tests.integration.commands import Running, run_command
from tests.integration.test_run_restart import TICKS_A_ROW, send
from tests.silverbullet.virtual_shell import SECOND_NS, START_NS, Tape, random_tape

pytestmark = [pytest.mark.long, pytest.mark.timeout(3_000)]

N_FAULTS = int(os.environ.get("SILVERBULLET_FAULTS", "34"))
ROW_S = 0.25  # a row of the tape is sent this often
UP_S = 200.0
RETURN_S = 240.0
FIRST_ROW = START_NS // SECOND_NS
SETTINGS = {
    "window__rows": 40,
    "window__ticks": 100,
    "window__min_observations": 10,
    "decide__conflate": "false",
    "optimize__n_draws": 256,
    "optimize__cloud_points": 0,
    "kafka__fetch_wait_max_ms": 2,
}
RAY = ("ray::", "optimize.engines.ray_host", "raylet/raylet", "gcs_server")
SPARK = ("pyspark.daemon", "optimize.engines.spark_worker", "java", "optimize.engines.spark_host")
SETS = [
    pytest.param("ray", "tasks", RAY, marks=pytest.mark.ray),
    pytest.param("ray", "resident", RAY, marks=pytest.mark.ray),
    pytest.param("spark", "tasks", SPARK, marks=pytest.mark.spark),
    pytest.param("spark", "resident", SPARK, marks=pytest.mark.spark),
]


class Feed:
    """Sends a row of the tape every quarter of a second, on a thread."""

    def __init__(self, address: str, tape: Tape, n_rows: int) -> None:
        self._address, self._tape, self._n_rows = address, tape, n_rows
        self.sent = 0
        self.stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with TopicProducer(self._address) as producer:
            due_s = time.monotonic()
            while self.sent < self._n_rows and not self.stop.wait(due_s - time.monotonic()):
                send(producer, self._tape, self.sent, self.sent + 1)
                self.sent += 1
                due_s = max(due_s + ROW_S, time.monotonic())

    def end(self) -> None:
        self.stop.set()
        self._thread.join()


class Decisions:
    """Takes decisions as they come: the embedded broker keeps 5 MB."""

    def __init__(self, address: str) -> None:
        self._consumer = TopicConsumer(address, ["decisions", "status"], fetch_wait_max_ms=2)
        self.made: list[Decision] = []
        self.status: Status | None = None

    def take(self) -> None:
        while (raw := self._consumer.poll(0.0)) is not None:
            for topic, value in zip(raw.topics, raw.values, strict=True):
                if topic == "decisions":
                    self.made.append(decode_decision(value))
                else:
                    self.status = decode_status(value)

    def state(self, engine: str) -> str:
        self.take()
        found = {} if self.status is None else {e.name: e.state for e in self.status.engines}
        return found.get(engine, "")

    def last_row(self) -> int:
        self.take()
        return self.made[-1].row - FIRST_ROW if self.made else -1

    def close(self) -> None:
        self._consumer.close()


def victims(run: Running, word: str) -> list[psutil.Process]:
    found = []
    for process in run.family():
        try:
            if word in " ".join(process.cmdline()) or word in process.name():
                found.append(process)
        except psutil.Error:
            continue
    return found


def halt(process: psutil.Process, rng: random.Random, wait: Callable[[float], None]) -> None:
    process.suspend()
    wait(rng.uniform(0.5, 6.0))
    process.resume()


def slow_down(process: psutil.Process, rng: random.Random, wait: Callable[[float], None]) -> None:
    """Let it run a fifth of the time, for 3 s."""
    for _ in range(30):
        process.suspend()
        wait(0.08)
        process.resume()
        wait(0.02)


FAULTS = {
    "kill -9": lambda process, rng, wait: process.kill(),
    "SIGSTOP": halt,
    "slow": slow_down,
}


@pytest.mark.parametrize(("engine", "dispatch", "words"), SETS)
def test_every_row_is_decided_with_equal_bits_whatever_dies(
    engine: str, dispatch: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    rng = random.Random(f"{engine} {dispatch}")
    tape = random_tape(33, n_assets=TICKS_A_ROW, n_rows=6_000, ticks_a_row=TICKS_A_ROW)
    with EmbeddedBroker() as broker:
        settings = SETTINGS | {
            "kafka__bootstrap": broker.address,
            "engine__order": engine,
            "engine__dispatch": dispatch,
        }
        feed, decisions = Feed(broker.address, tape, 6_000), Decisions(broker.address)
        counts: Counter[str] = Counter()
        try:
            with Running(tmp_path, "run", **settings) as run:

                def wait(seconds: float) -> None:
                    until_s = time.monotonic() + seconds
                    while time.monotonic() < until_s:
                        decisions.take()
                        time.sleep(min(0.02, seconds))

                run.until(lambda: decisions.state(engine) == "ready", f"{engine} to be up", UP_S)
                while sum(counts.values()) < N_FAULTS:
                    wait(rng.uniform(1.0, 4.0))
                    word, fault = rng.choice(words), rng.choice(sorted(FAULTS))
                    if not (found := victims(run, word)):
                        continue
                    try:
                        FAULTS[fault](rng.choice(found), rng, wait)
                    except psutil.NoSuchProcess:
                        continue
                    counts[f"{fault} {word}"] += 1
                    print(f"{fault} {word}: row {decisions.last_row()} of {feed.sent} decided")
                took_s = run.until(
                    lambda: decisions.state(engine) == "ready", f"{engine} to return", RETURN_S
                )
                feed.end()
                last = feed.sent - 2  # the row of the last tick stays open
                run.until(lambda: decisions.last_row() >= last, f"row {last} to be decided")
                assert run.end(signal.SIGINT) < 15
        finally:
            feed.end()
            decisions.close()
        undisturbed = replay(broker.address, tmp_path, settings, decisions.made[0].row)
    rows = [decision.row for decision in decisions.made]
    assert rows == list(range(rows[0], rows[0] + len(rows)))
    compared = [d for d in decisions.made if d.row in undisturbed]
    assert len(compared) > len(rows) // 2
    assert [d.digest for d in compared] == [undisturbed[d.row] for d in compared]
    assert all(d.engine_reason for d in decisions.made if d.degraded or d.late)
    report(f"{engine} {dispatch}", decisions.made, counts, took_s)


def replay(
    address: str, folder: Path, settings: dict[str, object], first_row: int
) -> dict[int, str]:
    """Decide the same ticks again on threads alone; give row to digest."""
    calm = settings | {"engine__order": "local", "kafka__decisions_topic": "undisturbed"}
    done = run_command(folder, "run", "--once", timeout_s=600, **calm)
    assert done.returncode == 0, done.stderr
    with TopicConsumer(address, []) as reader:
        made = [decode_decision(value) for value in reader.last("undisturbed", 10_000)]
    return {decision.row: decision.digest for decision in made if decision.row >= first_row}


def report(name: str, made: list[Decision], counts: "Counter[str]", returned_s: float) -> None:
    """Print what was done and how long decisions took meanwhile."""
    took_ms = sorted((d.times.solved_ns - d.times.submitted_ns) / 1e6 for d in made)
    figures = {
        "engines": name,
        "faults": dict(sorted(counts.items())),
        "decisions": len(made),
        "degraded": sum(d.degraded for d in made),
        "late": sum(d.late for d in made),
        "p50_ms": round(took_ms[len(took_ms) // 2], 1),
        "p99_ms": round(took_ms[-(-len(took_ms) * 99 // 100) - 1], 1),
        "max_ms": round(took_ms[-1], 1),
        "returned_after_s": round(returned_s, 1),
    }
    print(json.dumps(figures))
