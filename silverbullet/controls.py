"""What admins have asked for, and what of it holds: a pure step machine."""

from collections import deque
from typing import NamedTuple

import msgspec

from storage.control import Control, ControlState, DispatchName, EngineName, decode_control

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

    Parameters
    ----------
    settings_choice
        What the settings say; a control with ``reset`` returns to it.
    """

    def __init__(self, settings_choice: EngineChoice) -> None:
        self._settings_choice = settings_choice
        self._log: deque[ControlState] = deque(maxlen=_KEPT)
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
        before = self.wanted
        self._apply(control)
        changed = self.wanted != before
        if changed:
            self._settle("replaced", "a later control came before its engines were up")
        state = ControlState(
            id=control.id, time_ns=control.time_ns, who=control.who, wish=control.wish(),
            state="waiting" if changed else "applied", reason="",
        )  # fmt: skip
        self._log.append(state)
        return state

    def applied(self, reason: str) -> None:
        """Take note that the engines that were waited for decide now, or why others do."""
        self._settle("applied", reason)

    def _apply(self, control: Control) -> None:
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

    def _settle(self, phase: str, reason: str) -> None:
        for index, state in enumerate(self._log):
            if state.state == "waiting":
                self._log[index] = msgspec.structs.replace(state, state=phase, reason=reason)
