"""An engine whose foreign scheduler lives in a host process: the part inside the pipeline.

Ray ends its driver a minute after the head is lost, and a JVM may take long over its end, so the
pipeline holds neither. The host is started, watched and replaced here. With dispatch ``tasks``
blocks go to it over a `PeerHub`, and it makes tasks of the foreign scheduler of them. With
``resident`` it only has the scheduler place workers, which connect to the hub themselves.
"""

import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from optimize.engines.essentials import Essentials
from optimize.engines.fingerprint import fingerprint, load_evaluate
from optimize.engines.host_kind import SCHEDULER_FOLDER, HostKind, make_folder
from optimize.engines.mailbox import Mailbox
from optimize.engines.protocol import (
    EVALUATE,
    ChildProcess,
    Dispatch,
    EngineEvent,
    EngineStandsBy,
    Phase,
    Readiness,
    Restarts,
    Spawn,
)
from optimize.engines.reception import Reception
from optimize.engines.standby import Standby
from optimize.job import DrawJob

_TEND_S = 0.1
_START_LIMIT_NS = 120_000_000_000  # 3 to 15 s were seen, 17 more where kernels must compile
# A killed process closes its connections a moment before it counts as ended.
_SETTLE_S = 0.02
_GRACE_S = 6.0  # a shutdown on a foreign cluster takes 1.4 s; the host ends itself after 5


class HostedEngine:
    """Evaluates blocks as tasks of a foreign scheduler.

    Parameters
    ----------
    kind
        Which.
    workers
        Tasks at once.
    address
        A cluster to join, or ``local``: one of our own on loopback.
    spawn, restarts
        Start the host process, and say when to start it again.
    clock
        Monotonic ns.
    evaluate
        ``module:function`` that the workers import.
    task_ms
        Work that a task should hold; a task costs 2 to 5 ms by itself on Ray, 8 to 20 on Spark.
    standby
        Says whether it is wanted yet; None: from the start.
    dispatch
        ``tasks`` or ``resident``.
    """

    def __init__(
        self,
        kind: HostKind,
        *,
        workers: int,
        address: str = "local",
        spawn: Spawn,
        restarts: Restarts,
        clock: Callable[[], int],
        evaluate: str = EVALUATE,
        task_ms: float = 25.0,
        dispatch: Dispatch = "tasks",
        standby: Standby | None = None,
    ) -> None:
        self.name = kind.engine
        self.dispatch: str = dispatch
        self._kind = kind
        self._workers = workers
        self._address = address
        self._spawn = spawn
        self._restarts = restarts
        self._clock = clock
        self._evaluate = evaluate
        self._task_ms = task_ms
        self._standby = standby or Standby(())
        self._mailbox = Mailbox()
        self._reception = Reception(self.name, dispatch, self._mailbox, self._condemn, self._cause)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._supervise, name=f"{self.name}-host", daemon=True
        )
        self._folder = Path()
        self._child: ChildProcess | None = None
        self._essentials: Essentials | None = None
        self._has_found = False
        self._started_ns = 0
        self._condemned = ""
        self._waits = ""

    def start(self, wake: Callable[[], None]) -> None:
        """Start the host, in the background."""
        self._mailbox.attach(wake)
        self._thread.start()

    def ready(self) -> Readiness:
        """Give the state as of now."""
        restarts = self._restarts.restarts
        if self._closing.is_set():
            return Readiness("closed", 0, restarts, "")
        if capacity := self._reception.capacity:
            return Readiness("ready", capacity, restarts, "", self._reception.workers())
        if self._waits:
            return Readiness("closed", 0, restarts, self._waits)
        phase: Phase = "failed" if self._restarts.given_up else "starting"
        return Readiness(phase, 0, restarts, self._restarts.given_up or self._reception.reason)

    def submit(self, job_id: int, job: DrawJob, blocks: Sequence[int]) -> None:
        """Send blocks to host or workers, and the job before the first of them."""
        self._reception.give(job_id, job, blocks)

    def collect(self, timeout_s: float) -> list[EngineEvent]:
        """Take what happened since the last call."""
        return self._mailbox.take(timeout_s)

    def cancel(self, job_id: int) -> None:
        """Drop a job and what of it has not begun."""
        self._reception.cancel(job_id)

    def close(self) -> None:
        """End the host with all its processes."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _supervise(self) -> None:
        if missing := self._kind.missing():
            self._give_up(missing)
            return
        self._stand_by()
        if self._closing.is_set():
            return
        try:
            expected = fingerprint(load_evaluate(self._evaluate))
            self._folder = make_folder(self.name)
            self._reception.open(self._endpoint(), expected)
        except Exception as error:  # noqa: BLE001 - whatever it is, this engine is out and says so
            self._give_up(f"{type(error).__name__}: {error}")
            return
        while not self._closing.wait(_TEND_S):
            self._tend(self._clock())
        self._reception.close()
        if self._child is not None:
            self._child.terminate(_GRACE_S)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _stand_by(self) -> None:
        """Wait until it is wanted; till then there is nothing of it but this thread."""
        self._waits = self._standby.waits(self._clock())
        if not self._waits:
            return
        self._mailbox.put(EngineStandsBy(waits=True))
        while self._waits and not self._closing.wait(_TEND_S):
            self._waits = self._standby.waits(self._clock())
        self._mailbox.put(EngineStandsBy(waits=False))

    def _give_up(self, reason: str) -> None:
        self._restarts.give_up(reason)
        self._reception.lose(reason)

    def _endpoint(self) -> str:
        return f"ipc://{self._folder}/peers.sock"

    def _condemn(self, reason: str, for_good: bool) -> None:
        with self._lock:
            self._condemned = reason
            if for_good:
                self._restarts.give_up(reason)

    def _cause(self, told: str) -> str:
        """Say what died first, of what the pipeline heard when the engine was lost."""
        with self._lock:
            condemned, essentials = self._condemned, self._essentials
        if condemned or essentials is None:
            return condemned or told
        if not self._has_found:  # lost within a tenth of a second: the dead are not reaped yet
            essentials.find()
        return essentials.died(_SETTLE_S) or told

    def _tend(self, now_ns: int) -> None:
        """Start the host if it is due, see whether it lives, end it if it must."""
        child = self._child
        if child is None:
            if self._restarts.due(now_ns):
                self._begin(now_ns)
            return
        with self._lock:
            condemned = self._condemned
        up = self._reception.capacity > 0
        if up and not self._has_found and self._essentials is not None:
            self._essentials.find()
            self._has_found = True
        if not up and not condemned and now_ns - self._started_ns > _START_LIMIT_NS:
            condemned = f"did not come up within {_START_LIMIT_NS / 1e9:g} s"
        if condemned and child.poll() is None:
            child.terminate(_GRACE_S)
        if child.poll() is not None:
            self._child = None
            reason = condemned or child.describe_exit()
            self._reception.lose(reason)
            if not self._restarts.given_up:
                self._restarts.ended(now_ns, reason)

    def _begin(self, now_ns: int) -> None:
        # What an earlier host left; its processes are gone.
        shutil.rmtree(self._folder / SCHEDULER_FOLDER, ignore_errors=True)
        with self._lock:
            self._condemned = ""
        self._reception.expect()
        options = {
            "endpoint": self._endpoint(),
            "folder": self._folder,
            "workers": self._workers,
            "address": self._address,
            "evaluate": self._evaluate,
            "task-ms": self._task_ms,
            "dispatch": self.dispatch,
            "parent": os.getpid(),
        }
        # -P: a module of the user's in the present folder must not stand before ours.
        argv = [sys.executable, "-P", "-m", self._kind.module]
        argv += [f"--{name}={value}" for name, value in options.items()]
        self._started_ns = now_ns
        self._restarts.started(now_ns)
        try:
            self._child = self._spawn(
                argv,
                name=f"{self.name}-host",
                env=self._kind.environment(self._address),
                # Not SIGTERM: the host is to know that nobody else is left to sweep.
                death_signal=signal.SIGHUP,
            )
        except (OSError, RuntimeError) as error:
            self._restarts.ended(now_ns, str(error))
            self._reception.lose(str(error))
            return
        title, named = f"the host of {self.name}", self._kind.essential
        with self._lock:
            self._essentials = Essentials(self._child.pid, named, title)
            self._has_found = False
