"""librdkafka's messages from its memory into columns, and back to it.

A batch call gives pointers to ``rd_kafka_message_t`` (rdkafka.h, unchanged since 0.9): err int32
at 0, topic pointer 8, partition int32 16, payload pointer 24, its length 32, offset int64 56. What
is read here stays valid until the message is given back, which happens last.
"""

import struct
from collections.abc import Callable
from typing import cast

import numpy as np
from numba import types
from numpy.typing import NDArray

from ingest.native.memory import copy_bytes, load_int32, load_int64
from stats.compiled import IntArray, kernel

ERROR, TOPIC, PARTITION, TIMESTAMP, OFFSET = range(5)
_ERR_AT, _TOPIC_AT, _PARTITION_AT, _PAYLOAD_AT, _LENGTH_AT, _OFFSET_AT = 0, 8, 16, 24, 32, 56

MESSAGE = struct.Struct("<i4xqi4xqq16xq")
"""Error code, topic, partition, payload, its length and offset."""

# Found by name among the symbols that `librdkafka.open_library` gives to the compiler.
_timestamp = cast(
    Callable[[int, int], int],
    types.ExternalFunction("rd_kafka_message_timestamp", types.int64(types.intp, types.intp)),
)
_destroy = cast(
    Callable[[int], None],
    types.ExternalFunction("rd_kafka_message_destroy", types.void(types.intp)),
)


@kernel
def measure_messages(pointers: IntArray, n: int, bounds: IntArray) -> int:
    """Write where each message's contents will begin, and the end of all; an error has none.

    Returns
    -------
    int
        Errors among them.
    """
    errors, at = 0, 0
    for i in range(n):
        bounds[i] = at
        if load_int32(pointers[i] + _ERR_AT) == 0:
            at += load_int64(pointers[i] + _LENGTH_AT)
        else:
            errors += 1
    bounds[n] = at
    return errors


@kernel
def take_messages(
    pointers: IntArray, n: int, bounds: IntArray, columns: IntArray, buffer: NDArray[np.uint8]
) -> None:
    """Copy messages and give them back; an error stays its caller's, who has to.

    Parameters
    ----------
    pointers
        int64[>= n], of whole messages that are not used after this.
    bounds
        As `measure_messages` wrote it.
    columns
        int64[5, n], written: error code, pointer of the topic, partition, Kafka timestamp in ms
        (-1 without one) and offset.
    buffer
        uint8[bounds[n]], written.
    """
    for i in range(n):
        message = pointers[i]
        columns[ERROR, i] = load_int32(message + _ERR_AT)
        columns[TOPIC, i] = load_int64(message + _TOPIC_AT)
        columns[PARTITION, i] = load_int32(message + _PARTITION_AT)
        columns[OFFSET, i] = load_int64(message + _OFFSET_AT)
        if columns[ERROR, i] != 0:
            continue
        columns[TIMESTAMP, i] = _timestamp(message, 0)
        length = bounds[i + 1] - bounds[i]
        if length > 0:
            payload = load_int64(message + _PAYLOAD_AT)
            copy_bytes(buffer.ctypes.data + bounds[i], payload, length)
        _destroy(message)
