"""What a contender sends, as a program that trades would hear it."""

from dataclasses import dataclass

import msgspec
import numpy as np

from bench.brokers import Broker
from bench.pipeline.attribution import Arrivals
from bench.pipeline.peer_loop import Passed
from ingest.codec import RawMessages
from ingest.consumer import TopicConsumer
from optimize.decision import StageTimes


class _Decided(msgspec.Struct, frozen=True):
    """What is read of a decision."""

    offsets: dict[str, int]
    times: StageTimes


class _Engine(msgspec.Struct, frozen=True):
    name: str
    state: str


class _Counted(msgspec.Struct, frozen=True):
    """What is read of a status record."""

    time_ns: int
    lost_offsets: int
    engines: tuple[_Engine, ...] = ()


@dataclass(frozen=True, slots=True)
class Topics:
    """Topics of one run alone, so that nothing of another is in the way.

    Attributes
    ----------
    prefix
        What all their names begin with.
    """

    prefix: str

    @property
    def ticks(self) -> str:
        """What a contender reads."""
        return f"{self.prefix}-ticks"

    @property
    def decisions(self) -> str:
        """What it sends."""
        return f"{self.prefix}-decisions"

    @property
    def status(self) -> str:
        """What a pipeline tells of itself."""
        return f"{self.prefix}-status"

    @property
    def rejected(self) -> str:
        """What a pipeline refuses."""
        return f"{self.prefix}-rejected"

    @property
    def control(self) -> str:
        """What a pipeline could be asked for."""
        return f"{self.prefix}-control"

    @property
    def state(self) -> str:
        """Where a pipeline keeps checkpoints."""
        return f"{self.prefix}-state"

    @property
    def heard(self) -> tuple[str, ...]:
        """What generator, contender and listener need to be there."""
        return self.ticks, self.decisions, self.status

    @property
    def others(self) -> tuple[str, ...]:
        """What a pipeline makes by itself."""
        return self.rejected, self.control, self.state


class Listener:
    """Reads what a contender sends; the time of arrival is that of the wake-up.

    Attributes
    ----------
    covered
        Newest offset covered, -1 before the first message.
    lost
        Messages the contender has lost, by its own newest word; None before there is one.
    told_ns
        When it said so, ns UTC.
    ready
        The engines that it has, by its own newest word.
    has_status
        It sends decisions and status, not a peer's messages.
    """

    def __init__(self, broker: Broker, topics: Topics, *, has_status: bool) -> None:
        names = [topics.decisions, *([topics.status] if has_status else [])]
        self._status_topic = topics.status
        self._consumer = TopicConsumer(
            broker.address, names, fetch_wait_max_ms=broker.fetch_wait_max_ms
        )
        self._decide = msgspec.json.Decoder(_Decided).decode
        self._count = msgspec.json.Decoder(_Counted).decode
        self._pass = msgspec.json.Decoder(Passed).decode
        self.has_status = has_status
        self._offsets: list[int] = []
        self._stamps: list[tuple[int, ...]] = []
        self._sizes: list[int] = []
        self.covered = -1
        self.lost: int | None = None
        self.told_ns = 0
        self.ready: frozenset[str] = frozenset()

    @property
    def lost_messages(self) -> int:
        """The contender's messages that were gone before they could be read here."""
        return self._consumer.lost_offsets

    def listen(self, timeout_s: float) -> None:
        """Take what comes."""
        raw = self._consumer.poll(timeout_s)
        if raw is None:
            return
        for topic, value in zip(raw.topics, raw.values, strict=True):
            if topic == self._status_topic:
                status = self._count(value)
                self.lost, self.told_ns = status.lost_offsets, status.time_ns
                self.ready = frozenset(one.name for one in status.engines if one.state == "ready")
            else:
                self._take(value, raw)

    def _take(self, value: bytes, raw: RawMessages) -> None:
        if self.has_status:
            decision = self._decide(value)
            offset, times = decision.offsets["0"], decision.times
            stamps: tuple[int, ...] = (
                times.received_ns,
                times.updated_ns,
                times.submitted_ns,
                times.solved_ns,
                times.published_ns,
            )
        else:
            passed = self._pass(value)
            offset, stamps = passed.offset, (passed.received_ns, passed.published_ns)
            self.lost, self.told_ns = passed.lost, passed.published_ns
        self.covered = max(self.covered, offset)
        self._offsets.append(offset)
        self._stamps.append((*stamps, raw.receive_time_ns))
        self._sizes.append(len(value))

    def forget(self) -> None:
        """Drop what has come so far: it was of the history."""
        self._offsets.clear()
        self._stamps.clear()
        self._sizes.clear()

    def arrivals(self) -> tuple[Arrivals, np.ndarray]:
        """Give what has come, and the size of each message."""
        inner = ("updated", "submitted", "solved") if self.has_status else ()
        names = ("received", *inner, "published", "arrived")
        columns = np.array(self._stamps, np.int64).reshape(-1, len(names)).T
        stamps = dict(zip(names, columns, strict=True))
        return Arrivals(np.array(self._offsets, np.int64), stamps), np.array(self._sizes)

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()
