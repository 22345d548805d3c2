"""Which engine gets which block, when: a pure step machine without clock, threads or I/O.

Blocks go to the first healthy engine in the configured order. What is late there goes to the
next as well, what a lost engine owes goes on at once, and in time for the deadline the last
resort takes what is missing. The first result of a block wins; all are equal anyway, and one
that is not puts its engine out.
"""

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

from optimize.engines import moves
from optimize.engines.comparison import Comparison
from optimize.engines.health import Health
from optimize.engines.ledger import JobBook, Lane, Load
from optimize.engines.moves import Effect, Event, Policy
from optimize.engines.pace import Pace
from optimize.engines.placing import Placement
from optimize.job import CURVES


class Dispatch:
    """Jobs, engines, and the step from an event to effects.

    Parameters
    ----------
    engines
        Names in the order of preference, each with the blocks a worker is sent at once (None:
        no limit).
    last_resort
        The engine among them that never fails: `local`.
    policy
        The schedule's figures.
    same
        Tells whether two payloads of a block are equal.

    Attributes
    ----------
    switches
        Times that the engine of new jobs changed.
    duplicates, unequal
        Results of blocks that another engine had answered before, and those of other bits.
    stale, unasked
        Results of jobs already over, and results nobody asked that engine for.
    """

    def __init__(
        self,
        engines: Sequence[tuple[str, int | None]],
        last_resort: str,
        policy: Policy | None = None,
        same: Callable[[Any, Any], bool] = lambda one, other: bool(one == other),
    ) -> None:
        self._policy = policy or Policy()
        self.lanes = {name: Lane(name, window, Health(self._policy)) for name, window in engines}
        self._order = tuple(self.lanes.values())
        self._last = self.lanes[last_resort]
        self._same = same
        self._pace = Pace(self._policy)
        self._placement = Placement(self._order, self._last, self._pace)
        self._comparison = Comparison(self._order, self._policy.compare_ns)
        self._jobs: dict[int, JobBook] = {}
        self._tokens = count(1)
        self._effects: list[Effect] = []
        self.switches = self.duplicates = self.unequal = self.stale = self.unasked = 0

    def step(self, event: Event, now_ns: int) -> list[Effect]:
        """Take an event in; say what is to be done.

        Parameters
        ----------
        event
            What happened.
        now_ns
            Monotonic time of the caller's clock, never less than at the step before.
        """
        self._effects = []
        before = self._first_healthy()
        match event:
            case moves.Submitted(job_id, n_blocks, shape, deadline_ns):
                blocks = range(n_blocks)
                self._jobs[job_id] = JobBook(
                    job_id, shape, now_ns, deadline_ns, set(blocks), set(blocks)
                )
            case moves.Answered():
                self._answer(event, now_ns)
            case moves.Refused():
                self._refuse(event, now_ns)
            case moves.StandsBy(engine, waits):
                self.lanes[engine].health.stands_by = waits
            case moves.Came(engine, workers):
                self.lanes[engine].workers = workers
                self.lanes[engine].health.came(now_ns)
            case moves.Gone(engine, reason):
                self._lose(self.lanes[engine], reason, now_ns)
            case moves.CanaryAnswered(engine, token, good, reason):
                lane = self.lanes[engine]
                lane.health.answered(now_ns, token, good, reason)
                ours = self._comparison.answered(lane, now_ns, token)
                if ours and not good and lane is not self._last:
                    self._distrust(lane, reason, now_ns)
            case moves.Timer():
                pass
        self._pass_time(now_ns)
        self._send(now_ns)
        self._note_switch(before)
        return self._effects

    def next_ns(self) -> int | None:
        """Give the time at which a `Timer` is due; None: nothing waits for time to pass."""
        times = [lane.health.next_ns for lane in self._order]
        times += [self._placement.next_ns(job) for job in self._jobs.values()]
        times.append(self._comparison.next_ns)
        return min((time for time in times if time is not None), default=None)

    def _first_healthy(self) -> Lane | None:
        return next((lane for lane in self._order if lane.health.ready), None)

    def _note_switch(self, before: Lane | None) -> None:
        after = self._first_healthy()
        if after is before or after is None:
            return
        cause = f"{after.name} is ready"
        if before is not None:
            self.switches += 1
            if not before.health.ready:
                cause = f"{before.name} {before.health.account()}"
        self._effects.append(moves.Switch(before.name if before else "", after.name, cause))

    def _send(self, now_ns: int) -> None:
        for job in self._jobs.values():
            if job.stray:
                job.stray -= self._placement.place(job, sorted(job.stray), now_ns)
        for lane in self._order:
            for job in self._jobs.values():
                load = job.loads.get(lane.name)
                if load is not None and load.backlog and (blocks := lane.send(job, load)):
                    self._effects.append(moves.Send(lane.name, job.job_id, blocks))

    def _answer(self, event: moves.Answered, now_ns: int) -> None:
        lane, job = self.lanes[event.engine], self._jobs.get(event.job_id)
        load = job.loads.get(lane.name) if job else None
        if job is None:
            self.stale += 1
            return
        if load is None or event.block not in load.in_flight:
            self.unasked += 1
            return
        load.in_flight.discard(event.block)
        lane.forget(job.job_id, (event.block,))
        if event.block in job.results:
            self._compare(job, lane, event, now_ns)
        if event.block in job.missing and lane.health.ready:
            self._accept(job, lane, load, event)
        if not load.owed:
            load.hedge_at_ns = None
            self._pace.spanned(lane.name, job.shape, now_ns - load.begun_ns, load.given)
            if job.shape.kind not in CURVES and load.given == len(job.results) + len(job.missing):
                lane.spans_ns.append(now_ns - load.begun_ns)
        if not job.missing:
            self._complete(job, now_ns, "")

    def _accept(self, job: JobBook, lane: Lane, load: Load, event: moves.Answered) -> None:
        self._pace.computed(job.shape, event.compute_ns)
        job.missing.discard(event.block)
        job.stray.discard(event.block)
        job.results[event.block] = lane.name, event.payload
        job.peers[event.peer] = None
        load.answered += 1
        lane.done += 1
        lane.strikes = 0

    def _compare(self, job: JobBook, lane: Lane, event: moves.Answered, now_ns: int) -> None:
        """Check a block answered twice; if the bits differ, all but the last resort is out."""
        self.duplicates += 1
        maker, payload = job.results[event.block]
        if self._same(payload, event.payload):
            return
        self.unequal += 1
        for suspect in (lane, self.lanes[maker]):
            if suspect is not self._last:
                reason = (
                    f"its block {event.block} of job {job.job_id} has other bits than another's"
                )
                self._distrust(suspect, reason, now_ns)
                job.disown(suspect.name)

    def _refuse(self, event: moves.Refused, now_ns: int) -> None:
        lane, job = self.lanes[event.engine], self._jobs.get(event.job_id)
        load = job.loads.get(lane.name) if job else None
        if job is None or load is None:
            self.stale += 1
            return
        blocks = load.in_flight.intersection(event.blocks)
        self.unasked += len(set(event.blocks) - blocks)
        if not blocks:
            return
        load.in_flight -= blocks
        load.failed |= blocks
        lane.forget(job.job_id, blocks)
        job.abandon(blocks)
        job.note(f"{lane.name} could not evaluate {len(blocks)} blocks: {event.reason}")
        last = job.loads.get(self._last.name)
        if last is not None and (lost := sorted(job.stray & last.failed)):
            self._complete(job, now_ns, f"no engine can evaluate block {lost[0]}")
        elif lane is not self._last:
            self._strike(lane, f"could not evaluate blocks: {event.reason}", now_ns)

    def _lose(self, lane: Lane, reason: str, now_ns: int) -> None:
        lane.health.gone(now_ns, reason)
        lane.in_flight.clear()
        for job in self._jobs.values():
            job.drop(lane.name)

    def _strike(self, lane: Lane, reason: str, now_ns: int) -> None:
        lane.strikes += 1
        if lane.strikes >= self._policy.strikes:
            self._distrust(lane, reason, now_ns)

    def _distrust(self, lane: Lane, reason: str, now_ns: int) -> None:
        """Put an engine out that is still there; what it owes goes elsewhere at once."""
        lane.strikes = 0
        lane.health.distrust(now_ns, reason)
        lane.in_flight.clear()
        for job in self._jobs.values():
            if lane.name in job.loads:
                job.drop(lane.name)
                self._effects.append(moves.Forget(lane.name, job.job_id))

    def _pass_time(self, now_ns: int) -> None:
        for job in self._jobs.values():
            self._placement.pass_time(job, now_ns)
        for lane in self._order:
            token = next(self._tokens)
            if lane.health.timer(now_ns, token):
                self._effects.append(moves.SendCanary(lane.name, token))
        if (canary := self._comparison.timer(now_ns, next(self._tokens))) is not None:
            self._effects.append(canary)

    def _release(self, job: JobBook) -> None:
        for name, load in job.loads.items():
            self.lanes[name].forget(job.job_id, load.in_flight)
            self._effects.append(moves.Forget(name, job.job_id))

    def _complete(self, job: JobBook, now_ns: int, failure: str) -> None:
        self._release(self._jobs.pop(job.job_id))
        for name, load in job.loads.items():
            if load.overtaken and load.owed:
                self._settle(job, self.lanes[name], load, now_ns)
        self._effects.append(job.summary(tuple(self.lanes), now_ns, failure))

    def _settle(self, job: JobBook, lane: Lane, load: Load, now_ns: int) -> None:
        """Judge an engine that was overtaken: slow is learnt, silent is a strike."""
        if load.answered:
            span_ns = (now_ns - load.begun_ns) * load.given // load.answered
            self._pace.spanned(lane.name, job.shape, span_ns, load.given)
        elif lane is not self._last:
            self._strike(lane, f"did not answer {self._policy.strikes} jobs in turn", now_ns)
