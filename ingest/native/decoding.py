"""Tick messages of a whole batch into arrays; what is not plain goes the way of everything."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ingest.codec import Decoded, Part, RowReader
from ingest.native.json_kernels import NAME_WORDS, PADDING, read_plain_ticks
from ingest.payloads import Payloads

# Of valid symbols, used or refused; further ones are read the other way. 64 kB.
_MOST_NAMES = 2048


class BatchDecoder:
    """Decodes batches; remembers the symbols that it has met."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._table = (
            np.zeros((_MOST_NAMES + 1, NAME_WORDS), np.uint64),
            np.full(2 * _MOST_NAMES, -1, np.int64),
            np.zeros(1, np.int64),
        )

    def decode(self, payloads: Payloads) -> Decoded:
        """Read messages of any of the formats, as `ingest.codec.decode` does."""
        n = len(payloads)
        text = payloads.buffer
        if len(text) < payloads.bounds[n] + PADDING:  # the kernel reads eight bytes at a time
            text = np.append(text, np.zeros(PADDING, np.uint8))
        plain = np.empty(n, np.uint8)
        ints, prices = np.empty((3, n), np.int64), np.empty(n)
        found = read_plain_ticks(text, payloads.bounds, plain, ints, prices, *self._table)
        self._name_new()
        if found == n:
            part = self._part(ints, prices)
            return Decoded([1] * n, *part, {}, {}, [])
        return self._mixture(payloads, plain, ints, prices)

    def _mixture(
        self,
        payloads: Payloads,
        plain: NDArray[np.uint8],
        ints: NDArray[np.int64],
        prices: NDArray[np.float64],
    ) -> Decoded:
        reader = RowReader()
        # Where a run of plain messages, or of others, begins; the last is the end.
        turns = np.flatnonzero(np.diff(plain)) + 1
        bounds = [0, *turns.tolist(), len(plain)]
        for start, stop in pairwise(bounds):
            if plain[start]:
                reader.add_plain(self._part(ints[:, start:stop], prices[start:stop]))
            else:
                for value in payloads[start:stop]:
                    reader.read(value)
        return reader.found()

    def _name_new(self) -> None:
        names, _, count = self._table
        if int(count[0]) > len(self._names):
            added = names[len(self._names) : int(count[0])]
            self._names += tuple(name.tobytes().rstrip(b"\0").decode() for name in added)

    def _part(self, ints: NDArray[np.int64], prices: NDArray[np.float64]) -> Part:
        trade_ids = ints[2] if (ints[2] >= 0).any() else None
        return Part(self._names, ints[0], prices, ints[1], trade_ids)
