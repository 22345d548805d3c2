"""Packed batches: many ticks in one Kafka message, read without a Python object per tick.

All numbers are little-endian; every array begins at a multiple of its item size, so that the
reader uses the message's own memory.

====== ============ =====================================================================
offset type         content
====== ============ =====================================================================
0      4 bytes      magic, ``AB 53 42 54``: the first byte begins no JSON and no UTF-8
4      u2           version, 1
6      u2           flags, bit 0: the rows have trade ids
8      u4           n, number of rows
12     u4           length of the symbol table in bytes
16     u4           number of symbols
20     u4           CRC-32 (zlib's) of the bytes 0 to 19 followed by those from 24 on
24     i8[n]        event times, ns UTC
...    f8[n]        prices
...    i8[n]        trade ids, -1 where there is none; only with flag bit 0
...    u2[n]        symbol of each row, its place in the table
...    bytes        symbol table: the symbols in UTF-8, joined by newlines
====== ============ =====================================================================

18 bytes a tick, 26 with trade ids, beside about 90 as JSON.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ingest.ticks import NO_TRADE_ID

MAGIC = b"\xabSBT"
VERSION = 1
_HEADER = struct.Struct("<4sHHIIII")
_CHECKED = 20  # bytes of the header before the CRC
_HAS_TRADE_IDS = 1
MAX_SYMBOLS = 65_536  # what u2 can number
KEPT_TABLE_BYTES = 16_384
"""Tables up to here, of 500 symbols at the longest, are remembered once they are read.

256 of up to 1 MB, which any sender can make, would be gigabytes of names.
"""


class PackedError(ValueError):
    """A packed message cannot be read.

    Attributes
    ----------
    reason
        ``truncated``, ``crc``, ``version`` or ``empty``.
    what, rule
        What was found and what it should be.
    """

    def __init__(self, reason: str, what: str, rule: str) -> None:
        super().__init__(f"{what}: {rule}")
        self.reason = reason
        self.what = what
        self.rule = rule


@dataclass(frozen=True, slots=True)
class PackedRows:
    """Rows of a packed message; the arrays are views of the message.

    Attributes
    ----------
    names
        The symbol table.
    symbol_ids
        uint16[n], places in ``names``; a message made by others may hold places beyond it.
    prices, event_time_ns
        float64[n] and int64[n].
    trade_ids
        int64[n], or None where the message has none.
    """

    names: tuple[str, ...]
    symbol_ids: NDArray[np.uint16]
    prices: NDArray[np.float64]
    event_time_ns: NDArray[np.int64]
    trade_ids: NDArray[np.int64] | None


def encode_packed(
    symbols: Sequence[str],
    symbol_ids: ArrayLike,
    prices: ArrayLike,
    event_time_ns: ArrayLike,
    trade_ids: ArrayLike | None = None,
) -> bytes:
    """Pack ticks into one message.

    Parameters
    ----------
    symbols
        The symbol table, at most 65 536.
    symbol_ids
        int[n], place of each row's symbol in ``symbols``.
    prices
        float64[n]; not judged here, admission does.
    event_time_ns
        int64[n], UTC.
    trade_ids
        int64[n], -1 where a row has none; left out where no row has one.

    Returns
    -------
    bytes
        The value of a Kafka message.

    Raises
    ------
    ValueError
        Arrays of unequal length, a place outside the table, a symbol that holds a newline,
        more than 65 536 symbols.
    """
    ids = np.asarray(symbol_ids)
    times = np.ascontiguousarray(event_time_ns, dtype="<i8")
    columns = [times, np.ascontiguousarray(prices, dtype="<f8")]
    flags = 0
    if trade_ids is not None:
        trades = np.ascontiguousarray(trade_ids, dtype="<i8")
        if len(trades) and trades.max() != NO_TRADE_ID:
            flags = _HAS_TRADE_IDS
            columns.append(trades)
        elif len(trades) != len(ids):
            raise ValueError(f"{len(ids)} symbol ids but {len(trades)} trade ids")
    if any(len(column) != len(ids) for column in columns):
        raise ValueError(f"{len(ids)} symbol ids but columns of {[len(c) for c in columns]} rows")
    if len(symbols) > MAX_SYMBOLS or any("\n" in symbol for symbol in symbols):
        raise ValueError(f"a table holds at most {MAX_SYMBOLS} symbols, none with a newline")
    if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < len(symbols):
        raise ValueError(f"symbol ids must be in [0, {len(symbols)})")
    table = "\n".join(symbols).encode()
    body = b"".join([*(c.tobytes() for c in columns), ids.astype("<u2").tobytes(), table])
    head = _HEADER.pack(MAGIC, VERSION, flags, len(ids), len(table), len(symbols), 0)[:_CHECKED]
    crc = zlib.crc32(body, zlib.crc32(head))
    return head + crc.to_bytes(4, "little") + body


def split_table(table: bytes, n_symbols: int) -> tuple[str, ...]:
    """Give the symbols of a table; bytes that are no UTF-8 become U+FFFD, which no symbol has."""
    return (_split_again if len(table) <= KEPT_TABLE_BYTES else _split)(table, n_symbols)


def _split(table: bytes, n_symbols: int) -> tuple[str, ...]:
    names = table.decode(errors="replace").split("\n") if n_symbols else []
    return tuple(names[:n_symbols])


# A producer sends the same table again and again: 2 us saved a message.
_split_again = lru_cache(maxsize=256)(_split)


def is_intact(view: memoryview, crc: int) -> bool:
    """Tell whether a packed message, uint8[any], has this check sum."""
    return zlib.crc32(view[_HEADER.size :], zlib.crc32(view[:_CHECKED])) == crc


def decode_packed(value: bytes) -> PackedRows:
    """Read a packed message.

    Parameters
    ----------
    value
        The message; its first byte is that of the magic.

    Returns
    -------
    PackedRows
        Views of ``value``: nothing is copied.

    Raises
    ------
    PackedError
        The message is cut short or too long, its check sum is wrong, its version is unknown, it
        has no rows.
    """
    if len(value) < _HEADER.size:
        raise PackedError(
            "truncated", f"packed message of {len(value)} bytes", f"its header has {_HEADER.size}"
        )
    magic, version, flags, n, table_size, n_symbols, crc = _HEADER.unpack_from(value)
    if magic != MAGIC or version != VERSION or flags > _HAS_TRADE_IDS:
        raise PackedError(
            "version",
            f"packed magic {magic.hex()} version {version} flags {flags}",
            f"must be {MAGIC.hex()} version {VERSION} flags 0 or 1",
        )
    size = _HEADER.size + n * (26 if flags else 18) + table_size
    if len(value) != size:
        raise PackedError(
            "truncated", f"packed message of {len(value)} bytes", f"its header says {size}"
        )
    view = memoryview(value)
    found = zlib.crc32(view[_HEADER.size :], zlib.crc32(view[:_CHECKED]))
    if found != crc:
        raise PackedError("crc", f"packed message with CRC-32 {found:08x}", f"must be {crc:08x}")
    if not n:
        raise PackedError("empty", "packed batch without rows", "must hold a tick")
    ids_at = _HEADER.size + n * (24 if flags else 16)
    return PackedRows(
        names=split_table(value[size - table_size :], n_symbols),
        event_time_ns=np.frombuffer(value, "<i8", n, _HEADER.size),
        prices=np.frombuffer(value, "<f8", n, _HEADER.size + 8 * n),
        trade_ids=np.frombuffer(value, "<i8", n, _HEADER.size + 16 * n) if flags else None,
        symbol_ids=np.frombuffer(value, "<u2", n, ids_at),
    )
