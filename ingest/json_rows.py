"""JSON tick messages row by row: the slow way, for what the fast one refuses.

Here come the 2019 prototype's rows, trade ids that are no numbers, rows beside a bad one, and
the NaN and Infinity that Python's own JSON writer makes though JSON has no such numbers.
"""

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from ingest.ticks import NO_TRADE_ID

_INT64_MAX = 2**63 - 1
_SHOWN = 60  # characters of a foreign value in a message
_NS_PER_US = 1_000
_INTEGER = "must be an integer, ns UTC"
_encode = msgspec.json.Encoder().encode


class Tick(msgspec.Struct, gc=False):
    """One row of JSON; not judged, `ingest.admission` does."""

    symbol: str
    price: float
    event_time_ns: int
    trade_id: int = NO_TRADE_ID


class Clock(NamedTuple):
    """One row of JSON that says how far its partition's event time has come, ns UTC."""

    event_time_ns: int


class Fault(NamedTuple):
    """Why a message or a row is refused.

    Attributes
    ----------
    reason
        Its code, under which it is counted.
    what
        The value at fault, and of which symbol.
    rule
        What it should be.
    """

    reason: str
    what: str
    rule: str


def show(value: object) -> str:
    """Give a foreign value in ASCII, cut to 60 characters."""
    text = ascii(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def numeric_trade_id(value: object) -> int:
    """Give a trade id as a number, -1 where it is none that can be ordered (a UUID, say)."""
    if isinstance(value, str) and len(value) <= 19 and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _INT64_MAX:
        return value
    return NO_TRADE_ID


def _parse_int(text: str) -> int | float:
    """Read an integer; one of hundreds of digits is beyond any limit, however it is read."""
    return int(text) if len(text) < 400 else float(text)


def parse_message(value: bytes) -> Any:
    """Read JSON of any content, also with NaN, Infinity and bytes that are no UTF-8.

    Such bytes become U+FFFD, which no symbol may hold: they cost their row alone.

    Raises
    ------
    ValueError
        It is no JSON.
    RecursionError
        It is nested about a thousand deep.
    """
    return json.loads(value.decode(errors="replace"), parse_int=_parse_int)


def read_message(value: bytes) -> list[Tick | Clock | Fault] | Fault:
    """Read a message that should be JSON.

    Parameters
    ----------
    value
        The message.

    Returns
    -------
    list of Tick, Clock or Fault, or Fault
        Each row or its fault, or the fault of the whole message.
    """
    if not value:
        return Fault("empty", "message without content", "must hold a tick")
    try:
        content = parse_message(value)
    except (ValueError, RecursionError) as failure:
        what = f"message {show(value[:_SHOWN])}"
        return Fault("not_json", what, f"must be JSON or a packed batch ({show(str(failure))})")
    if not isinstance(content, list):
        return [_read_row(content)]
    if not content:
        return Fault("empty", "array without rows", "must hold a tick")
    return [_read_row(row) for row in content]


def _read_row(row: Any) -> Tick | Clock | Fault:
    if isinstance(row, dict) and row.keys() == {"clock_ns"}:
        when = _check_time(row["clock_ns"], f"clock_ns={show(row['clock_ns'])}", _INTEGER)
        return when if isinstance(when, Fault) else Clock(when)
    return _read_tick(row)


def _read_tick(row: Any) -> Tick | Fault:
    if not isinstance(row, dict):
        return Fault("missing_field", f"row {show(row)}", "must be a JSON object")
    is_prototype = "asset" in row and "symbol" not in row
    names = ("asset", "price", "date") if is_prototype else ("symbol", "price", "event_time_ns")
    missing = [name for name in names if name not in row]
    if missing:
        return Fault(
            "missing_field",
            f"row with fields {show(sorted(row))}",
            f"must have {', '.join(names)}; lacks {', '.join(missing)}",
        )
    symbol, price, when = (row[name] for name in names)
    if not isinstance(symbol, str):
        return Fault("symbol", f"{names[0]}={show(symbol)}", "must be a string")
    if not isinstance(price, int | float) or isinstance(price, bool):
        return Fault("price", f"price={show(price)} for {show(symbol)}", "must be a number")
    time_ns = _read_time(when, is_prototype, symbol)
    if isinstance(time_ns, Fault):
        return time_ns
    return Tick(symbol, _to_float(price), time_ns, numeric_trade_id(row.get("trade_id")))


def _read_time(when: object, is_date: bool, symbol: str) -> int | Fault:
    what = f"{'date' if is_date else 'event_time_ns'}={show(when)} for {show(symbol)}"
    if is_date:
        return _check_time(_read_date(when), what, "must be ISO 8601 or a number")
    return _check_time(when, what, _INTEGER)


def _check_time(time_ns: object, what: str, rule: str) -> int | Fault:
    if not isinstance(time_ns, int) or isinstance(time_ns, bool):
        return Fault("missing_field", what, rule)
    if not -_INT64_MAX - 1 <= time_ns <= _INT64_MAX:
        reason = "event_time_past" if time_ns < 0 else "event_time_future"
        return Fault(reason, what, "must fit 64 bits")
    return time_ns


def _to_float(price: float) -> float:
    try:
        return float(price)
    except OverflowError:  # an integer beyond 1.8e308
        return float("inf") if price > 0 else float("-inf")


def _read_date(when: object) -> int | None:
    """Give the prototype's date in ns, None where it is none.

    The unit of a number shows in its size: seconds stay under 1e11 until the year 5138,
    milliseconds under 1e14, microseconds under 1e17.
    """
    if isinstance(when, str):
        try:
            moment = datetime.fromisoformat(when)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        since = moment - datetime(1970, 1, 1, tzinfo=UTC)
        microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
        return microseconds * _NS_PER_US
    if isinstance(when, bool) or not isinstance(when, int | float) or not abs(when) < 1e20:
        return None
    size = abs(when)
    unit = 10**9 if size < 1e11 else 10**6 if size < 1e14 else 10**3 if size < 1e17 else 1
    return round(when * unit)


def encode_json(
    symbol: str, price: float, event_time_ns: int, trade_id: int = NO_TRADE_ID
) -> bytes:
    """Write one tick as JSON.

    Parameters
    ----------
    symbol, price, event_time_ns
        The tick; the time is ns UTC.
    trade_id
        Its trade's number, -1 where it has none.

    Returns
    -------
    bytes
        The value of a Kafka message.
    """
    tick = {"symbol": symbol, "price": price, "event_time_ns": event_time_ns}
    return _encode(tick if trade_id == NO_TRADE_ID else tick | {"trade_id": trade_id})


def encode_clock(clock_ns: int) -> bytes:
    """Write a clock message: all ticks of its partition up to this event time were sent before."""
    return _encode({"clock_ns": clock_ns})
