"""Columns of text into arrays of numbers, times and ids.

Text is cast as a whole; only where a cell of it cannot be read are the cells looked at one by
one, so a bad cell costs its own block some milliseconds and never its neighbours.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ingest.formats import MICROSECOND_NS, MILLISECOND_NS, SECOND_NS
from ingest.ticks import NO_TRADE_ID

NO_TIME: Final = -1
"""Event time of a row whose time cannot be read: before 1970, so admission refuses the row."""

_NUMBER: Final = r"(?i)^[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity|nan)$"
_WHOLE: Final = r"^[0-9]{1,18}$"  # always fits int64
_EPOCH_CELL: Final = re.compile(r"-?\d+(\.\d*)?([eE][+-]?\d+)?")
# Epoch times tell their unit by their size: 1e11 s is the year 5138, 1e11 ms is 1973.
_UNITS: Final = (
    (10**11, SECOND_NS),
    (10**14, MILLISECOND_NS),
    (10**17, MICROSECOND_NS),
)


def numbers(cells: pa.Array) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Read a column of numbers.

    Parameters
    ----------
    cells
        string[n], null where the cell is missing.

    Returns
    -------
    values
        float64[n], NaN where a cell is missing or no number.
    missing
        bool[n].
    """
    try:
        found = pc.cast(cells, pa.float64())
        missing = cells.is_null()
    except pa.ArrowInvalid:
        text = _trimmed(cells)
        is_number = pc.match_substring_regex(text, _NUMBER)
        found = pc.cast(pc.cast(_where(is_number, text), pa.string()), pa.float64())
        missing = pc.fill_null(pc.equal(text, b""), True)
    return found.to_numpy(zero_copy_only=False), missing.to_numpy(zero_copy_only=False)


def _trimmed(cells: pa.Array) -> pa.Array:
    """Give the cells as bytes, for a file may hold text that is no UTF-8."""
    return pc.cast(pc.ascii_trim_whitespace(cells), pa.binary())


def _where(condition: pa.Array, cells: pa.Array) -> pa.Array:
    return pc.if_else(condition, cells, pa.scalar(None, cells.type))


def trade_ids(cells: pa.Array) -> NDArray[np.int64]:
    """Read a column of trade ids; -1 where an id is no whole number of at most 18 digits.

    Parameters
    ----------
    cells
        string[n], null where the cell is missing.

    Returns
    -------
    NDArray[np.int64]
        int64[n].
    """
    try:
        whole = pc.cast(cells, pa.int64())
    except pa.ArrowInvalid:
        text = _trimmed(cells)
        is_whole = pc.match_substring_regex(text, _WHOLE)
        whole = pc.cast(pc.cast(_where(is_whole, text), pa.string()), pa.int64())
    found: NDArray[np.int64] = pc.fill_null(whole, NO_TRADE_ID).to_numpy(zero_copy_only=False)
    return np.maximum(found, NO_TRADE_ID)


def time_unit(cells: pa.Array, small_unit_ns: int) -> int | None:
    """Tell how a column writes its times.

    Parameters
    ----------
    cells
        string[n], the first block of a file.
    small_unit_ns
        Unit of epoch times below 1e11, which by size could be seconds or a young clock.

    Returns
    -------
    int or None
        ns in one unit of its epoch times; None for dates as text (ISO 8601).
    """
    texts = [_text(cell) for cell in pc.cast(cells[:1000], pa.binary()).to_pylist()]
    values = [_epoch(text) for text in texts if text]
    epochs = sorted(value for value in values if value is not None)
    if len(epochs) * 2 <= len(values):
        return None
    typical = epochs[len(epochs) // 2]
    if typical < _UNITS[0][0]:
        return small_unit_ns
    return next((unit for limit, unit in _UNITS if typical < limit), 1)


def _epoch(cell: str) -> Decimal | None:
    try:
        return Decimal(cell) if _EPOCH_CELL.fullmatch(cell) else None
    except InvalidOperation:
        return None


def times(cells: pa.Array, unit_ns: int | None) -> NDArray[np.int64]:
    """Read a column of times.

    Parameters
    ----------
    cells
        string[n].
    unit_ns
        As `time_unit` tells it.

    Returns
    -------
    NDArray[np.int64]
        int64[n], ns since 1970 UTC; -1 where a cell is missing or no time. Text without a
        zone is taken as UTC.
    """
    for read in (_whole_times, _zoned_times):
        try:
            return read(cells, unit_ns)
        except pa.ArrowInvalid:
            continue
    texts = [_text(cell) for cell in pc.cast(cells, pa.binary()).to_pylist()]
    return np.array([_one_time(text, unit_ns) for text in texts], dtype=np.int64)


def _whole_times(cells: pa.Array, unit_ns: int | None) -> NDArray[np.int64]:
    if unit_ns is None:
        return _from_arrow(pc.cast(pc.cast(cells, pa.timestamp("ns")), pa.int64()))
    found = _from_arrow(pc.cast(cells, pa.int64()))
    fits = (found >= 0) & (found <= np.iinfo(np.int64).max // unit_ns)
    return np.where(fits, found * np.where(fits, unit_ns, 0), NO_TIME)


def _zoned_times(cells: pa.Array, unit_ns: int | None) -> NDArray[np.int64]:
    if unit_ns is not None:
        raise pa.ArrowInvalid("epoch times have no zone")
    return _from_arrow(pc.cast(pc.cast(cells, pa.timestamp("ns", "UTC")), pa.int64()))


def _from_arrow(values: pa.Array) -> NDArray[np.int64]:
    found: NDArray[np.int64] = pc.fill_null(values, NO_TIME).to_numpy(zero_copy_only=False)
    return found


def _text(cell: bytes | None) -> str:
    return "" if cell is None else cell.decode(errors="replace").strip()


def _one_time(text: str, unit_ns: int | None) -> int:
    if unit_ns is not None:
        epoch = _epoch(text)
        found = NO_TIME if epoch is None else int(epoch * unit_ns)
    else:
        try:
            moment = datetime.fromisoformat(text.removesuffix("UTC").strip())
        except ValueError:
            return NO_TIME
        since = moment.replace(tzinfo=moment.tzinfo or UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        found = (since.days * 86_400 + since.seconds) * SECOND_NS + since.microseconds * 1000
    return found if abs(found) < 2**63 else NO_TIME
