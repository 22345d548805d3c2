"""The Cassandra store where it is not like another: schema, login, time to live, bulk."""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from ingest.broker import EmbeddedBroker
from ingest.producer import TopicProducer
from optimize.decision import encode_decision
from storage.cassandra import (
    SCHEMA_VERSION,
    CassandraAddress,
    CassandraStore,
    Link,
    apply_schema,
)
from storage.protocol import DecisionQuery, StoreError, UnreachableError
from storage.records import encode_status
from tests.factories import FIRST_ROW, SECOND_NS, make_decision, make_status, make_symbols
from tests.storage.backends import CassandraBackend, cassandra_address

pytestmark = pytest.mark.cassandra
DAY_S = 86_400.0
ROOT = Path(__file__).parents[2]


@pytest.fixture
def absent(cassandra_contact: str) -> CassandraAddress:
    """Give a keyspace that is not there yet; it stays, for dropping it takes 3 s."""
    return cassandra_address(cassandra_contact, f"test_{uuid.uuid4().hex[:12]}")


@pytest.fixture
def address(cassandra_contact: str) -> CassandraAddress:
    """Give a keyspace in which nothing counts."""
    CassandraBackend(cassandra_contact)
    return cassandra_address(cassandra_contact)


def run(address: CassandraAddress, *statements: str) -> None:
    link = Link(address)
    for statement in statements:
        link.run_plain("testing", statement, 30.0)
    link.close()


def read(address: CassandraAddress, statement: str) -> list[tuple[Any, ...]]:
    link = Link(address)
    rows = link.run("testing", statement)
    link.close()
    return rows


def apply_once(address: CassandraAddress) -> bool:
    link = Link(address)
    made = apply_schema(link, DAY_S)
    link.close()
    return made


def test_many_machines_make_the_schema_at_once_and_one_of_them_makes_it(
    absent: CassandraAddress,
) -> None:
    # Spawned: a child of fork would share the driver's thread and its locks.
    with multiprocessing.get_context("spawn").Pool(2) as processes:
        others = processes.map_async(apply_once, [absent] * 2, chunksize=1)
        with ThreadPoolExecutor(2) as threads:
            made = list(threads.map(apply_once, [absent] * 2))
        made += others.get(120)
    assert sum(made) == 1
    assert not apply_once(absent)
    with CassandraStore(absent) as store:
        assert store.append([make_decision()], [make_status()]) == 1


def test_a_reader_waits_for_a_keyspace_that_is_not_there_and_survives_one_that_went(
    absent: CassandraAddress,
) -> None:
    with CassandraStore(absent, read_only=True) as reader:
        assert reader.decisions(DecisionQuery()) == []
        assert reader.statuses() == []
        with CassandraStore(absent) as writer:
            writer.append([make_decision()], [make_status()])
            assert reader.decisions(DecisionQuery())[0].id == make_decision().id
            assert reader.statuses() == [make_status()]
        run(absent, f"DROP KEYSPACE {absent.keyspace}")
        assert reader.decisions(DecisionQuery()) == []
        assert reader.statuses() == []


def test_a_newer_schema_is_refused_by_all(absent: CassandraAddress) -> None:
    assert apply_once(absent)
    newer = SCHEMA_VERSION + 1
    table = f"{absent.keyspace}.schema_version"
    run(absent, f"INSERT INTO {table} (part, version) VALUES ('all', {newer})")
    for read_only in (True, False):
        with pytest.raises(StoreError, match=rf"version {newer} .* this program knows"):
            CassandraStore(absent, read_only=read_only)
    with pytest.raises(StoreError, match="choose another"):
        apply_once(absent)


def test_a_wrong_password_is_said_at_once_and_not_repeated(cassandra_contact: str) -> None:
    wrong = cassandra_address(cassandra_contact, password="not-the-password")  # noqa: S106
    for read_only in (True, False):
        with pytest.raises(StoreError, match="user 'cassandra' or the password is wrong") as told:
            CassandraStore(wrong, read_only=read_only)
        assert not isinstance(told.value, UnreachableError)
        assert "not-the-password" not in str(told.value) + repr(wrong)
        assert "\n" not in str(told.value)


def test_a_user_who_may_only_read_and_write_needs_the_schema_made_before(
    absent: CassandraAddress, cassandra_contact: str
) -> None:
    user = f"user_{uuid.uuid4().hex[:12]}"
    run(absent, f"CREATE ROLE {user} WITH PASSWORD = 'secret' AND LOGIN = true")
    limited = cassandra_address(cassandra_contact, absent.keyspace, user=user, password="secret")  # noqa: S106
    with pytest.raises(StoreError, match="run `silverbullet schema` as a user who may"):
        CassandraStore(limited)
    assert apply_once(absent)
    run(
        absent,
        f"GRANT SELECT ON KEYSPACE {absent.keyspace} TO {user}",
        f"GRANT MODIFY ON KEYSPACE {absent.keyspace} TO {user}",
    )
    with CassandraStore(limited) as store:
        assert store.append([make_decision()], []) == 1
        assert store.prune(2**62) == 1
    run(absent, f"DROP ROLE {user}")


def test_a_data_centre_that_is_not_there_is_named(cassandra_contact: str) -> None:
    elsewhere = cassandra_address(cassandra_contact, local_dc="elsewhere")
    store = CassandraStore(elsewhere, read_only=True)
    with pytest.raises(StoreError, match=r"'elsewhere'.*cassandra.local_dc"):
        store.statuses()
    store.close()


def test_a_store_opens_while_nobody_answers_and_recovers(address: CassandraAddress) -> None:
    """A relay stands for the server: it takes no connection at first, then passes all on."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    away = replace(address, port=port, request_timeout_s=2.0)
    with CassandraStore(away, read_only=True) as reader, CassandraStore(away) as writer:
        for use in (reader.statuses, lambda: writer.append([make_decision()], [])):
            with pytest.raises(UnreachableError, match=r"nobody answers.*cassandra.port") as told:
                use()
            assert "\n" not in str(told.value)
        with relay(port, address.port):
            records = [make_decision()], [make_status()]
            assert retried(lambda: writer.append(*records)) == 1
            assert retried(reader.statuses) == [make_status()]


def test_a_server_that_says_nothing_is_left_within_a_request_and_found_again(
    address: CassandraAddress,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    near = replace(address, port=port, request_timeout_s=2.0)
    with (
        relay(port, address.port) as way,
        CassandraStore(near) as writer,
        CassandraStore(near, read_only=True) as reader,
    ):
        records = [make_decision()], [make_status()]
        assert retried(lambda: writer.append(*records)) == 1
        assert retried(reader.statuses) == [make_status()]
        way.flows.clear()
        begun_s = time.monotonic()
        with pytest.raises(UnreachableError, match=r"no answer in time \(2 s\)|nobody answers"):
            reader.statuses()
        assert time.monotonic() - begun_s < 3
        # From now on a page is not kept waiting: five of them less than one request may last.
        begun_s = time.monotonic()
        for _ in range(5):
            with pytest.raises(UnreachableError, match="nobody answers"):
                reader.statuses()
        assert time.monotonic() - begun_s < 2
        way.flows.set()
        assert retried(reader.statuses) == [make_status()]
        newer = [make_decision(FIRST_ROW + 1)], [make_status((FIRST_ROW + 1) * SECOND_NS)]
        assert retried(lambda: writer.append(*newer)) == 1


def command(
    name: str, address: CassandraAddress, given: dict[str, Any], **options: Any
) -> "subprocess.Popen[str]":
    """Start a command of ours on a keyspace; the password is in its environment alone."""
    given = given | {
        "storage.backend": "cassandra",
        "cassandra.port": address.port,
        "cassandra.keyspace": address.keyspace,
        "cassandra.user": address.user,
    }
    words = [word for key, value in given.items() for word in ("--set", f"{key}={value}")]
    return subprocess.Popen(
        [sys.executable, "-m", "silverbullet.cli", name, *words],
        cwd=ROOT,
        env=os.environ | {"SILVERBULLET_CASSANDRA__PASSWORD": address.password},
        text=True,
        **options,
    )


def test_record_writes_what_kafka_holds_and_goes_on_after_its_end(
    address: CassandraAddress,
) -> None:
    made = [make_decision(FIRST_ROW + row) for row in range(30)]
    with (
        CassandraStore(address, read_only=True) as store,
        EmbeddedBroker() as broker,
        TopicProducer(broker.address) as producer,
    ):
        given = {"kafka.bootstrap": broker.address, "storage.retention_s": 3e8}
        for first, n in ((0, 20), (20, 30)):
            for decision in made[first:n]:
                producer.send("decisions", encode_decision(decision))
            producer.send("status", encode_status(make_status(made[n - 1].row_end_ns)))
            producer.flush(30)
            recorder = command("record", address, given)
            try:
                everything = DecisionQuery(newest_first=False)
                while len(store.decisions(everything)) < n:
                    assert recorder.poll() is None
                while not (found := store.statuses()) or found[0].time_ns < made[n - 1].row_end_ns:
                    assert recorder.poll() is None
            finally:
                recorder.terminate()
                assert recorder.wait(30) == 0
            assert [d.id for d in store.decisions(everything)] == [d.id for d in made[:n]]


def test_serve_starts_while_nobody_answers_and_shows_what_is_there_once_somebody_does(
    address: CassandraAddress,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    with CassandraStore(address) as store:
        store.append([make_decision()], [])
    at_port = replace(address, port=port)
    server = command("serve", at_port, {"serve.port": 0}, stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        url = server.stdout.readline().split()[-1]
        assert url.startswith("http://127.0.0.1:")
        latest = f"{url}/api/v1/decisions/latest"
        answer = httpx.get(latest, timeout=30)
        assert answer.status_code == 503
        assert "nobody answers" in answer.text
        with relay(port, address.port):
            assert retried(lambda: _found(latest))["id"] == make_decision().id
    finally:
        server.terminate()
        assert server.wait(30) == 0


def _found(url: str) -> Any:
    answer = httpx.get(url, timeout=30)
    if answer.status_code == 503:
        raise UnreachableError(answer.text)
    assert answer.status_code == 200
    return answer.json()


def retried(use: Callable[[], Any]) -> Any:
    """Use a store as who meets it away does: again a little later, for half a minute at most."""
    end_s, pause = time.monotonic() + 30, threading.Event()
    while True:
        try:
            return use()
        except UnreachableError:
            assert time.monotonic() < end_s
        pause.wait(0.1)


class relay:  # noqa: N801 - used as a function
    """Passes connections on to a port of this machine until its block ends.

    While `flows` is not set it takes connections and passes nothing on, as a stopped server does.
    """

    def __init__(self, port: int, target: int) -> None:
        self._target = target
        self.flows = threading.Event()
        self.flows.set()
        self._server = socket.create_server(("127.0.0.1", port), reuse_port=False)
        self._sockets = [self._server]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._sockets:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._target))
            self._sockets += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                self.flows.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return


def test_rows_live_as_long_as_they_are_kept(address: CassandraAddress) -> None:
    with CassandraStore(address, retention_s=7200.0) as store:
        mine = {"portfolio": "brief"}
        store.append([make_decision(cloud_points=5, **mine)], [make_status(**mine)])
    tables = {
        "decision_by_time": "payload",
        "decision_by_id": "row_end_ns",
        "asset_by_time": "weight",
        "status_by_time": "payload",
    }
    for table, column in tables.items():
        rows = read(address, f"SELECT portfolio, TTL({column}) FROM {address.keyspace}.{table}")
        lives = [ttl for portfolio, ttl in rows if portfolio == "brief"]
        assert lives
        assert all(7000 < ttl <= 7200 for ttl in lives)
    # What lets them count outlives them.
    (row,) = read(address, f"SELECT TTL(append_number) FROM {address.keyspace}.writer")
    assert row[0] > 7200


def test_a_history_over_many_buckets_comes_whole_in_both_directions(
    address: CassandraAddress,
) -> None:
    made = [make_decision(FIRST_ROW + 97 * k, n=2, cloud_points=3 * (k % 2)) for k in range(400)]
    with CassandraStore(address) as store:
        assert store.append(made[::-1], []) == 400
        for newest_first in (True, False):
            query = DecisionQuery(newest_first=newest_first, limit=10**6)
            expected = [d.id for d in (made[::-1] if newest_first else made)]
            assert [d.id for d in store.decisions(query)] == expected
            rows = store.asset_history("A001USDT", query)
            assert [row.decision_id for row in rows] == expected
            odd = expected[::2] if newest_first else expected[1::2]
            assert [d.id for d in store.decisions(query._replace(with_cloud=True))] == odd
        # Before an id that never was: its neighbours in the order of ids.
        between = f"main:{made[200].row - 1:014d}:0-999999999999"
        (found,) = store.decisions(DecisionQuery(before_id=between, limit=1))
        assert found.id == made[199].id
        deleted = 0
        while step := store.prune(made[300].row_end_ns):
            assert step <= 200
            deleted += step
        assert deleted == 300
        left = read(address, f"SELECT id FROM {address.keyspace}.decision_by_id")
        assert not {(d.id,) for d in made[:300]} & set(left)
        assert {(d.id,) for d in made[300:]} <= set(left)
        assert store.append(made[:1], []) == 1
        assert [d.id for d in store.decisions(DecisionQuery(newest_first=False, limit=1))] == [
            made[0].id
        ]


def test_a_writer_killed_in_the_middle_leaves_nothing_half(
    address: CassandraAddress, cassandra_contact: str
) -> None:
    acknowledged: list[str] = []
    place = f"cassandra:{cassandra_contact}/{address.keyspace}"
    for life in range(3):
        command = [sys.executable, "-m", "tests.storage.writer_process", place]
        writer = subprocess.Popen(
            [*command, str(FIRST_ROW + 10_000 * life)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        for _ in range(5 * life + 1):
            acknowledged += writer.stdout.readline().split()
        # No wait: it is somewhere inside the next append.
        writer.send_signal(signal.SIGKILL)
        acknowledged += writer.stdout.read().split()
        assert writer.wait(30) == -signal.SIGKILL

        with CassandraStore(address, read_only=True) as store:
            everything = DecisionQuery(limit=10**6)
            kept = [decision.id for decision in store.decisions(everything)]
            assert set(acknowledged) <= set(kept)
            assert len(kept) == len(set(kept))
            assert len(kept) - len(acknowledged) <= 4 * (life + 1)
            for symbol in make_symbols(20):
                rows = store.asset_history(symbol, everything)
                assert [row.decision_id for row in rows] == kept
            assert len(store.statuses(limit=10**6)) * 4 == len(kept)


def test_of_status_records_about_the_newest_hour_stays(address: CassandraAddress) -> None:
    times = [(FIRST_ROW + 60 * k) * SECOND_NS for k in range(180)]
    with CassandraStore(address) as store:
        store.append([], [make_status(time_ns, n=1, portfolio="hour") for time_ns in times])
        while store.prune(0):
            pass
        kept = [status.time_ns for status in store.statuses("hour", 999)]
    assert kept == times[: -len(kept) - 1 : -1]
    assert 60 <= len(kept) <= 66


def test_bulk_is_kept_at_a_rate_that_outruns_a_pipeline(address: CassandraAddress) -> None:
    batch = [make_decision(FIRST_ROW + k, n=50) for k in range(500)]
    with CassandraStore(address) as store:
        store.append([make_decision(FIRST_ROW - 1, n=50)], [])
        begin = time.perf_counter()
        assert store.append(batch, []) == 500
        taken_s = time.perf_counter() - begin
        for symbol in (make_symbols(50)[0], make_symbols(50)[-1]):
            assert len(store.asset_history(symbol, DecisionQuery(limit=999))) == 501
    print(f"500 decisions of 50 assets: {taken_s:.2f} s")
    # A thousandth of a day's decisions of one a second, in well under ten times their pace.
    assert taken_s < 50
