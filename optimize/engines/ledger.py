"""Who has which blocks: the books of the dispatch machine."""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from optimize.engines.health import Health
from optimize.engines.moves import Complete, Shape

_SPANS = 100  # jobs that an engine's latency is of
_CANARIES = 20  # canary blocks that it is compared with others by


@dataclass(slots=True)
class Load:
    """Blocks of one job that one engine was given; ``backlog`` (in its order) is not yet sent."""

    backlog: dict[int, None] = field(default_factory=dict)
    in_flight: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    begun_ns: int = 0
    given: int = 0
    answered: int = 0
    hedge_at_ns: int | None = None
    overtaken: bool = False

    def holds(self, block: int) -> bool:
        """Tell whether the engine is at the block or has it before it."""
        return block in self.in_flight or block in self.backlog

    def give(self, blocks: Sequence[int], now_ns: int) -> None:
        """Add blocks behind those it has."""
        if not self.owed:
            self.begun_ns, self.given, self.answered = now_ns, 0, 0
        self.backlog.update(dict.fromkeys(blocks))
        self.given += len(blocks)

    @property
    def owed(self) -> int:
        """Blocks that the engine still has to answer."""
        return len(self.in_flight) + len(self.backlog)


@dataclass(slots=True)
class JobBook:
    """One job: what is there, what is missing, who is at it; ``stray`` blocks nobody is at."""

    job_id: int
    shape: Shape
    begun_ns: int
    deadline_ns: int
    missing: set[int]
    stray: set[int]
    results: dict[int, tuple[str, Any]] = field(default_factory=dict)
    loads: dict[str, Load] = field(default_factory=dict)
    peers: dict[str, None] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    rescued: bool = False

    def note(self, text: str) -> None:
        """Keep a reason, once."""
        self.notes[text] = None

    def abandon(self, blocks: Iterable[int]) -> None:
        """Find out which of these missing blocks nobody is at any more."""
        self.stray.update(
            block
            for block in self.missing.intersection(blocks)
            if not any(load.holds(block) for load in self.loads.values())
        )

    def drop(self, engine: str) -> None:
        """Take back everything that a lost engine was given."""
        load = self.loads.pop(engine, None)
        if load is not None:
            self.abandon((*load.in_flight, *load.backlog))

    def disown(self, engine: str) -> None:
        """Take an engine's results out again: they cannot be trusted."""
        blocks = [block for block, (maker, _) in self.results.items() if maker == engine]
        for block in blocks:
            del self.results[block]
        self.missing.update(blocks)
        self.abandon(blocks)
        self.note(f"{len(blocks)} blocks of {engine} were taken out")
        self.rescued = False

    def done_by(self) -> Counter[str]:
        """Count the results by engine."""
        return Counter(engine for engine, _ in self.results.values())

    def summary(self, order: Sequence[str], now_ns: int, failure: str) -> Complete:
        """Say how the job ended; ``failure`` empty: it is complete."""
        done = self.done_by()
        engine = max(order, key=lambda name: done[name])  # of equals the first in the order
        degraded = bool(failure) or done[order[0]] < len(self.results)
        reasons = [failure] if failure else []
        if degraded:
            reasons += self.notes
        if engine != order[0] and not failure:
            reasons.append(f"{engine} decides")
        late_ns = now_ns - self.deadline_ns
        if late_ns > 0:
            reasons.append(f"late by {late_ns / 1e6:.0f} ms")
        payloads = [] if failure else [self.results[block][1] for block in sorted(self.results)]
        return Complete(
            self.job_id, tuple(payloads), engine, tuple(self.peers), degraded,
            late_ns > 0, bool(failure), "; ".join(reasons),
        )  # fmt: skip


@dataclass(slots=True)
class Lane:
    """One engine as dispatch sees it.

    ``window`` is how many blocks a worker is sent at once (None: all it is given), so that
    what another engine answers meanwhile need not be taken back. ``spans_ns``: how long it took
    for each of the newest whole jobs. ``canaries_ns``: the same for canary blocks to compare.
    """

    name: str
    window: int | None
    health: Health
    workers: int = 1
    in_flight: set[tuple[int, int]] = field(default_factory=set)
    done: int = 0
    strikes: int = 0
    spans_ns: deque[int] = field(default_factory=lambda: deque(maxlen=_SPANS))
    canaries_ns: deque[int] = field(default_factory=lambda: deque(maxlen=_CANARIES))

    def send(self, job: JobBook, load: Load) -> tuple[int, ...]:
        """Take from the backlog what there is room for, leaving out what is done."""
        room = len(load.backlog)
        if self.window is not None:
            room = self.window * self.workers - len(self.in_flight)
        blocks: list[int] = []
        while load.backlog and len(blocks) < room:
            block = next(iter(load.backlog))
            del load.backlog[block]
            if block in job.missing:
                blocks.append(block)
        load.in_flight.update(blocks)
        self.in_flight.update((job.job_id, block) for block in blocks)
        return tuple(blocks)

    def forget(self, job_id: int, blocks: Iterable[int]) -> None:
        """Expect no answer to these blocks."""
        self.in_flight.difference_update((job_id, block) for block in blocks)
