"""What the dispatch machine is told, and what it answers: events and effects."""

from dataclasses import dataclass
from typing import Any, NamedTuple

_MS = 1_000_000
_SECOND = 1_000_000_000


class Shape(NamedTuple):
    """What a block's time depends on, apart from the machine."""

    kind: str
    n_assets: int
    draws: int


@dataclass(frozen=True, slots=True)
class Policy:
    """The figures of a schedule; times in ns.

    Attributes
    ----------
    hedge_floor_ns, hedge_factor
        Blocks are late when their engine has had them for the floor (twice the 13 ms that a
        busy two-core machine was seen to take for an empty Ray task, rounded up) and this many
        times what it usually needs for as many.
    hedge_floors_ns
        The floor of engines that need longer for nothing: an empty Spark job takes 15 ms, and 35
        to 100 in a young JVM or on busy processors. Overtaken before it ever answered, an engine
        would be put out for no fault.
    reserve_factor, reserve_floor_ns
        Time kept for the last resort: what the missing blocks take there times the factor (its
        cores may be shared with the engine that is late) and the floor.
    strikes
        Overtaken or failed jobs in turn, without one result, after which an engine is out.
    canaries, hold_ns, longest_hold_ns
        Canary blocks to answer, over what time; doubles with each relapse, up to the longest.
    canary_limit_ns
        A canary unanswered for this long is a relapse; a new Ray worker imports and loads
        kernels for 3 to 5 s.
    forgive_factor
        An engine that was good for this many of its hold times starts from the first again.
    compare_ns
        Time between two canaries that the ready engines get in turn, to compare them; 0: none.
    """

    hedge_floor_ns: int = 30 * _MS
    hedge_floors_ns: tuple[tuple[str, int], ...] = (("spark", 150 * _MS),)
    hedge_factor: float = 3.0
    reserve_factor: float = 1.5
    reserve_floor_ns: int = 5 * _MS
    strikes: int = 3
    canaries: int = 3
    hold_ns: int = 2 * _SECOND
    longest_hold_ns: int = 300 * _SECOND
    canary_limit_ns: int = 10 * _SECOND
    forgive_factor: int = 8
    compare_ns: int = 0


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job of ``n_blocks`` that ought to be complete by ``deadline_ns``."""

    job_id: int
    n_blocks: int
    shape: Shape
    deadline_ns: int


@dataclass(frozen=True, slots=True)
class StandsBy:
    """An engine is not started yet, as long as it ``waits`` for those before it to fail."""

    engine: str
    waits: bool


@dataclass(frozen=True, slots=True)
class Came:
    """An engine takes blocks."""

    engine: str
    workers: int


@dataclass(frozen=True, slots=True)
class Gone:
    """An engine is lost with all it was sent."""

    engine: str
    reason: str


@dataclass(frozen=True, slots=True)
class Answered:
    """An engine's result of one block; the machine does not look into ``payload``."""

    engine: str
    peer: str
    job_id: int
    block: int
    payload: Any
    compute_ns: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Blocks that an engine could not evaluate."""

    engine: str
    job_id: int
    blocks: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class CanaryAnswered:
    """An engine's answer to a canary block, compared with the known one."""

    engine: str
    token: int
    good: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Timer:
    """Time has passed."""


Event = Submitted | StandsBy | Came | Gone | Answered | Refused | CanaryAnswered | Timer


@dataclass(frozen=True, slots=True)
class Send:
    """Give blocks to an engine."""

    engine: str
    job_id: int
    blocks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SendCanary:
    """Give an engine the canary block under this number."""

    engine: str
    token: int


@dataclass(frozen=True, slots=True)
class Forget:
    """Tell an engine that a job is over."""

    engine: str
    job_id: int


@dataclass(frozen=True, slots=True)
class Complete:
    """A job is over: its payloads in block order, or none if it failed."""

    job_id: int
    payloads: tuple[Any, ...]
    engine: str
    peers: tuple[str, ...]
    degraded: bool
    late: bool
    failed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Switch:
    """From now on new jobs go to another engine first; ``cause`` says why."""

    old: str
    new: str
    cause: str


Effect = Send | SendCanary | Forget | Complete | Switch
