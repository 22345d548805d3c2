"""What a process does that stood still: it reads what came meanwhile before it decides anything.

Halted, swapped out or asleep it wakes with the ticks of before in its hands. A decision on those
would be sent as news, half a minute old.
"""

from typing import Final

# The loop comes by every 0.5 s at the least.
STANDSTILL_NS: Final = 2_000_000_000
# A message so young is of now; producers' clocks differ by less where they are set at all.
YOUNG_NS: Final = 1_000_000_000
# For as long it may read on: a million ticks. Then it decides on what it has.
LONGEST_NS: Final = 5_000_000_000


class Standstill:
    """Notices that its process stood still, and when it has caught up; a pure step machine."""

    def __init__(self) -> None:
        self._last_ns: int | None = None
        self._until_ns = 0

    def step(self, time_ns: int, message_ns: int | None) -> bool:
        """Take a turn of the loop.

        Parameters
        ----------
        time_ns
            Now, UTC.
        message_ns
            Kafka timestamp of the newest message that this turn has read, None where it has none.

        Returns
        -------
        bool
            Whether to read on and decide nothing yet.
        """
        last_ns, self._last_ns = self._last_ns, time_ns
        if last_ns is not None and time_ns - last_ns > STANDSTILL_NS:
            self._until_ns = time_ns + LONGEST_NS
        if message_ns is not None and message_ns > time_ns - YOUNG_NS:
            self._until_ns = 0
        return time_ns < self._until_ns


def overdue(taken_ns: int, deadline_s: float) -> str:
    """Say by how much a decision is late; empty where it is in time.

    Its engine has told if it was late there, but it may have lain here while the process stood
    still.
    """
    late_ns = taken_ns - deadline_s * 1e9
    return f"late by {late_ns / 1e6:.0f} ms" if late_ns > 0 else ""
