"""What is refused, told row by row: by the first rule that it breaks.

The rules and their order are those of `ingest.admission`.
"""

import re

import numpy as np
from numpy.typing import NDArray

from ingest.codec import Decoded, RawMessages
from ingest.json_rows import Fault, show
from ingest.rejection import Rejection, row_payloads
from ingest.ticks import CLOCK

MIN_PRICE = 1e-15
MAX_PRICE = 1e15
SYMBOL = re.compile(r"[A-Z0-9._/-]{1,32}")

INVALID, NEW, OVER_LIMIT = -2, -3, -4
"""In place of a symbol's id: it is none, it has none yet, there are too many."""


def tell_refused(
    raw: RawMessages,
    rows: Decoded,
    ids: NDArray[np.int32],
    used: NDArray[np.bool_],
    latest_ns: NDArray[np.int64] | int,
    limit: int,
    rejected_topic: str,
) -> tuple[Rejection, ...]:
    """Tell what is refused, message by message.

    Parameters
    ----------
    raw, rows
        The messages and what was read of them.
    ids, used
        int32[n] and bool[n], of each row: its symbol's id or why it has none, and whether it is
        used.
    latest_ns
        int64[n] or one for all: latest event time taken.
    limit
        Most symbols taken.
    rejected_topic
        Named in the messages.
    """
    starts = np.concatenate(([0], np.cumsum(rows.counts)))
    latest = np.broadcast_to(latest_ns, used.shape)
    rejections: list[Rejection] = []
    for message, places in sorted(_refused_places(rows, used, starts).items()):
        value, count = raw.values[message], rows.counts[message]
        if message in rows.message_faults:
            fault = rows.message_faults[message]
            rejections.append(_rejection(raw, message, None, fault, value, rejected_topic))
            continue
        within = [place - int(starts[message]) for place in places]
        payloads = row_payloads(value, count, within)
        for place, row, payload in zip(places, within, payloads, strict=True):
            fault = _fault(rows, place, int(ids[place]), int(latest[place]), limit)
            rejections.append(_rejection(raw, message, row, fault, payload, rejected_topic))
    return tuple(rejections)


def _refused_places(
    rows: Decoded, used: NDArray[np.bool_], starts: NDArray[np.int64]
) -> dict[int, list[int]]:
    """Give the refused rows of each message that has some; none of one refused as a whole."""
    refused = np.flatnonzero(~used)
    messages = (np.searchsorted(starts, refused, "right") - 1).tolist()
    places: dict[int, list[int]] = {message: [] for message in rows.message_faults}
    for place, message in zip(refused.tolist(), messages, strict=True):
        places.setdefault(message, []).append(place)
    return places


def _rejection(
    raw: RawMessages,
    message: int,
    row: int | None,
    fault: Fault,
    payload: bytes,
    rejected_topic: str,
) -> Rejection:
    topic = raw.topics[message]
    partition, offset = int(raw.partitions[message]), int(raw.offsets[message])
    where = f"{topic}[{partition}]@{offset}" + (f" row {row}" if row else "")
    kind = "message" if row is None else "row"
    text = f"{fault.what} at {where}: {fault.rule}; {kind} sent to {rejected_topic}"
    return Rejection(topic, partition, offset, row, fault.reason, text, payload)


def _fault(rows: Decoded, place: int, symbol_id: int, latest_ns: int, limit: int) -> Fault:
    """Find why a row is refused: the first rule that it breaks."""
    known = rows.row_faults.get(place)
    if known is not None:
        return known
    symbol = rows.names[rows.name_ids[place]]
    price, time_ns = float(rows.prices[place]), int(rows.event_time_ns[place])
    if symbol_id == INVALID:
        return Fault("symbol", f"symbol={show(symbol)}", f"must match {SYMBOL.pattern}")
    if not MIN_PRICE <= price <= MAX_PRICE:
        rule = "must be > 0" if price <= 0 else f"must be in [{MIN_PRICE:g}, {MAX_PRICE:g}]"
        return Fault("price", f"price={price!r} for {symbol}", rule)
    when = f"clock_ns={time_ns}" if symbol_id == CLOCK else f"event_time_ns={time_ns} for {symbol}"
    if time_ns < 0:
        return Fault("event_time_past", when, "must be >= 0, the year 1970")
    if time_ns > latest_ns:
        ahead_s = (time_ns - latest_ns) / 1e9
        rule = f"must be at most {latest_ns}, it is {ahead_s:g} s beyond ticks.future_tolerance_s"
        return Fault("event_time_future", when, rule)
    rule = f"the limit of {limit} symbols is reached, raise ticks.max_symbols to take it"
    return Fault("symbol_limit", f"symbol={symbol}", rule)
