"""The server killed under a recorder: nothing acknowledged is lost, the rest is caught up with."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from optimize.decision import Decision
from silverbullet.own_services import KINDS, Wish, bring_up, open_service, wipe
from storage.cassandra import CassandraAddress, CassandraStore
from storage.protocol import DecisionQuery
from storage.recorder import record
from tests.factories import FIRST_ROW, make_decision, make_symbols
from tests.services import free_offset
from tests.storage.backends import cassandra_address
from tests.storage.scripted import Broker, ScriptedSource

pytestmark = [pytest.mark.cassandra, pytest.mark.long]
N = 1000


class Server:
    """A Cassandra of its own, to be killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wish = Wish(port_offset=free_offset())
        self.start()

    def start(self) -> None:
        bring_up("cassandra", self.folder, self.wish, lambda _: None)

    def kill(self) -> None:
        state = open_service("cassandra", self.folder).state()
        assert state is not None
        (server,) = state.servers
        assert server.lives
        os.kill(server.pid, signal.SIGKILL)

    def address(self) -> CassandraAddress:
        service = open_service("cassandra", self.folder)
        state = service.state()
        assert state is not None
        (native, *_) = KINDS["cassandra"].ports(service.folder.layout(state), 1)
        return cassandra_address(native.address, "killed", request_timeout_s=2.0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "services")
    yield made
    wipe("cassandra", made.folder)


class CountedSource(ScriptedSource):
    """Counts what is committed, and tells when it has come as far as is waited for."""

    def __init__(self, broker: Broker, stop: threading.Event) -> None:
        super().__init__(broker, stop, per_poll=10)
        self.n_committed = 0
        self.awaited = 0
        self.reached = threading.Event()

    def commit(self, positions: dict[tuple[str, int], int]) -> None:
        super().commit(positions)
        self.n_committed = positions["decisions", 0]
        if self.n_committed >= self.awaited:
            self.reached.set()


def test_kill_9_of_the_server_in_the_middle_of_appends(server: Server) -> None:
    made: list[Decision] = [make_decision(FIRST_ROW + row, n=20) for row in range(N)]
    broker, stop = Broker(), threading.Event()
    broker.send(*made)
    source = CountedSource(broker, stop)
    address = server.address()
    with CassandraStore(address) as store:
        recording = threading.Thread(
            target=record, args=(source, store), kwargs={"stop": stop, "retention_s": 3e8}
        )
        recording.start()
        for part in (1, 2):
            source.awaited = part * N // 4
            source.reached.clear()
            assert source.reached.wait(60)
            server.kill()
            server.start()
            with CassandraStore(address, read_only=True) as reader:
                kept = {d.id for d in reader.decisions(DecisionQuery(limit=N))}
            assert {d.id for d in made[: source.awaited]} <= kept
        recording.join(120)
        assert not recording.is_alive()
        everything = DecisionQuery(limit=2 * N, newest_first=False)
        expected = [decision.id for decision in made]
        assert [decision.id for decision in store.decisions(everything)] == expected
        for symbol in make_symbols(20):
            rows = store.asset_history(symbol, everything)
            assert [row.decision_id for row in rows] == expected
