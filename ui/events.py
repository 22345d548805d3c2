"""Server-sent events: their bytes, and where they stand in order."""

from typing import NamedTuple

import msgspec

from optimize.decision import Decision, encode_decision
from storage.records import Status, encode_status

# Where a decision stands: end of its row, then its id. Ids alone count rows, so they would not
# order decisions made at different sampling intervals.
Position = tuple[int, str]
NOWHERE: Position = (-1, "")


class Event(NamedTuple):
    """One server-sent event, a decision's or a status's; ``frame`` is shared by all clients."""

    frame: bytes
    position: Position = NOWHERE
    status_ns: int = 0

    @property
    def is_decision(self) -> bool:
        """Whether it carries a decision."""
        return self.position > NOWHERE


def position_of(decision: Decision) -> Position:
    """Give where a decision stands among those of its portfolio."""
    return decision.row_end_ns, decision.id


def decision_event(decision: Decision) -> Event:
    """Write a decision, whole, as an event whose id is the decision's."""
    head = f"event: decision\nid: {decision.id}\ndata: ".encode()
    return Event(head + encode_decision(decision) + b"\n\n", position_of(decision))


def status_event(status: Status) -> Event:
    """Write a status as an event without an id."""
    frame = b"event: status\ndata: " + encode_status(status) + b"\n\n"
    return Event(frame, status_ns=status.time_ns)


def lagged_frame(dropped: int, after: str) -> bytes:
    """Tell a client how many decisions after one it missed."""
    data = msgspec.json.encode({"dropped": dropped, "after": after or None})
    return b"event: lagged\ndata: " + data + b"\n\n"
