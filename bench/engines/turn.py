"""One subject's turn in a process of its own: ``python -m bench.engines.turn SPEC ANSWER``."""

import faulthandler
import signal
import sys
import time
from pathlib import Path

import msgspec

from bench.contest import WrongResultError
from bench.engines.entrants import Entrant, MissingError
from bench.engines.jobs import make_job
from bench.engines.judge import check
from bench.engines.measure import Measured, Times, measure, measure_control
from bench.engines.subjects import SUBJECTS

FIRST_JOB = "resample-50"


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What a turn is to do.

    Attributes
    ----------
    subject, workers, repetition
        Which turn.
    jobs, searched
        Jobs to measure, and those whose highest rate is searched for.
    rates
        Most that is offered of each job, requests a second.
    seconds
        Length of each job's load.
    control
        Whether stalls are injected in the end.
    """

    subject: str
    workers: int
    repetition: int
    jobs: tuple[str, ...]
    searched: tuple[str, ...]
    rates: dict[str, float]
    seconds: float
    control: bool


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a turn gave.

    Attributes
    ----------
    missing
        Why the subject could not take part; then there is nothing else.
    wrong
        What was wrong with an answer; then the benchmark fails.
    ready_s, first_s
        From the start of the process until blocks are taken, and to the first decision
        (resampling 50 assets).
    warm_s
        From ready to the first decision.
    measured
        By job.
    control, stalled
        Times with stalls, and which requests were stalled.
    """

    missing: str = ""
    wrong: str = ""
    ready_s: float = 0.0
    first_s: float = 0.0
    warm_s: float = 0.0
    measured: dict[str, Measured] = {}
    control: Times | None = None
    stalled: list[int] = []


def take_turn(entrant: Entrant, spec: Spec, started_ns: int) -> Answer:
    """Start the subject and measure its jobs.

    Parameters
    ----------
    entrant
        Not started; whoever made it closes it.
    spec
        What to do.
    started_ns
        When this process was started, by the monotonic clock.
    """
    try:
        entrant.start()
        ready_ns = time.monotonic_ns()
        first = entrant.decide(make_job(FIRST_JOB))
        first_ns = time.monotonic_ns()
        check(entrant.mode, FIRST_JOB, first)  # what it is compared with is made only now
        measured = {
            name: measure(
                entrant, name, seed=1 + spec.repetition, seconds=spec.seconds,
                most_rate=spec.rates[name], search=name in spec.searched,
            )
            for name in spec.jobs
        }  # fmt: skip
        control, stalled = (
            measure_control(entrant, 1 + spec.repetition) if spec.control else (None, [])
        )
    except MissingError as error:
        return Answer(missing=str(error))
    except WrongResultError as error:
        return Answer(wrong=str(error))
    return Answer(
        ready_s=(ready_ns - started_ns) / 1e9,
        first_s=(first_ns - started_ns) / 1e9,
        warm_s=(first_ns - ready_ns) / 1e9,
        measured=measured,
        control=control,
        stalled=stalled,
    )


def main() -> None:
    """Read the task, take the turn, write the answer, end the subject."""
    # Who is ended for taking too long leaves in its log what it was at.
    faulthandler.register(signal.SIGTERM, all_threads=True, chain=True)
    spec_path, answer_path, started_ns = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    spec = msgspec.json.decode(spec_path.read_bytes(), type=Spec)
    entrant = SUBJECTS[spec.subject].make(spec.workers, spec_path.parent)
    try:
        answer = take_turn(entrant, spec, started_ns)
        # Before the end: Ray was seen to end its driver by SIGSEGV after a compiled graph.
        # Whole or not at all, for a later run takes it as done.
        part_path = answer_path.with_suffix(".part")
        part_path.write_bytes(msgspec.json.encode(answer))
        part_path.replace(answer_path)
    finally:
        entrant.close()


if __name__ == "__main__":
    main()
