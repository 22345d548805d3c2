"""The store's server killed, and frozen, under a whole pipeline: decisions do not notice.

Run by ``make faults``.
"""

import re
import signal
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from ingest.producer import TopicProducer
from optimize.decision import Decision, encode_decision
from storage.cassandra import CassandraStore
from storage.protocol import DecisionQuery
from tests.factories import FIRST_ROW, make_decision
from tests.faults.disturbed_store import (
    MB,
    Disturbed,
    Look,
    Nodes,
    check_complete,
    latency,
)
from tests.integration.commands import until
from tests.silverbullet.virtual_shell import random_tape

pytestmark = [
    pytest.mark.long,
    pytest.mark.kafka,
    pytest.mark.cassandra,
    pytest.mark.timeout(900),
]

DOWN_ROWS = 1200  # a row every tenth of a second: down for two minutes
BULK = "bulk"
N_BULK = 1_600
# What librdkafka reads ahead of a partition. Who catches up has as much in hand besides, while the
# next is read, and a batch of it on its way.
READ_AHEAD_BYTES = 8 * 2**20


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    made = Nodes(tmp_path / "services", 1)
    yield made
    made.end()


def bulk(first: int) -> list[Decision]:
    """Make decisions of another portfolio, 65 kB each."""
    numbers = range(first, first + N_BULK)
    return [make_decision(FIRST_ROW + k, n=20, cloud_points=1_500, portfolio=BULK) for k in numbers]


def send_bulk(pipeline: Disturbed, first: int) -> int:
    """Send more than any queue holds while nothing can be stored; give the bytes."""
    total = 0
    with TopicProducer(pipeline.settings["kafka__bootstrap"]) as producer:
        for decision in bulk(first):
            payload = encode_decision(decision)
            producer.send(pipeline.settings["kafka__decisions_topic"], payload)
            total += len(payload)
        producer.flush(60)
    return total


def check_told(pipeline: Disturbed, looks: list[Look]) -> None:
    """See that API and page say what is, while the store is away."""
    assert max(look.alive_s for look in looks) < 2
    settled = looks[len(looks) // 2 :]
    assert {look.ready for look in settled} == {503}
    assert {look.status for look in settled} == {503}
    for look in settled:
        assert re.match(r"store: reading Cassandra at 127\.0\.0\.1:\d+: n", look.detail)
    page = httpx.get(pipeline.url, timeout=30)
    assert page.status_code == 200


def figures(pipeline: Disturbed, decisions: list[Decision]) -> None:
    """Print a line a phase; see that no phase is slower than the undisturbed one."""
    quiet = latency(decisions, pipeline.phases[0])
    for phase in pipeline.phases:
        found, looks = latency(decisions, phase), pipeline.looks(phase)
        print(
            f"{phase.name}: {found.n} decisions, p50 {found.p50:.2f} p99 {found.p99:.2f} "
            f"longest {found.longest:.1f} ms; record {looks[-1].rss / MB:.0f} MB; "
            f"longest answer {max(look.read_s for look in looks):.2f} s",
            flush=True,
        )
        # Room for the noise of a machine that starts and shares other things.
        assert found.p50 < 1.5 * quiet.p50 + 1
        assert found.p99 < 2 * quiet.p99 + 10


def test_while_the_store_is_killed_or_frozen_decisions_keep_their_latency(
    kafka_bootstrap: str, nodes: Nodes, tmp_path: Path
) -> None:
    name = f"p{uuid.uuid4().hex[:8]}"
    with ExitStack() as stack:
        pipeline = Disturbed(
            kafka_bootstrap, nodes, name, tmp_path, random_tape(61, n_rows=4_000), stack
        )
        pipeline.until_shown()
        with pipeline.phase("undisturbed", 300):
            pass
        with pipeline.phase("killed", DOWN_ROWS):
            nodes.send(1, signal.SIGKILL)
        check_told(pipeline, pipeline.looks(pipeline.phases[-1]))
        n_bytes = send_bulk(pipeline, 0)
        with pipeline.phase("killed, and 1600 large ones wait", 50):
            pass
        nodes.start()
        print(f"killed: caught up {pipeline.until_shown():.1f} s after its return", flush=True)
        with CassandraStore(nodes.address(name), read_only=True) as store:
            last = FIRST_ROW + N_BULK - 1
            until(
                lambda: [d.row for d in store.decisions(DecisionQuery(BULK, limit=1))] == [last],
                "the large ones to be stored",
            )
        with pipeline.phase("undisturbed again", 100):
            pass
        with pipeline.phase("frozen", DOWN_ROWS):
            nodes.send(1, signal.SIGSTOP)
        check_told(pipeline, pipeline.looks(pipeline.phases[-1]))
        nodes.send(1, signal.SIGCONT)
        print(f"frozen: caught up {pipeline.until_shown():.1f} s after its return", flush=True)
        until(lambda: pipeline.watch.looks[-1].ready == 200, "serve to be ready", 30)
        pipeline.feed.end()
        pipeline.until_shown()
        decisions = [one for one in pipeline.decisions() if one.portfolio == name]
        recorded = pipeline.log("record")
        with CassandraStore(nodes.address(name), read_only=True) as store:
            check_complete(store, decisions, name)
            every = DecisionQuery(BULK, newest_first=False, limit=10**6)
            rows = store.asset_history("A019USDT", every)
            assert [row.decision_id for row in rows] == [one.id for one in bulk(0)]
    assert [one.row for one in decisions] == list(range(decisions[0].row, decisions[-1].row + 1))
    figures(pipeline, decisions)
    check_memory(pipeline, n_bytes)
    assert re.search(r"writing Cassandra at \S+: no.* decisions and .* wait, next try in", recorded)
    for line in recorded.splitlines():
        assert "Traceback" not in line


def check_memory(pipeline: Disturbed, n_bytes: int) -> None:
    """See that `record` holds no more of a backlog than it reads ahead."""
    rss = {phase.name: [look.rss for look in pipeline.looks(phase)] for phase in pipeline.phases}
    before, killed = max(rss["undisturbed"]), max(rss["killed"])
    waiting = max(rss["killed, and 1600 large ones wait"])
    most = max(look.rss for look in pipeline.watch.looks)
    print(
        f"record: {before / MB:.0f} MB undisturbed, {killed / MB:.0f} MB killed, "
        f"{waiting / MB:.0f} MB with a backlog of {n_bytes / MB:.0f} MB, {most / MB:.0f} MB "
        "catching up",
        flush=True,
    )
    assert killed - before < 20 * MB
    assert waiting - before < READ_AHEAD_BYTES + 20 * MB < n_bytes
    assert most - before < 120 * MB
