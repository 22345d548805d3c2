"""What is decided, and when: a step machine without clock, threads or I/O.

``step(event)`` gives the effects that the shell carries out; every event bears its time. The
shell sends a ``Timer`` after each wake-up, so that digesting ticks and deciding are told apart
in the stage times. Statistics not used yet are replaced by newer ones (conflation); without
conflation the rest of a batch waits, undigested, until its next row may be decided, and
``wants_ticks`` holds the consumer back meanwhile: nothing queues without a bound.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

from ingest.admission import Admitted
from ingest.ticks import SymbolTable
from optimize.decision import Decision
from silverbullet.cloud_schedule import CloudSchedule
from silverbullet.events import (
    Effect,
    EndOfInput,
    Evaluate,
    Event,
    JobDone,
    JobFailed,
    Paused,
    Publish,
    TicksArrived,
    Timer,
)
from silverbullet.portfolio import Basis, carry_weights, make_decision, make_job
from silverbullet.settings import Settings
from stats.market import Market, NotReady
from stats.moments import Moments
from stats.snapshot import Arrays


class Decider:
    """Digests ticks and decides a portfolio again and again.

    Parameters
    ----------
    settings
        Windows, method, trigger and the rest.
    symbols
        The live table of symbols that admission fills.
    partitions
        All partitions that ticks come from.
    resume
        The portfolio's newest decision of an earlier run: what it decided is not decided
        again, and its weights are where the next solve starts.
    only_at_end
        Decide once, when the input has ended.
    """

    def __init__(
        self,
        settings: Settings,
        symbols: SymbolTable,
        *,
        partitions: Sequence[int] = (0,),
        resume: Decision | None = None,
        only_at_end: bool = False,
    ) -> None:
        self.settings = settings
        self.table = symbols
        self._only_at_end = only_at_end
        window = settings.window
        self.market = Market(
            sample_interval_ns=window.sample_interval_ns,
            allowed_lateness_ns=round(settings.ticks.allowed_lateness_s * 1e9),
            window_rows=window.rows,
            window_ticks=window.ticks,
            min_observations=min(window.min_observations, window.rows),
            stale_after=window.stale_after,
            defer_ticks=settings.decide.trigger == "row",
            partitions=partitions,
        )
        self.last_decision: Decision | None = resume
        self.not_ready = "no tick yet"
        self.paused = ""
        """Who paused it; empty while it decides."""
        self.counts: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.last_rejection = ""
        self.last_used_receive_ns = 0
        """When a tick that was used was last received, ns UTC; 0 before the first."""
        self._n_used = 0
        self._resume = resume
        self._rows: Iterator[int] = iter(())
        self._holds_rows = False
        self._due = False
        self._rows_since_decision = 0
        self._message_ns = 0
        self._basis: Basis | None = None
        self._tag = 0
        self._cloud = CloudSchedule(settings.optimize)
        self._last_started_ns: int | None = None
        self._ended = False

    @property
    def symbols(self) -> tuple[str, ...]:
        """All symbols admitted so far."""
        return self.table.symbols

    @property
    def busy(self) -> bool:
        """Whether a decision is under way."""
        return self._basis is not None

    @property
    def wants_ticks(self) -> bool:
        """Whether the shell may read on."""
        return self.settings.decide.conflate or not (self._holds_rows or self.busy)

    @property
    def finished(self) -> bool:
        """Whether the input has ended and everything due is decided."""
        return self._ended and not (self.busy or self._due or self._holds_rows)

    @property
    def is_settled(self) -> bool:
        """Whether all ticks read are digested and, without conflation, all their rows decided."""
        pending = not self.settings.decide.conflate and (self.busy or self._due)
        return not (self._holds_rows or pending)

    def restore(self, symbols: Sequence[str], arrays: Arrays) -> None:
        """Go on from the state of an earlier run; to be called before the first event.

        Raises
        ------
        ValueError
            It is not of these windows; this decider is of no use any more.
        """
        self.table.extend(symbols)
        self.market.restore(arrays)

    def next_timer_ns(self) -> int | None:
        """Give the time at which a throttled decision is due, or None."""
        if not (self._due or self._holds_rows) or self.busy or self.paused:
            return None
        return self._earliest_start_ns()

    def _earliest_start_ns(self) -> int | None:
        if self._last_started_ns is None:
            return None
        # An integer: a float64 of today's ns is off by up to 128.
        return self._last_started_ns + round(self.settings.decide.min_interval_s * 1e9)

    def step(self, event: Event) -> list[Effect]:
        """Take one event; give what the shell has to do."""
        match event:
            case TicksArrived(admitted):
                self._digest(admitted)
                return []
            case Timer(time_ns):
                return self._advance(time_ns)
            case JobDone():
                return self._finish(event)
            case JobFailed(tag, reason):
                self._give_up(tag, reason)
                return []
            case Paused(reason):
                self.paused = reason
                return []
            case EndOfInput():
                self._ended, self._only_at_end = True, False
                self._take_rows(self.market.close())
                return []

    def _digest(self, admitted: Admitted) -> None:
        batch = admitted.batch
        self.counts["read"] += admitted.n_read
        self.counts["duplicate"] += admitted.n_duplicate
        for rejection in admitted.rejections:
            self.rejected[rejection.reason] += 1
            self.last_rejection = rejection.message
        if not len(batch):
            return
        self._message_ns = batch.message_time_ns
        self._take_rows(
            self.market.update(
                batch.symbol_ids,
                batch.prices,
                batch.event_time_ns,
                batch.partitions,
                batch.offsets,
                batch.receive_time_ns,
            )
        )
        if self.settings.decide.trigger == "tick" and len(batch) > admitted.n_clock:
            self._due = True

    def _take_rows(self, rows: Iterator[int]) -> None:
        self._rows = chain(self._rows, rows) if self._holds_rows else rows
        self._holds_rows = True
        decide = self.settings.decide
        if decide.conflate or decide.trigger == "tick" or self._only_at_end:
            self._close_rows(one=False)

    def _close_rows(self, *, one: bool) -> None:
        """Let rows close: all that the batch holds, or just the next that may be decided."""
        for row in self._rows:
            if self._is_decided(row):
                self.not_ready = "reading again what an earlier run had read, to fill the windows"
                continue
            self._rows_since_decision += not self.paused
            if self.settings.decide.trigger == "row":
                self._due = True
                if one:
                    return
        self._holds_rows = False
        self._rows = iter(())
        if self.market.n_used > self._n_used:
            self._n_used = self.market.n_used
            self.last_used_receive_ns = self.market.last_receive_time_ns

    def _is_decided(self, row: int) -> bool:
        return self._resume is not None and row <= self._resume.row

    def _advance(self, time_ns: int) -> list[Effect]:
        while not (self.busy or self.paused or self._only_at_end or self._throttled(time_ns)):
            if self._holds_rows and not self._due:
                self._close_rows(one=True)
            if not self._due:
                break
            self._due = False
            effects = self._start(time_ns)
            if effects:
                return effects
            if not self._holds_rows:
                break
        return []

    def _throttled(self, time_ns: int) -> bool:
        due_ns = self._earliest_start_ns()
        # A clock that was set back must not hold decisions up for the time it lost.
        return due_ns is not None and (self._last_started_ns or 0) <= time_ns < due_ns

    def _moments(self) -> Moments | NotReady:
        symbols = self.symbols
        if self.settings.decide.trigger == "tick" and not self._ended:
            return self.market.open_moments(symbols)
        return self.market.moments(symbols)

    def _start(self, time_ns: int) -> list[Effect]:
        moments = self._moments()
        if isinstance(moments, NotReady):
            self.not_ready = moments.reason
            # What passed while the windows of a run that was started again filled counts.
            if self._resume is None or self.last_decision is not self._resume:
                self._rows_since_decision = 0
            return []
        if self._resume is not None and not self._is_news(moments, self._resume):
            return []
        self.not_ready = ""
        # History read to fill the windows was not skipped: nothing was decided before it.
        if self.last_decision is not None:
            self.counts["conflated"] += max(0, self._rows_since_decision - 1)
        self._rows_since_decision = 0
        start_weights = carry_weights(self.last_decision, moments.symbols)
        job = make_job(moments, self.settings.optimize, start_weights)
        self._basis = Basis(moments, job, self._message_ns, time_ns)
        self._last_started_ns = time_ns
        self._tag += 1
        return [Evaluate(self._tag, job)]

    @staticmethod
    def _is_news(moments: Moments, last: Decision) -> bool:
        """Tell whether an earlier run has not decided this row, or not from these ticks."""
        if moments.row != last.row:
            return moments.row > last.row
        return any(
            offset > last.offsets.get(str(partition), -1)
            for partition, offset in moments.offsets.items()
        )

    def _give_up(self, tag: int, reason: str) -> None:
        if not self._cloud.drop(tag):
            self._basis = None
            self.counts["failed"] += 1
            self.not_ready = f"no decision could be made: {reason}"

    def _finish(self, done: JobDone) -> list[Effect]:
        if self._cloud.keep(done):
            return []
        if self._basis is None or done.tag != self._tag:
            raise RuntimeError(f"job {done.tag} was not asked for; under way is {self._tag}")
        basis, self._basis = self._basis, None
        decide, picture = self.settings.decide, self._cloud.take()
        decision = make_decision(
            decide.portfolio, decide.trigger, basis, done.outcome, done.provenance, picture
        )
        self.last_decision = decision
        self.counts["decisions"] += 1
        self.counts["late_decisions"] += decision.late
        time_ns = done.provenance.solved_ns
        # The curves are asked for after the decision is out of the way, never before it. Their
        # tags are negative: they must not disturb the order of the decisions' own.
        tags = (-2 * self._tag, -2 * self._tag - 1)
        curves = [] if self._ended else self._cloud.ask(basis, tags, time_ns)
        return [Publish(decision), *curves, *self._advance(time_ns)]
