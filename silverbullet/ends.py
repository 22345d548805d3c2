"""The ends of a runner: what it needs of ticks and engines, and what it leaves."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ingest.codec import RawMessages
from optimize.decision import Decision
from optimize.engines.views import Completed, Counts, EngineView
from optimize.job import DrawJob
from storage.records import Status


class TickSource(Protocol):
    """What the runner needs of a consumer."""

    @property
    def lost_offsets(self) -> int:
        """Messages that were gone before they could be read."""

    def gaps(self) -> Sequence[object]:
        """Give every gap found, each with a sentence as its text."""

    def poll(self, timeout_s: float) -> RawMessages | None:
        """Wait for messages and drain what is there."""

    def at_end(self) -> bool:
        """Tell whether everything in the topic was read."""

    def positions(self) -> dict[tuple[str, int], int]:
        """Give the next offset of each topic and partition."""


class Evaluations(Protocol):
    """What the runner needs of engines; an `Evaluator` is one, `EngineChanges` another."""

    def submit(self, job: DrawJob, deadline_s: float) -> int:
        """Begin a job and give its number."""

    def wait(self, timeout_s: float) -> Completed | None:
        """Take the next job that is over."""

    def states(self) -> tuple[EngineView, ...]:
        """Describe the engines."""

    def counts(self) -> Counts:
        """Give what dispatch counted."""


class Finished(NamedTuple):
    """What a run that ended by itself leaves."""

    decision: Decision | None
    status: Status
