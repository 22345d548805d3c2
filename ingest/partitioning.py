"""Several partitions of the topic of ticks: whose a symbol is, and which is told the time.

All ticks of a symbol stand in one partition, so their order is kept. A partition without ticks
would hold all rows back, since nobody could tell that none is on its way; so a feed tells each
partition how far event time has come.
"""

import zlib
from typing import Final

PAUSE_NS: Final = 20_000_000
"""A partition is told the time at most every 20 ms: a row closes so much later at worst, and a
silent partition costs 50 messages of 40 bytes a second."""


def partition_of(symbol: str, n_partitions: int) -> int:
    """Give the partition of a symbol's ticks.

    It is the one to which librdkafka's own rule for keyed messages (``consistent``: CRC-32 of
    the key) sends them, so that foreign feeds with the symbol as key agree. Java's clients have
    another rule (murmur2): they must name the partition.
    """
    return zlib.crc32(symbol.encode()) % n_partitions


class PartitionClocks:
    """Which partition is to be told the time; pure.

    Parameters
    ----------
    n_partitions
        Of the topic; one alone needs no clock.
    """

    def __init__(self, n_partitions: int) -> None:
        self._told_ns = [-1] * n_partitions
        self._when_ns = [-PAUSE_NS] * n_partitions
        self._newest_ns = -1

    def sent(self, partition: int, event_time_ns: int, now_ns: int) -> None:
        """Note ticks sent to a partition: their newest event time, and when, ns UTC."""
        self._newest_ns = max(self._newest_ns, event_time_ns)
        if event_time_ns > self._told_ns[partition]:
            self._told_ns[partition], self._when_ns[partition] = event_time_ns, now_ns

    def due(self, now_ns: int, *, at_end: bool = False) -> list[tuple[int, int]]:
        """Give the partitions to be told now, and what: the newest event time of all ticks sent.

        Parameters
        ----------
        at_end
            No later call comes: those that were told lately too.
        """
        found = []
        for partition, told_ns in enumerate(self._told_ns):
            # Beside the pause: a wall clock set back must not silence a partition.
            rests = 0 <= now_ns - self._when_ns[partition] < PAUSE_NS
            if told_ns < self._newest_ns and (at_end or not rests):
                found.append((partition, self._newest_ns))
                self._told_ns[partition], self._when_ns[partition] = self._newest_ns, now_ns
        return found
