"""Compile what reads in batches, or load it from the cache."""

import numpy as np

from ingest.codec import encode_json, encode_packed
from ingest.native.decoding import BatchDecoder
from ingest.native.json_kernels import PADDING
from ingest.native.librdkafka import open_library
from ingest.native.message_kernels import measure_messages, take_messages
from ingest.native.packed_batches import PackedReader
from ingest.payloads import Payloads


def warm_reading() -> None:
    """Have the kernels ready in this process.

    Raises
    ------
    NativeError
        librdkafka cannot be called beside confluent-kafka here.
    """
    open_library()
    nothing, bounds = np.zeros(0, np.int64), np.zeros(1, np.int64)
    measure_messages(nothing, 0, bounds)
    take_messages(nothing, 0, bounds, np.zeros((5, 0), np.int64), np.zeros(PADDING, np.uint8))
    text = encode_json("A", 1.5, 1)
    buffer = np.frombuffer(2 * text + bytes(PADDING), np.uint8).copy()
    BatchDecoder().decode(Payloads(buffer, len(text) * np.arange(3)))
    packed = np.frombuffer(encode_packed(["A"], [0], [1.5], [1]), np.uint8).copy()
    payloads, no_trades = Payloads(packed, np.array([0, len(packed)])), np.full(1, -1, np.int64)
    PackedReader({"A": 0}.get, 1.0, 2.0).read(payloads, 1, [0], [0], no_trades)
