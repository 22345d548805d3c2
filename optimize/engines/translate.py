"""From what engines tell to what the dispatch machine understands; canaries are judged here."""

from collections.abc import Mapping

from optimize.engines import moves
from optimize.engines.fingerprint import canary_job, misfit, same_bits
from optimize.engines.protocol import (
    BlockDone,
    BlocksFailed,
    EngineEvent,
    EngineLost,
    EngineReady,
    EngineStandsBy,
    Evaluate,
)
from optimize.job import BlockResult, DrawJob

_CANARY_IDS = 2**62  # job ids from here on are canaries


class Translator:
    """Turns engine events into dispatch events.

    Parameters
    ----------
    evaluate
        What this process evaluates the canary block with, once, when it is first needed.
    jobs
        The jobs that are open, by id.
    """

    def __init__(self, evaluate: Evaluate, jobs: Mapping[int, DrawJob]) -> None:
        self._evaluate = evaluate
        self._jobs = jobs
        self._expected: BlockResult | None = None
        self.canary = canary_job(7, "exact", "max_sharpe")
        """The job whose block 0 is the canary."""

    def canary_id(self, token: int) -> int:
        """Give the job id of a canary."""
        return _CANARY_IDS + token

    def translate(self, engine: str, event: EngineEvent) -> moves.Event:
        """Say an engine's event in the words of dispatch."""
        match event:
            case EngineStandsBy(waits):
                return moves.StandsBy(engine, waits)
            case EngineReady(workers):
                return moves.Came(engine, workers)
            case EngineLost(reason):
                return moves.Gone(engine, reason)
            case BlocksFailed():
                return self._failed(engine, event)
            case BlockDone():
                return self._done(engine, event)

    def _failed(self, engine: str, event: BlocksFailed) -> moves.Event:
        if event.job_id >= _CANARY_IDS:
            token = event.job_id - _CANARY_IDS
            return moves.CanaryAnswered(engine, token, False, event.reason)
        return moves.Refused(engine, event.job_id, event.blocks, event.reason)

    def _done(self, engine: str, event: BlockDone) -> moves.Event:
        if event.job_id >= _CANARY_IDS:
            return self._judge_canary(engine, event)
        job = self._jobs.get(event.job_id)
        if job is not None and (wrong := misfit(job, event.result)):
            return moves.Refused(engine, event.job_id, (event.result.block,), wrong)
        return moves.Answered(
            engine, event.peer, event.job_id, event.result.block, event.result, event.compute_ns
        )

    def _judge_canary(self, engine: str, event: BlockDone) -> moves.CanaryAnswered:
        if self._expected is None:
            self._expected = self._evaluate(self.canary, 0)
        good = same_bits(event.result, self._expected)
        reason = "" if good else "its canary block has other bits than this process's"
        return moves.CanaryAnswered(engine, event.job_id - _CANARY_IDS, good, reason)
