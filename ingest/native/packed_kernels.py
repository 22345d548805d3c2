"""Packed messages from bytes to columns, judged as they are copied: batches as they should be.

Anything else (a broken or empty message, a symbol without an id, a price or time out of bounds, a
trade already seen) ends the copying: `ingest.admission` then takes the way that tells what it is.
"""

import numpy as np
from numpy.typing import NDArray

from ingest.native.json_kernels import ByteArray
from ingest.native.memory import int64, load_byte, load_float64, load_int32, load_int64, load_uint64
from stats.compiled import FloatArray, IntArray, kernel

# Rows of what `read_heads` writes: rows of a message, whether it has trade ids, its symbols, its
# check sum, where in the buffer its symbol table begins, and the first message with this table.
ROWS, HAS_TRADES, SYMBOLS, CRC, TABLE, FIRST, N_HEADS = range(7)
# The layout of `ingest.packed`, not imported: compiled code is kept by the hash of this package.
HEADER_BYTES = 24
_ROWS_AT, _TABLE_SIZE_AT, _SYMBOLS_AT, _CRC_AT = 8, 12, 16, 20
_BEGIN = np.uint64(0x0001_5442_53AB)  # magic and version
_FLAGS_SHIFT, _SIX_BYTES = np.uint64(48), np.uint64(2**48 - 1)
_UNSIGNED = 2**32 - 1


@kernel
def is_same(one: int, other: int, size: int) -> bool:
    """Tell whether the bytes at two addresses are the same."""
    at = 0
    while at + 8 <= size:
        if load_uint64(one + at) != load_uint64(other + at):
            return False
        at += 8
    while at < size:
        if load_byte(one + at) != load_byte(other + at):
            return False
        at += 1
    return True


@kernel
def read_heads(buffer: ByteArray, bounds: IntArray, heads: IntArray) -> int:
    """Read the headers of packed messages.

    Parameters
    ----------
    buffer, bounds
        uint8[any] and int64[n + 1], as in `Payloads`.
    heads
        int64[N_HEADS, n], written.

    Returns
    -------
    int
        Rows of all; 0 where one is not packed, not whole or empty.
    """
    base, total = buffer.ctypes.data, 0
    for i in range(len(bounds) - 1):
        at, length = base + bounds[i], bounds[i + 1] - bounds[i]
        if length < HEADER_BYTES or (load_uint64(at) & _SIX_BYTES) != _BEGIN:
            return 0
        flags = int64(load_uint64(at) >> _FLAGS_SHIFT)
        n = int64(load_int32(at + _ROWS_AT)) & _UNSIGNED
        table_size = int64(load_int32(at + _TABLE_SIZE_AT)) & _UNSIGNED
        if flags > 1 or n == 0 or length != HEADER_BYTES + (18 + 8 * flags) * n + table_size:
            return 0
        heads[ROWS, i], heads[HAS_TRADES, i] = n, flags
        heads[SYMBOLS, i] = int64(load_int32(at + _SYMBOLS_AT)) & _UNSIGNED
        heads[CRC, i] = int64(load_int32(at + _CRC_AT)) & _UNSIGNED
        heads[TABLE, i], heads[FIRST, i] = bounds[i + 1] - table_size, i
        total += n
        if i > 0 and heads[SYMBOLS, i] == heads[SYMBOLS, i - 1]:
            before = heads[TABLE, i - 1]
            if bounds[i] - before == table_size and is_same(
                base + heads[TABLE, i], base + before, table_size
            ):
                heads[FIRST, i] = heads[FIRST, i - 1]
    return total


@kernel
def take_rows(
    buffer: ByteArray,
    bounds: IntArray,
    heads: IntArray,
    sources: IntArray,
    ids: NDArray[np.int32],
    bounds_of_prices: FloatArray,
    last: IntArray,
    symbol_ids: NDArray[np.int32],
    partitions: NDArray[np.int32],
    columns: IntArray,
    prices: FloatArray,
) -> bool:
    """Copy the rows of packed messages to columns as long as all are as they should be.

    Parameters
    ----------
    buffer, bounds, heads
        As `read_heads` took and wrote them.
    sources
        int64[4, n], of each message: latest event time taken, partition, offset, place in ``ids``
        of its first symbol.
    ids
        int32[any], ids of the symbols of all tables, -1 of one that has none.
    bounds_of_prices
        float64[2], the lowest and the highest price taken.
    last
        int64[any], the last trade id used of each symbol, changed; of no use after False.
    symbol_ids, partitions, columns, prices
        int32[m], int32[m], int64[2, m] (event time and offset) and float64[m], written.

    Returns
    -------
    bool
        Whether all were.
    """
    base, to = buffer.ctypes.data, 0
    lowest, highest = bounds_of_prices[0], bounds_of_prices[1]
    for i in range(len(bounds) - 1):
        n, n_symbols, latest = heads[ROWS, i], heads[SYMBOLS, i], sources[0, i]
        at, first_id, has_trades = (
            base + bounds[i] + HEADER_BYTES,
            sources[3, i],
            heads[HAS_TRADES, i],
        )
        places = at + (16 + 8 * has_trades) * n
        partition, offset, wrong = np.int32(sources[1, i]), sources[2, i], 0
        for r in range(n):
            time, price = load_int64(at + 8 * r), load_float64(at + 8 * (n + r))
            wrong |= (time < 0) | (time > latest) | (not lowest <= price <= highest)
            columns[0, to + r], columns[1, to + r], prices[to + r] = time, offset, price
            partitions[to + r] = partition
        for r in range(n):
            place = int64(load_byte(places + 2 * r)) + 256 * int64(load_byte(places + 2 * r + 1))
            symbol = ids[first_id + min(place, n_symbols - 1)] if n_symbols > 0 else -1
            wrong |= (place >= n_symbols) | (symbol < 0)
            symbol_ids[to + r] = symbol
        if wrong != 0:
            return False
        for r in range(n if has_trades else 0):
            trade, symbol = load_int64(at + 8 * (2 * n + r)), symbol_ids[to + r]
            if trade >= 0:
                if trade <= last[symbol]:
                    return False
                last[symbol] = trade
        to += n
    return True
