"""The shell of checkpoints: writes them beside the loop that decides, finds the one to go on from.

The loop copies arrays between two batches, 0.3 ms at 50 assets; a thread of its own writes them.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from queue import Empty, SimpleQueue
from typing import NamedTuple, Protocol

import numpy as np

from ingest.admission import Admission
from ingest.broker import BrokerError
from ingest.consumer import TopicConsumer
from ingest.producer import TopicProducer
from optimize.decision import Decision
from silverbullet.checkpoint import (
    Checkpoint,
    CheckpointError,
    Header,
    decode_checkpoint,
    encode_checkpoint,
    misfit,
    window_settings,
)
from silverbullet.checkpoint_parts import CheckpointSchedule, join, split
from silverbullet.decider import Decider
from silverbullet.settings import Settings
from stats.compiled import IntArray
from stats.snapshot import WindowsCopy, flatten

log = logging.getLogger("silverbullet.run")

_POLL_S = 0.5
_MOST_POLLS = 120  # a checkpoint of 500 assets and 10 000 rows has 50 MB: seconds from a disk
_LAST_WRITE_S = 2.0
_NO_CHECKPOINT = "no checkpoint: %s; an earlier one, or the ticks, serve a restart"

Partition = tuple[str, int]


class Bounds(Protocol):
    """Who knows what the broker still has."""

    def bounds(self, topic: str) -> Mapping[Partition, tuple[int, int]]:
        """Give each partition's oldest offset and the one after its newest."""


class _Taken(NamedTuple):
    header: Header
    trade_ids: IntArray
    windows: WindowsCopy


class Checkpoints:
    """Writes a checkpoint now and then.

    Parameters
    ----------
    settings, fingerprint
        What the header says.
    producer
        Of its own; owned, and closed, by this object.
    number
        Of the newest checkpoint in the topic.
    """

    def __init__(
        self, settings: Settings, producer: TopicProducer, fingerprint: str, number: int
    ) -> None:
        self._settings = settings
        self._producer = producer
        self._fingerprint = fingerprint
        self._number = number
        self._schedule = CheckpointSchedule(settings.decide.checkpoint_interval_s)
        self._taken: SimpleQueue[_Taken] = SimpleQueue()
        self._written: SimpleQueue[int] = SimpleQueue()
        self._is_writing = False
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)
        self._thread.start()

    def look(
        self,
        decider: Decider,
        admission: Admission,
        positions: Callable[[], Mapping[Partition, int]],
    ) -> None:
        """Take a checkpoint if one is due and everything read is digested.

        Parameters
        ----------
        positions
            Gives the offset due next in each partition.
        """
        now_s = time.monotonic()
        if self._is_writing:
            try:
                n_bytes = self._written.get_nowait()
            except Empty:
                return
            self._is_writing = False
            self._schedule.written(now_s, n_bytes)
        if not self._schedule.is_due(now_s) or not decider.is_settled:
            return
        self._is_writing = True
        last, n = decider.last_decision, len(decider.symbols)
        header = Header(
            portfolio=self._settings.decide.portfolio,
            time_ns=time.time_ns(),
            windows=window_settings(self._settings),
            positions={str(partition): offset for (_, partition), offset in positions().items()},
            symbols=decider.symbols,
            decision_id=last.id if last is not None else "",
            fingerprint=self._fingerprint,
            arrays=(),
        )
        self._taken.put(_Taken(header, admission.trade_ids[:n].copy(), decider.market.copy_state()))
        self._wake.set()

    def close(self) -> None:
        """Let the one that is being written end, for 2 s at most."""
        self._stop.set()
        self._wake.set()
        self._thread.join(_LAST_WRITE_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.wait()
            self._wake.clear()
            try:
                taken = self._taken.get_nowait()
            except Empty:
                continue
            self._written.put(self._write(taken))
        self._producer.flush(_LAST_WRITE_S)

    def _write(self, taken: _Taken) -> int:
        arrays = flatten(taken.windows) | {"trade_ids": taken.trade_ids}
        payload = encode_checkpoint(taken.header, arrays)
        self._number += 1
        topic, failed_before = self._settings.kafka.state_topic, self._producer.failed
        try:
            for key, value in split(taken.header.portfolio, self._number, payload):
                self._producer.send(topic, value, key=key, partition=0)
            self._producer.flush(_POLL_S)
        except BrokerError as error:
            log.warning(_NO_CHECKPOINT, error)
        if self._producer.failed > failed_before:
            log.warning(_NO_CHECKPOINT, self._producer.first_failure)
        return len(payload)


class Found(NamedTuple):
    """The checkpoint to go on from, if any, and the number of the newest in the topic."""

    checkpoint: Checkpoint | None
    number: int


def read_parts(consumer: TopicConsumer) -> list[bytes]:
    """Read the topic of checkpoints to its end.

    Raises
    ------
    BrokerError
        The broker does not answer.
    """
    values: list[bytes] = []
    for _ in range(_MOST_POLLS):
        # A topic that nobody has written to yet does not exist.
        if not consumer.positions() or consumer.at_end():
            break
        raw = consumer.poll(_POLL_S)
        if raw is not None:
            values += raw.values
    return values


def find_checkpoint(
    values: Sequence[bytes], settings: Settings, last: Decision | None, broker: Bounds
) -> Found:
    """Choose the newest checkpoint that this run can go on from; log why others are not.

    Parameters
    ----------
    values
        The messages of the topic.
    last
        The portfolio's newest decision. A checkpoint that knows of a newer one is of no use:
        that decision was lost on its way, and is to be made again.
    broker
        Asked whether it still has the ticks that follow.
    """
    whole = join(settings.decide.portfolio, values)
    for number, payload in whole:
        try:
            checkpoint = decode_checkpoint(payload)
            why = _unfit(checkpoint.header, settings, last, broker)
        except CheckpointError as error:
            why = str(error)
        if not why:
            return Found(checkpoint, whole[0][0])
        log.warning("checkpoint %d is of no use: %s", number, why)
    return Found(None, whole[0][0] if whole else 0)


def _unfit(header: Header, settings: Settings, last: Decision | None, broker: Bounds) -> str:
    if why := misfit(header, settings):
        return why
    if header.decision_id > (last.id if last is not None else ""):
        return f"decision {header.decision_id}, made before it, is not in the topic"
    topic = settings.kafka.ticks_topic
    bounds = broker.bounds(topic)
    if {str(partition) for _, partition in bounds} != header.positions.keys():
        return f"topic {topic} has other partitions now"
    for (_, partition), (low, high) in bounds.items():
        due = header.positions[str(partition)]
        if due < low:
            return f"{topic}[{partition}]@{due} to {low - 1} are gone from the broker"
        if due > high:
            return f"{topic}[{partition}] was made anew: it ends at {high}, {due} was due"
    return ""


def go_on_from(checkpoint: Checkpoint, decider: Decider, admission: Admission) -> None:
    """Put a checkpoint's state in place, before the first tick.

    Raises
    ------
    CheckpointError
        Its arrays are not of these windows.
    """
    n = len(checkpoint.header.symbols)
    trade_ids = checkpoint.arrays.get("trade_ids", np.zeros(0, np.int64))
    n_known = checkpoint.arrays["symbol_i"].shape[-1] if "symbol_i" in checkpoint.arrays else 0
    if (
        len(set(checkpoint.header.symbols)) != n
        or trade_ids.shape != (n,)
        or n_known > n
        or n > len(admission.trade_ids)
    ):
        raise CheckpointError("its symbols and trade ids do not match")
    try:
        decider.restore(checkpoint.header.symbols, checkpoint.arrays)
    except ValueError as error:
        raise CheckpointError(str(error)) from None
    admission.trade_ids[:n] = trade_ids
