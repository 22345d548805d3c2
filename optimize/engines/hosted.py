"""An engine whose foreign scheduler lives in a host process: the part inside the pipeline.

Ray ends its driver a minute after the head is lost, and a JVM may take long over its end, so the
pipeline holds neither. The host is started, watched and replaced here; blocks go to it over a
`PeerHub`, and it makes tasks of the foreign scheduler of them (dispatch ``tasks``).
"""

import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from optimize.engines import messages
from optimize.engines.fingerprint import fingerprint, load_evaluate
from optimize.engines.host_kind import SCHEDULER_FOLDER, HostKind, make_folder
from optimize.engines.mailbox import Mailbox
from optimize.engines.peers import Joined, Left, PeerEvent, PeerHub, Rejected, Said
from optimize.engines.protocol import (
    EVALUATE,
    BlockDone,
    BlocksFailed,
    ChildProcess,
    EngineEvent,
    EngineLost,
    EngineReady,
    Phase,
    Readiness,
    Restarts,
    Spawn,
)
from optimize.job import DrawJob

_TEND_S = 0.1
_START_LIMIT_NS = 120_000_000_000  # 3 to 15 s were seen, 17 more where kernels must compile
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
        Work that a task should hold; a task costs 2 to 5 ms by itself.
    """

    dispatch = "tasks"

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
    ) -> None:
        self.name = kind.engine
        self._kind = kind
        self._workers = workers
        self._address = address
        self._spawn = spawn
        self._restarts = restarts
        self._clock = clock
        self._evaluate = evaluate
        self._task_ms = task_ms
        self._mailbox = Mailbox()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(
            target=self._supervise, name=f"{self.name}-host", daemon=True
        )
        self._folder = Path()
        self._hub: PeerHub | None = None
        self._child: ChildProcess | None = None
        self._started_ns = 0
        self._peer: bytes | None = None
        self._peer_name = ""
        self._jobs: set[int] = set()
        self._condemned = ""
        self._reason = "is starting"
        self._told = False

    def start(self, wake: Callable[[], None]) -> None:
        """Start the host, in the background."""
        self._mailbox.attach(wake)
        self._thread.start()

    def ready(self) -> Readiness:
        """Give the state as of now."""
        with self._lock:
            if self._closing.is_set():
                return Readiness("closed", 0, self._restarts.restarts, "")
            if self._peer is not None:
                return Readiness("ready", self._workers, self._restarts.restarts, "")
            phase: Phase = "failed" if self._restarts.given_up else "starting"
            reason = self._restarts.given_up or self._reason
            return Readiness(phase, 0, self._restarts.restarts, reason)

    def submit(self, job_id: int, job: DrawJob, blocks: Sequence[int]) -> None:
        """Send blocks to the host, and the job before the first of them."""
        with self._lock:
            if self._peer is None or self._hub is None:
                return  # the loss has been told, and with it that nothing will be answered
            if job_id not in self._jobs:
                self._jobs.add(job_id)
                self._hub.send(self._peer, messages.Job(job_id, job))
            self._hub.send(self._peer, messages.Blocks(job_id, tuple(blocks)))

    def collect(self, timeout_s: float) -> list[EngineEvent]:
        """Take what happened since the last call."""
        return self._mailbox.take(timeout_s)

    def cancel(self, job_id: int) -> None:
        """Drop a job and its tasks that have not begun."""
        with self._lock:
            if job_id in self._jobs and self._peer is not None and self._hub is not None:
                self._jobs.discard(job_id)
                self._hub.send(self._peer, messages.Cancel(job_id))

    def close(self) -> None:
        """End the host with all its processes."""
        with self._lock:
            self._closing.set()
        if self._thread.is_alive():
            self._thread.join()

    def _supervise(self) -> None:
        try:
            expected = fingerprint(load_evaluate(self._evaluate))
            self._folder = make_folder(self.name)
            hub = PeerHub(self._endpoint(), fingerprint=expected, listen=self._listen)
            hub.start()
        except Exception as error:  # noqa: BLE001 - whatever it is, this engine is out and says so
            self._restarts.give_up(f"{type(error).__name__}: {error}")
            self._lose(self._restarts.given_up)
            return
        with self._lock:
            self._hub = hub
        while not self._closing.wait(_TEND_S):
            self._tend(self._clock())
        hub.close()
        if self._child is not None:
            self._child.terminate(_GRACE_S)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _endpoint(self) -> str:
        return f"ipc://{self._folder}/peers.sock"

    def _tend(self, now_ns: int) -> None:
        """Start the host if it is due, see whether it lives, end it if it must."""
        child = self._child
        if child is None:
            if self._restarts.due(now_ns):
                self._begin(now_ns)
            return
        with self._lock:
            condemned, up = self._condemned, self._peer is not None
        if not up and not condemned and now_ns - self._started_ns > _START_LIMIT_NS:
            condemned = f"did not come up within {_START_LIMIT_NS / 1e9:g} s"
        if condemned and child.poll() is None:
            child.terminate(_GRACE_S)
        if child.poll() is not None:
            self._child = None
            reason = condemned or child.describe_exit()
            self._lose(reason)
            if not self._restarts.given_up:
                self._restarts.ended(now_ns, reason)

    def _begin(self, now_ns: int) -> None:
        # What an earlier host left; its processes are gone.
        shutil.rmtree(self._folder / SCHEDULER_FOLDER, ignore_errors=True)
        with self._lock:
            self._condemned, self._reason, self._told = "", "is starting", False
        options = {
            "endpoint": self._endpoint(),
            "folder": self._folder,
            "workers": self._workers,
            "address": self._address,
            "evaluate": self._evaluate,
            "task-ms": self._task_ms,
            "parent": os.getpid(),
        }
        argv = [sys.executable, "-m", self._kind.module]
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
            self._lose(str(error))

    def _listen(self, event: PeerEvent) -> None:
        """Take what the hub tells, on its thread."""
        match event:
            case Joined(peer, hello):
                with self._lock:
                    self._peer, self._peer_name = peer, hello.name
                    self._jobs.clear()
                self._mailbox.put(EngineReady(hello.capacity))
            case Rejected(_, reason):
                self._restarts.give_up(reason)
                with self._lock:
                    self._condemned = reason
            case Left(_, reason):
                with self._lock:
                    self._condemned = reason
                self._lose(reason)
            case Said(_, message):
                self._hear(message)

    def _hear(self, message: messages.Message) -> None:
        match message:
            case messages.Result(job_id, result, compute_ns):
                self._mailbox.put(BlockDone(job_id, result, self._peer_name, compute_ns))
            case messages.Failed(job_id, blocks, reason):
                self._mailbox.put(BlocksFailed(job_id, blocks, reason))

    def _lose(self, reason: str) -> None:
        """Tell the loss, once a host; a later cause of the same loss adds nothing."""
        with self._lock:
            told, self._told = self._told, True
            self._peer, self._reason = None, reason
            self._jobs.clear()
        if not told:
            self._mailbox.put(EngineLost(reason))
