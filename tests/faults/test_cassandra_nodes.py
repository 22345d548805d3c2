"""One of three nodes of the store killed, and another frozen: recording and reading go on.

Run by ``make faults``.
"""

import signal
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from optimize.decision import Decision
from storage.cassandra import CassandraStore, Link
from tests.faults.disturbed_store import (
    Disturbed,
    Nodes,
    check_complete,
    latency,
    longest_lag_s,
)
from tests.silverbullet.virtual_shell import random_tape

pytestmark = [
    pytest.mark.long,
    pytest.mark.kafka,
    pytest.mark.cassandra,
    pytest.mark.timeout(900),
]

AWAY_ROWS = 300  # a row every tenth of a second


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    made = Nodes(tmp_path / "services", 3)
    yield made
    made.end()


def copies(nodes: Nodes, keyspace: str) -> str:
    """Ask the servers how many copies they keep."""
    link = Link(nodes.address(keyspace))
    ((found,),) = link.run(
        "asking",
        "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?",
        (keyspace,),
    )
    link.close()
    return str(found["datacenter1"])


def figures(pipeline: Disturbed, decisions: list[Decision]) -> dict[str, float]:
    """Print a line a phase; see that nothing was refused; give the longest lag of each."""
    lags = {}
    for phase in pipeline.phases:
        found, looks = latency(decisions, phase), pipeline.looks(phase)
        lags[phase.name] = longest_lag_s(decisions, looks)
        refused = [look for look in looks if look.status != 200]
        print(
            f"{phase.name}: {found.n} decisions, p50 {found.p50:.2f} p99 {found.p99:.2f} ms; "
            f"longest answer {max(look.read_s for look in looks):.2f} s, {len(refused)} of "
            f"{len(looks)} refused; longest lag of what is shown {lags[phase.name]:.2f} s",
            flush=True,
        )
        assert not refused
    return lags


def test_one_of_three_nodes_killed_and_another_frozen_loses_nothing_and_stops_nothing(
    kafka_bootstrap: str, nodes: Nodes, tmp_path: Path
) -> None:
    name = f"p{uuid.uuid4().hex[:8]}"
    with ExitStack() as stack:
        pipeline = Disturbed(
            kafka_bootstrap, nodes, name, tmp_path, random_tape(62, n_rows=4_000), stack
        )
        assert copies(nodes, name) == "3"
        pipeline.until_shown()
        with pipeline.phase("undisturbed", 200):
            pass
        with pipeline.phase("one killed", AWAY_ROWS):
            nodes.send(3, signal.SIGKILL)
        with pipeline.phase("it comes back", 100):
            nodes.start()
        with pipeline.phase("another frozen", AWAY_ROWS):
            nodes.send(2, signal.SIGSTOP)
        with pipeline.phase("it goes on", 100):
            nodes.send(2, signal.SIGCONT)
        # The one that was killed first has to make the two of three with the one that was frozen.
        with pipeline.phase("the first killed", 100):
            nodes.send(1, signal.SIGKILL)
        pipeline.feed.end()
        pipeline.until_shown()
        decisions = pipeline.decisions()
        recorded = pipeline.log("record")
        with CassandraStore(nodes.address(name), read_only=True) as store:
            check_complete(store, decisions, name)
    assert [one.row for one in decisions] == list(range(decisions[0].row, decisions[-1].row + 1))
    errors = [line for line in recorded.splitlines() if "next try in" in line]
    print(f"{len(decisions)} decisions, all kept; {len(errors)} tries of `record` failed")
    print("\n".join(errors))
    lags = figures(pipeline, decisions)
    assert lags["one killed"] < 5
    assert lags["another frozen"] < 10
    assert "Traceback" not in recorded
