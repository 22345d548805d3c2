"""A pipeline on real servers whose store is disturbed, and what is seen of it meanwhile."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
import psutil

from cluster.service_layout import ServiceLayout
from optimize.decision import Decision
from silverbullet.own_services import KINDS, Wish, bring_up, open_service, wipe
from silverbullet.service_clients import client_settings
from storage.cassandra import CassandraAddress, CassandraStore
from storage.protocol import DecisionQuery
from tests.faults.test_kafka_kills import Feed, Parts, decided
from tests.integration.commands import run_command, until
from tests.integration.test_kafka_restart import settings_of
from tests.integration.test_run_restart import FIRST_ROW
from tests.services import CASSANDRA_SUPERUSER, free_offset
from tests.silverbullet.virtual_shell import Tape

MB = 1e6


class Nodes:
    """A Cassandra of one or three nodes, each to be killed, stopped and started again."""

    def __init__(self, folder: Path, n_nodes: int) -> None:
        self._folder = folder
        self._wish = Wish(n_nodes=n_nodes, port_offset=free_offset(n_nodes))
        self.start()

    def start(self) -> None:
        """Start those that do not run, and wait until all answer."""
        bring_up("cassandra", self._folder, self._wish, lambda _: None)

    def send(self, node: int, number: signal.Signals) -> None:
        """Send a node a signal."""
        state = open_service("cassandra", self._folder).state()
        assert state is not None
        (server,) = [one for one in state.servers if one.node == node and one.lives]
        os.kill(server.pid, number)

    def end(self) -> None:
        """End all and delete their data."""
        wipe("cassandra", self._folder)

    def settings(self) -> dict[str, Any]:
        """Give the settings that `services up` writes for a pipeline."""
        given = client_settings(KINDS["cassandra"], self._layout())
        return {name.replace(".", "__"): value for name, value in given.items()}

    def address(self, keyspace: str) -> CassandraAddress:
        """Give what a store needs to reach them."""
        layout = self._layout()
        ports = [KINDS["cassandra"].ports(layout, node)[0] for node in layout.nodes]
        user, password = CASSANDRA_SUPERUSER
        return CassandraAddress(
            tuple(port.host for port in ports), ports[0].number, keyspace,
            user=user, password=password,
        )  # fmt: skip

    def _layout(self) -> ServiceLayout:
        service = open_service("cassandra", self._folder)
        state = service.state()
        assert state is not None
        return service.folder.layout(state)


class Look(NamedTuple):
    """What `serve` answered at one moment, and what `record` had in memory."""

    time_ns: int
    alive_s: float  # until /healthz answered
    ready: int
    detail: str
    read_s: float  # until the newest decision was there, or an error
    status: int
    row: int
    rss: int


class Watch:
    """Asks `serve` as a page and a supervisor do, four times a second, on a thread."""

    def __init__(self, url: str, recorder_pid: int) -> None:
        self.looks: list[Look] = []
        self._url = url
        self._recorder = psutil.Process(recorder_pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        with httpx.Client(timeout=30.0) as client:
            while not self._stop.wait(0.25):
                self.looks.append(self._look(client))

    def _look(self, client: httpx.Client) -> Look:
        begun_s = time.monotonic()
        alive = client.get(f"{self._url}/healthz")
        assert alive.status_code == 200
        alive_s = time.monotonic() - begun_s
        ready = client.get(f"{self._url}/readyz")
        begun_s = time.monotonic()
        newest = client.get(f"{self._url}/api/v1/decisions/latest")
        row = newest.json()["row"] - FIRST_ROW if newest.status_code == 200 else -1
        return Look(
            time.time_ns(),
            alive_s,
            ready.status_code,
            ready.json().get("detail", ""),
            time.monotonic() - begun_s,
            newest.status_code,
            row,
            self._recorder.memory_info().rss,
        )


class Phase(NamedTuple):
    """A stretch of time, in ns UTC."""

    name: str
    begin_ns: int
    end_ns: int


class Disturbed:
    """`run`, `record` and `serve` on a Kafka and a Cassandra, fed a row every tenth of a second."""

    def __init__(
        self, bootstrap: str, nodes: Nodes, name: str, folder: Path, tape: Tape, stack: ExitStack
    ) -> None:
        self.name, self._bootstrap = name, bootstrap
        # The ticks are of 2023, the keyspace's name is the portfolio's.
        self.settings: dict[str, Any] = settings_of(bootstrap, name, name) | nodes.settings() | {
            "cassandra__keyspace": name,
            "storage__retention_s": 1e9,
            "decide__checkpoint_interval_s": 1,
            "serve__port": 0,
        }  # fmt: skip
        for command in ("topics", "schema"):
            made = run_command(folder, command, **self.settings)
            assert made.returncode == 0, made.stderr
        self.feed = Feed(bootstrap, name, tape)
        stack.callback(self.feed.end)
        self.parts = Parts(folder, self.settings, stack)
        for part, ready in (("record", "recording"), ("serve", "serving")):
            self.until_said(part, ready)
        self.url = self.log("serve").split("serving ")[-1].split()[0]
        self.watch = Watch(self.url, self.parts.now["record"].pid)
        stack.callback(self.watch.end)
        self.phases: list[Phase] = []

    def until_said(self, part: str, words: str) -> float:
        """Wait for words in a part's output."""
        command = self.parts.now[part]
        return command.until(lambda: words in command.output(), f"{part} to say {words!r}")

    @contextmanager
    def phase(self, name: str, n_rows: int) -> Iterator[None]:
        """Do something, then let some rows be sent; all of it is the phase."""
        begin_ns = time.time_ns()
        yield
        wanted = self.feed.sent + n_rows
        until(lambda: self.feed.sent >= wanted, f"{n_rows} rows to be sent")
        self.phases.append(Phase(name, begin_ns, time.time_ns()))

    def until_shown(self, limit_s: float = 120.0) -> float:
        """Wait until the page shows a decision of what was sent last; give the seconds."""
        wanted = self.feed.sent - 2

        def shown() -> bool:
            return bool(self.watch.looks) and self.watch.looks[-1].row >= wanted

        return until(shown, f"row {wanted} to be shown", limit_s)

    def decisions(self) -> list[Decision]:
        """Read all that was decided."""
        return decided(self._bootstrap, self.settings["kafka__decisions_topic"])

    def looks(self, phase: Phase) -> list[Look]:
        """Give what was seen in a phase."""
        return [look for look in self.watch.looks if phase.begin_ns <= look.time_ns < phase.end_ns]

    def log(self, part: str) -> str:
        """Give what a part has printed."""
        return self.parts.now[part].output()


class Latency(NamedTuple):
    """Milliseconds from a tick's arrival to its decision's, of one phase."""

    n: int
    p50: float
    p99: float
    longest: float


def latency(decisions: list[Decision], phase: Phase) -> Latency:
    """Measure the decisions of a phase by their own stage times."""
    taken = [
        (one.times.published_ns - one.times.received_ns) / 1e6
        for one in decisions
        if phase.begin_ns <= one.times.published_ns < phase.end_ns
    ]
    p50, p99 = np.percentile(taken, [50, 99]).tolist()
    return Latency(len(taken), p50, p99, max(taken))


def longest_lag_s(decisions: list[Decision], looks: list[Look]) -> float:
    """Give how old the oldest decision that was not shown yet ever was."""
    published = {one.row - FIRST_ROW: one.times.published_ns for one in decisions}
    newest = -1
    longest = 0
    for look in looks:
        newest = max(newest, look.row)
        longest = max(longest, look.time_ns - published.get(newest + 1, look.time_ns))
    return longest / 1e9


def check_complete(store: CassandraStore, decisions: list[Decision], portfolio: str) -> None:
    """See that a store has each decision once, equal, with a row for each of its assets."""
    every = DecisionQuery(portfolio, newest_first=False, limit=10**6)
    kept = [(one.id, one.digest) for one in store.decisions(every)]
    assert kept == [(one.id, one.digest) for one in decisions]
    for symbol in decisions[-1].symbols:
        rows = [row.decision_id for row in store.asset_history(symbol, every)]
        assert rows == [one.id for one in decisions if symbol in one.symbols]
