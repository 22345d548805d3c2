"""Ends for a runner that need no broker and no engine."""

import threading
from collections import deque
from dataclasses import dataclass, field

from ingest.codec import RawMessages, encode_packed
from ingest.ticks import SymbolTable
from optimize.decision import Decision, decode_decision
from optimize.engines.views import Completed, Counts, EngineView
from optimize.evaluate import evaluate_block
from optimize.job import DrawJob
from silverbullet.decider import Decider
from silverbullet.runner import Runner
from silverbullet.settings import Settings
from silverbullet.starting import make_admission
from silverbullet.steering import Steering
from storage.records import Status, decode_status
from tests.silverbullet.virtual_shell import Tape


def message(value: bytes, offset: int, timestamp_ms: int) -> RawMessages:
    """Make one message as one wake-up."""
    return RawMessages(["ticks"], [value], [timestamp_ms], [0], [offset], timestamp_ms * 1_000_000)


def messages_of(tape: Tape, size: int) -> list[RawMessages]:
    """Cut a tape into messages of so many ticks."""
    made = []
    for offset, start in enumerate(range(0, len(tape), size)):
        chosen = slice(start, start + size)
        value = encode_packed(
            list(tape.symbols),
            tape.symbol_ids[chosen],
            tape.prices[chosen],
            tape.event_time_ns[chosen],
        )
        newest_ns = int(tape.event_time_ns[chosen].max())
        made.append(message(value, offset, newest_ns // 1_000_000 + 1))
    return made


@dataclass
class ScriptedSource:
    """Gives its messages, one at each poll."""

    messages: deque[RawMessages]
    lost_offsets: int = 0
    found_gaps: tuple[str, ...] = ()
    polls: int = 0
    n_read: int = 0

    def poll(self, timeout_s: float) -> RawMessages | None:
        self.polls += 1
        if not self.messages:
            threading.Event().wait(min(timeout_s, 0.01))
            return None
        self.n_read += 1
        return self.messages.popleft()

    def positions(self) -> dict[tuple[str, int], int]:
        return {("ticks", 0): self.n_read}

    def gaps(self) -> tuple[str, ...]:
        return self.found_gaps

    def at_end(self) -> bool:
        return not self.messages


@dataclass
class KeptMessages:
    """A producer that keeps what is sent."""

    sent: list[tuple[str, bytes, bytes | None, int | None]] = field(default_factory=list)
    failed: int = 0
    first_failure: str | None = None

    def send(
        self, topic: str, value: bytes, key: bytes | None = None, partition: int | None = None
    ) -> None:
        self.sent.append((topic, value, key, partition))

    def poll(self) -> None:
        pass

    def of(self, topic: str) -> list[bytes]:
        return [value for name, value, _, _ in self.sent if name == topic]

    def decisions(self) -> list[Decision]:
        return [decode_decision(value) for value in self.of("decisions")]

    def statuses(self) -> list[Status]:
        return [decode_status(value) for value in self.of("status")]


@dataclass
class PuppetEvaluator:
    """Evaluates here; an answer is there after so many waits. Some jobs fail."""

    delay: int = 0
    failing: frozenset[int] = frozenset()
    starting: int = 0
    degraded: bool = False
    submitted: list[DrawJob] = field(default_factory=list)
    waits: int = 0
    _left: int = 0

    def submit(self, job: DrawJob, deadline_s: float) -> int:
        self.submitted.append(job)
        self._left = self.delay
        return len(self.submitted)

    def wait(self, timeout_s: float) -> Completed | None:
        self.waits += 1
        if self._left:
            self._left -= 1
            return None
        number = len(self.submitted)
        job = self.submitted[-1]
        failed = number in self.failing
        results = tuple(evaluate_block(job, block) for block in range(job.n_blocks))
        reason = "it broke" if failed else "ray is starting" if self.degraded else ""
        return Completed(
            number,
            job,
            () if failed else results,
            "local",
            ("local-0",),
            self.degraded,
            False,
            failed,
            reason,
        )

    def counts(self) -> Counts:
        return Counts(0, 0, 0, 0, 0)

    def states(self) -> tuple[EngineView, ...]:
        state = "starting" if self.starting > 0 else "ready"
        self.starting -= 1
        return (EngineView("ray", state, "tasks", 2, "", 0, 0, 0),)


@dataclass
class Shell:
    """A runner with its ends."""

    settings: Settings
    source: ScriptedSource
    evaluator: PuppetEvaluator = field(default_factory=PuppetEvaluator)
    producer: KeptMessages = field(default_factory=KeptMessages)
    stop: threading.Event = field(default_factory=threading.Event)
    steering: Steering | None = None

    def __post_init__(self) -> None:
        symbols = SymbolTable(self.settings.ticks.max_symbols)
        self.decider = Decider(self.settings, symbols)
        self.runner = Runner(
            self.settings,
            self.decider,
            make_admission(self.settings, symbols),
            self.source,
            self.producer,
            self.evaluator,
            self.stop,
            self.steering,
        )
