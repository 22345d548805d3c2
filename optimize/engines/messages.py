"""What the pipeline and the peers of an engine say to each other."""

from dataclasses import dataclass

from optimize.job import BlockResult, DrawJob


@dataclass(frozen=True, slots=True)
class Hello:
    """A peer is there. ``capacity`` 0: it is still coming up and takes no blocks yet."""

    name: str
    fingerprint: str
    capacity: int


@dataclass(frozen=True, slots=True)
class Job:
    """All that the blocks of a job are computed from."""

    job_id: int
    job: DrawJob


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks to evaluate."""

    job_id: int
    blocks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """One block's result and the ns that it took; ``worker``: whose, if not the sender's."""

    job_id: int
    result: BlockResult
    compute_ns: int
    worker: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """Blocks that could not be evaluated."""

    job_id: int
    blocks: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Forget a job."""

    job_id: int


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a `Pong`; two seconds of silence mean that a peer is gone."""

    number: int


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a ping."""

    number: int


@dataclass(frozen=True, slots=True)
class Stop:
    """The sender ends, or the receiver must; ``reason`` is for people."""

    reason: str


Message = Hello | Job | Blocks | Result | Failed | Cancel | Ping | Pong | Stop
