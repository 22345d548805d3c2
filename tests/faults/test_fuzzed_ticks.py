"""A hundred thousand corrupt messages among good ones: each counted, no good tick lost."""

import json
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Producer

from ingest.rejection import REASONS
from optimize.decision import decode_decision
from storage.records import Status, decode_status
from tests.faults.corrupt_ticks import Fuzzer, Row, as_json, n_refused
from tests.faults.own_kafka import every_value
from tests.integration.commands import Running, run_command, run_here
from tests.integration.test_kafka_restart import settings_of
from tests.integration.test_run_restart import FIRST_ROW, TICKS_A_ROW
from tests.silverbullet.virtual_shell import random_tape

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

N_ROWS = 120
N_CORRUPT = 100_000
SEED = 100_000


class Sent(NamedTuple):
    """A message, and how many refusals it costs by the judge of `corrupt_ticks`."""

    value: bytes
    n_bad: int


def good_rows() -> list[list[Row]]:
    """Give good ticks, row by row."""
    tape = random_tape(44, n_rows=N_ROWS, ticks_a_row=TICKS_A_ROW)
    names = [tape.symbols[place] for place in tape.symbol_ids]
    columns = zip(names, tape.prices.tolist(), tape.event_time_ns.tolist(), strict=True)
    ticks = [Row(*tick) for tick in columns]
    return [ticks[at : at + TICKS_A_ROW] for at in range(0, len(ticks), TICKS_A_ROW)]


def messages(kinds: Counter[str]) -> Iterator[Sent]:
    """Make good messages, some with bad rows in them, and corrupt ones between them."""
    rows, now_ns = good_rows(), time.time_ns()
    fuzzer = Fuzzer(SEED, [tick for row in rows for tick in row])
    large = list(fuzzer.large())
    corrupt = fuzzer.corrupt(N_CORRUPT - len(large), now_ns)
    share = -(-N_CORRUPT // N_ROWS)
    for number, good in enumerate(rows):
        for kind, value, n_bad in [found for _, found in zip(range(share), corrupt, strict=False)]:
            kinds[kind] += 1
            yield Sent(value, n_bad)
        if number < len(large):
            kinds["large"] += 1
            assert n_refused(large[number], now_ns)[1] == 0
            yield Sent(large[number], n_refused(large[number], now_ns)[0])
        value = fuzzer.with_bad_neighbours(good)
        n_bad, n_good = n_refused(value, now_ns)
        assert n_good == len(good)
        yield Sent(value, n_bad)


def send(bootstrap: str, topic: str, values: Iterator[bytes]) -> None:
    """Send messages in order, with Kafka headers of any content; an empty one has no value."""
    chosen = Random(SEED)
    producer = Producer(
        {"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5}
    )
    for value in values:
        headers = [("x" * chosen.randrange(9), chosen.randbytes(chosen.randrange(9)))]
        while True:
            try:
                producer.produce(topic, value or None, partition=0, headers=headers)
                break
            except BufferError:
                producer.poll(0.05)
    assert producer.flush(60) == 0


def digests(bootstrap: str, topic: str) -> dict[int, str]:
    """Give the digest of each row's decision."""
    found = [decode_decision(value) for value in every_value(bootstrap, topic)]
    assert len({d.row for d in found}) == len(found)
    return {d.row - FIRST_ROW: d.digest for d in found}


def newest_status(settings: dict[str, Any]) -> Status:
    return decode_status(
        every_value(settings["kafka__bootstrap"], settings["kafka__status_topic"])[-1]
    )


def test_corrupt_messages_are_counted_and_cost_no_good_tick(
    kafka_bootstrap: str, tmp_path: Path
) -> None:
    portfolio = f"p{uuid.uuid4().hex[:8]}"
    fuzzed = settings_of(kafka_bootstrap, portfolio, f"{portfolio}.fuzzed")
    clean = settings_of(kafka_bootstrap, portfolio, f"{portfolio}.clean")
    kinds: Counter[str] = Counter()
    sent: list[Sent] = []

    def noted() -> Iterator[bytes]:
        for message in messages(kinds):
            sent.append(message)
            yield message.value

    with Running(tmp_path, "run", **fuzzed) as run:
        run.until(lambda: "reading" in run.output(), "the topics to be made")
        begun_s = time.monotonic()
        send(kafka_bootstrap, fuzzed["kafka__ticks_topic"], noted())
        n_ticks = sum(message.n_bad for message in sent) + N_ROWS * TICKS_A_ROW
        run.until(lambda: newest_status(fuzzed).ticks_read >= n_ticks, "all to be read")
        took_s = time.monotonic() - begun_s
        assert run.end() < 10
    assert run.process.returncode == 0
    assert "Traceback" not in run.output()
    assert sum(kinds.values()) == N_CORRUPT
    print(f"{N_CORRUPT} corrupt messages in {took_s:.1f} s: {dict(kinds)}")

    # Each message's refusals, by its offset; on a new topic without transactions its number.
    payloads = every_value(kafka_bootstrap, fuzzed["kafka__rejected_topic"])
    rejections = [json.loads(payload) for payload in payloads]
    expected = {offset: message.n_bad for offset, message in enumerate(sent) if message.n_bad}
    assert Counter(rejection["offset"] for rejection in rejections) == expected
    reasons = Counter(rejection["reason"] for rejection in rejections)
    status = newest_status(fuzzed)
    assert status.rejected == reasons
    assert set(reasons) == set(REASONS) - {"symbol_limit"}
    assert (status.ticks_read, status.ticks_used) == (n_ticks, N_ROWS * TICKS_A_ROW)
    assert status.lost_offsets == 0

    made = run_here(tmp_path, "topics", **clean)
    assert made.returncode == 0, made.stderr
    send(kafka_bootstrap, clean["kafka__ticks_topic"], (as_json(row) for row in good_rows()))
    done = run_command(tmp_path, "run", "--once", **clean)
    assert done.returncode == 0, done.stderr
    got = digests(kafka_bootstrap, fuzzed["kafka__decisions_topic"])
    whole = digests(kafka_bootstrap, clean["kafka__decisions_topic"])
    assert list(got) == list(range(10, N_ROWS - 1))  # the row of the last tick stays open
    assert got == {row: whole[row] for row in got}
