"""Formats of a tick message, read into arrays.

==================  ==================================================================
JSON tick           ``{"symbol": "BTCUSDT", "price": 64000.5, "event_time_ns":
                    1723075200000000000, "trade_id": 12}``; ``trade_id`` may be left out
JSON array          ``[tick, tick, ...]``
2019 prototype      ``[{"asset": "BTC", "price": 64000.5, "date": "2019-05-01 12:00:00"}]``;
                    the date is ISO 8601, UTC where it names no zone, or a number since
                    1970 in s, ms, us or ns, told apart by its size
packed batch        binary, see `ingest.packed`
clock message       ``{"clock_ns": 1723075200000000000}``: no tick, its partition's event time
                    has come so far; for a topic of several partitions, of which a silent one
                    would hold all rows back
==================  ==================================================================

Well-formed messages take the fast way: msgspec reads JSON into structs that the garbage
collector does not track, a packed batch is viewed where it lies. What that way refuses is read
row by row in `ingest.json_rows`, so that a bad row costs no neighbour. A message without rows is
refused too: so each message is counted, as rows or as a refusal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ingest.json_rows import (
    Clock,
    Fault,
    Tick,
    encode_clock,
    encode_json,
    numeric_trade_id,
    read_message,
)
from ingest.offsets import Integers
from ingest.packed import MAGIC, PackedError, decode_packed, encode_packed
from ingest.ticks import NO_TRADE_ID

__all__ = [
    "Decoded",
    "PlainTick",
    "RawMessages",
    "decode",
    "decode_single",
    "encode_clock",
    "encode_json",
    "encode_packed",
]

_PACKED_BYTE, _OBJECT_BYTE, _ARRAY_BYTE = MAGIC[0], ord("{"), ord("[")
_UNREADABLE = Tick("", float("nan"), 0)  # holds the place of a row that cannot be read


class PlainTick(msgspec.Struct, gc=False):
    """What the fast way takes; numbers that do not fit 64 bits go the slow way."""

    symbol: str
    price: float
    event_time_ns: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    trade_id: Annotated[int, Meta(ge=0, le=2**63 - 1)] | str | None = None


_decode_tick = msgspec.json.Decoder(PlainTick).decode
_decode_ticks = msgspec.json.Decoder(list[PlainTick]).decode


class RawMessages(msgspec.Struct, frozen=True, gc=False):
    """Messages of one wake-up of the consumer, in order of arrival.

    Attributes
    ----------
    topics, values
        Where each comes from and what it holds.
    timestamps_ms
        Kafka timestamps, ms UTC; -1 where a message has none. Lists, or int64[n] beside
        `Payloads`.
    partitions, offsets
        Where each stands in its topic.
    receive_time_ns
        UTC, when the consumer woke up with the first of them.
    """

    topics: list[str]
    values: Sequence[bytes]
    timestamps_ms: Integers
    partitions: Integers
    offsets: Integers
    receive_time_ns: int

    def __len__(self) -> int:
        return len(self.values)

    @property
    def newest_timestamp_ms(self) -> int:
        """The newest Kafka timestamp, 0 without any message."""
        if isinstance(self.timestamps_ms, list):
            return max(self.timestamps_ms, default=0)
        return int(self.timestamps_ms.max(initial=-1))


@dataclass(frozen=True, slots=True)
class Decoded:
    """Rows of some messages as they stand there: not yet judged.

    A row that cannot be read keeps its place, so that the number of a row is plain counting.

    Attributes
    ----------
    counts
        Rows of each message.
    names
        Symbols named, the same one perhaps several times.
    name_ids
        intp[n], place of each row's symbol in ``names``.
    prices, event_time_ns
        float64[n] and int64[n].
    trade_ids
        int64[n], -1 where a row has none; None where no row has one.
    row_faults, message_faults
        What cannot be read, by place of the row among all n and by place of the message.
    clocks
        Places of the rows that are clock messages; no name in the table is theirs.
    """

    @property
    def is_row_each(self) -> bool:
        """Whether each message is one row."""
        return len(self.counts) == len(self.prices) and self.counts.count(1) == len(self.counts)

    counts: list[int]
    names: Sequence[str]
    name_ids: NDArray[np.intp]
    prices: NDArray[np.float64]
    event_time_ns: NDArray[np.int64]
    trade_ids: NDArray[np.int64] | None
    row_faults: dict[int, Fault]
    message_faults: dict[int, Fault]
    clocks: list[int]


class Part(NamedTuple):
    """Rows of neighbouring messages, as arrays."""

    names: tuple[str, ...]
    name_ids: NDArray[np.intp]
    prices: NDArray[np.float64]
    event_time_ns: NDArray[np.int64]
    trade_ids: NDArray[np.int64] | None


class RowReader:
    """Gathers rows; those of neighbouring JSON messages become arrays together."""

    def __init__(self) -> None:
        self.counts: list[int] = []
        self.row_faults: dict[int, Fault] = {}
        self.message_faults: dict[int, Fault] = {}
        self.clocks: list[int] = []
        self.parts: list[Part] = []
        self._rows_in_parts = 0
        self._ticks: list[PlainTick | Tick] = []

    def read(self, value: bytes) -> None:
        """Take the rows of the next message."""
        first = value[0] if value else 0
        try:
            if first == _OBJECT_BYTE:
                self._ticks.append(_decode_tick(value))
                self.counts.append(1)
            elif first == _ARRAY_BYTE and (found := _decode_ticks(value)):
                self._ticks += found
                self.counts.append(len(found))
            elif first == _PACKED_BYTE:
                self._read_packed(value)
            else:
                self._read_slowly(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._read_slowly(value)

    def add_plain(self, part: Part) -> None:
        """Take the rows of the next messages, one each, that were read elsewhere."""
        self.end_json()
        self.counts += [1] * len(part.prices)
        self._add(part)

    def found(self) -> Decoded:
        """End, and give what was gathered."""
        self.end_json()
        part = self.parts[0] if len(self.parts) == 1 else _join(self.parts or [_NO_ROWS])
        return Decoded(self.counts, *part, self.row_faults, self.message_faults, self.clocks)

    def end_json(self) -> None:
        """Turn the JSON rows gathered so far into arrays."""
        ticks = self._ticks
        if not ticks:
            return
        self._ticks = []
        symbols = [tick.symbol for tick in ticks]
        places = {symbol: place for place, symbol in enumerate(dict.fromkeys(symbols))}
        self._add(
            Part(
                names=tuple(places),
                name_ids=np.array([places[symbol] for symbol in symbols], np.intp),
                prices=np.array([tick.price for tick in ticks], np.float64),
                event_time_ns=np.array([tick.event_time_ns for tick in ticks], np.int64),
                trade_ids=_numeric([tick.trade_id for tick in ticks]),
            )
        )

    def _read_packed(self, value: bytes) -> None:
        try:
            rows = decode_packed(value)
        except PackedError as failure:
            self._refuse(Fault(failure.reason, failure.what, failure.rule))
            return
        self.end_json()
        self.counts.append(len(rows.prices))
        names, name_ids = rows.names, rows.symbol_ids.astype(np.intp)
        if len(name_ids) and name_ids.max() >= len(names):
            # A place outside the table becomes a name that admission refuses.
            outside = name_ids >= len(names)
            places, name_ids[outside] = np.unique(name_ids[outside], return_inverse=True)
            name_ids[outside] += len(names)
            names += tuple(f"#{place}" for place in places)
        self._add(Part(names, name_ids, rows.prices, rows.event_time_ns, rows.trade_ids))

    def _read_slowly(self, value: bytes) -> None:
        rows = read_message(value)
        if isinstance(rows, Fault):
            self._refuse(rows)
            return
        self.counts.append(len(rows))
        for row in rows:
            place = self._rows_in_parts + len(self._ticks)
            if isinstance(row, Fault):
                self.row_faults[place] = row
                self._ticks.append(_UNREADABLE)
            elif isinstance(row, Clock):
                self.clocks.append(place)
                self._ticks.append(Tick("", 1.0, row.event_time_ns))
            else:
                self._ticks.append(row)

    def _refuse(self, fault: Fault) -> None:
        self.message_faults[len(self.counts)] = fault
        self.counts.append(0)

    def _add(self, part: Part) -> None:
        self.parts.append(part)
        self._rows_in_parts += len(part.prices)


def _numeric(trade_ids: list[int | str | None]) -> NDArray[np.int64] | None:
    kinds = set(map(type, trade_ids))
    if kinds == {NoneType}:
        return None
    if kinds != {int}:
        trade_ids = [numeric_trade_id(trade_id) for trade_id in trade_ids]
    return np.array(trade_ids, np.int64)


def _join(parts: list[Part]) -> Part:
    """Put parts behind each other; parts with one and the same table share it."""
    names: list[str] = []
    bases: dict[int, int] = {}  # packed messages of one producer hold the very same tuple
    moved = []
    for part in parts:
        base = bases.get(id(part.names))
        if base is None:
            base = bases[id(part.names)] = len(names)
            names += part.names
        moved.append(part.name_ids + base)
    trade_ids = None
    if any(part.trade_ids is not None for part in parts):
        trade_ids = np.concatenate([_or_none(part) for part in parts])
    return Part(
        tuple(names),
        np.concatenate(moved),
        np.concatenate([part.prices for part in parts]),
        np.concatenate([part.event_time_ns for part in parts]),
        trade_ids,
    )


def _or_none(part: Part) -> NDArray[np.int64]:
    if part.trade_ids is None:
        return np.full(len(part.prices), NO_TRADE_ID)
    return part.trade_ids


_NO_ROWS = Part((), np.empty(0, np.intp), np.empty(0), np.empty(0, np.int64), None)


def decode_single(value: bytes) -> PlainTick | None:
    """Read a message of one well-formed tick without arrays: 0.5 us, not 6.

    Parameters
    ----------
    value
        Contents of a message.

    Returns
    -------
    PlainTick or None
        None where it is anything else; `decode` tells what.
    """
    if not value or value[0] != _OBJECT_BYTE:
        return None
    try:
        return _decode_tick(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def decode(values: Sequence[bytes]) -> Decoded:
    """Read messages of any of the formats.

    Parameters
    ----------
    values
        Contents of the messages; nothing in them raises.

    Returns
    -------
    Decoded
        Their rows in order, and what of them cannot be read.
    """
    reader = RowReader()
    for value in values:
        reader.read(value)
    return reader.found()
