"""A `run` that is killed on a real Kafka whose oldest ticks are gone goes on with the same bits."""

import json
import signal
import uuid
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from ingest.consumer import TopicConsumer
from ingest.producer import TopicProducer
from optimize.decision import decode_decision
from silverbullet.checkpoint import decode_checkpoint
from silverbullet.checkpoint_parts import join
from silverbullet.checkpointing import read_parts
from tests.integration.commands import Running, run_command, run_here
from tests.integration.test_run_restart import FIRST_ROW, N_ROWS, SETTINGS, decisions, send
from tests.silverbullet.virtual_shell import random_tape

pytestmark = pytest.mark.kafka

HALF = 70
TOPICS = ("ticks", "rejected", "decisions", "status", "control", "state")


def settings_of(bootstrap: str, portfolio: str, name: str) -> dict[str, Any]:
    topics = {f"kafka__{topic}_topic": f"{name}.{topic}" for topic in TOPICS}
    chosen = {"kafka__bootstrap": bootstrap, "decide__portfolio": portfolio}
    return SETTINGS | topics | chosen | {"optimize__method": "exact"}


def newest_checkpoint_row(bootstrap: str, topic: str, portfolio: str) -> int:
    with TopicConsumer(bootstrap, [topic]) as states:
        whole = join(portfolio, read_parts(states))
    if not whole:
        return -1
    scalars = decode_checkpoint(whole[0][1]).arrays["scalars"]
    return int(scalars[0]) - FIRST_ROW


def cut(bootstrap: str, topic: str, before: int) -> None:
    """Let the broker forget a topic's oldest messages, as its retention would."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.delete_records([TopicPartition(topic, 0, before)]).values():
        future.result(30)


class OtherNames(TopicProducer):
    """Sends to a topic of one test what is meant for `ticks`."""

    def __init__(self, bootstrap: str, name: str) -> None:
        super().__init__(bootstrap)
        self._name = name

    def send(self, topic: str, value: bytes, *rest: Any, **named: Any) -> None:
        super().send(f"{self._name}.{topic}", value, *rest, **named)


def test_with_its_oldest_ticks_gone_a_killed_run_goes_on_from_its_checkpoint(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    portfolio = f"p{uuid.uuid4().hex[:8]}"
    tape = random_tape(33, n_rows=N_ROWS)
    disturbed, whole = f"{portfolio}.a", f"{portfolio}.b"
    settings = settings_of(kafka_bootstrap, portfolio, disturbed)
    undisturbed = settings_of(kafka_bootstrap, portfolio, whole)
    with OtherNames(kafka_bootstrap, disturbed) as producer:
        with Running(tmp_path, "run", **settings) as run:
            run.until(lambda: "reading" in run.output(), "the topics to be made")
            send(producer, tape, 0, HALF)
            run.until(
                lambda: (
                    newest_checkpoint_row(kafka_bootstrap, f"{disturbed}.state", portfolio)
                    >= HALF - 3
                ),
                "a checkpoint of the newest rows",
            )
            run.end(signal.SIGKILL)
        with TopicConsumer(kafka_bootstrap, []) as reader:
            ((_, high),) = reader.bounds(f"{disturbed}.ticks").values()
        # All but the last message is gone: too little to fill any window from.
        cut(kafka_bootstrap, f"{disturbed}.ticks", high - 1)
        send(producer, tape, HALF, N_ROWS)
    again = run_command(tmp_path, "run", "--once", **settings)
    assert again.returncode == 0, again.stderr
    assert "going on from the checkpoint at row" in again.stderr

    made = run_here(tmp_path, "topics", **undisturbed)
    assert made.returncode == 0, made.stderr
    with OtherNames(kafka_bootstrap, whole) as producer:
        send(producer, tape, 0, HALF)
        send(producer, tape, HALF, N_ROWS)
    done = run_command(tmp_path, "run", "--once", **undisturbed)
    assert done.returncode == 0, done.stderr
    with TopicConsumer(kafka_bootstrap, []) as reader:
        got = decisions(reader, f"{disturbed}.decisions")
        expected = decisions(reader, f"{whole}.decisions")
    assert [d.row - FIRST_ROW for d in got] == list(range(10, N_ROWS))
    assert [(d.id, d.digest) for d in got] == [(d.id, d.digest) for d in expected]

    # What Kafka kept suffices to make the undisturbed ones again, not all of the others.
    verified = run_command(tmp_path, "replay", "--verify", "--json", **undisturbed)
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["equal"] == len(expected)
    partly = json.loads(run_here(tmp_path, "replay", "--verify", "--json", **settings).stdout)
    assert (partly["different"], partly["lacking"]) == (0, len(got))


@pytest.mark.long
def test_where_no_checkpoint_fits_it_says_what_is_lost_and_fills_its_windows_again(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    portfolio = f"p{uuid.uuid4().hex[:8]}"
    settings = settings_of(kafka_bootstrap, portfolio, portfolio)
    tape = random_tape(34, n_rows=N_ROWS)
    made = run_command(tmp_path, "topics", **settings)
    assert made.returncode == 0, made.stderr
    with OtherNames(kafka_bootstrap, portfolio) as producer:
        send(producer, tape, 0, HALF)
        first = run_command(tmp_path, "run", "--once", **settings)
        assert first.returncode == 0, first.stderr
        send(producer, tape, HALF, N_ROWS)
    with TopicConsumer(kafka_bootstrap, []) as reader:
        ((_, high),) = reader.bounds(f"{portfolio}.ticks").values()
        cut(kafka_bootstrap, f"{portfolio}.ticks", high - 30)
        before = len(decisions(reader, f"{portfolio}.decisions"))
    again = run_command(tmp_path, "run", "--once", **settings)
    assert again.returncode == 0, again.stderr
    assert "are gone from the broker" in again.stderr
    assert "the windows fill again from the oldest tick" in again.stderr
    with TopicConsumer(kafka_bootstrap, []) as reader:
        rows = [decode_decision(value).row for value in reader.last(f"{portfolio}.decisions", 999)]
    assert len(rows) > before
    assert len(set(rows)) == len(rows)
