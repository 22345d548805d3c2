"""The shell of ``run``: moves bytes between Kafka, the decider, the engines and the clock.

One poll, drain what is there, update once, decide once, publish once. A wake-up of the
consumer starts the work, so nothing busy-polls (which was measured to be slower).
"""

import gc
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Sequence

import psutil

from ingest.admission import Admission
from ingest.codec import RawMessages
from ingest.producer import TopicProducer
from ingest.sole_producer import SoleProducer
from optimize.decision import Decision, encode_decision, stamp_published
from optimize.engines.views import Completed
from optimize.evaluate import evaluate_job, merge_blocks
from optimize.job import DrawJob
from silverbullet.checkpointing import Checkpoints
from silverbullet.decider import Decider
from silverbullet.ends import Evaluations, Finished, TickSource
from silverbullet.events import (
    Effect,
    EndOfInput,
    Evaluate,
    JobDone,
    JobFailed,
    Publish,
    TicksArrived,
    Timer,
)
from silverbullet.portfolio import Provenance
from silverbullet.refusals import Refusals
from silverbullet.settings import Settings
from silverbullet.standstill import Standstill, overdue
from silverbullet.status import Rates, Surroundings, make_status
from silverbullet.steering import Steering
from storage.records import Status, encode_status

log = logging.getLogger("silverbullet.run")

STATUS_INTERVAL_S = 1.0
IDLE_POLL_S = 0.5
# While blocks are out, their return is what is waited for; ticks are looked at in between.
# 2 ms is far below the time of a resampled decision (13 ms at 50 assets on two workers).
BUSY_WAIT_S = 0.002


class Runner:
    """One pipeline, from ticks to decisions.

    Parameters
    ----------
    settings, decider, admission
        Admission fills the symbol table that it shares with the decider.
    source, producer, evaluator
        The shell's ends; ``producer`` may be None: nothing is published.
    stop
        Ends the run when set.
    steering
        What admins ask for, where they may.
    checkpoints
        Where the state is kept now and then, if anywhere.
    rejected
        Sends refused ticks, where ``producer`` is not to.
    """

    def __init__(
        self,
        settings: Settings,
        decider: Decider,
        admission: Admission,
        source: TickSource,
        producer: TopicProducer | SoleProducer | None,
        evaluator: Evaluations,
        stop: threading.Event,
        steering: Steering | None = None,
        checkpoints: Checkpoints | None = None,
        rejected: TopicProducer | None = None,
    ) -> None:
        self._settings = settings
        self._decider = decider
        self._admission = admission
        resumed = decider.last_decision
        self._refusals = Refusals(
            rejected or producer, settings.kafka.rejected_topic, resumed.offsets if resumed else {}
        )
        self._gaps_said: tuple[object, ...] = ()
        self._source = source
        self._producer = producer
        self._evaluator = evaluator
        self._stop = stop
        self._steering = steering
        self._checkpoints = checkpoints
        self._jobs: dict[int, tuple[int, DrawJob, int]] = {}
        self._rates = Rates()
        self._started_ns = time.time_ns()
        self._next_status_s = time.monotonic()
        self._standstill = Standstill()
        self._completed: Completed | None = None
        self._process = psutil.Process()

    def run(self, *, until_end: bool = False, wait_for_engine: str | None = None) -> Finished:
        """Run until stopped or, with ``until_end``, until the input has ended.

        Parameters
        ----------
        wait_for_engine
            With ``until_end``: the last row is decided only when this engine is ready.
        """
        gc.collect()
        gc.freeze()
        ended = False
        self._steer()  # one that was paused decides nothing when it is started again
        while not self._stop.is_set() and not self._decider.finished:
            raw = self._wait()
            if raw is not None:
                self._take(raw)
            elif (
                until_end
                and not ended
                # Without conflation rows of the last batch may still wait to be decided.
                and self._decider.wants_ticks
                and self._has_all(wait_for_engine)
            ):
                ended = True
                self._decider.step(EndOfInput())
            if self._reads_on(raw):
                continue
            self._carry_out(self._decider.step(Timer(time.time_ns())))
            if self._steer():  # behind the decision, which 10 us of looking would delay
                self._carry_out(self._decider.step(Timer(time.time_ns())))
            if self._checkpoints is not None:
                self._checkpoints.look(self._decider, self._admission, self._source.positions)
            self._report()
        self._next_status_s = -math.inf  # the last word, however young the one before is
        self._report()
        return Finished(self._decider.last_decision, self._status())

    def _steer(self) -> bool:
        """Do what admins have asked for since the last turn; tell whether it pauses or resumes."""
        if self._steering is None or (paused := self._steering.step()) is None:
            return False
        self._decider.step(paused)
        return True

    def _reads_on(self, raw: RawMessages | None) -> bool:
        """Tell whether what came while this process stood still is to be read before it decides."""
        message_ns = raw.newest_timestamp_ms * 1_000_000 if raw is not None else None
        reads_on = self._standstill.step(time.time_ns(), message_ns)
        return reads_on and self._settings.decide.conflate and not self._decider.finished

    def _has_all(self, engine: str | None) -> bool:
        """Tell whether the input was read to its end and the engine waited for has settled."""
        if not self._source.at_end():
            return False
        if engine is None:
            return True
        states = {view.name: view.state for view in self._evaluator.states()}
        return states.get(engine, "failed") != "starting"

    def _wait(self) -> RawMessages | None:
        """Wait for what comes next: a result, ticks, or the time of a throttled decision."""
        if self._jobs:
            # A decision under way is what is waited for; a cloud alone must not delay ticks.
            waits_for_blocks = self._decider.busy
            if self._completed is None:
                self._completed = self._evaluator.wait(BUSY_WAIT_S if waits_for_blocks else 0.0)
            # Another decision starts with it: not on the ticks of before a standstill.
            if self._completed is not None and not self._reads_on(None):
                self._complete(self._completed)
            if not self._decider.wants_ticks:
                return None
            has_waited = waits_for_blocks and self._completed is None
            return self._source.poll(0.0 if has_waited else BUSY_WAIT_S)
        due_ns = self._decider.next_timer_ns()
        timeout_s = min(IDLE_POLL_S, max(0.0, self._next_status_s - time.monotonic()))
        if due_ns is not None:
            timeout_s = min(timeout_s, max(0.0, (due_ns - time.time_ns()) / 1e9))
        if not self._decider.wants_ticks:
            self._stop.wait(timeout_s)
            return None
        return self._source.poll(timeout_s)

    def _take(self, raw: RawMessages) -> None:
        admitted = self._admission.step(raw)
        self._refusals.take(admitted.rejections)
        self._decider.step(TicksArrived(admitted))

    def _carry_out(self, effects: Sequence[Effect]) -> None:
        left = deque(effects)
        while left:
            match left.popleft():
                case Publish(decision):
                    self._publish(decision)
                case Evaluate(tag, job):
                    now_ns = time.time_ns()
                    if job.kind == "exact":
                        # Microseconds: handing it to an engine could only lose.
                        outcome = evaluate_job(job)
                        done = JobDone(tag, outcome, _inline(now_ns, time.time_ns()))
                        left.extend(self._decider.step(done))
                    else:
                        number = self._evaluator.submit(job, self._settings.optimize.deadline_s)
                        self._jobs[number] = (tag, job, now_ns)

    def _complete(self, completed: Completed) -> None:
        self._completed = None
        tag, job, submitted_ns = self._jobs.pop(completed.job_id)
        if completed.failed:
            log.error("a job could not be evaluated: %s", completed.reason)
            self._decider.step(JobFailed(tag, completed.reason))
            return
        solved_ns = time.time_ns()
        late = overdue(solved_ns - submitted_ns, self._settings.optimize.deadline_s)
        provenance = Provenance(
            engine=completed.engine,
            peers=completed.peers,
            degraded=completed.degraded,
            late=completed.late or bool(late),
            reason=completed.reason or late,
            submitted_ns=submitted_ns,
            solved_ns=solved_ns,
        )
        outcome = merge_blocks(job, completed.results)
        self._carry_out(self._decider.step(JobDone(tag, outcome, provenance)))

    def _publish(self, decision: Decision) -> None:
        if self._producer is None:
            return
        payload = stamp_published(encode_decision(decision), time.time_ns())
        topic = self._settings.kafka.decisions_topic
        self._producer.send(topic, payload, key=decision.portfolio.encode(), partition=0)
        self._producer.poll()

    def _status(self) -> Status:
        notices = [str(gap) for gap in self._source.gaps()[-1:]]
        if self._producer is not None and self._producer.failed:
            notices.append(
                f"{self._producer.failed} messages could not be delivered, the first: "
                f"{self._producer.first_failure}"
            )
        around = Surroundings(
            time_ns=time.time_ns(),
            started_ns=self._started_ns,
            lost_offsets=self._source.lost_offsets,
            offsets={
                f"{topic}/{partition}": offset
                for (topic, partition), offset in self._source.positions().items()
            },
            engines=self._evaluator.states(),
            dispatch=self._evaluator.counts()._asdict(),
            memory_bytes=self._process.memory_info().rss,
            notices=tuple(notices),
            controls=() if self._steering is None else self._steering.log,
            change="" if self._steering is None else self._steering.change,
            switches=() if self._steering is None else self._steering.switches,
            wanted=None if self._steering is None else self._steering.wanted,
            fingerprint="" if self._steering is None else self._steering.fingerprint,
        )
        return make_status(self._decider, self._rates, around)

    def _say_gaps(self) -> None:
        gaps = tuple(self._source.gaps())
        # Compared, not counted: only the newest 256 are kept.
        for gap in gaps:
            if gap not in self._gaps_said:
                log.warning("%s", gap)
        self._gaps_said = gaps

    def _report(self) -> None:
        now_s = time.monotonic()
        if now_s < self._next_status_s:
            return
        self._next_status_s = now_s + STATUS_INTERVAL_S
        self._refusals.say()
        self._say_gaps()
        if self._producer is None:
            return
        payload = encode_status(self._status())
        key = self._settings.decide.portfolio.encode()
        self._producer.send(self._settings.kafka.status_topic, payload, key=key, partition=0)
        self._producer.poll()


def _inline(submitted_ns: int, solved_ns: int) -> Provenance:
    return Provenance("local", ("run",), False, False, "", submitted_ns, solved_ns)
