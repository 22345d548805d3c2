"""Ticks on their way into Kafka, as a recording or the simulator gives them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FileTicks:
    """Some ticks, in the order in which they are due.

    Attributes
    ----------
    symbols
        Symbols by id.
    symbol_ids
        int32[n].
    prices
        float64[n]; a price that cannot be read is NaN. Admission judges them, not the reader.
    event_time_ns
        int64[n], UTC; -1 where a time cannot be read.
    trade_ids
        int64[n], -1 where there is none or it is no number.
    clock_ns
        int64[n], when each is due: the running maximum of event times, which no impossible
        time moves (see `ingest.merging.clock`). Never falls.
    """

    symbols: tuple[str, ...]
    symbol_ids: NDArray[np.int32]
    prices: NDArray[np.float64]
    event_time_ns: NDArray[np.int64]
    trade_ids: NDArray[np.int64]
    clock_ns: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.symbol_ids)

    def choose(self, chosen: slice | NDArray[np.bool_]) -> "FileTicks":
        """Give some of the ticks, in their order."""
        return FileTicks(
            self.symbols,
            self.symbol_ids[chosen],
            self.prices[chosen],
            self.event_time_ns[chosen],
            self.trade_ids[chosen],
            self.clock_ns[chosen],
        )
