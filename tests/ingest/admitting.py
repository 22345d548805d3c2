"""Messages as a consumer gives them, and an `Admission` to judge them."""

import numpy as np

from ingest.admission import Admission, Admitted
from ingest.codec import RawMessages
from ingest.native.json_kernels import PADDING
from ingest.payloads import Payloads
from ingest.ticks import SymbolTable

KAFKA_MS = 1_723_075_200_000
NOW_NS = KAFKA_MS * 1_000_000
TOLERANCE_NS = 60 * 10**9


def raw(*values: bytes, first_offset: int = 0, timestamp_ms: int = KAFKA_MS) -> RawMessages:
    n = len(values)
    return RawMessages(
        topics=["ticks"] * n,
        values=list(values),
        timestamps_ms=[timestamp_ms] * n,
        partitions=[2] * n,
        offsets=list(range(first_offset, first_offset + n)),
        receive_time_ns=NOW_NS + 5,
    )


def in_batch(messages: RawMessages) -> RawMessages:
    """Give the same as a consumer that reads in batches does."""
    content = b"".join(messages.values) + bytes(PADDING)
    bounds = np.cumsum([0, *map(len, messages.values)])
    return RawMessages(
        messages.topics,
        Payloads(np.frombuffer(content, np.uint8).copy(), bounds),
        *(np.array(column, np.int64) for column in (
            messages.timestamps_ms, messages.partitions, messages.offsets,
        )),
        messages.receive_time_ns,
    )  # fmt: skip


def admission(limit: int = 512) -> Admission:
    return Admission(SymbolTable(limit), TOLERANCE_NS)


def used_rows(admitted: Admitted, symbols: SymbolTable) -> list[tuple[str, float, int]]:
    batch = admitted.batch
    return [
        (symbols.symbols[symbol], price, time_ns)
        for symbol, price, time_ns in zip(
            *map(list, (batch.symbol_ids, batch.prices, batch.event_time_ns)),
            strict=True,
        )
    ]
