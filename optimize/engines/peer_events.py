"""What a hub tells of the peers of an engine."""

from dataclasses import dataclass

from optimize.engines.messages import Hello, Message


@dataclass(frozen=True, slots=True)
class Joined:
    """A peer with the right fingerprint takes blocks."""

    peer: int
    hello: Hello


@dataclass(frozen=True, slots=True)
class Rejected:
    """A peer whose results could differ was left out, or the hub itself failed: for good."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Left:
    """A peer is gone, or was put out for what it sent; ``reason`` names it."""

    peer: int
    reason: str


@dataclass(frozen=True, slots=True)
class Said:
    """A peer that joined sent a message."""

    peer: int
    message: Message


PeerEvent = Joined | Rejected | Left | Said
