"""A `run` halted by SIGSTOP: it shows, it catches up by conflation, a newer one takes over."""

import itertools
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from ingest.broker import BrokerError
from ingest.codec import encode_packed
from ingest.consumer import TopicConsumer
from ingest.producer import TopicProducer
from ingest.sole_producer import SoleProducer
from ingest.topic_specs import TopicSpec
from ingest.topics import TopicAdmin
from optimize.decision import Decision, decode_decision
from storage.records import Status, decode_status
from tests.faults.own_kafka import every_value
from tests.integration.commands import Running, answer_of, until
from tests.integration.test_kafka_restart import TOPICS

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

ROW_S = 0.1
SYMBOLS = ("ADA", "BTC", "ETH", "SOL")
SETTINGS = {
    "window__sample_interval_s": ROW_S,
    "window__rows": 40,
    "window__min_observations": 10,
    "optimize__method": "exact",
    "optimize__cloud_points": 0,
    "engine__order": "local",
    "decide__checkpoint_interval_s": 1,
}


class LiveFeed:
    """Sends prices of now, of each asset, every tenth of a second, on a thread."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.n_sent = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(bootstrap, topic), daemon=True)
        self._thread.start()

    def _run(self, bootstrap: str, topic: str) -> None:
        chosen, prices = np.random.default_rng(8), np.full(len(SYMBOLS), 100.0)
        places = range(len(SYMBOLS))
        with TopicProducer(bootstrap) as producer:
            while not self._stop.wait(ROW_S):
                prices *= 1 + 0.002 * chosen.standard_normal(len(SYMBOLS))
                times = [time.time_ns()] * len(SYMBOLS)
                producer.send(topic, encode_packed(SYMBOLS, places, prices, times))
                self.n_sent += len(SYMBOLS)

    def end(self) -> None:
        self._stop.set()
        self._thread.join()


class Market:
    """Topics of a test's own, a feed of them, and what is in them."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.bootstrap, self.folder = bootstrap, folder
        self.name = f"p{uuid.uuid4().hex[:8]}"
        self.settings: dict[str, Any] = (
            SETTINGS
            | {f"kafka__{topic}_topic": f"{self.name}.{topic}" for topic in TOPICS}
            | {"kafka__bootstrap": bootstrap, "decide__portfolio": self.name}
            | {"storage__path": folder / "decisions.sqlite", "serve__port": 0}
        )
        self._reader = TopicConsumer(bootstrap, [])
        self.feed: LiveFeed | None = None

    def start(self, command: str) -> Running:
        """Start a part."""
        return Running(self.folder / f"{command}-{uuid.uuid4().hex[:4]}", command, **self.settings)

    def begin(self, run: Running) -> None:
        """Wait for the topics, start the feed, wait for decisions."""
        run.until(lambda: "reading" in run.output(), "the topics to be made")
        self.feed = LiveFeed(self.bootstrap, f"{self.name}.ticks")
        run.until(lambda: self._reader.last(f"{self.name}.decisions"), "the first decision")
        self.await_decisions(run, 5)

    def newest(self) -> Decision:
        """Give the newest decision."""
        return decode_decision(self._reader.last(f"{self.name}.decisions")[-1])

    def status(self) -> Status:
        """Give the newest status."""
        return decode_status(self._reader.last(f"{self.name}.status")[-1])

    def await_decisions(self, run: Running, n_rows: int) -> None:
        """Wait until so many more rows have passed and the newest is decided."""
        wanted = self.newest().row + n_rows
        run.until(lambda: self.newest().row >= wanted, f"row {wanted} to be decided")

    def decisions(self, isolation: str) -> list[Decision]:
        """Give all decisions that a reader of an isolation level sees."""
        topic = f"{self.name}.decisions"
        return [decode_decision(value) for value in every_value(self.bootstrap, topic, isolation)]

    def close(self) -> None:
        """End the feed."""
        if self.feed is not None:
            self.feed.end()
        self._reader.close()


@pytest.fixture
def market(kafka_bootstrap: str, tmp_path: Path) -> Iterator[Market]:
    made = Market(kafka_bootstrap, tmp_path)
    yield made
    made.close()


def see_each_once(market: Market) -> list[Decision]:
    """See that ids only increase, for either kind of reader; give what all readers may see."""
    every = market.decisions("read_uncommitted")
    committed = market.decisions("read_committed")
    for seen in (every, committed):
        assert all(a.id < b.id and a.row < b.row for a, b in itertools.pairwise(seen))
    assert {d.id for d in committed} <= {d.id for d in every}
    return every


def halt(run: Running, seconds: float) -> None:
    """Let a process stand still."""
    run.process.send_signal(signal.SIGSTOP)
    threading.Event().wait(seconds)


@pytest.mark.parametrize("frozen_s", [2, pytest.param(30, marks=pytest.mark.long)])
def test_a_run_that_was_frozen_while_a_newer_one_took_over_ends(
    frozen_s: float, market: Market
) -> None:
    with market.start("run") as older:
        market.begin(older)
        halt(older, frozen_s)
        at_halt = market.newest()
        with market.start("run") as newer:
            newer.until(lambda: market.newest().row > at_halt.row + 5, "the newer to decide")
            before = market.newest()
            begun_ns = time.time_ns()
            older.process.send_signal(signal.SIGCONT)
            until(lambda: older.process.poll() is not None, "the older to end", 30)
            ended_s = (time.time_ns() - begun_ns) / 1e9
            market.await_decisions(newer, 20)
            assert newer.process.poll() is None
            assert newer.end() < 10
        assert newer.process.returncode == 0, newer.output()
    assert older.process.returncode == 1
    last = older.output().strip().splitlines()[-1]
    assert last.startswith(f"Error: Kafka at {market.bootstrap}")
    assert "another `silverbullet run` decides for this portfolio now" in last
    every = see_each_once(market)
    print(f"frozen for {frozen_s} s: ended {ended_s:.2f} s after it went on, "
          f"{len(every)} decisions")  # fmt: skip
    # All after the halt are the newer one's: made after its start, none at the other's pace.
    later = [d for d in every if d.row > at_halt.row]
    assert min(d.times.submitted_ns for d in later) > at_halt.times.published_ns
    assert before.id in {d.id for d in later}
    committed = market.decisions("read_committed")
    assert [d.id for d in committed][-len(later) :] == [d.id for d in later]


@pytest.mark.long
def test_a_run_frozen_for_half_a_minute_shows_and_catches_up(market: Market) -> None:
    frozen_s = 30.0
    with market.start("run") as run, market.start("record"), market.start("serve") as serve:
        market.begin(run)
        serve.until(lambda: "serving" in serve.output(), "serve to be ready")
        address = serve.output().split("serving ")[-1].split()[0]

        def told() -> dict[str, Any]:
            return answer_of(f"{address}/api/v1/status") or {"age_s": 1e9}

        serve.until(lambda: told()["age_s"] < 1.5, "a fresh status on the API")
        begun_s = time.monotonic()
        run.process.send_signal(signal.SIGSTOP)
        stale_s = until(lambda: told()["age_s"] > 2, "the age to show", 5)
        unready_s = until(lambda: httpx.get(f"{address}/readyz").status_code == 503, "503", 15)
        at_halt = market.newest()
        threading.Event().wait(frozen_s - (time.monotonic() - begun_s))
        assert market.newest().id == at_halt.id
        assert told()["age_s"] > frozen_s - 3
        conflated = market.status().decisions_conflated
        continued_ns = time.time_ns()
        run.process.send_signal(signal.SIGCONT)
        serve.until(lambda: told()["age_s"] < 1.5, "a fresh status again", 20)
        market.await_decisions(run, 10)
        until(lambda: market.status().time_ns > time.time_ns() - 10**9, "a status")
        status = market.status()
        n_sent = market.feed.n_sent if market.feed else 0
        assert run.end() < 10
    every = see_each_once(market)
    after = [d for d in every if d.times.published_ns > continued_ns]
    ages = [(d.times.published_ns - d.row_end_ns) / 1e9 for d in after]
    skipped = status.decisions_conflated - conflated
    first_s = (after[0].times.published_ns - continued_ns) / 1e9
    print(f"age over 2 s after {stale_s:.1f} s, not ready after {unready_s:.1f} s")
    print(f"decided {first_s:.2f} s after it went on, {skipped} rows skipped; ages of the first")
    print("decisions: " + ", ".join(f"{age:.2f} s" for age in ages[:5]))
    assert skipped > 0.8 * frozen_s / ROW_S
    assert status.lost_offsets == 0
    assert n_sent - status.ticks_read < 100
    # Nothing is decided on the ticks of before; a job under way when it was halted is marked.
    assert all(age < 2 or d.late for age, d in zip(ages, after, strict=True))
    assert sum(d.late for d in after) <= 1


@pytest.mark.long
def test_a_decision_under_way_at_the_halt_is_late_and_none_follows_on_old_ticks(
    market: Market,
) -> None:
    market.settings |= {"optimize__method": "resample", "optimize__n_draws": 20_000}
    continued_ns = []
    with market.start("run") as run:
        market.begin(run)
        for _ in range(3):
            halt(run, 4)
            continued_ns.append(time.time_ns())
            run.process.send_signal(signal.SIGCONT)
            market.await_decisions(run, 60)
        assert run.end() < 10
    every = see_each_once(market)
    old = [d for d in every if d.times.published_ns - d.row_end_ns > 3 * 10**9]
    took = sorted((d.times.solved_ns - d.times.submitted_ns) / 1e6 for d in every)
    print(f"decisions of {took[len(took) // 2]:.0f} ms; under way at a halt: {len(old)} of 3")
    assert all(d.late and "late by" in d.engine_reason for d in old)
    for at_ns in continued_ns:
        assert sum(at_ns < d.times.published_ns < at_ns + 2 * 10**9 for d in old) <= 1


@pytest.mark.long
def test_a_sender_that_stood_still_beyond_its_transaction_is_told_so(
    kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is refused as if a newer one had taken over, by Kafka's own limit."""
    monkeypatch.setattr("ingest.sole_producer._TRANSACTION_TIMEOUT_MS", 1_000)
    topic = f"t{uuid.uuid4().hex[:8]}"
    TopicAdmin(kafka_bootstrap).make([TopicSpec(topic)])
    with SoleProducer(kafka_bootstrap, topic, transaction_s=1e9) as producer:

        def refused() -> str:
            try:
                producer.send(topic, b"x")
                producer.poll()
            except BrokerError as error:
                return str(error) if error.fatal else ""
            return ""

        until(refused, "Kafka to end the transaction", 40)  # it looks every 10 s
        assert "stood still for over a minute: start it again" in refused()
