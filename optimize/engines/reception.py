"""The peers of one engine: who is there, which blocks they have, what they answer."""

import threading
from collections.abc import Callable, Sequence

from optimize.engines import messages
from optimize.engines.mailbox import Mailbox
from optimize.engines.peer_events import Joined, Left, PeerEvent, Rejected, Said
from optimize.engines.peers import PeerHub
from optimize.engines.protocol import (
    BlockDone,
    BlocksFailed,
    Dispatch,
    EngineLost,
    EngineReady,
    WorkerView,
)
from optimize.engines.rates import WorkerRates
from optimize.engines.shares import Shares
from optimize.job import DrawJob


class Reception:
    """Takes peers in, gives them blocks, and hands on what they say.

    Parameters
    ----------
    engine
        Its name.
    dispatch
        With ``tasks`` the host is the only peer that takes blocks; with ``resident`` the host
        takes none and every worker is a peer.
    mailbox
        Takes the engine's events.
    condemn
        Called with the reason when the host is of no more use; ``for_good``: nor is another.
    cause
        Called with what was told when the engine is lost; gives what died first, if it knows.
    """

    def __init__(
        self,
        engine: str,
        dispatch: Dispatch,
        mailbox: Mailbox,
        condemn: Callable[[str, bool], None],
        cause: Callable[[str], str] = lambda told: told,
    ) -> None:
        self._engine = engine
        self._dispatch = dispatch
        self._rates = WorkerRates()
        self._mailbox = mailbox
        self._condemn = condemn
        self._cause = cause
        self._lock = threading.Lock()
        self._hub: PeerHub | None = None
        self._names: dict[int, str] = {}
        self._jobs: dict[int, DrawJob] = {}
        self._shares = self._no_shares()
        self._told = False
        self.reason = ""
        """Why no peer takes blocks; empty while a host is on the way."""

    def open(self, endpoint: str, fingerprint: str) -> None:
        """Bind the hub.

        Raises
        ------
        OSError
            The endpoint cannot be bound.
        """
        hub = PeerHub(endpoint, fingerprint=fingerprint, listen=self._listen)
        hub.start()
        with self._lock:
            self._hub = hub

    def close(self) -> None:
        """Tell all peers to stop."""
        if self._hub is not None:
            self._hub.close()

    @property
    def capacity(self) -> int:
        """Blocks that the peers evaluate at once; 0: there is none."""
        with self._lock:
            return self._shares.capacity

    def workers(self) -> tuple[WorkerView, ...]:
        """Describe the workers that results came from."""
        with self._lock:
            return self._rates.views()

    def expect(self) -> None:
        """Take note that a new host is started."""
        with self._lock:
            self._told, self.reason = False, ""

    def give(self, job_id: int, job: DrawJob, blocks: Sequence[int]) -> None:
        """Send blocks, and the job before the first of them."""
        with self._lock:
            if not self._names:
                return  # the loss has been told, and with it that nothing will be answered
            self._jobs[job_id] = job
            self._shares.give(job_id, blocks)
            self._send()

    def cancel(self, job_id: int) -> None:
        """Drop a job and what of it has not begun."""
        with self._lock:
            if self._jobs.pop(job_id, None) is not None and self._hub is not None:
                for peer, is_at_it in self._shares.cancel(job_id).items():
                    # One that is through with it need not be woken to forget it.
                    send = self._hub.send if is_at_it else self._hub.send_later
                    send(peer, messages.Cancel(job_id))
                self._send()

    def lose(self, reason: str) -> None:
        """Tell the loss of all, once; a later cause of the same loss adds nothing."""
        with self._lock:
            told, self._told = self._told, True
            self.reason = reason
            self._names.clear()
            self._jobs.clear()
            self._rates.clear()
            self._shares = self._no_shares()
            if not told:
                self._mailbox.put(EngineLost(reason))

    def _no_shares(self) -> Shares:
        return Shares(whole=self._dispatch == "tasks")

    def _send(self) -> None:
        if self._hub is None:
            return
        for peer, job_id, blocks, is_new in self._shares.portions():
            portion = messages.Blocks(job_id, blocks)
            if is_new:
                self._hub.send(peer, messages.Job(job_id, self._jobs[job_id]), portion)
            else:
                self._hub.send(peer, portion)

    def _listen(self, event: PeerEvent) -> None:
        """Take what the hub tells, on its thread."""
        match event:
            case Joined(peer, hello):
                with self._lock:
                    self._shares.join(peer, hello.capacity)
                    self._names[peer] = hello.name
                    self._told = False
                    self._mailbox.put(EngineReady(self._shares.capacity))
                    self._send()
            case Rejected(_, reason):
                self._reject(reason)
            case Left(peer, reason):
                self._part(peer, reason)
            case Said(peer, message):
                self._hear(peer, message)

    def _reject(self, reason: str) -> None:
        with self._lock:
            self.reason = reason
            alone = not self._names
        if alone:
            self._condemn(reason, True)

    def _part(self, peer: int, reason: str) -> None:
        """Let a peer go: others take what it had, and without others the engine is lost."""
        with self._lock:
            name = self._names.pop(peer, None)
            was_worker = name is not None
            self._rates.forget(name or "")
            given_up = self._shares.leave(peer)
            others = bool(self._names)
            if others and was_worker:
                self._mailbox.put(EngineReady(self._shares.capacity))
                for job_id, blocks in given_up.items():
                    why = f"two workers ended at them; the last: {reason}"
                    self._mailbox.put(BlocksFailed(job_id, blocks, why))
                self._send()
        is_host = self._dispatch == "tasks" or not was_worker
        if is_host or not others:
            reason = self._cause(reason)  # it may wait a moment: nobody is left to be kept waiting
        if is_host:
            self._condemn(reason, False)
        if was_worker and not others:
            self.lose(reason)

    def _hear(self, peer: int, message: messages.Message) -> None:
        with self._lock:
            match message:
                case messages.Result(job_id, result, compute_ns, worker):
                    self._shares.answered(peer, job_id, (result.block,))
                    name = f"{self._engine}-{worker}" if worker else self._names.get(peer, "")
                    self._rates.note(name, result.count, compute_ns, self._shares.capacity)
                    self._mailbox.put(BlockDone(job_id, result, name, compute_ns))
                case messages.Failed(job_id, blocks, reason):
                    self._shares.answered(peer, job_id, blocks)
                    self._mailbox.put(BlocksFailed(job_id, blocks, reason))
            self._send()
