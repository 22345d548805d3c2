"""What admins have asked for, and what of it holds: a pure step machine."""

from collections import deque
from typing import NamedTuple

import msgspec

from storage.control import (
    Control,
    ControlPhase,
    ControlState,
    DispatchName,
    EngineName,
    decode_control,
)

_WORDS = {"order": "engines", "dispatch": "dispatch", "workers": "workers"}
_KEPT = 20  # newest controls in the status; the topic has them all


class EngineChoice(NamedTuple):
    """Which engines evaluate, and how."""

    order: tuple[EngineName, ...]
    dispatch: DispatchName
    workers: int

    def __str__(self) -> str:
        return f"{', '.join(self.order)} ({self.dispatch}, {self.workers} workers)"


class Controls:
    """Folds controls into a choice of engines and whether to decide.

    What of an earlier control a later one does not name holds on, whether its engines were up by
    then or not: read again from the topic, the same controls give the same choice. So a control
    is `replaced` only where nothing of it is left in that choice.

    Parameters
    ----------
    settings_choice
        What the settings say; a control with ``reset`` returns to it.
    """

    def __init__(self, settings_choice: EngineChoice) -> None:
        self._settings_choice = settings_choice
        self._log: deque[ControlState] = deque(maxlen=_KEPT)
        self._in_effect = settings_choice
        self._from: dict[str, str] = {}  # part of the choice to the control that named it last
        self._waiting: dict[str, tuple[str, ...]] = {}  # control to the parts that it named
        self.wanted = settings_choice
        self.wanted_by = ""
        """Who asked for it; empty where it is the settings'."""
        self.paused = ""
        """Who paused it and when, in plain words; empty while it decides."""

    @property
    def log(self) -> tuple[ControlState, ...]:
        """The newest controls, oldest first."""
        return tuple(self._log)

    def step(self, payload: bytes, where: str) -> ControlState:
        """Take one message of the topic.

        Parameters
        ----------
        payload
            As it came.
        where
            Topic, partition and offset, to name a message that is none.

        Returns
        -------
        ControlState
            How it was taken; ``waiting`` where engines have to come up first.
        """
        try:
            control = decode_control(payload)
        except msgspec.DecodeError as error:  # a ValidationError is one
            state = ControlState(
                id="", time_ns=0, who="", wish="", state="refused",
                reason=f"{where} is no control: {error}",
            )  # fmt: skip
            self._log.append(state)
            return state
        named = self._apply(control)
        self._from |= dict.fromkeys(named, control.id)
        waits = bool(named) and self.wanted != self._in_effect
        state = ControlState(
            id=control.id, time_ns=control.time_ns, who=control.who, wish=control.wish(),
            state="waiting" if waits else "applied", reason="",
        )  # fmt: skip
        self._log.append(state)
        if named:
            self._replace()
        if waits:
            self._waiting[control.id] = named
        elif named:
            self.applied()  # what is there already is what all of them come to
        return state

    def applied(self) -> None:
        """Take note that the engines that were waited for decide now."""
        self._in_effect = self.wanted
        for number, named in self._waiting.items():
            gone = [_WORDS[part] for part in named if self._from[part] != number]
            but = f"but for its {' and '.join(gone)}, which a later control changed"
            self._settle(number, "applied", but if gone else "")
        self._waiting.clear()

    def _apply(self, control: Control) -> tuple[str, ...]:
        """Fold a control in; give the parts of the choice that it named."""
        choice = self._settings_choice if control.reset else self.wanted
        if control.order is not None:
            choice = choice._replace(order=tuple(dict.fromkeys(control.order)))
        if control.dispatch is not None:
            choice = choice._replace(dispatch=control.dispatch)
        if control.workers is not None:
            choice = choice._replace(workers=control.workers)
        if choice != self.wanted or choice == self._settings_choice:
            self.wanted_by = "" if choice == self._settings_choice else control.who
        self.wanted = choice
        if control.paused is not None or control.reset:
            self.paused = f"paused by {control.who}" if control.paused else ""
        return tuple(
            part
            for part in EngineChoice._fields
            if control.reset or getattr(control, part) is not None
        )

    def _replace(self) -> None:
        """Settle those that wait and of which nothing is left."""
        left = set(self._from.values())
        for number in [number for number in self._waiting if number not in left]:
            del self._waiting[number]
            self._settle(number, "replaced", "a later control came before its engines were up")

    def _settle(self, number: str, phase: ControlPhase, reason: str) -> None:
        for index, state in enumerate(self._log):
            if state.id == number and state.state == "waiting":
                self._log[index] = msgspec.structs.replace(state, state=phase, reason=reason)
