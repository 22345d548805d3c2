"""From messages to records: the recorder's pure core.

What was lost (gone from the broker before it was read, or not readable) stands from then on in
the notices of every status record kept, where people see it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from optimize.decision import Decision, decode_decision
from storage.faults import decision_fault, status_fault
from storage.records import Status, decode_status

Positions = dict[tuple[str, int], int]

# One transaction of 500 decisions with 50 assets takes about 0.15 s and 8 MB of log.
_MESSAGES_AT_ONCE = 500
# Decisions with a cloud are larger: a batch takes some fifteen times its bytes in memory on its
# way into Cassandra.
_BYTES_AT_ONCE = 4_000_000
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 30.0


class Messages(Protocol):
    """Messages of one wake-up, in order of arrival; four sequences of one length."""

    @property
    def topics(self) -> Sequence[str]:
        """Topic of each."""

    @property
    def values(self) -> Sequence[bytes]:
        """Payload of each."""

    @property
    def partitions(self) -> Sequence[int] | NDArray[np.int64]:
        """Partition of each."""

    @property
    def offsets(self) -> Sequence[int] | NDArray[np.int64]:
        """Offset of each in its partition."""


class Gap(Protocol):
    """A break in the offsets of a topic; its text says where, and the remedy."""

    @property
    def topic(self) -> str:
        """Which topic."""

    @property
    def lost(self) -> int:
        """Messages that were gone from the broker before they could be read."""


class MessageSource(Protocol):
    """Where messages come from: a consumer that begins at the committed offsets."""

    def gaps(self) -> Sequence[Gap]:
        """Give the breaks since the start, or the newest of them, oldest first."""

    def poll(self, timeout_s: float) -> Messages | None:
        """Wait for messages; None where none came in time."""

    def commit(self, positions: Positions) -> None:
        """Keep the next offset to read of each (topic, partition)."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one call of `append` keeps, and the positions to commit after it."""

    decisions: tuple[Decision, ...]
    statuses: tuple[Status, ...]
    positions: Positions
    problems: tuple[str, ...]


@dataclass(slots=True)
class RecordCounts:
    """What a recorder did since it began; ``lost`` were gone before they could be stored."""

    decisions: int = 0
    decisions_repeated: int = 0
    decisions_lost: int = 0
    statuses: int = 0
    statuses_lost: int = 0
    unreadable: int = 0
    failures: int = 0


@dataclass(slots=True)
class Recorder:
    """The pure core: messages in, records to append and positions to commit out.

    Parameters
    ----------
    decisions_topic, status_topic
        What is in which topic; messages of others are counted as unreadable.
    """

    decisions_topic: str = "decisions"
    status_topic: str = "status"
    counts: RecordCounts = field(default_factory=RecordCounts)
    _last_problem: str = ""
    _tries: int = 0

    def lose(self, gaps: Sequence[Gap]) -> None:
        """Count what gaps have cost; only lost decisions are a notice, for states pass by."""
        for gap in gaps:
            if gap.topic == self.decisions_topic:
                self.counts.decisions_lost += gap.lost
            else:
                self.counts.statuses_lost += gap.lost

    def take(self, messages: Messages) -> Iterator[Batch]:
        """Cut messages into batches; a payload that cannot be read becomes a problem in words."""
        for chosen in _in_pieces(messages.values):
            yield self._batch(messages, chosen)

    def kept(self, batch: Batch, n_new: int) -> None:
        """Count a batch that the store has kept."""
        self._tries = 0
        self.counts.decisions += n_new
        self.counts.decisions_repeated += len(batch.decisions) - n_new
        self.counts.statuses += len(batch.statuses)

    def failed(self) -> float:
        """Count a failure of the store; give the seconds to wait before the next try."""
        self.counts.failures += 1
        self._tries += 1
        # The exponent is held down: 2.0**1024 is an OverflowError after hours of trying.
        return min(FIRST_WAIT_S * 2.0 ** min(self._tries - 1, 30), LONGEST_WAIT_S)

    def _batch(self, messages: Messages, chosen: range) -> Batch:
        decisions: list[Decision] = []
        statuses: list[Status] = []
        problems: list[str] = []
        positions: Positions = {}
        for index in chosen:
            topic, partition = messages.topics[index], int(messages.partitions[index])
            offset = int(messages.offsets[index])
            problem = self._read(topic, messages.values[index], decisions, statuses)
            if problem:
                self.counts.unreadable += 1
                self._last_problem = f"{topic}[{partition}]@{offset}: {problem}"
                problems.append(f"{self._last_problem}; counted and left out")
            positions[topic, partition] = offset + 1
        noted = tuple([self._with_notices(status) for status in statuses])
        return Batch(tuple(decisions), noted, positions, tuple(problems))

    def _read(
        self, topic: str, value: bytes, decisions: list[Decision], statuses: list[Status]
    ) -> str:
        """Decode one message onto its list, or say why it cannot be kept."""
        try:
            if topic == self.decisions_topic:
                decision = decode_decision(value)
                fault = decision_fault(decision)
                if not fault:
                    decisions.append(decision)
                return fault
            if topic == self.status_topic:
                status = decode_status(value)
                fault = status_fault(status)
                if not fault:
                    statuses.append(status)
                return fault
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
            return f"not readable: {error}"
        return f"neither of {self.decisions_topic} nor of {self.status_topic}"

    def _with_notices(self, status: Status) -> Status:
        notices = []
        if self.counts.decisions_lost:
            notices.append(
                "record: decisions gone from the broker before they could be stored: "
                f"{self.counts.decisions_lost}; the history has a gap"
            )
        if self.counts.unreadable:
            notices.append(
                f"record: messages that could not be stored: {self.counts.unreadable}, the last "
                f"{self._last_problem}"
            )
        if not notices:
            return status
        return msgspec.structs.replace(status, notices=(*status.notices, *notices))


def _in_pieces(values: Sequence[bytes]) -> Iterator[range]:
    """Cut at 500 messages or 4 MB, whichever comes first; a larger one is a piece by itself."""
    start = n_bytes = 0
    for index, value in enumerate(values):
        n_bytes += len(value)
        if index > start and (index - start == _MESSAGES_AT_ONCE or n_bytes > _BYTES_AT_ONCE):
            yield range(start, index)
            start, n_bytes = index, len(value)
    if start < len(values):
        yield range(start, len(values))
