"""What admins ask of a running pipeline: the messages of the topic ``control``."""

from typing import Annotated, Literal

import msgspec

EngineName = Literal["ray", "spark", "local"]
DispatchName = Literal["tasks", "resident"]
ControlPhase = Literal["applied", "waiting", "refused", "replaced"]


class Control(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One wish; what is None stays as it is.

    Attributes
    ----------
    id
        Chosen by the sender, unique.
    time_ns
        When it was sent, ns UTC.
    who
        Name of the token, or of the user at the command line.
    order
        Engines, the preferred first.
    dispatch, workers
        Of every engine.
    paused
        Whether to decide.
    reset
        Return to what the settings say, before the rest is applied.
    """

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    time_ns: int
    who: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    order: Annotated[tuple[EngineName, ...], msgspec.Meta(min_length=1, max_length=3)] | None = None
    dispatch: DispatchName | None = None
    workers: Annotated[int, msgspec.Meta(ge=1, le=256)] | None = None
    paused: bool | None = None
    reset: bool = False

    def wish(self) -> str:
        """Say in plain words what is asked for."""
        words = [
            "settings again" if self.reset else "",
            "" if self.order is None else f"engines {', '.join(self.order)}",
            "" if self.dispatch is None else f"dispatch {self.dispatch}",
            "" if self.workers is None else f"workers {self.workers}",
            "" if self.paused is None else "pause" if self.paused else "go on",
        ]
        return "; ".join(word for word in words if word) or "nothing"


class ControlState(msgspec.Struct, frozen=True, kw_only=True):
    """A control as ``run`` has taken it.

    ``state`` is ``waiting`` while engines come up for it, ``replaced`` where later ones changed all
    that it named before it was applied.
    """

    id: str
    time_ns: int
    who: str
    wish: str
    state: ControlPhase
    reason: str


_decoder = msgspec.json.Decoder(Control)


def encode_control(control: Control) -> bytes:
    """Write a control as JSON."""
    return msgspec.json.encode(control)


def decode_control(payload: bytes) -> Control:
    """Read a control from JSON.

    Raises
    ------
    msgspec.ValidationError
        A field is missing, unknown, of another type or out of range.
    msgspec.DecodeError
        The payload is not JSON, or nested without end.
    """
    try:
        return _decoder.decode(payload)
    except RecursionError:
        raise msgspec.DecodeError("JSON is nested too deep") from None
