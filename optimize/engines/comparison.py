"""How long one and the same block takes each engine: given to them in turn, a pure step machine."""

from collections.abc import Sequence

from optimize.engines.ledger import Lane
from optimize.engines.moves import SendCanary


class Comparison:
    """Sends the canary block to the engines that are ready, one after the other.

    In turn, not at once: on shared processors they would slow each other down.

    Parameters
    ----------
    lanes
        The engines.
    every_ns
        Time between two canaries; 0: none.
    """

    def __init__(self, lanes: Sequence[Lane], every_ns: int) -> None:
        self._lanes = lanes
        self._every_ns = every_ns
        self._turn = 0
        self._sent: tuple[int, int] | None = None  # token and when
        self.next_ns: int | None = None

    def timer(self, now_ns: int, token: int) -> SendCanary | None:
        """Give the canary that is due, known by ``token``.

        An answer that comes later than the next canary counts as none.
        """
        if not self._every_ns or now_ns < (self.next_ns or 0):
            return None
        self.next_ns = now_ns + self._every_ns
        ready = [lane for lane in self._lanes if lane.health.ready]
        if not ready:
            return None
        lane = ready[self._turn % len(ready)]
        self._turn += 1
        self._sent = token, now_ns
        return SendCanary(lane.name, token)

    def answered(self, lane: Lane, now_ns: int, token: int) -> bool:
        """Take an answer; tell whether it was to the newest of these canaries."""
        if self._sent is None or self._sent[0] != token:
            return False
        lane.canaries_ns.append(now_ns - self._sent[1])
        self._sent = None
        return True
