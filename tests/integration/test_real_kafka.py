"""The pipeline on a real Apache Kafka: topics, one run a portfolio, transactions, security."""

import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import certifi
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from cluster.credentials import password
from cluster.kafka_server import BROKER_USER
from cluster.service_layout import ServiceLayout
from ingest.access import BrokerAccess
from ingest.broker import BrokerError, BrokerErrors, connection
from ingest.codec import encode_packed
from ingest.consumer import TopicConsumer
from ingest.offsets import Partition
from ingest.producer import TopicProducer
from ingest.sole_producer import SoleProducer
from ingest.topic_log import TopicLog
from ingest.topic_specs import TopicSpec
from ingest.topics import TopicAdmin
from optimize.decision import decode_decision, encode_decision
from silverbullet.own_services import Wish, bring_up, wipe
from storage.protocol import DecisionQuery
from storage.sqlite import SqliteStore
from tests.factories import make_decision
from tests.integration.commands import Running, run_command, run_here, until
from tests.services import free_offset
from tests.silverbullet.virtual_shell import SECOND_NS, START_NS, random_tape

pytestmark = pytest.mark.kafka

FIRST_ROW = START_NS // SECOND_NS
TICKS_A_ROW = 6
# Topics of one test: those of others are on the same broker.
TOPICS = ("ticks", "rejected", "decisions", "status", "control", "state", "feed")
QUICK = {
    "window__rows": 40,
    "window__min_observations": 10,
    "decide__conflate": "false",
    "optimize__method": "exact",
    "optimize__cloud_points": 0,
    "engine__order": "local",
}


def own_topics(bootstrap: str) -> tuple[str, dict[str, Any]]:
    """Give a name of its own, and settings that name broker, portfolio and topics by it."""
    name = f"t{uuid.uuid4().hex[:8]}"
    topics = {f"kafka__{topic}_topic": f"{name}.{topic}" for topic in TOPICS}
    return name, topics | {"kafka__bootstrap": bootstrap, "decide__portfolio": name}


def send_tape(broker: BrokerAccess | str, topic: str, n_rows: int) -> None:
    """Send rows of ticks, in messages that keep to no row's bounds."""
    tape = random_tape(5, n_rows=n_rows, ticks_a_row=TICKS_A_ROW)
    with TopicProducer(broker) as producer:
        for at in range(0, len(tape), 7):
            part = slice(at, at + 7)
            ticks = (tape.symbol_ids[part], tape.prices[part], tape.event_time_ns[part])
            producer.send(topic, encode_packed(list(tape.symbols), *ticks))


def drained(consumer: TopicConsumer) -> list[bytes]:
    found: list[bytes] = []

    def read() -> bool:
        raw = consumer.poll(0.2)
        found.extend(raw.values if raw is not None else ())
        return consumer.at_end()

    until(read, "the end of the topic", 60)
    return found


def test_run_and_record_on_kafka_lose_nothing_and_count_no_gap(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    name, settings = own_topics(kafka_bootstrap)
    store_path = tmp_path / "decisions.sqlite"
    settings |= QUICK | {"storage__path": store_path}
    with Running(tmp_path, "run", **settings) as run, Running(tmp_path, "record", **settings):
        run.until(lambda: "reading" in run.output(), "the topics to be made")
        send_tape(kafka_bootstrap, f"{name}.ticks", 60)
        store = SqliteStore(store_path)
        every = DecisionQuery(portfolio=name, limit=1000)
        run.until(lambda: len(store.decisions(every)) >= 49, "decisions in the store")
        # Three status records later at least two transactions have ended between them.
        seen = len(store.statuses(name, 1000))
        run.until(lambda: len(store.statuses(name, 1000)) >= seen + 3, "more status records")
        kept = store.decisions(every)
        status = store.statuses(name)[0]
        store.close()
        run.end()
    assert sorted(d.row - FIRST_ROW for d in kept) == list(range(10, 59))
    assert status.lost_offsets == 0
    assert run.process.returncode == 0
    with TopicConsumer(kafka_bootstrap, [f"{name}.decisions", f"{name}.status"]) as reader:
        values = drained(reader)
        assert (reader.lost_offsets, reader.gaps()) == (0, ())
        high = sum(
            end
            for bounds in map(reader.bounds, (f"{name}.decisions", f"{name}.status"))
            for _, end in bounds.values()
        )
        assert len(values) < high  # markers took offsets, and are no loss
        assert len(reader.last(f"{name}.decisions", 5)) == 5


def test_a_second_run_ends_the_first(kafka_bootstrap: str, tmp_path: Path) -> None:
    name, settings = own_topics(kafka_bootstrap)
    settings |= QUICK
    with Running(tmp_path, "run", **settings) as first:
        first.until(lambda: "reading" in first.output(), "the first to read")
        decided = make_decision(portfolio=name, sample_interval_ns=10**9)
        with TopicProducer(kafka_bootstrap) as producer:
            producer.send(f"{name}.decisions", encode_decision(decided))
        misset = run_command(
            tmp_path, "run", "--once", **settings | {"window__sample_interval_s": 7},
        )  # fmt: skip
        assert misset.returncode == 2, misset.stderr
        assert "was decided on rows of" in misset.stderr
        assert first.process.poll() is None
        with Running(tmp_path / "second", "run", **settings) as second:
            until(lambda: first.process.poll() is not None, "the first to end", 60)
            assert first.process.returncode == 1
            last = first.output().strip().splitlines()[-1]
            assert last.startswith(f"Error: Kafka at {kafka_bootstrap}")
            assert "another `silverbullet run` decides for this portfolio now" in last
            second.until(lambda: "reading" in second.output(), "the second to read")
            second.end()
        assert second.process.returncode == 0


def test_messages_in_an_open_transaction_are_read_at_once_and_a_newer_sender_takes_over(
    kafka_bootstrap: str,
) -> None:
    topic = f"t{uuid.uuid4().hex[:8]}"
    TopicAdmin(kafka_bootstrap).make([TopicSpec(topic)])
    reader = TopicConsumer(kafka_bootstrap, [topic])
    older = SoleProducer(kafka_bootstrap, topic, transaction_s=10.0)
    older.send(topic, b"older")
    begun = time.monotonic()
    raw = reader.poll(10)
    assert raw is not None
    assert raw.values == [b"older"]
    assert time.monotonic() - begun < 10  # when the transaction ends
    older.send(topic, b"still open")
    with SoleProducer(kafka_bootstrap, topic) as newer:

        def refused() -> bool:
            try:
                older.send(topic, b"refused")
            except BrokerError as error:
                return "another `silverbullet run`" in str(error) and error.fatal
            return False

        until(refused, "the older to be refused", 10)
        newer.send(topic, b"newer")
    assert drained(reader) == [b"still open", b"newer"]
    assert reader.gaps() == ()
    older.close()
    reader.close()


def test_all_that_is_sent_while_transactions_end_arrives_in_order(
    kafka_bootstrap: str,
) -> None:
    topic = f"t{uuid.uuid4().hex[:8]}"
    TopicAdmin(kafka_bootstrap).make([TopicSpec(topic)])
    with SoleProducer(kafka_bootstrap, topic, transaction_s=0.01) as producer:
        for number in range(20_000):
            producer.send(topic, b"%d" % number, partition=0)
    with TopicConsumer(kafka_bootstrap, [topic]) as reader:
        assert [int(value) for value in drained(reader)] == list(range(20_000))
        ((_, high),) = reader.bounds(topic).values()
        assert high > 20_001  # several transactions
        assert reader.lost_offsets == 0


def test_what_kafka_deletes_before_it_is_read_is_a_gap(
    kafka_bootstrap: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = f"t{uuid.uuid4().hex[:8]}"
    TopicAdmin(kafka_bootstrap).make([TopicSpec(topic)])
    with TopicProducer(kafka_bootstrap) as producer:
        for number in range(10):
            producer.send(topic, b"%d" % number)
    admin, ask = AdminClient({"bootstrap.servers": kafka_bootstrap}), TopicLog.watermarks

    def ask_and_delete(log: TopicLog, partition: Partition) -> tuple[int, int]:
        bounds = ask(log, partition)
        for answer in admin.delete_records([TopicPartition(topic, 0, 7)]).values():
            answer.result(10)
        return bounds

    monkeypatch.setattr(TopicLog, "watermarks", ask_and_delete)
    with TopicConsumer(kafka_bootstrap, [topic], start={(topic, 0): 2}) as reader:
        assert drained(reader) == [b"7", b"8", b"9"]
        (gap,) = reader.gaps()
        assert str(gap).startswith(f"5 messages lost at {topic}[0]@2: ")
        assert reader.lost_offsets == 5


def test_topics_are_made_once_compared_and_altered(kafka_bootstrap: str, tmp_path: Path) -> None:
    name, settings = own_topics(kafka_bootstrap)
    settings |= {"kafka__ticks_partitions": 2, "kafka__decisions_retention_s": 7200}

    def topics(*words: str, status: int = 0, **changed: object) -> dict[str, Any]:
        done = run_here(tmp_path, "topics", "--json", *words, **settings | changed)
        assert done.returncode == status, done.stderr
        return {row["topic"]: row for row in json.loads(done.stdout)}

    first, second = topics(), topics()
    assert {row["state"] for row in first.values()} == {"made"}
    assert {row["state"] for row in second.values()} == {"as set"}
    assert set(first) == {f"{name}.{topic}" for topic in TOPICS}
    found = TopicAdmin(kafka_bootstrap).find(
        [f"{name}.ticks", f"{name}.decisions"], with_config=True
    )
    assert found[f"{name}.ticks"].partitions == 2
    assert found[f"{name}.decisions"].config["retention.ms"] == "7200000"
    changed = {"kafka__decisions_retention_s": 3600, "kafka__ticks_partitions": 1}
    told = topics(status=1, **changed)
    assert told[f"{name}.decisions"]["state"] == "differs"
    assert "retention.ms is 7200000, the settings say 3600000" in str(told)
    altered = topics("--alter", status=1, **changed)
    assert altered[f"{name}.decisions"]["state"] == "altered"
    assert altered[f"{name}.ticks"]["state"] == "differs"  # partitions never become fewer
    in_words = run_command(tmp_path, "topics", **settings | changed)
    assert in_words.returncode == 1
    lines = dict(line.split(maxsplit=1) for line in in_words.stdout.splitlines())
    assert lines[f"{name}.decisions"] == "as set"
    assert lines[f"{name}.ticks"] == (
        "differs: partitions is 2, the settings say 1 (Kafka cannot change that in place)"
    )
    changed["kafka__ticks_partitions"] = 3
    assert topics("--alter", **changed)[f"{name}.ticks"]["state"] == "altered"
    assert {row["state"] for row in topics(**changed).values()} == {"as set"}


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ServiceLayout]]:
    """Give the address and layout of a Kafka with TLS, passwords and rules."""
    folder, offset = tmp_path_factory.mktemp("secure"), free_offset()
    bring_up("kafka", folder, Wish(port_offset=offset, secure=True), lambda _: None)
    layout = ServiceLayout(folder / "kafka", port_offset=offset, secure=True)
    yield f"127.0.0.1:{9092 + offset}", layout
    wipe("kafka", folder)


def secured(layout: ServiceLayout) -> dict[str, Any]:
    return {
        "kafka__security_protocol": "sasl_ssl",
        "kafka__user": "silverbullet",
        "kafka__password_file": layout.password_path("silverbullet"),
        "kafka__ca_file": layout.ca_path,
    }


@pytest.mark.long
def test_the_pipeline_works_with_tls_a_password_and_rules(
    secure: tuple[str, ServiceLayout], tmp_path: Path
) -> None:
    address, layout = secure
    name, settings = own_topics(address)
    settings |= QUICK | secured(layout)
    fed = run_command(tmp_path, "topics", **settings)
    assert fed.returncode == 0, fed.stderr
    access = BrokerAccess(
        address, "sasl_ssl", user="silverbullet",
        password=password(layout, "silverbullet"), ca_path=str(layout.ca_path),
    )  # fmt: skip
    send_tape(access, f"{name}.ticks", 20)
    done = run_command(tmp_path, "run", "--once", **settings)
    assert done.returncode == 0, done.stderr
    with TopicConsumer(access, []) as reader:
        rows = [decode_decision(value).row for value in reader.last(f"{name}.decisions", 100)]
    assert [row - FIRST_ROW for row in rows] == list(range(10, 20))


SECRET = "not-the-password"  # noqa: S105 - it is not


@pytest.mark.parametrize(
    ("command", "changed", "told", "remedy"),
    [
        (
            "run",
            {"kafka__password_file": "", "kafka__password": SECRET},
            "Authentication failed",
            "check kafka.user, the password",
        ),
        ("record", {"kafka__ca_file": certifi.where()}, "verify failed", "check kafka.security_pr"),
        (
            "simulate",
            dict.fromkeys(("kafka__user", "kafka__password_file", "kafka__ca_file"), "")
            | {"kafka__security_protocol": "plaintext"},
            "no answer in 4 s",
            "check kafka.security_protocol",
        ),
    ],
    ids=["wrong password", "unknown CA", "plaintext to TLS"],
)
def test_what_a_secure_broker_refuses_is_told_in_a_line(
    secure: tuple[str, ServiceLayout],
    tmp_path: Path,
    command: str,
    changed: dict[str, str],
    told: str,
    remedy: str,
) -> None:
    address, layout = secure
    _, settings = own_topics(address)
    settings |= secured(layout) | changed
    done = run_command(tmp_path, command, **settings)
    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith(f"Error: Kafka at {address}, ")
    assert told in line
    assert remedy in line
    assert SECRET not in done.stderr + done.stdout
    assert "tried again" not in done.stderr


def test_tls_towards_a_plain_port_is_told_in_a_line(kafka_bootstrap: str, tmp_path: Path) -> None:
    _, settings = own_topics(kafka_bootstrap)
    done = run_command(tmp_path, "record", kafka__security_protocol="ssl", **settings)
    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith(f"Error: Kafka at {kafka_bootstrap}, ")
    assert "check kafka.security_protocol" in line


@pytest.mark.long
def test_a_user_without_rights_is_told_which_to_grant(
    secure: tuple[str, ServiceLayout], tmp_path: Path
) -> None:
    address, layout = secure
    name, settings = own_topics(address)
    settings |= secured(layout)
    assert run_command(tmp_path, "topics", **settings).returncode == 0
    broker = BrokerAccess(
        address, "sasl_ssl", "PLAIN", BROKER_USER, password(layout, BROKER_USER),
        str(layout.ca_path),
    )  # fmt: skip
    admin = AdminClient(connection(broker, BrokerErrors()))
    user, secret = f"{name}-user", uuid.uuid4().hex
    wanted = UserScramCredentialUpsertion(
        user, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 8192), secret.encode()
    )
    for answer in admin.alter_user_scram_credentials([wanted]).values():
        answer.result(10)
    settings |= {"kafka__user": user, "kafka__password": secret, "kafka__password_file": ""}
    hidden = run_command(tmp_path, "simulate", **settings)
    assert hidden.returncode == 1
    assert f"topic {name}.ticks does not exist, or this user may not see it" in hidden.stderr
    assert "run `silverbullet topics`" in hidden.stderr
    reads = AclBinding(
        ResourceType.TOPIC, f"{name}.", ResourcePatternType.PREFIXED, f"User:{user}", "*",
        AclOperation.READ, AclPermissionType.ALLOW,
    )  # fmt: skip
    for answer in admin.create_acls([reads]).values():
        answer.result(10)
    may_not_write = run_command(tmp_path, "simulate", **settings)
    assert may_not_write.returncode == 1
    line = may_not_write.stderr.strip().splitlines()[-1]
    assert f"no right to WRITE topic {name}.ticks" in line
    assert secret not in hidden.stderr + may_not_write.stderr
