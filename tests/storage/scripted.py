"""A broker, its consumer, a failing store and an event that never waits, all scripted."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from optimize.decision import Decision, encode_decision
from storage.protocol import StoreError
from storage.records import Status, encode_status
from tests.storage.backends import DictStore


class Crash(BaseException):
    """The process is gone; nothing may catch this."""


@dataclass(frozen=True)
class Taken:
    topics: list[str]
    values: list[bytes]
    partitions: list[int]
    offsets: list[int]


@dataclass(frozen=True)
class ScriptedGap:
    topic: str
    lost: int

    def __str__(self) -> str:
        return f"{self.lost} messages lost at {self.topic}[0]@5"


@dataclass
class Broker:
    """One partition a topic; keeps what was sent and the committed offsets."""

    sent: list[tuple[str, int, bytes]] = field(default_factory=list)
    committed: dict[tuple[str, int], int] = field(default_factory=dict)

    def send(self, *records: Decision | Status | tuple[str, bytes]) -> None:
        for record in records:
            if isinstance(record, Decision):
                topic, value = "decisions", encode_decision(record)
            elif isinstance(record, Status):
                topic, value = "status", encode_status(record)
            else:
                topic, value = record
            offset = sum(sent_topic == topic for sent_topic, _, _ in self.sent)
            self.sent.append((topic, offset, value))


class ScriptedSource:
    """A consumer that begins at the committed offsets and hands out a few messages a poll.

    It sets ``stop`` when all is read, unless ``endless``.
    """

    def __init__(self, broker: Broker, stop: threading.Event, per_poll: int = 3) -> None:
        self.broker = broker
        self.stop = stop
        self.per_poll = per_poll
        self.lost: list[ScriptedGap] = []
        self.on_commit: Callable[[], None] = lambda: None
        self.poll_errors: list[Exception] = []
        self.left = [
            (topic, offset, value)
            for topic, offset, value in broker.sent
            if offset >= broker.committed.get((topic, 0), 0)
        ]

    def poll(self, timeout_s: float) -> Taken | None:
        if self.poll_errors:
            raise self.poll_errors.pop(0)
        taken, self.left = self.left[: self.per_poll], self.left[self.per_poll :]
        if not self.left:
            self.stop.set()
        if not taken:
            return None
        topics, offsets, values = (list(column) for column in zip(*taken, strict=True))
        return Taken(topics, values, [0] * len(taken), offsets)

    def gaps(self) -> tuple["ScriptedGap", ...]:
        return tuple(self.lost)

    def commit(self, positions: dict[tuple[str, int], int]) -> None:
        self.on_commit()
        for place, offset in positions.items():
            assert offset >= self.broker.committed.get(place, 0)
        self.broker.committed.update(positions)


class FailingStore(DictStore):
    """Runs ``before`` and ``after`` around each append; fails as often as told."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__()
        self.failures = failures
        self.tries = 0
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None

    def append(self, decisions: Sequence[Decision], statuses: Sequence[Status]) -> int:
        self.tries += 1
        if self.failures:
            self.failures -= 1
            raise StoreError("writing x.sqlite: the disk is full; free space there")
        self.before()
        new = super().append(decisions, statuses)
        self.after()
        return new

    def close(self) -> None:
        pass


class NotedWaits(threading.Event):
    """Returns from each wait at once and notes how long it should have been."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        return self.is_set()
