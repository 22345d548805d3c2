"""What every engine offers, and what it tells."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from signal import Signals
from typing import Literal, NamedTuple, Protocol

from optimize.job import BlockResult, DrawJob

Phase = Literal["starting", "ready", "failed", "closed"]
Dispatch = Literal["tasks", "resident"]
Evaluate = Callable[[DrawJob, int], BlockResult]

EVALUATE = "optimize.evaluate:evaluate_block"
"""Module and function that every engine runs, as its workers import it."""


@dataclass(frozen=True, slots=True)
class EngineStandsBy:
    """The engine is not started yet, because those before it do; or (not ``waits``) now it is."""

    waits: bool


@dataclass(frozen=True, slots=True)
class EngineReady:
    """The engine takes blocks from now on; ``workers`` evaluate at once."""

    workers: int


@dataclass(frozen=True, slots=True)
class EngineLost:
    """The engine is gone; nothing that it was sent will be answered."""

    reason: str


@dataclass(frozen=True, slots=True)
class BlockDone:
    """A block's result, who made it, and the ns that it took there."""

    job_id: int
    result: BlockResult
    peer: str
    compute_ns: int


@dataclass(frozen=True, slots=True)
class BlocksFailed:
    """Blocks that the engine could not evaluate, and why."""

    job_id: int
    blocks: tuple[int, ...]
    reason: str


EngineEvent = EngineStandsBy | EngineReady | EngineLost | BlockDone | BlocksFailed


class WorkerView(NamedTuple):
    """One worker, by what came from it.

    ``draws_per_s`` is of its newest blocks, while it was at them.
    """

    name: str
    blocks_done: int
    draws_per_s: float


class Readiness(NamedTuple):
    """The engine's own account of itself; one that stands by is `closed`, with that reason.

    `starting` without a reason is on the way; with one it failed, and is tried again later.
    """

    phase: Phase
    workers: int
    restarts: int
    reason: str
    peers: tuple[WorkerView, ...] = ()


class Engine(Protocol):
    """A place where blocks are evaluated.

    ``name`` is the setting's word for it, ``dispatch`` how blocks reach the workers. All
    methods may be called from any thread, return at once and never raise for a fault of the
    engine: that is told by `collect`.
    """

    name: str
    dispatch: str

    def start(self, wake: Callable[[], None]) -> None:
        """Begin to come up; ``wake`` is called whenever `collect` has something new."""

    def ready(self) -> Readiness:
        """Give the state as of now."""

    def submit(self, job_id: int, job: DrawJob, blocks: Sequence[int]) -> None:
        """Evaluate blocks of a job; further blocks of the same job may follow."""

    def collect(self, timeout_s: float) -> list[EngineEvent]:
        """Take what was told since the last call, waiting for it up to ``timeout_s`` seconds."""

    def cancel(self, job_id: int) -> None:
        """Forget a job and what of it has not begun; results under way may still come."""

    def close(self) -> None:
        """End it and all processes it started; later calls do nothing."""


class ChildProcess(Protocol):
    """A process as an engine sees its host; `cluster.process.Child` is one."""

    pid: int

    def poll(self) -> int | None:
        """Give the exit code, or None while it runs."""

    def terminate(self, grace_s: float = ...) -> int:
        """End it and everything it started."""

    def describe_exit(self) -> str:
        """Say how it ended."""


class Spawn(Protocol):
    """Starts a process that ends with this one; `cluster.process.spawn` is one."""

    def __call__(
        self, argv: Sequence[str], *, name: str, env: Mapping[str, str], death_signal: Signals
    ) -> ChildProcess:
        """Start ``argv`` with ``env`` over this process's environment."""


class Restarts(Protocol):
    """Says when a host that ended is started again; `cluster.supervision.Supervision` is one."""

    given_up: str

    @property
    def restarts(self) -> int:
        """Starts after the first."""

    def due(self, now_ns: int) -> bool:
        """Tell whether to start it now."""

    def started(self, now_ns: int) -> None:
        """Take note of a start."""

    def ended(self, now_ns: int, reason: str) -> None:
        """Take note of an end."""

    def give_up(self, reason: str) -> None:
        """Plan no further start."""
