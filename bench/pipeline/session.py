"""One run of one contender: start it, fill its windows, play it a tape, listen."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.brokers import Broker, own_topics
from bench.pipeline.attribution import Arrivals, Sent
from bench.pipeline.contenders import LOCAL, Contender
from bench.pipeline.listener import Listener, Topics
from bench.pipeline.workload import make_history
from bench.run_error import RunError
from cluster.process import Child, spawn
from ingest.producer import TopicProducer

_POLL_S = 0.2
# A change of a kernel's source compiles for up to a minute first.
_START_LIMIT_S = 180.0
_DRAIN_LIMIT_S = 10.0
_GRACE_S = 5.0
_MOST_CLOCK_SET_NS = 100_000
Watch = Callable[[Child], None]


class ClockSetError(RunError):
    """The machine's clock was set meanwhile: times before and after are of two clocks."""


class LostError(RunError):
    """Ticks were gone from the broker before the contender could read them."""


@dataclass(frozen=True, slots=True)
class Played:
    """What one run gave.

    Attributes
    ----------
    sent, arrivals
        See `bench.pipeline.attribution`.
    message_bytes
        int64[m], size of each of the contender's messages.
    seconds
        From the first due tick to the last.
    """

    sent: Sent
    arrivals: Arrivals
    message_bytes: np.ndarray
    seconds: float


def _look_away(_child: Child) -> None:
    """Watch nothing."""


@contextmanager
def _ended(child: Child) -> Iterator[Child]:
    try:
        yield child
    finally:
        child.terminate(_GRACE_S)


def _listen_until(
    listener: Listener, done: Callable[[], bool], child: Child, limit_s: float, what: str
) -> None:
    deadline_s = time.monotonic() + limit_s
    while not done():
        if child.poll() is not None:
            raise RunError(f"{child.describe_exit()}; waited for {what}")
        if time.monotonic() > deadline_s:
            raise RunError(f"{child.name} is not done after {limit_s:.0f} s: {what}")
        listener.listen(_POLL_S)


def play(
    broker: Broker, contender: Contender, topics: Topics, folder: Path, *, seed: int, rate: float,
    seconds: float, per_message: int = 1, watch: Watch = _look_away,
) -> Played:  # fmt: skip
    """Run one contender on one tape.

    Parameters
    ----------
    folder
        Where logs and times are put.
    seed, rate, seconds
        Of the tape, see `bench.pipeline.workload`.
    per_message
        Ticks in each, see `bench.pipeline.load`.
    watch
        Is shown the contender five times a second and more while the tape is played.

    Raises
    ------
    LostError
        It lost ticks.
    ClockSetError
        The clock was set.
    RunError
        The contender or the generator ended early or hung.
    """
    with own_topics(broker, topics.heard, topics.others):
        listener = Listener(broker, topics, has_status=contender.is_pipeline)
        try:
            log_path = folder / f"{topics.ticks}.log"
            with _ended(contender.start(broker, topics, log_path)) as child:
                n_history = _fill_windows(listener, child, broker, topics, seed)
                _await_engine(listener, child, contender)
                listener.forget()
                path = folder / f"{topics.ticks}.npz"
                tape = (broker.address, topics.ticks, seed, rate, seconds, per_message)
                _play_tape(listener, child, tape, seconds, path, watch)
                sent = _read_sent(path, n_history)
                _drain(listener, child, n_history + len(sent.due_ns) - 1)
                return _collect(listener, sent)
        finally:
            listener.close()


def _fill_windows(
    listener: Listener, child: Child, broker: Broker, topics: Topics, seed: int
) -> int:
    """Have a contender decide on a whole history; gives how many messages that has."""
    if listener.has_status:  # a peer has nothing to say before it has ticks
        _listen_until(
            listener, lambda: listener.lost is not None, child, _START_LIMIT_S, "its start"
        )
    history = make_history(seed, time.time_ns())
    with TopicProducer(broker.address) as producer:
        for message in history:
            producer.send(topics.ticks, message)
    _listen_until(
        listener,
        lambda: listener.covered >= len(history) - 1,
        child,
        _START_LIMIT_S,
        "a decision on the whole history",
    )
    return len(history)


def _await_engine(listener: Listener, child: Child, contender: Contender) -> None:
    """Listen until its engine evaluates; until then, threads of its own do."""
    if listener.has_status and contender.engine != LOCAL:
        _listen_until(
            listener, lambda: contender.engine in listener.ready, child, _START_LIMIT_S,
            f"{contender.engine} to be ready",
        )  # fmt: skip


def _play_tape(
    listener: Listener, child: Child, tape: tuple[str | float, ...], seconds: float, path: Path,
    watch: Watch,
) -> None:  # fmt: skip
    arguments = [str(argument) for argument in tape] + [str(path)]
    load = spawn(
        [sys.executable, "-m", "bench.pipeline.load", *arguments],
        name="generator",
        log_path=path.with_suffix(".load.log"),
    )
    with _ended(load):
        limit_s = 3.0 * seconds + _START_LIMIT_S

        def is_over() -> bool:
            watch(child)
            return load.poll() is not None

        _listen_until(listener, is_over, child, limit_s, "the tape's end")
        if load.poll() != 0:
            raise RunError(load.describe_exit())


def _read_sent(path: Path, first_offset: int) -> Sent:
    with np.load(path) as times:
        sent = Sent(times["due_ns"], times["sent_ns"], first_offset)
        clock_set_ns = int(times["clock_set_ns"])
    if clock_set_ns > _MOST_CLOCK_SET_NS:
        raise ClockSetError(f"the clock was set by {clock_set_ns / 1e3:.0f} us while it ran")
    return sent


def _drain(listener: Listener, child: Child, last_offset: int) -> None:
    """Listen until the last tick is covered and losses up to it are told, or for 10 s."""
    ended_ns = time.time_ns()
    deadline_s = time.monotonic() + _DRAIN_LIMIT_S
    while time.monotonic() < deadline_s and child.poll() is None:
        # The pipeline counts its losses once a second, the relay in each message.
        told = listener.told_ns > ended_ns or not listener.has_status
        if told and listener.covered >= last_offset:
            return
        listener.listen(_POLL_S)


def _collect(listener: Listener, sent: Sent) -> Played:
    if listener.lost:
        raise LostError(f"{listener.lost} messages were lost: it could not read them in time")
    if listener.lost_messages:
        # What is lost can only make later ones cover its ticks: too slow, never too fast.
        print(f"{listener.lost_messages} messages were not heard in time", file=sys.stderr)
    arrivals, sizes = listener.arrivals()
    return Played(sent, arrivals, sizes, float(sent.due_ns[-1] - sent.due_ns[0]) / 1e9)
