"""Ticks over three partitions of a real Kafka: the same decisions, whoever is killed or silent."""

import json
import signal
import uuid
from pathlib import Path

import numpy as np
import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from ingest.codec import encode_clock, encode_packed
from ingest.consumer import TopicConsumer
from ingest.partitioning import partition_of
from ingest.producer import TopicProducer
from optimize.decision import decode_decision
from silverbullet.settings import load_settings
from storage.records import Status, decode_status
from tests.integration.commands import Running, run_command
from tests.integration.test_kafka_restart import settings_of
from tests.integration.test_run_restart import FIRST_ROW, N_ROWS, TICKS_A_ROW, decisions
from tests.silverbullet.test_replay import decided, parted
from tests.silverbullet.virtual_shell import Tape, random_tape

pytestmark = pytest.mark.kafka

N_PARTITIONS = 3


def send(producer: TopicProducer, topic: str, tape: Tape, rows: range, told: set[int]) -> None:
    """Send rows of a tape by symbol; the partitions in ``told`` get clock messages too."""
    for row in rows:
        chosen = np.arange(row * TICKS_A_ROW, (row + 1) * TICKS_A_ROW)
        places = [partition_of(tape.symbols[i], N_PARTITIONS) for i in tape.symbol_ids[chosen]]
        for partition in range(N_PARTITIONS):
            mine = chosen[np.array(places) == partition]
            if len(mine):
                ticks = (tape.symbol_ids[mine], tape.prices[mine], tape.event_time_ns[mine])
                producer.send(topic, encode_packed(list(tape.symbols), *ticks), partition=partition)
            if partition in told:
                clock = encode_clock(int(tape.event_time_ns[chosen].max()))
                producer.send(topic, clock, partition=partition)
    producer.flush(30)


def newest_status(reader: TopicConsumer, topic: str) -> Status | None:
    found = reader.last(topic)
    return decode_status(found[-1]) if found else None


def test_a_killed_run_over_three_partitions_has_the_decisions_of_an_undisturbed_one(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    name = f"p{uuid.uuid4().hex[:8]}"
    settings = settings_of(kafka_bootstrap, name, name) | {"kafka__ticks_partitions": N_PARTITIONS}
    tape, topic = random_tape(41, n_rows=N_ROWS), f"{name}.ticks"
    assert {partition_of(symbol, N_PARTITIONS) for symbol in tape.symbols} < {0, 1, 2}
    with TopicProducer(kafka_bootstrap) as producer, TopicConsumer(kafka_bootstrap, []) as reader:

        def last_row() -> int:
            newest = reader.last(f"{name}.decisions")
            return decode_decision(newest[0]).row - FIRST_ROW if newest else -1

        with Running(tmp_path, "run", **settings) as run:
            run.until(lambda: "reading" in run.output(), "the topics to be made")
            # Without a clock message the partition without a symbol holds all rows back.
            send(producer, topic, tape, range(20), told=set())
            run.until(
                lambda: (
                    (status := newest_status(reader, f"{name}.status")) is not None
                    and "rows wait for partition" in status.reason
                ),
                "the silent partition to be named",
            )
            assert last_row() == -1
            send(producer, topic, tape, range(20, 60), told={0, 1, 2})
            run.until(lambda: last_row() >= 57, "decisions over all partitions")
            run.end(signal.SIGKILL)
        send(producer, topic, tape, range(60, N_ROWS), told={0, 1, 2})
        done = run_command(tmp_path, "run", "--once", **settings)
        assert done.returncode == 0, done.stderr
        got = decisions(reader, f"{name}.decisions")
    assert [d.row - FIRST_ROW for d in got] == list(range(10, N_ROWS))
    sections: dict[str, dict[str, object]] = {}
    for key, value in settings.items():
        section, _, field = key.partition("__")
        sections.setdefault(section, {})[field] = value
    messages = parted(tape, np.random.default_rng(6))
    undisturbed = decided(load_settings(flags=sections), messages, range(N_PARTITIONS))
    assert [d.digest for d in got] == [d.digest for d in undisturbed]
    verified = run_command(tmp_path, "replay", "--verify", "--json", **settings)
    assert verified.returncode == 0, verified.stderr + verified.stdout
    assert json.loads(verified.stdout)["equal"] == len(got)


def test_simulated_ticks_over_three_partitions_are_decided_until_a_fourth_is_added(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    name = f"p{uuid.uuid4().hex[:8]}"
    settings = settings_of(kafka_bootstrap, name, name) | {
        "kafka__ticks_partitions": N_PARTITIONS, "window__sample_interval_s": 0.1,
    }  # fmt: skip
    feed = ("simulate", "--rate", "50", "--assets", "5")
    with (
        TopicConsumer(kafka_bootstrap, []) as reader,
        Running(tmp_path / "feed", *feed, **settings),
        Running(tmp_path / "run", "run", **settings) as run,
    ):
        run.until(
            lambda: (
                (status := newest_status(reader, f"{name}.status")) is not None
                and status.state == "deciding"
                and status.decisions > 20
            ),
            "decisions",
        )
        status = newest_status(reader, f"{name}.status")
        assert status is not None
        assert set(status.offsets) == {f"{name}.ticks/{p}" for p in range(N_PARTITIONS)}
        assert (status.ticks_late, status.rejected, status.lost_offsets) == (0, {}, 0)
        admin = AdminClient({"bootstrap.servers": kafka_bootstrap})
        for future in admin.create_partitions([NewPartitions(f"{name}.ticks", 4)]).values():
            future.result(30)
        run.until(lambda: run.process.poll() is not None, "the run to end")
    assert run.process.returncode == 1
    last = run.output().strip().splitlines()[-1]
    assert f"{name}.ticks has 4 partitions now, 3 when this run began" in last
