"""Lets admins steer a running pipeline: reads the topic of controls, changes engines, pauses."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from queue import Empty, SimpleQueue

from ingest.broker import BrokerError
from ingest.codec import RawMessages
from ingest.consumer import TopicConsumer
from optimize.engines.evaluator import Evaluator
from optimize.engines.moves import Switch
from optimize.engines.views import EngineView
from silverbullet.controls import Controls, EngineChoice
from silverbullet.engine_changes import EngineChanges
from silverbullet.events import Paused
from storage.control import ControlState
from storage.records import EngineWish, SwitchState

log = logging.getLogger("silverbullet.run")

_POLL_S = 0.5
_RETRY_S = 5.0
_SWITCHES = 20  # newest in the status
_CATCH_UP_POLLS = 50  # of at most half a second each; a topic of controls is a few kilobytes


class ControlFeed:
    """Reads the topic on a thread of its own: the loop that decides never waits for it.

    Parameters
    ----------
    consumer
        Of the topic of controls, from its beginning; owned, and closed, by this object.
    """

    def __init__(self, consumer: TopicConsumer) -> None:
        self._consumer = consumer
        self._found: SimpleQueue[tuple[bytes, str]] = SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)

    def catch_up(self) -> list[tuple[bytes, str]]:
        """Read what earlier runs were told.

        Raises
        ------
        BrokerError
            The broker does not answer.
        """
        for _ in range(_CATCH_UP_POLLS):
            # A topic that nobody has written to yet does not exist.
            if not self._consumer.positions() or self._consumer.at_end():
                break
            self._keep(self._consumer.poll(_POLL_S))
        return self.take()

    def start(self) -> None:
        """Read on, in the background."""
        self._thread.start()

    def take(self) -> list[tuple[bytes, str]]:
        """Give what has come: payload, and topic, partition and offset in words."""
        found = []
        while True:
            try:
                found.append(self._found.get_nowait())
            except Empty:
                return found

    def close(self) -> None:
        """End the thread and close the consumer; not for long, as the broker may be gone."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2 * _POLL_S)
        if not self._thread.is_alive():  # a client that still reads must not be closed
            self._consumer.close()

    def _keep(self, raw: RawMessages | None) -> None:
        if raw is None:
            return
        for value, topic, partition, offset in zip(
            raw.values, raw.topics, raw.partitions, raw.offsets, strict=True
        ):
            self._found.put((value, f"{topic}[{partition}]@{offset}"))

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._keep(self._consumer.poll(_POLL_S))
            except BrokerError as error:
                log.warning("no controls for now: %s", error)
                self._stop.wait(_RETRY_S)


class Steering:
    """Carries out what is asked for.

    Parameters
    ----------
    feed
        Where controls come from.
    settings_choice
        What the settings say of engines.
    make
        Makes the evaluator of a choice, given the source of job ids and whom to tell when jobs
        begin to go to another engine.
    clock, wall_clock
        Monotonic ns, and ns UTC.
    fingerprint
        Of this process, which every worker's must be.
    """

    def __init__(
        self,
        feed: ControlFeed,
        settings_choice: EngineChoice,
        make: Callable[[EngineChoice, "count[int]", Callable[[Switch], None]], Evaluator],
        clock: Callable[[], int],
        wall_clock: Callable[[], int],
        fingerprint: str,
    ) -> None:
        self.fingerprint = fingerprint
        self._feed = feed
        self._wall_clock = wall_clock
        self._switches: deque[SwitchState] = deque(maxlen=_SWITCHES)
        self._controls = Controls(settings_choice)
        for payload, where in feed.catch_up():
            self._controls.step(payload, where)
        self._controls.applied()
        if self._controls.wanted != settings_choice:
            log.warning(
                "engines %s, as was asked for earlier, not %s of the settings; "
                "`silverbullet engine reset` returns to these",
                self._controls.wanted,
                settings_choice,
            )
        self.engines = EngineChanges(
            lambda choice, ids: make(choice, ids, partial(self._heard, choice)),
            self._controls.wanted,
            clock,
        )
        self._paused = ""

    def start(self) -> None:
        """Start the engines and listen."""
        self.engines.start()
        self._feed.start()

    def step(self) -> Paused | None:
        """Carry out what has come; give the decider's part of it."""
        for payload, where in self._feed.take():
            state = self._controls.step(payload, where)
            if state.state == "refused":
                log.warning("%s", state.reason)
            else:
                log.info("%s asks for: %s", state.who, state.wish)
            self.engines.change(self._controls.wanted)
        before = _in_use(self.engines.states()) if self.engines.coming else ""
        if (gone_over := self.engines.tend()) is not None:
            log.info("engines are now %s", gone_over)
            asked = [state.who for state in self._controls.log if state.state == "waiting"]
            cause = f"asked for by {asked[-1]}" if asked else "asked for"
            self._note(before, _in_use(self.engines.states()), cause)
            self._controls.applied()
        if self._controls.paused == self._paused:
            return None
        self._paused = self._controls.paused
        return Paused(self._paused)

    @property
    def log(self) -> tuple[ControlState, ...]:
        """The newest controls, oldest first."""
        return self._controls.log

    @property
    def switches(self) -> tuple[SwitchState, ...]:
        """The newest changes of the engine that jobs go to, oldest first."""
        return tuple(self._switches)

    @property
    def wanted(self) -> EngineWish:
        """The engines that were asked for, up or not."""
        return EngineWish(**self._controls.wanted._asdict(), who=self._controls.wanted_by)

    def _heard(self, choice: EngineChoice, switch: Switch) -> None:
        """Take a switch within a set of engines; one that comes up, or goes, says nothing yet."""
        if choice == self.engines.choice:
            self._note(switch.old, switch.new, switch.cause)

    def _note(self, old: str, new: str, cause: str) -> None:
        log_switch(Switch(old, new, cause))
        self._switches.append(
            SwitchState(time_ns=self._wall_clock(), old=old, new=new, cause=cause)
        )

    @property
    def change(self) -> str:
        """What is coming up, in plain words; empty where nothing is."""
        return self.engines.awaited()

    def close(self) -> None:
        """End the engines and listen no more."""
        self.engines.close()
        self._feed.close()


def log_switch(switch: Switch) -> None:
    """Tell that jobs go to another engine from now on."""
    before = switch.old or "none"
    log.warning("jobs go to %s now (before: %s): %s", switch.new, before, switch.cause)


def _in_use(views: Sequence[EngineView]) -> str:
    """Name the engine that jobs go to first."""
    return next((view.name for view in views if view.state == "ready"), "")
