"""One run of one contender on the embedded broker: start it, fill its windows, play, listen."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.attribution import Arrivals, Sent
from bench.listener import FETCH_WAIT_MAX_MS, Listener, Topics
from bench.machine import THREADS
from bench.workload import SAMPLE_INTERVAL_NS, WINDOW_ROWS, WINDOW_TICKS, make_history
from cluster.process import Child, spawn
from ingest.producer import TopicProducer

_POLL_S = 0.2
# A change of a kernel's source compiles for up to a minute first.
_START_LIMIT_S = 180.0
_DRAIN_LIMIT_S = 10.0
_GRACE_S = 5.0
_MOST_CLOCK_SET_NS = 100_000


class RunError(RuntimeError):
    """A run gave no figures; the message says why."""


@dataclass(frozen=True, slots=True)
class Played:
    """What one run gave.

    Attributes
    ----------
    sent, arrivals
        See `bench.attribution`.
    message_bytes
        int64[m], size of each of the contender's messages.
    seconds
        From the first due tick to the last.
    """

    sent: Sent
    arrivals: Arrivals
    message_bytes: np.ndarray
    seconds: float


def _start_pipeline(bootstrap: str, topics: Topics, log_path: Path) -> Child:
    """Start `silverbullet run` as it is: only what is measured, and its windows, are set."""
    settings = {
        "KAFKA__BOOTSTRAP": bootstrap,
        "KAFKA__TICKS_TOPIC": topics.ticks,
        "KAFKA__REJECTED_TOPIC": f"{topics.ticks}.rejected",
        "KAFKA__DECISIONS_TOPIC": topics.decisions,
        "KAFKA__STATUS_TOPIC": topics.status,
        "KAFKA__FETCH_WAIT_MAX_MS": FETCH_WAIT_MAX_MS,
        "WINDOW__SAMPLE_INTERVAL_S": SAMPLE_INTERVAL_NS / 1e9,
        "WINDOW__ROWS": WINDOW_ROWS,
        "WINDOW__TICKS": WINDOW_TICKS,
        "OPTIMIZE__METHOD": "exact",
        "DECIDE__TRIGGER": "tick",
        "DECIDE__MIN_INTERVAL_S": 0.0,
        "ENGINE__ORDER": "local",
    }
    environment = {f"SILVERBULLET_{name}": str(value) for name, value in settings.items()}
    return spawn(
        [sys.executable, "-m", "silverbullet.cli", "run"],
        name="silverbullet run",
        env=environment | THREADS,
        log_path=log_path,
    )


def _start_relay(bootstrap: str, topics: Topics, log_path: Path) -> Child:
    arguments = (bootstrap, topics.ticks, topics.decisions, str(FETCH_WAIT_MAX_MS))
    return spawn([sys.executable, "-m", "bench.relay", *arguments], name="relay", log_path=log_path)


SUBJECTS: dict[str, Callable[[str, Topics, Path], Child]] = {
    "silverbullet": _start_pipeline,
    "relay": _start_relay,
}


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
    bootstrap: str, subject: str, topics: Topics, folder: Path, *, seed: int, rate: float,
    seconds: float,
) -> Played:  # fmt: skip
    """Run one contender on one tape.

    Parameters
    ----------
    bootstrap
        The broker's address.
    subject
        One of `SUBJECTS`.
    folder
        Where logs and times are put.
    seed, rate, seconds
        Of the tape, see `bench.workload`.

    Raises
    ------
    RunError
        The contender or the generator ended early, hung or lost ticks; the clock was set.
    """
    is_pipeline = subject == "silverbullet"
    listener = Listener(bootstrap, topics, has_status=is_pipeline)
    try:
        log_path = folder / f"{topics.ticks}.log"
        with _ended(SUBJECTS[subject](bootstrap, topics, log_path)) as child:
            if is_pipeline:  # the relay has nothing to say before it has ticks
                _listen_until(
                    listener, lambda: listener.lost is not None, child, _START_LIMIT_S, "its start"
                )
            history = make_history(seed, time.time_ns())
            with TopicProducer(bootstrap) as producer:
                for message in history:
                    producer.send(topics.ticks, message)
            _listen_until(
                listener,
                lambda: listener.covered >= len(history) - 1,
                child,
                _START_LIMIT_S,
                "a decision on the whole history",
            )
            listener.forget()
            path = folder / f"{topics.ticks}.npz"
            _play_tape(listener, child, (bootstrap, topics.ticks, seed, rate, seconds), path)
            sent = _read_sent(path, len(history))
            _drain(listener, child, len(history) + len(sent.due_ns) - 1)
            return _collect(listener, sent)
    finally:
        listener.close()


def _play_tape(
    listener: Listener, child: Child, tape: tuple[str, str, int, float, float], path: Path
) -> None:
    arguments = [str(argument) for argument in tape] + [str(path)]
    load = spawn(
        [sys.executable, "-m", "bench.load", *arguments],
        name="generator",
        log_path=path.with_suffix(".load.log"),
    )
    with _ended(load):
        limit_s = 3.0 * tape[-1] + _START_LIMIT_S
        _listen_until(listener, lambda: load.poll() is not None, child, limit_s, "the tape's end")
        if load.poll() != 0:
            raise RunError(load.describe_exit())


def _read_sent(path: Path, first_offset: int) -> Sent:
    with np.load(path) as times:
        sent = Sent(times["due_ns"], times["sent_ns"], first_offset)
        clock_set_ns = int(times["clock_set_ns"])
    if clock_set_ns > _MOST_CLOCK_SET_NS:
        raise RunError(f"the clock was set by {clock_set_ns / 1e3:.0f} us while it ran")
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
        raise RunError(f"{listener.lost} messages were lost: it could not read them in time")
    if listener.lost_messages:
        # What is lost can only make later ones cover its ticks: too slow, never too fast.
        print(f"{listener.lost_messages} messages were not heard in time", file=sys.stderr)
    arrivals, sizes = listener.arrivals()
    return Played(sent, arrivals, sizes, float(sent.due_ns[-1] - sent.due_ns[0]) / 1e9)
