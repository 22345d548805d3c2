"""``bench ingest``: to the end of a topic, beside what a user would write and a raw fetch."""

import math
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console

from bench.brokers import Broker, OpenBroker, embedded_broker, java_of, own_topics, topic_prefix
from bench.case_names import EMBEDDED, KAFKA, ingest_case, stage_case
from bench.contest import WrongResultError
from bench.ingest_reader import READERS, Found
from bench.machine import describe_machine, describe_versions, with_end_load
from bench.peer_environment import QUIX_SCRIPT, quix_python, quix_versions
from bench.pipeline.workload import SYMBOLS, make_tape
from bench.report import Report, keep_report
from bench.report_notes import NOTES
from bench.rows import FLOORS, OURS, Row, make_row
from bench.run_error import RunError
from bench.stages import INGEST_STAGES
from ingest.codec import encode_json, encode_packed
from ingest.producer import TopicProducer

REPETITIONS = 5
QUIXSTREAMS = "quixstreams"
_PACKAGES = ("numpy", "numba", "confluent-kafka", "msgspec", "aiokafka")
_TICKS_A_SECOND = 20_000.0
_PACK = 1000
# The embedded broker keeps 5 MB a partition: 52 000 small ticks, 218 packs of 24 KB.
_JSON_TICKS = {EMBEDDED: 40_000, KAFKA: 300_000}
_PACKS = {EMBEDDED: 200, KAFKA: 3_000}
_READ_LIMIT_S = 120.0
# Rolling sums of a thousand returns of 1e-4 agree to 1e-12 of them, merged or not.
_RELATIVE, _ABSOLUTE = 1e-9, 1e-15


@dataclass(frozen=True, slots=True)
class _Tape:
    """A topic that is filled: ``per_message`` ticks in each of ``n_messages``."""

    broker: Broker
    form: str
    topic: str
    n_messages: int
    per_message: int
    quix_python: Path | None = None

    @property
    def subjects(self) -> tuple[str, ...]:
        """Who can read it; packed ticks are our own form."""
        if self.form != "JSON":
            return OURS, "bound"
        return (*READERS, *((QUIXSTREAMS,) if self.quix_python else ()))

    def command(self, subject: str) -> list[str]:
        """Give the command of one who reads it."""
        where = [self.broker.address, self.topic, str(self.n_messages)]
        if subject == QUIXSTREAMS:
            return [str(self.quix_python), str(QUIX_SCRIPT), *where]
        wait_ms = str(self.broker.fetch_wait_max_ms)
        return [sys.executable, "-m", "bench.ingest_reader", subject, *where, wait_ms]


def run_bench(
    brokers: Sequence[OpenBroker] = (embedded_broker,),
    repetitions: int = REPETITIONS,
    output: Path | None = None,
    *,
    quixstreams: bool = False,
) -> Report:
    """Measure all readers in turn, on JSON and packed ticks.

    Parameters
    ----------
    brokers
        Where the topics are.
    repetitions
        Turns of each reader that count; who begins changes from one to the next.
    output
        Folder of the kept JSON; by default in the user's data folder.
    quixstreams
        Whether quixstreams reads too, on Kafka, from an environment of its own.

    Raises
    ------
    RunError
        A reader failed.
    WrongResultError
        Readers did not find the same.
    BrokerError
        A broker does not answer.
    """
    rows: list[Row] = []
    python = quix_python() if quixstreams else None
    with ExitStack() as stack, Console(stderr=True).status("filling topics") as line:
        opened = [stack.enter_context(broker()) for broker in brokers]
        machine = describe_machine(scheduling="normal")
        machine |= {f"broker {broker.name}": broker.about for broker in opened}
        for broker in opened:
            prefix = topic_prefix("ingest")
            stack.enter_context(own_topics(broker, [f"{prefix}-JSON", f"{prefix}-packed"]))
            for tape in (_fill_json(broker, prefix, python), _fill_packed(broker, prefix)):
                line.update(f"{broker.name}, {tape.form}")
                rows += _measure(tape, repetitions)
    report = Report(
        bench="ingest",
        notes=NOTES["ingest"],
        machine=with_end_load(machine),
        versions=describe_versions(_PACKAGES)
        | (quix_versions() if python else {})
        | java_of(opened),
        rows=tuple(rows),
    )
    keep_report(report, output)
    return report


def _fill_json(broker: Broker, prefix: str, python: Path | None) -> _Tape:
    n = _JSON_TICKS[broker.name]
    ids, prices, times = _ticks(n)
    topic = f"{prefix}-JSON"
    with TopicProducer(broker.address, rate_hint=1e6) as producer:
        for s, price, time_ns in zip(ids.tolist(), prices.tolist(), times.tolist(), strict=True):
            producer.send(topic, encode_json(SYMBOLS[s], price, time_ns), key=SYMBOLS[s])
    # It joins a group, which takes librdkafka's mock no part in.
    return _Tape(broker, "JSON", topic, n, 1, None if broker.name == EMBEDDED else python)


def _fill_packed(broker: Broker, prefix: str) -> _Tape:
    n_messages = _PACKS[broker.name]
    ids, prices, times = _ticks(n_messages * _PACK)
    topic = f"{prefix}-packed"
    with TopicProducer(broker.address, rate_hint=1e6) as producer:
        for start in range(0, len(ids), _PACK):
            part = slice(start, start + _PACK)
            producer.send(topic, encode_packed(SYMBOLS, ids[part], prices[part], times[part]))
    return _Tape(broker, "packed", topic, n_messages, _PACK)


def _ticks(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    tape = make_tape(1, _TICKS_A_SECOND, n / _TICKS_A_SECOND)
    times = time.time_ns() - int(tape.due_ns[-1]) + tape.due_ns
    return tape.symbol_ids, tape.prices, times


def _measure(tape: _Tape, repetitions: int) -> list[Row]:
    n_ticks = tape.n_messages * tape.per_message
    took: dict[str, list[list[float]]] = {subject: [] for subject in tape.subjects}
    stages: dict[str, list[list[float]]] = {stage: [] for stage in INGEST_STAGES}
    order = list(tape.subjects)
    # A first round does not count: in it a Kafka that has just started compiles what answers
    # fetches, on the processor of whoever comes first. Ours took 736 ns a tick instead of 430.
    for turn in range(repetitions + 1):
        found = {subject: _read(subject, tape) for subject in order}
        _compare(tape, found)
        if turn == 0:
            continue
        for subject, one in found.items():
            took[subject].append([one.seconds * 1e9 / n_ticks])
        for stage, seconds in found[OURS].stages.items():
            stages[stage].append([seconds * 1e9 / n_ticks])
        order = [*order[1:], order[0]]
    case = ingest_case(tape.broker.name, tape.form)
    rows = [make_row(case, subject, "ns a tick", runs) for subject, runs in took.items()]
    return rows + [
        make_row(stage_case(case, stage), OURS, "ns a tick", runs) for stage, runs in stages.items()
    ]


def _read(subject: str, tape: _Tape) -> Found:
    try:
        done = subprocess.run(
            tape.command(subject), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=_READ_LIMIT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise RunError(
            f"{subject} is not through {tape.topic} after {_READ_LIMIT_S:.0f} s"
        ) from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise RunError(f"{subject} ended with {done.returncode}: {last}")
    return msgspec.json.decode(done.stdout, type=Found)


def _compare(tape: _Tape, found: dict[str, Found]) -> None:
    """See that all readers that decode used every tick and found the same means."""
    n_ticks, ours = tape.n_messages * tape.per_message, found[OURS].means
    for subject, one in found.items():
        if subject in FLOORS:
            continue
        same = one.means.keys() == ours.keys() and all(
            math.isclose(mean, ours[symbol], rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
            for symbol, mean in one.means.items()
        )
        if one.n_used != n_ticks or not same:
            raise WrongResultError(
                f"{subject} used {one.n_used} of {n_ticks} {tape.form} ticks"
                f"{'' if same else ' and found other means than ours'}"
            )
