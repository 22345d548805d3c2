"""Which ticks are used: a pure step machine over arrays, the same for any batching.

A row is refused for the first of these that holds: it cannot be read; its symbol is none; its
price is outside [1e-15, 1e15]; its event time is before 1970 or too far ahead of its message's
Kafka timestamp; it would be the first of one symbol too many. Then a trade already seen is
left out: its number is not above the last used of its symbol. A refused row leaves no trace:
neither its symbol nor its trade id is remembered.

The bounds of a price keep every later figure finite: ratios stay under 1e30 and squared
differences too, where 5e-324 beside 1 would already overflow. What is traded stays far inside:
the dearest unit quoted is about 1e12 (a bitcoin in the smallest currencies), the cheapest about
1e-13 (a meme coin in bitcoin).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ingest.codec import Decoded, RawMessages, decode, decode_single
from ingest.duplicates import TradeIds
from ingest.payloads import Payloads
from ingest.refusing import (
    INVALID,
    MAX_PRICE,
    MIN_PRICE,
    NEW,
    OVER_LIMIT,
    SYMBOL,
    tell_refused,
)
from ingest.rejection import Rejection
from ingest.ticks import CLOCK, FEW, SymbolLimitError, SymbolTable, TickBatch

if TYPE_CHECKING:
    from ingest.native.decoding import BatchDecoder
    from ingest.native.packed_batches import PackedReader

__all__ = ["MAX_PRICE", "MIN_PRICE", "Admission", "Admitted"]

_NS_PER_MS = 1_000_000
_MAX_TIMESTAMP_MS = 2**62 // _NS_PER_MS  # year 2116; beyond, ns would not fit 64 bits


class Admitted(msgspec.Struct, frozen=True, gc=False):
    """What became of the messages of one step.

    Attributes
    ----------
    batch
        The ticks to use.
    rejections
        What was refused, in order.
    n_read
        Rows seen, a message that cannot be read counted as one, but no clock messages:
        ``len(batch) + len(rejections) + n_duplicate - n_clock``.
    n_duplicate
        Trades already seen.
    n_clock
        Clock messages in the batch.
    """

    batch: TickBatch
    rejections: tuple[Rejection, ...]
    n_read: int
    n_duplicate: int
    n_clock: int = 0


class Admission:
    """Judges rows and numbers symbols.

    Parameters
    ----------
    symbols
        Numbers symbols in the order of their first row used.
    future_tolerance_ns
        How far an event time may be ahead of its message's Kafka timestamp (of the time of
        receipt where a message has none).
    rejected_topic
        Named in the messages of rejections.
    """

    def __init__(
        self,
        symbols: SymbolTable,
        future_tolerance_ns: int,
        rejected_topic: str = "ticks.rejected",
    ) -> None:
        self.symbols = symbols
        self._future_tolerance_ns = future_tolerance_ns
        self._rejected_topic = rejected_topic
        self._trade_ids = TradeIds(symbols.limit)
        self._batches: BatchDecoder | None = None
        self._packed: PackedReader | None = None
        self._names: Sequence[str] = ()
        self._known: NDArray[np.int32] = np.zeros(0, np.int32)  # ids of these names

    @property
    def trade_ids(self) -> NDArray[np.int64]:
        """int64[limit], the last trade id used of each symbol: to keep, and to go on from."""
        return self._trade_ids.last

    def step(self, raw: RawMessages) -> Admitted:
        """Decode and judge the messages of one wake-up.

        Parameters
        ----------
        raw
            The messages; nothing in them raises.

        Returns
        -------
        Admitted
            What to use, what was refused.
        """
        if 0 < len(raw.values) <= FEW and (few := self._take_few(raw)) is not None:
            return few
        limits_ns = self._limits_ns(raw)
        if isinstance(raw.values, Payloads):
            packed = self._take_packed(raw, raw.values, limits_ns)
            if packed is not None:
                return packed
        return self._judge(raw, self._decode(raw.values), limits_ns)

    def _judge(
        self, raw: RawMessages, rows: Decoded, limits_ns: NDArray[np.int64] | int
    ) -> Admitted:
        latest_ns = limits_ns
        if not isinstance(limits_ns, int) and not rows.is_row_each:
            latest_ns = np.repeat(limits_ns, rows.counts)
        used = (rows.prices >= MIN_PRICE) & (rows.prices <= MAX_PRICE)
        used &= (rows.event_time_ns >= 0) & (rows.event_time_ns <= latest_ns)
        if rows.row_faults:
            used[list(rows.row_faults)] = False
        ids = self._identify(rows, used)
        n, n_clock = len(used), 0
        if rows.clocks:
            n_clock = _take_clocks(rows, latest_ns, ids, used)
        n_used = np.count_nonzero(used)
        rejections: tuple[Rejection, ...] = ()
        if n_used < n or rows.message_faults:
            rejections = tell_refused(
                raw, rows, ids, used, latest_ns, self.symbols.limit, self._rejected_topic
            )
        n_duplicate = 0
        if rows.trade_ids is not None:
            n_duplicate = self._trade_ids.drop_seen(ids, rows.trade_ids, used)
        batch = _batch(raw, rows, ids, used if n_used - n_duplicate < n else None)
        n_read = n + len(rows.message_faults) - n_clock
        return Admitted(batch, rejections, n_read, n_duplicate, n_clock)

    def _take_few(self, raw: RawMessages) -> Admitted | None:
        """Admit a few messages of one tick of a known symbol each without arrays to judge.

        A live feed's wake-up mostly has no more. None where anything is not as usual: nothing
        has been changed then, and the way of all others tells what it is.
        """
        ids, prices, times = list[int](), list[float](), list[int]()
        trade_ids: dict[int, int] = {}
        for value, timestamp_ms in zip(raw.values, raw.timestamps_ms, strict=True):
            tick = decode_single(value)
            if tick is None or (symbol_id := self.symbols.find(tick.symbol)) is None:
                return None
            latest_ns = self._limit_ns(int(timestamp_ms), raw.receive_time_ns)
            if not (MIN_PRICE <= tick.price <= MAX_PRICE and 0 <= tick.event_time_ns <= latest_ns):
                return None
            if tick.trade_id is not None:
                last = trade_ids.get(symbol_id, self.trade_ids[symbol_id])
                if not isinstance(tick.trade_id, int) or tick.trade_id <= last:
                    return None
                trade_ids[symbol_id] = tick.trade_id
            ids.append(symbol_id)
            prices.append(tick.price)
            times.append(tick.event_time_ns)
        for symbol_id, trade_id in trade_ids.items():
            self.trade_ids[symbol_id] = trade_id
        batch = TickBatch(
            symbol_ids=ids,
            prices=prices,
            event_time_ns=times,
            partitions=raw.partitions,
            offsets=raw.offsets,
            receive_time_ns=raw.receive_time_ns,
            message_time_ns=raw.newest_timestamp_ms * _NS_PER_MS,
        )
        return Admitted(batch, (), len(ids), 0)

    def _take_packed(
        self, raw: RawMessages, values: Payloads, limits_ns: NDArray[np.int64] | int
    ) -> Admitted | None:
        """Admit packed messages of known symbols in one pass: 13 ns a tick, not 27.

        None where anything is not as usual: nothing has been changed then.
        """
        if self._packed is None:
            from ingest.native.packed_batches import PackedReader  # noqa: PLC0415 - as in `_decode`

            self._packed = PackedReader(self.symbols.find, MIN_PRICE, MAX_PRICE)
        found = self._packed.read(values, limits_ns, raw.partitions, raw.offsets, self.trade_ids)
        if found is None:
            return None
        self.trade_ids[:] = found.trade_ids
        batch = TickBatch(
            symbol_ids=_keep(found.symbol_ids, None),
            prices=_keep(found.prices, None),
            event_time_ns=_keep(found.event_time_ns, None),
            partitions=_keep(found.partitions, None),
            offsets=_keep(found.offsets, None),
            receive_time_ns=raw.receive_time_ns,
            message_time_ns=raw.newest_timestamp_ms * _NS_PER_MS,
        )
        return Admitted(batch, (), len(batch), 0)

    def _decode(self, values: Sequence[bytes]) -> Decoded:
        if not isinstance(values, Payloads):
            return decode(values)
        if self._batches is None:
            from ingest.native.decoding import BatchDecoder  # noqa: PLC0415 - loads the compiler

            self._batches = BatchDecoder()
        return self._batches.decode(values)

    def _limits_ns(self, raw: RawMessages) -> NDArray[np.int64] | int:
        """Give the latest event time taken of each message, an integer where there is but one."""
        if len(raw) == 1:
            return self._limit_ns(int(raw.timestamps_ms[0]), raw.receive_time_ns)
        known = np.asarray(raw.timestamps_ms, np.int64)
        limits = np.minimum(known, _MAX_TIMESTAMP_MS) * _NS_PER_MS
        limits[known < 0] = raw.receive_time_ns
        limits += self._future_tolerance_ns
        return limits

    def _limit_ns(self, timestamp_ms: int, receive_time_ns: int) -> int:
        """Give the latest event time taken of one message."""
        known_ns = min(timestamp_ms, _MAX_TIMESTAMP_MS) * _NS_PER_MS
        return (known_ns if timestamp_ms >= 0 else receive_time_ns) + self._future_tolerance_ns

    def _identify(self, rows: Decoded, used: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Give each row's symbol id, or why it has none; such a row is taken out of ``used``."""
        if rows.names is not self._names:
            self._names, self._known = rows.names, np.full(len(rows.names), NEW, np.int32)
        known = self._known
        # Batch after batch has the same table: only a name without an id is looked for again.
        unknown = np.flatnonzero(known < 0).tolist()
        if unknown:
            for place in unknown:
                name = rows.names[place]
                found = self.symbols.find(name)
                if found is not None:
                    known[place] = found
                else:
                    known[place] = NEW if SYMBOL.fullmatch(name) else INVALID
            if (known < 0).any():
                self._intern(rows, known, used)
                used &= known[rows.name_ids] >= 0
        return known[rows.name_ids]

    def _intern(self, rows: Decoded, known: NDArray[np.int32], used: NDArray[np.bool_]) -> None:
        """Give ids to new symbols with a row to use, in the order of these rows."""
        new = np.flatnonzero(used & (known[rows.name_ids] == NEW))
        places, first = np.unique(rows.name_ids[new], return_index=True)
        for place in places[np.argsort(first)]:
            try:
                known[place] = self.symbols.intern(rows.names[place])
            except SymbolLimitError:
                known[place] = OVER_LIMIT


def _take_clocks(
    rows: Decoded,
    latest_ns: NDArray[np.int64] | int,
    ids: NDArray[np.int32],
    used: NDArray[np.bool_],
) -> int:
    """Use clock messages whose time is possible; gives how many."""
    places = np.array(rows.clocks)
    when = rows.event_time_ns[places]
    ids[places] = CLOCK
    used[places] = (when >= 0) & (when <= np.broadcast_to(latest_ns, used.shape)[places])
    return int(np.count_nonzero(used[places]))


def _batch(
    raw: RawMessages, rows: Decoded, ids: NDArray[np.int32], used: NDArray[np.bool_] | None
) -> TickBatch:
    """Gather the rows to use, all of them where ``used`` is None."""
    partitions: NDArray[np.int32] = np.array(raw.partitions, np.int32)
    offsets: NDArray[np.int64] = np.array(raw.offsets, np.int64)
    if not rows.is_row_each:
        partitions = np.repeat(partitions, rows.counts)
        offsets = np.repeat(offsets, rows.counts)
    return TickBatch(
        symbol_ids=_keep(ids, used),
        prices=_keep(rows.prices, used),
        event_time_ns=_keep(rows.event_time_ns, used),
        partitions=_keep(partitions, used),
        offsets=_keep(offsets, used),
        receive_time_ns=raw.receive_time_ns,
        message_time_ns=raw.newest_timestamp_ms * _NS_PER_MS,
    )


def _keep(column: NDArray[Any], used: NDArray[np.bool_] | None) -> NDArray[Any]:
    kept = column if used is None else column[used]
    kept.setflags(write=False)
    return kept
