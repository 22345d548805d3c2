"""Brokers killed under `run` and `record`: deciding goes on, no acknowledged tick is lost."""

import itertools
import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ingest.codec import encode_packed
from optimize.decision import Decision, decode_decision
from storage.protocol import DecisionQuery
from storage.records import decode_status
from storage.sqlite import SqliteStore
from tests.faults.own_kafka import OwnKafka, every_value
from tests.faults.test_kafka_kills import N_ROWS, Feed
from tests.integration.commands import Running, run_command, until
from tests.integration.test_kafka_restart import settings_of
from tests.integration.test_run_restart import FIRST_ROW, TICKS_A_ROW
from tests.silverbullet.virtual_shell import random_tape

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

TAPE = random_tape(61, n_rows=N_ROWS)


class Pipeline:
    """A feed, `run` and `record` on a Kafka of their own."""

    def __init__(self, kafka: OwnKafka, folder: Path, stack: ExitStack, **more: Any) -> None:
        self.kafka, self.folder = kafka, folder
        self.portfolio = f"p{uuid.uuid4().hex[:8]}"
        path = folder / "decisions.sqlite"
        self.settings: dict[str, Any] = (
            settings_of(kafka.bootstrap, self.portfolio, self.portfolio)
            | {"storage__path": path, "storage__retention_s": 1e9}  # the ticks are of 2023
            | more
        )
        made = run_command(folder, "topics", **self.settings)
        assert made.returncode == 0, made.stderr
        self.feed = Feed(kafka.bootstrap, self.portfolio, TAPE)
        stack.callback(self.feed.end)
        self.run = stack.enter_context(Running(folder, "run", **self.settings))
        self.record = stack.enter_context(Running(folder, "record", **self.settings))
        until(path.exists, "the store to be made")
        self._store = stack.enter_context(SqliteStore(path, read_only=True))

    def kept(self) -> dict[str, str]:
        """Give id and digest of what the store has."""
        every = DecisionQuery(self.portfolio, limit=10**6)
        return {d.id: d.digest for d in self._store.decisions(every)}

    def newest_row(self) -> int:
        """Give the newest row in the store, from 0; -1 where there is none."""
        found = self._store.decisions(DecisionQuery(self.portfolio, limit=1))
        return found[0].row - FIRST_ROW if found else -1

    def await_rows(self, n_rows: int) -> None:
        """Wait until so many more rows are decided and in the store."""
        wanted = self.newest_row() + n_rows
        assert self.record.process.poll() is None, self.record.output()
        self.run.until(lambda: self.newest_row() >= wanted, f"row {wanted} in the store")

    def decisions(self, topic: str) -> list[Decision]:
        """Give all decisions of a topic."""
        return [decode_decision(value) for value in every_value(self.kafka.bootstrap, topic)]

    def undisturbed(self) -> list[Decision]:
        """Decide the same ticks again, in peace."""
        other = settings_of(self.kafka.bootstrap, self.portfolio, f"{self.portfolio}.whole")
        other |= {"kafka__ticks_topic": self.settings["kafka__ticks_topic"]}
        done = run_command(self.folder, "run", "--once", timeout_s=300, **other)
        assert done.returncode == 0, done.stderr
        return self.decisions(other["kafka__decisions_topic"])

    def end_and_check(self) -> list[Decision]:
        """End the feed; see that nothing acknowledged was lost, doubled or changed."""
        n_sent = self.feed.end()
        self.run.until(lambda: self.newest_row() >= n_sent - 2, "all rows to be in the store")
        assert self.run.end() < 10
        assert self.run.process.returncode == 0, self.run.output()
        # All that was sent was acknowledged, or the feed had failed; it is there once, in order.
        assert every_value(self.kafka.bootstrap, self.settings["kafka__ticks_topic"]) == [
            value for row in range(n_sent) for value in messages_of(row)
        ]
        (*_, status) = every_value(self.kafka.bootstrap, self.settings["kafka__status_topic"])
        assert decode_status(status).ticks_read == n_sent * TICKS_A_ROW
        got, whole = self.decisions(self.settings["kafka__decisions_topic"]), self.undisturbed()
        assert [d.row - FIRST_ROW for d in got] == list(range(10, n_sent - 1))
        assert [(d.id, d.digest) for d in got] == [(d.id, d.digest) for d in whole[: len(got)]]
        assert self.kept() == {d.id: d.digest for d in got}
        return got


def messages_of(row: int) -> list[bytes]:
    """Give what the feed sends of a row."""
    part = slice(row * TICKS_A_ROW, (row + 1) * TICKS_A_ROW)
    columns = TAPE.symbol_ids[part], TAPE.prices[part], TAPE.event_time_ns[part]
    return [encode_packed(list(TAPE.symbols), *columns)]


class Outage(NamedTuple):
    """When a broker was killed and when it answered again, ns UTC."""

    killed_ns: int
    back_ns: int

    def silence_s(self, decisions: list[Decision]) -> tuple[float, float]:
        """Give how long nothing was decided, and how long after the broker was back."""
        times = [d.times.published_ns for d in decisions]
        near = [(a, b) for a, b in itertools.pairwise(times) if b > self.killed_ns]
        begin, end = max((g for g in near if g[0] < self.back_ns), key=lambda gap: gap[1] - gap[0])
        return (end - begin) / 1e9, (end - self.back_ns) / 1e9


def outage(kafka: OwnKafka, node: int, meanwhile: Callable[[], None] = lambda: None) -> Outage:
    """Kill a node, wait for something, and start it again."""
    killed_ns = time.time_ns()
    kafka.kill(node)
    meanwhile()
    kafka.up()
    return Outage(killed_ns, time.time_ns())


@pytest.fixture
def one(tmp_path: Path) -> Iterator[OwnKafka]:
    made = OwnKafka(tmp_path / "services")
    yield made
    made.wipe()


@pytest.fixture
def three(tmp_path: Path) -> Iterator[OwnKafka]:
    made = OwnKafka(tmp_path / "services", n_nodes=3)
    yield made
    made.wipe()


def test_the_only_broker_killed_and_started_again(one: OwnKafka, tmp_path: Path) -> None:
    with ExitStack() as stack:
        pipeline = Pipeline(one, tmp_path, stack)
        pipeline.await_rows(25)
        away = outage(one, 1)
        pipeline.await_rows(15)
        got = pipeline.end_and_check()
        log = pipeline.run.output()
    silent_s, after_s = away.silence_s(got)
    print(f"nothing decided for {silent_s:.1f} s; again {after_s:+.1f} s after the return")
    assert after_s < 10
    assert "Traceback" not in log
    assert f"Kafka at {one.bootstrap}: " in log  # it says what it waits for


@pytest.mark.long
def test_each_of_three_brokers_killed_in_turn(three: OwnKafka, tmp_path: Path) -> None:
    with ExitStack() as stack:
        pipeline = Pipeline(three, tmp_path, stack, kafka__replication_factor=3)
        ticks = pipeline.settings["kafka__ticks_topic"]
        pipeline.await_rows(25)
        victims = [three.partition(ticks).leader]
        rest = [node for node in (1, 2, 3) if node not in victims]
        victims += random.Random(3).sample(rest, 2)
        outages = []
        for node in victims:
            assert len(three.partition(ticks).isrs) == 3
            # Deciding goes on while it is away.
            outages.append(outage(three, node, lambda: pipeline.await_rows(30)))
            until(lambda: len(three.partition(ticks).isrs) == 3, "all copies to be in step", 60)
        got = pipeline.end_and_check()
    for node, each in zip(victims, outages, strict=True):
        silent_s, _ = each.silence_s(got)
        what = "leader of ticks" if node == victims[0] else "another"
        print(f"node {node}, {what}, killed: nothing decided for {silent_s:.1f} s")
        assert silent_s < 20
