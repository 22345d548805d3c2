"""The kernels of `packed_kernels` once more, by numpy's views of each message."""

import numpy as np
from numpy.typing import NDArray

from ingest.native import packed_kernels as at
from ingest.native.json_kernels import ByteArray
from ingest.packed import PackedError, decode_packed
from stats.compiled import FloatArray, IntArray


def read_heads(buffer: ByteArray, bounds: IntArray, heads: IntArray) -> int:
    """As ``packed_kernels.read_heads``, but a message with a wrong check sum gives 0 too."""
    n, tables = len(bounds) - 1, list[tuple[bytes, int]]()
    for i in range(n):
        value = buffer[bounds[i] : bounds[i + 1]].tobytes()
        try:
            rows = decode_packed(value)
        except PackedError:
            return 0
        size, n_symbols, crc = np.frombuffer(value, "<u4", 3, 12).tolist()
        tables.append((value[len(value) - size :], n_symbols))
        same = i > 0 and tables[i] == tables[i - 1]
        heads[at.ROWS, i], heads[at.HAS_TRADES, i] = len(rows.prices), rows.trade_ids is not None
        heads[at.SYMBOLS, i], heads[at.CRC, i] = n_symbols, crc
        heads[at.TABLE, i] = bounds[i + 1] - size
        heads[at.FIRST, i] = heads[at.FIRST, i - 1] if same else i
    return int(heads[at.ROWS].sum())


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
    """As ``packed_kernels.take_rows``."""
    to = 0
    for i in range(len(bounds) - 1):
        rows = decode_packed(buffer[bounds[i] : bounds[i + 1]].tobytes())
        latest, partition, offset, first = sources[:, i].tolist()
        of_message = slice(to, to + len(rows.prices))
        if rows.symbol_ids.max() >= heads[at.SYMBOLS, i]:
            return False
        found = ids[first + rows.symbol_ids.astype(np.intp)]
        symbol_ids[of_message], partitions[of_message] = found, partition
        columns[0, of_message], columns[1, of_message] = rows.event_time_ns, offset
        prices[of_message] = rows.prices
        is_used = (rows.event_time_ns >= 0) & (rows.event_time_ns <= latest) & (found >= 0)
        is_used &= (bounds_of_prices[0] <= rows.prices) & (rows.prices <= bounds_of_prices[1])
        if not is_used.all():
            return False
        trades = [] if rows.trade_ids is None else rows.trade_ids.tolist()
        for symbol, trade in zip(found.tolist(), trades, strict=False):
            if 0 <= trade <= last[symbol]:
                return False
            last[symbol] = max(trade, last[symbol])
        to += len(rows.prices)
    return True
