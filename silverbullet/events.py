"""What the decider is told, and what it has the shell do."""

from typing import NamedTuple

from ingest.admission import Admitted
from optimize.decision import Decision
from optimize.job import DrawJob
from optimize.outcome import Outcome
from silverbullet.portfolio import Provenance


class TicksArrived(NamedTuple):
    """Admitted ticks of one wake-up."""

    admitted: Admitted


class Timer(NamedTuple):
    """Time has come; decides what is due."""

    time_ns: int


class JobDone(NamedTuple):
    """A job is evaluated: what its blocks add up to."""

    tag: int
    outcome: Outcome
    provenance: Provenance


class JobFailed(NamedTuple):
    """No engine could evaluate a job."""

    tag: int
    reason: str


class EndOfInput(NamedTuple):
    """No tick will follow: the row of the last one closes."""


class Paused(NamedTuple):
    """Decide nothing from now on, and why; or, with no reason, go on."""

    reason: str


class Evaluate(NamedTuple):
    """Have a job's blocks evaluated; answer with ``JobDone`` of the same tag."""

    tag: int
    job: DrawJob


class Publish(NamedTuple):
    """Send a decision out."""

    decision: Decision


Event = TicksArrived | Timer | JobDone | JobFailed | EndOfInput | Paused
Effect = Evaluate | Publish
