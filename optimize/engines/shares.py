"""Which worker of an engine has which blocks: a pure step machine."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

_AHEAD = 2  # a worker has a portion to do and one waiting, so that it never waits for the next


class Portion(NamedTuple):
    """Blocks for one worker; ``is_new``: it does not have the job yet."""

    peer: int
    job_id: int
    blocks: tuple[int, ...]
    is_new: bool


@dataclass(slots=True)
class _Worker:
    capacity: int
    in_flight: set[tuple[int, int]] = field(default_factory=set)
    jobs: set[int] = field(default_factory=set)


class Shares:
    """Gives an engine's blocks to its workers.

    Portions shrink with what is left (guided self-scheduling: Polychronopoulos and Kuck, 1987):
    the first are long, which saves messages, the last are single blocks, so that all workers
    end together.

    Parameters
    ----------
    whole
        Everything goes to a worker at once: it is a host, which divides by itself.
    """

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole
        self._workers: dict[int, _Worker] = {}
        self._waiting: dict[int, list[int]] = {}
        self._lost: set[tuple[int, int]] = set()

    @property
    def capacity(self) -> int:
        """Blocks that all workers evaluate at once."""
        return sum(worker.capacity for worker in self._workers.values())

    def __contains__(self, peer: int) -> bool:
        return peer in self._workers

    def join(self, peer: int, capacity: int) -> None:
        """Take a worker in; one that is there already is new again, and knows nothing."""
        self.leave(peer)
        self._workers[peer] = _Worker(capacity)

    def leave(self, peer: int) -> dict[int, tuple[int, ...]]:
        """Let a worker go; what it had is given to others.

        Returns
        -------
        dict
            Job to blocks that no other is given: they were lost with a worker before, and may
            be what ends workers.
        """
        worker = self._workers.pop(peer, None)
        given_up: dict[int, list[int]] = {}
        for job_id, block in sorted(worker.in_flight) if worker else ():
            if (job_id, block) in self._lost:
                given_up.setdefault(job_id, []).append(block)
            else:
                self._lost.add((job_id, block))
                self._waiting.setdefault(job_id, []).insert(0, block)
        return {job_id: tuple(blocks) for job_id, blocks in given_up.items()}

    def clear(self) -> None:
        """Forget all blocks; workers stay."""
        self._waiting.clear()
        self._lost.clear()
        for worker in self._workers.values():
            worker.in_flight.clear()
            worker.jobs.clear()

    def give(self, job_id: int, blocks: Sequence[int]) -> None:
        """Add blocks behind those of earlier jobs."""
        self._waiting.setdefault(job_id, []).extend(blocks)

    def answered(self, peer: int, job_id: int, blocks: Iterable[int]) -> None:
        """Take note of blocks that a worker has done or refused."""
        worker = self._workers.get(peer)
        if worker is not None:
            worker.in_flight.difference_update((job_id, block) for block in blocks)

    def cancel(self, job_id: int) -> dict[int, bool]:
        """Forget a job; give the workers that have it, and whether they are still at it."""
        self._waiting.pop(job_id, None)
        self._lost = {entry for entry in self._lost if entry[0] != job_id}
        holders = {}
        for peer, worker in self._workers.items():
            if job_id in worker.jobs:
                worker.jobs.discard(job_id)
                others = {entry for entry in worker.in_flight if entry[0] != job_id}
                holders[peer] = len(others) < len(worker.in_flight)
                worker.in_flight = others
        return holders

    def portions(self) -> list[Portion]:
        """Give what is to be sent now, in order."""
        sent: list[Portion] = []
        while self._waiting and self._workers:
            job_id, waiting = next(iter(self._waiting.items()))
            peer, worker = min(self._workers.items(), key=_load)
            size = len(waiting) if self._whole else -(-len(waiting) // (_AHEAD * self.capacity))
            if waiting and not self._whole and len(worker.in_flight) > size * (_AHEAD - 1):
                break  # the least loaded has enough, and so have all
            if blocks := tuple(waiting[:size]):
                sent.append(Portion(peer, job_id, blocks, job_id not in worker.jobs))
                worker.jobs.add(job_id)
                worker.in_flight.update((job_id, block) for block in blocks)
                del waiting[:size]
            if not waiting:
                del self._waiting[job_id]
        return sent


def _load(item: tuple[int, _Worker]) -> float:
    return len(item[1].in_flight) / item[1].capacity
