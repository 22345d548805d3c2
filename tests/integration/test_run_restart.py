"""`run` killed and started again on the same broker: no row twice, none left out, equal bits."""

import json
import re
import signal
from pathlib import Path

import pytest

from ingest.broker import EmbeddedBroker
from ingest.codec import encode_packed
from ingest.consumer import TopicConsumer
from ingest.producer import TopicProducer
from optimize.decision import Decision, decode_decision
from storage.records import decode_status
from tests.integration.commands import Running, run_command, run_here
from tests.silverbullet.virtual_shell import SECOND_NS, START_NS, Tape, random_tape

N_ROWS = 120
TICKS_A_ROW = 6
FIRST_ROW = START_NS // SECOND_NS
UNTIL = "2023-11-14T22:14"  # 40 s after the first row
SETTINGS = {
    "window__rows": 40,
    "window__ticks": 100,
    "window__min_observations": 10,
    "decide__conflate": "false",
    "optimize__n_draws": 1024,
    "optimize__cloud_points": 0,
    "engine__order": "local",
    "kafka__fetch_wait_max_ms": 2,
    # So often that each start goes on from one.
    "decide__checkpoint_interval_s": 0.05,
}


def send(producer: TopicProducer, tape: Tape, first_row: int, last_row: int) -> None:
    """Send rows of a tape, in messages that keep to no row's bounds."""
    start, stop, step = first_row * TICKS_A_ROW, last_row * TICKS_A_ROW, 7
    for at in range(start, stop, step):
        chosen = slice(at, min(at + step, stop))
        value = encode_packed(
            list(tape.symbols),
            tape.symbol_ids[chosen],
            tape.prices[chosen],
            tape.event_time_ns[chosen],
        )
        producer.send("ticks", value)
    producer.flush(30)


def decisions(consumer: TopicConsumer, topic: str) -> list[Decision]:
    return [decode_decision(payload) for payload in consumer.last(topic, 10_000)]


# First and last row sent, and the row after whose decision it is killed: while it waits for
# ticks (the row of the last tick stays open), or amid decisions.
WAITING = ((0, 50, 48), (50, 85, 83), (85, N_ROWS, N_ROWS - 2))
DECIDING = ((0, N_ROWS, 25), (N_ROWS, N_ROWS, 70), (N_ROWS, N_ROWS, N_ROWS - 2))


@pytest.mark.parametrize(
    ("method", "kills"),
    [pytest.param("exact", WAITING, marks=pytest.mark.long), ("resample", DECIDING)],
)
def test_killed_and_started_again_it_decides_each_row_once_with_the_same_bits(
    method: str, kills: tuple[tuple[int, int, int], ...], tmp_path: Path
) -> None:
    tape = random_tape(21, n_rows=N_ROWS, ticks_a_row=TICKS_A_ROW)
    with (
        EmbeddedBroker() as broker,
        TopicProducer(broker.address) as producer,
        TopicConsumer(broker.address, []) as reader,
    ):
        settings = SETTINGS | {"optimize__method": method, "kafka__bootstrap": broker.address}

        def last_row() -> int:
            newest = reader.last("decisions")
            return decode_decision(newest[0]).row - FIRST_ROW if newest else -1

        logs = []
        for first, last, decided in kills:
            send(producer, tape, first, last)
            with Running(tmp_path, "run", **settings) as run:
                run.until(lambda row=decided: last_row() >= row, f"row {decided} to be decided")
                if kills is WAITING:
                    run.until(lambda: reader.last("state"), "a checkpoint")
                run.end(signal.SIGKILL)
                logs.append(run.output())
        interrupted = decisions(reader, "decisions")
        undisturbed = settings | {
            "kafka__decisions_topic": "undisturbed",
            "kafka__status_topic": "undisturbed-status",
        }
        verified = run_command(tmp_path, "replay", "--verify", "--json", **settings)
        changed = settings | {"optimize__max_weight": 0.9}
        disproved = run_here(tmp_path, "replay", "--verify", "--to", UNTIL, **changed)
        done = run_command(tmp_path, "run", "--once", **undisturbed)
        assert done.returncode == 0, done.stderr
        whole = decisions(reader, "undisturbed")
        status = decode_status(reader.last("undisturbed-status")[-1])
    assert "going on from the checkpoint at row" not in logs[0]
    if kills is WAITING:  # a checkpoint is taken between batches; amid decisions there is none
        assert all("going on from the checkpoint at row" in log for log in logs[1:])
    assert verified.returncode == 0, verified.stderr + verified.stdout
    said = json.loads(verified.stdout)
    assert (said["equal"], said["different"], said["lacking"]) == (len(interrupted), 0, 0)
    assert disproved.returncode == 1
    assert re.search(r"different: main:\S+ 2023-11-14T22:13:\S+: ", disproved.stdout)
    # Ten returns are needed; the end of the topic closes the last row too.
    assert [d.row - FIRST_ROW for d in whole] == list(range(10, N_ROWS))
    assert status.ticks_read == len(tape)
    assert [d.row - FIRST_ROW for d in interrupted] == list(range(10, N_ROWS - 1))
    wanted = {d.row: d for d in whole}
    for decision in interrupted:
        assert decision.digest == wanted[decision.row].digest
        assert decision.id == wanted[decision.row].id
        assert decision.weights.tobytes() == wanted[decision.row].weights.tobytes()
