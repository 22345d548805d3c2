"""Contents of many messages, one behind the other in one buffer."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import overload

import numpy as np
from numpy.typing import NDArray


class Payloads(Sequence[bytes]):
    """Contents of messages that become bytes objects only where one is asked for.

    Parameters
    ----------
    buffer
        uint8[bounds[-1] or more], all contents in order.
    bounds
        int64[n + 1], where each begins; the last is where the last one ends.
    """

    def __init__(self, buffer: NDArray[np.uint8], bounds: NDArray[np.int64]) -> None:
        self.buffer = buffer
        self.bounds = bounds

    def __len__(self) -> int:
        return len(self.bounds) - 1

    @overload
    def __getitem__(self, place: int) -> bytes: ...

    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...

    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        """Give one's contents, or those of a slice."""
        if isinstance(place, slice):
            return [self[k] for k in range(*place.indices(len(self)))]
        n = len(self)
        if not -n <= place < n:
            raise IndexError(f"message {place} of {n}")
        place %= n
        return self.buffer[self.bounds[place] : self.bounds[place + 1]].tobytes()

    def __iter__(self) -> Iterator[bytes]:
        whole, bounds = self.buffer.tobytes(), self.bounds.tolist()
        for start, stop in pairwise(bounds):
            yield whole[start:stop]
