"""A checkpoint in messages of a compacted topic, and put together again.

Kafka takes a message of 1 MB by default and a checkpoint of 50 assets has 1.5 MB. Each message
bears which checkpoint it is a part of. Two sets of keys are written in turn, so that compaction
and an end in the middle of writing always leave one checkpoint whole.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec

# Below the 1 MB of a message with room for its frame; compression comes on top.
PART_BYTES = 900_000
SLOTS = 2


class Part(msgspec.Struct, frozen=True):
    """A part of checkpoint ``number`` (they count upwards), the ``index``-th of ``count``."""

    portfolio: str
    number: int
    index: int
    count: int
    data: bytes


class CheckpointSchedule:
    """When the next checkpoint is due: rarer where they are large.

    Parameters
    ----------
    interval_s
        Least time between two, in seconds; 0 for none at all.
    bytes_per_s
        What they may cost on average.
    """

    def __init__(self, interval_s: float, bytes_per_s: float = 250_000.0) -> None:
        self._interval_s = interval_s
        self._bytes_per_s = bytes_per_s
        self._due_s: float | None = None

    def is_due(self, now_s: float) -> bool:
        """Tell whether one is due; the first is, one interval after the first call."""
        if self._due_s is None:
            self._due_s = now_s + self._interval_s
        return self._interval_s > 0 and now_s >= self._due_s

    def written(self, now_s: float, n_bytes: int) -> None:
        """Note one that was written."""
        self._due_s = now_s + max(self._interval_s, n_bytes / self._bytes_per_s)


def split(portfolio: str, number: int, payload: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Give key and value of each message."""
    pieces = range(0, len(payload), PART_BYTES)
    for index, start in enumerate(pieces):
        part = Part(portfolio, number, index, len(pieces), payload[start : start + PART_BYTES])
        key = f"{portfolio}/{number % SLOTS}/{index}".encode()
        yield key, msgspec.msgpack.encode(part)


_decoder = msgspec.msgpack.Decoder(Part)


def join(portfolio: str, values: Iterable[bytes]) -> list[tuple[int, bytes]]:
    """Put together all checkpoints of a portfolio that are whole.

    Returns
    -------
    list of (number, payload)
        Newest first.
    """
    found: dict[tuple[int, int], dict[int, bytes]] = defaultdict(dict)
    for value in values:
        try:
            part = _decoder.decode(value)
        except msgspec.DecodeError:
            continue  # another program's, or another version's: none of ours is lost with it
        if part.portfolio == portfolio:
            found[part.number, part.count][part.index] = part.data
    return [
        (number, b"".join(parts[index] for index in range(count)))
        for (number, count), parts in sorted(found.items(), reverse=True)
        if len(parts) == count and parts.keys() == set(range(count))
    ]
