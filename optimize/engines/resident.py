"""A worker that stays: it takes blocks straight from the pipeline, wherever it was placed.

A foreign scheduler only gives it a place and a processor. Dispatch is ours, and every report
names it so (``resident``).
"""

import time
from collections import deque

from optimize.engines import messages
from optimize.engines.fingerprint import fingerprint, load_evaluate
from optimize.engines.peer_link import PeerLink, Silence
from optimize.engines.protocol import Evaluate
from optimize.job import DrawJob

_IDLE_S = 1.0
_PATIENCE_S = 30.0  # a pipeline that is gone for good takes its workers along long before
_RETRY_S = 0.1


def serve(endpoint: str, name: str, evaluate: str) -> str:
    """Connect, and evaluate blocks until told to stop; connect again after a silence.

    Parameters
    ----------
    endpoint
        Where the pipeline's hub is bound.
    name
        What decisions call this worker.
    evaluate
        ``module:function``.

    Returns
    -------
    str
        Why it stopped.
    """
    function = load_evaluate(evaluate)
    hello = messages.Hello(name, fingerprint(function), 1)
    while True:
        try:
            link = _connect(endpoint)
        except OSError as error:
            return f"nobody has listened at {endpoint} for {_PATIENCE_S:g} s: {error}"
        link.start()
        try:
            link.say(hello)
            stop = _Worker(function, link).run()
        finally:
            link.close()
        if not isinstance(stop, Silence):
            return stop.reason


def _connect(endpoint: str) -> PeerLink:
    limit_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return PeerLink(endpoint, clock=time.monotonic_ns)
        except OSError:
            if time.monotonic() > limit_s:
                raise
            time.sleep(_RETRY_S)


class _Worker:
    def __init__(self, evaluate: Evaluate, link: PeerLink) -> None:
        self._evaluate = evaluate
        self._link = link
        self._jobs: dict[int, DrawJob] = {}
        self._waiting: deque[tuple[int, int]] = deque()
        self._stop: messages.Stop | None = None

    def run(self) -> messages.Stop:
        while self._stop is None:
            # Between blocks only what is there already is taken: a cancelled job costs one block.
            for message in self._link.receive(0.0 if self._waiting else _IDLE_S):
                self._take(message)
            if self._waiting and self._stop is None:
                self._answer(*self._waiting.popleft())
        return self._stop

    def _take(self, message: messages.Message) -> None:
        match message:
            case messages.Job(job_id, job):
                self._jobs[job_id] = job
            case messages.Blocks(job_id, blocks):
                self._waiting.extend((job_id, block) for block in blocks)
            case messages.Cancel(job_id):
                self._jobs.pop(job_id, None)
            case messages.Stop():
                self._stop = message

    def _answer(self, job_id: int, block: int) -> None:
        job = self._jobs.get(job_id)
        if job is None:
            return  # cancelled meanwhile
        begun_ns = time.perf_counter_ns()
        answer: messages.Message
        try:
            result = self._evaluate(job, block)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the block's answer
            answer = messages.Failed(job_id, (block,), f"{type(error).__name__}: {error}")
        else:
            answer = messages.Result(job_id, result, time.perf_counter_ns() - begun_ns)
        self._link.say(answer)
