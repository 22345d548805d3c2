"""The engines and their dispatch behind one object: submit a job, wait for it.

A thread moves what engines tell into the dispatch machine and carries its effects out, so that
late blocks go elsewhere whatever the caller is at.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import count

from optimize.engines import moves
from optimize.engines.dispatch import Dispatch
from optimize.engines.fingerprint import same_bits
from optimize.engines.moves import Policy, Switch
from optimize.engines.protocol import Engine, Evaluate, Phase
from optimize.engines.translate import Translator
from optimize.engines.views import Completed, Counts, EngineView
from optimize.job import DrawJob

LAST_RESORT = "local"
_WINDOW = 4  # blocks a local thread is sent ahead: more could not be taken back from it
_IDLE_S = 3600.0


class Evaluator:
    """Evaluates jobs on engines in the order of preference.

    Parameters
    ----------
    engines
        In that order; one of them is `local`, which is the last resort wherever it stands.
    evaluate
        What all engines run; canary answers are compared with its own.
    policy
        The schedule's figures.
    on_switch
        Called, with the evaluator's lock held, when jobs begin to go to another engine; it must
        return at once.
    ids
        Where job ids come from, ascending from 1; evaluators that share it share no id.

    Raises
    ------
    ValueError
        `local` is not among the engines, or one is there twice.
    """

    def __init__(
        self,
        engines: Sequence[Engine],
        *,
        evaluate: Evaluate,
        policy: Policy | None = None,
        on_switch: Callable[[Switch], None] | None = None,
        ids: Iterator[int] | None = None,
    ) -> None:
        self._engines = {engine.name: engine for engine in engines}
        if len(self._engines) != len(engines) or LAST_RESORT not in self._engines:
            names = ", ".join(engine.name for engine in engines)
            raise ValueError(f"engines={names}: each once, and {LAST_RESORT} among them")
        windows = [(name, _WINDOW if name == LAST_RESORT else None) for name in self._engines]
        self._dispatch = Dispatch(windows, LAST_RESORT, policy, same_bits)
        self._on_switch = on_switch
        self._jobs: dict[int, DrawJob] = {}
        self._translator = Translator(evaluate, self._jobs)
        self._ids = ids if ids is not None else count(1)
        self._lock = threading.RLock()
        self._completed: deque[Completed] = deque()
        self._complete = threading.Condition(self._lock)
        self._woken = threading.Event()
        self._closed = False
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="evaluator", daemon=True)

    def start(self) -> None:
        """Start all engines and return; `local` decides until others are up."""
        for engine in self._engines.values():
            engine.start(self._woken.set)
        self._pump()
        self._thread.start()

    def submit(self, job: DrawJob, deadline_s: float) -> int:
        """Begin a job.

        Parameters
        ----------
        job
            What to evaluate.
        deadline_s
            Seconds from now in which it ought to be complete.

        Returns
        -------
        int
            The job's id, greater than those before.
        """
        with self._lock:
            self._check()
            job_id = next(self._ids)
            self._jobs[job_id] = job
            now_ns = time.monotonic_ns()
            shape = moves.Shape(job.kind, job.n_assets, min(job.block_size, job.n_draws))
            deadline_ns = now_ns + int(deadline_s * 1e9)
            self._step(moves.Submitted(job_id, job.n_blocks, shape, deadline_ns), now_ns)
        self._woken.set()  # there may be an earlier time to wake at now
        return job_id

    def wait(self, timeout_s: float) -> Completed | None:
        """Take the next job that is over, waiting for it; None after ``timeout_s`` seconds.

        Raises
        ------
        RuntimeError
            The evaluator itself failed, or is closed.
        """
        with self._lock:
            self._complete.wait_for(
                lambda: self._completed or self._fault or self._closed, timeout_s
            )
            if self._completed:
                return self._completed.popleft()
            self._check()
            return None

    @property
    def n_open(self) -> int:
        """Jobs that are not over, or over and not taken."""
        with self._lock:
            return len(self._jobs) + len(self._completed)

    def states(self) -> tuple[EngineView, ...]:
        """Describe every engine, in the order of preference."""
        with self._lock:
            # Of a list: a tuple made of a generator is cut to its length, and CPython keeps up to
            # 2000 freed ones of each length. A status a second grew `run` by 0.5 MiB in its first
            # half hour so.
            return tuple([self._view(engine) for engine in self._engines.values()])

    def counts(self) -> Counts:
        """Give what dispatch counted since its start."""
        with self._lock:
            machine = self._dispatch
            return Counts(
                machine.switches, machine.duplicates, machine.unequal, machine.stale,
                machine.unasked,
            )  # fmt: skip

    def close(self) -> None:
        """End all engines and every process they started."""
        with self._lock:
            self._closed = True
            self._complete.notify_all()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()
        for engine in self._engines.values():
            engine.close()

    def _check(self) -> None:
        if self._fault is not None:
            raise RuntimeError(f"the evaluator failed: {self._fault}") from self._fault
        if self._closed:
            raise RuntimeError("the evaluator is closed")

    def _view(self, engine: Engine) -> EngineView:
        lane, account = self._dispatch.lanes[engine.name], engine.ready()
        # It gives a reason for as long as nothing is on the way.
        is_coming = account.phase == "starting" and not account.reason
        state: Phase = "starting"
        if self._closed or account.phase == "closed":
            state = "closed"
        elif lane.health.ready:
            state = "ready"
        elif lane.health.phase == "failed" and not is_coming:
            state = "failed"
        health = lane.health.account(is_coming=is_coming)
        # What put it out of use is as a rule what the engine itself says: once is enough.
        told = "" if account.reason in health else account.reason
        reasons = [text for text in (health, told) if text]
        return EngineView(
            engine.name, state, engine.dispatch, account.workers, "; ".join(reasons),
            len(lane.in_flight), lane.done, account.restarts, account.peers,
            _percentile_ms(lane.spans_ns, 50), _percentile_ms(lane.spans_ns, 99),
            _percentile_ms(lane.canaries_ns, 50),
        )  # fmt: skip

    def _run(self) -> None:
        try:
            while not self._closed:
                with self._lock:
                    due_ns = self._dispatch.next_ns()
                wait_s = _IDLE_S if due_ns is None else (due_ns - time.monotonic_ns()) / 1e9
                self._woken.wait(max(0.0, wait_s))
                self._woken.clear()
                self._pump()
        except Exception as error:  # noqa: BLE001 - it is raised to whoever waits
            with self._lock:
                self._fault = error
                self._complete.notify_all()

    def _pump(self) -> None:
        with self._lock:
            for name, engine in self._engines.items():
                for event in engine.collect(0):
                    self._step(self._translator.translate(name, event), time.monotonic_ns())
            self._step(moves.Timer(), time.monotonic_ns())

    def _step(self, event: moves.Event, now_ns: int) -> None:
        translator = self._translator
        if isinstance(event, moves.CanaryAnswered):
            self._engines[event.engine].cancel(translator.canary_id(event.token))
        for effect in self._dispatch.step(event, now_ns):
            match effect:
                case moves.Send(engine, job_id, blocks):
                    self._engines[engine].submit(job_id, self._jobs[job_id], blocks)
                case moves.Forget(engine, job_id):
                    self._engines[engine].cancel(job_id)
                case moves.SendCanary(engine, token):
                    canary_id = translator.canary_id(token)
                    self._engines[engine].submit(canary_id, translator.canary, (0,))
                case moves.Complete():
                    self._finish(effect)
                case moves.Switch() if self._on_switch is not None:
                    self._on_switch(effect)

    def _finish(self, effect: moves.Complete) -> None:
        job = self._jobs.pop(effect.job_id)
        self._completed.append(
            Completed(
                effect.job_id, job, effect.payloads, effect.engine, effect.peers,
                effect.degraded, effect.late, effect.failed, effect.reason,
            )
        )  # fmt: skip
        self._complete.notify_all()


def _percentile_ms(spans_ns: Sequence[int], percent: int) -> float | None:
    """Give the nearest-rank percentile of times; None without any."""
    if not spans_ns:
        return None
    rank = -(-len(spans_ns) * percent // 100)
    return sorted(spans_ns)[rank - 1] / 1e6
