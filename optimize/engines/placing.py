"""Where the blocks of a job go, and when they go elsewhere as well."""

from collections.abc import Sequence

from optimize.engines.ledger import JobBook, Lane, Load
from optimize.engines.pace import Pace


class Placement:
    """Gives blocks to engines: at first, when one is late, and in time for the deadline."""

    def __init__(self, order: Sequence[Lane], last: Lane, pace: Pace) -> None:
        self._order = order
        self._last = last
        self._pace = pace

    def place(self, job: JobBook, blocks: Sequence[int], now_ns: int) -> set[int]:
        """Give each block to the first healthy engine that was not given it; tell which were."""
        placed: set[int] = set()
        for lane in self._order:
            if not lane.health.ready:
                if account := lane.health.account():
                    job.note(f"{lane.name} {account}")
                continue
            load = job.loads.get(lane.name) or Load()
            tried = placed.union(load.failed, load.in_flight, load.backlog)
            mine = [block for block in blocks if block not in tried]
            self._give(job, lane, mine, now_ns)
            placed.update(mine)
            if len(placed) == len(blocks):
                break
        return placed

    def pass_time(self, job: JobBook, now_ns: int) -> None:
        """Do what is due for a job by now."""
        if not job.rescued and self._last.health.ready and now_ns >= self._rescue_at(job):
            self._rescue(job, now_ns)
        for name, load in list(job.loads.items()):
            if load.hedge_at_ns is not None and now_ns >= load.hedge_at_ns:
                self._hedge(job, name, load, now_ns)

    def next_ns(self, job: JobBook) -> int | None:
        """Give the time at which something is due for a job."""
        times = [load.hedge_at_ns for load in job.loads.values()]
        if not job.rescued and self._last.health.ready:
            times.append(self._rescue_at(job))
        return min((time for time in times if time is not None), default=None)

    def _give(self, job: JobBook, lane: Lane, blocks: Sequence[int], now_ns: int) -> None:
        if not blocks:
            return
        load = job.loads.setdefault(lane.name, Load())
        load.give(blocks, now_ns)
        hedge_ns = self._pace.hedge_ns(lane.name, job.shape, load.owed, lane.workers)
        load.hedge_at_ns = now_ns + hedge_ns
        if lane is self._last:
            job.rescued |= all(load.holds(block) for block in job.missing)

    def _hedge(self, job: JobBook, late: str, load: Load, now_ns: int) -> None:
        """Give what an engine owes too long to the next as well."""
        load.hedge_at_ns, load.overtaken = None, True
        owed = sorted(block for block in job.missing if load.holds(block))
        # From the end: the late engine goes on from the front, so the two meet.
        placed = self.place(job, owed[::-1], now_ns)
        if placed:
            waited_ms = (now_ns - load.begun_ns) / 1e6
            job.note(f"{late} owed {len(placed)} blocks after {waited_ms:.0f} ms")

    def _rescue_at(self, job: JobBook) -> int:
        """Give when the last resort must begin with what is missing."""
        need_ns = self._pace.reserve_ns(job.shape, len(job.missing), self._last.workers)
        if need_ns > job.deadline_ns - job.begun_ns:
            return job.deadline_ns  # it could not hold the deadline anyway: no use in haste
        return job.deadline_ns - need_ns

    def _rescue(self, job: JobBook, now_ns: int) -> None:
        """Give the last resort all that is missing: later it could not hold the deadline."""
        for late in job.loads.values():
            late.overtaken = True
        load = job.loads.setdefault(self._last.name, Load())
        tried = load.failed.union(load.in_flight, load.backlog)
        blocks = sorted(job.missing - tried, reverse=True)
        job.note(f"{len(blocks)} blocks were missing when {self._last.name} had to begin")
        self._give(job, self._last, blocks, now_ns)
        job.stray.difference_update(blocks)
        job.rescued = True
