"""What is refused, and how it is told: counted by reason and sent to a topic of its own."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import msgspec

from ingest.json_rows import parse_message
from ingest.packed import MAGIC, decode_packed

REASONS = (
    "empty",
    "not_json",
    "truncated",
    "crc",
    "version",
    "missing_field",
    "price",
    "symbol",
    "event_time_past",
    "event_time_future",
    "symbol_limit",
)
"""Codes under which refusals are counted."""

_PAYLOAD_LIMIT = 500_000  # with base64's third still under Kafka's 1 MB a message


@dataclass(frozen=True, slots=True)
class Rejection:
    """A message or a row that was refused.

    Attributes
    ----------
    topic, partition, offset
        Where its message stands.
    index
        The row within the message, from 0; None where the whole message is refused.
    reason
        One of `REASONS`.
    message
        What is wrong, where, and what becomes of it; ASCII.
    payload
        The row as JSON, or the whole message as it came.
    """

    topic: str
    partition: int
    offset: int
    index: int | None
    reason: str
    message: str
    payload: bytes


def row_payloads(value: bytes, count: int, rows: list[int]) -> list[bytes]:
    """Give single rows of a message, which could be read.

    Parameters
    ----------
    value
        The message.
    count
        Its number of rows.
    rows
        The rows wanted.

    Returns
    -------
    list of bytes
        Each as JSON that this package reads again; a message of one row as it came.
    """
    if count == 1 and value[:1] == b"{":
        return [value] * len(rows)
    if value[:1] != MAGIC[:1]:
        content: Any = parse_message(value)
        return [
            json.dumps(content[row] if type(content) is list else content).encode() for row in rows
        ]
    packed = decode_packed(value)
    ticks: list[dict[str, Any]] = []
    for row in rows:
        place = int(packed.symbol_ids[row])
        tick = {
            "symbol": packed.names[place] if place < len(packed.names) else f"#{place}",
            "price": float(packed.prices[row]),
            "event_time_ns": int(packed.event_time_ns[row]),
        }
        if packed.trade_ids is not None:
            tick["trade_id"] = int(packed.trade_ids[row])
        ticks.append(tick)
    return [json.dumps(tick).encode() for tick in ticks]


def encode_rejection(rejection: Rejection) -> bytes:
    """Write a rejection as the JSON that goes to the topic of refused ticks.

    Parameters
    ----------
    rejection
        What was refused.

    Returns
    -------
    bytes
        An object with topic, partition, offset, index, reason, message, payload (base64, of
        at most its first 500 000 bytes) and payload_bytes (its whole length).
    """
    return msgspec.json.encode(
        {
            "topic": rejection.topic,
            "partition": rejection.partition,
            "offset": rejection.offset,
            "index": rejection.index,
            "reason": rejection.reason,
            "message": rejection.message,
            "payload": base64.b64encode(rejection.payload[:_PAYLOAD_LIMIT]).decode(),
            "payload_bytes": len(rejection.payload),
        }
    )
