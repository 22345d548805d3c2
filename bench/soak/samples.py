"""What is looked at while the parts run: memory, descriptors, threads, latencies."""

import contextlib
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import psutil

from bench.brokers import Broker
from bench.pipeline.listener import Topics
from ingest.consumer import TopicConsumer
from optimize.decision import StageTimes

MIB = 2**20
_ANSWER_LIMIT_S = 10.0
# A proxy set for the web knows nothing of this machine's loopback.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
PAGES = ("/api/v1/decisions/latest", "/api/v1/decisions?limit=20", "/api/v1/status")


@dataclass(slots=True)
class Series:
    """Samples of one measure: seconds since the beginning, and values."""

    seconds: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, second: float, value: float) -> None:
        """Note one."""
        self.seconds.append(second)
        self.values.append(value)

    def since(self, second: float) -> tuple[np.ndarray, np.ndarray]:
        """Give float64[n] times and values from a second on."""
        times, values = np.array(self.seconds), np.array(self.values)
        kept = times >= second
        return times[kept], values[kept]


def look_at(pid: int) -> tuple[float, float, float]:
    """Give RSS in MiB, open descriptors and threads of a process with its children.

    Raises
    ------
    psutil.NoSuchProcess
        It has ended.
    """
    rss, descriptors, threads = sum_family(pid, _look_at_one)
    return rss, descriptors, threads


def sum_family(pid: int, look: Callable[[psutil.Process], Sequence[float]]) -> list[float]:
    """Sum up what is seen of a process and its children; a child may end meanwhile.

    Raises
    ------
    psutil.NoSuchProcess
        The process has ended.
    """
    leader = psutil.Process(pid)
    seen = [look(leader)]
    for child in leader.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            seen.append(look(child))
    return [sum(values) for values in zip(*seen, strict=True)]


def _look_at_one(process: psutil.Process) -> tuple[float, float, float]:
    with process.oneshot():
        return process.memory_info().rss / MIB, process.num_fds(), process.num_threads()


def ask(url: str) -> float | None:
    """Ask once; gives milliseconds to the whole answer, None where it is not 200."""
    begun_ns = time.monotonic_ns()
    try:
        with _DIRECT.open(url, timeout=_ANSWER_LIMIT_S) as answer:
            answer.read()
            if answer.status != 200:
                return None
    except (urllib.error.URLError, OSError):
        return None
    return (time.monotonic_ns() - begun_ns) / 1e6


class _Decided(msgspec.Struct, frozen=True):
    """What is read of a decision."""

    id: str
    times: StageTimes


class Decisions:
    """Hears decisions and keeps how long each took, by its own times."""

    def __init__(self, broker: Broker, topics: Topics) -> None:
        self._consumer = TopicConsumer(
            broker.address, [topics.decisions], fetch_wait_max_ms=broker.fetch_wait_max_ms
        )
        self._decode = msgspec.json.Decoder(_Decided).decode
        self.count = 0
        self.latency_ms = Series()

    def listen(self, timeout_s: float, begun_s: float) -> None:
        """Take what comes; ``begun_s`` is the monotonic time of second 0."""
        raw = self._consumer.poll(timeout_s)
        if raw is None:
            return
        second = time.monotonic() - begun_s
        for value in raw.values:
            times = self._decode(value).times
            self.count += 1
            self.latency_ms.add(second, (times.published_ns - times.received_ns) / 1e6)

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()
