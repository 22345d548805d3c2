"""What makes a record impossible to keep, told before a store is asked to keep it.

A record that a store can never take would otherwise be tried again without end and hold
back all that comes after it; one that it takes but cannot give back would break every read.
"""

import math
from collections.abc import Iterator

import msgspec

from optimize.decision import Decision
from storage.records import Status

_PER_SYMBOL = (
    "prices",
    "weights",
    "weight_stddev",
    "start_weights",
    "mean",
    "volatility",
    "estimated_mean",
    "estimated_volatility",
    "skewness",
    "kurtosis",
)
_INT64_LIMIT = 2**63  # what a 64-bit column holds


def _bad_numbers(value: object, name: str) -> Iterator[str]:
    """Name each single number that is not finite or not within 64 bits."""
    if isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            yield from _bad_numbers(getattr(value, field), f"{name}.{field}")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _bad_numbers(item, f"{name}[{key!r}]")
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _bad_numbers(item, f"{name}[{index}]")
    elif isinstance(value, float) and not math.isfinite(value):
        # JSON has no NaN: it becomes null, which only arrays take back.
        yield f"{name}={value} must be finite"
    elif isinstance(value, int) and not -_INT64_LIMIT <= value < _INT64_LIMIT:
        yield f"{name}={value} must fit in 64 bits"


def decision_fault(decision: Decision) -> str:
    """Say why a decision cannot be kept.

    Returns
    -------
    str
        Empty where nothing is wrong.
    """
    name = f"decision {decision.id!r}"
    if not decision.id or not decision.portfolio:
        return f"{name} of portfolio {decision.portfolio!r}: both must have a name"
    if decision.row_end_ns < 0:
        return f"{name}: row_end_ns={decision.row_end_ns} is before 1970"
    n = len(decision.symbols)
    if len(set(decision.symbols)) != n:
        return f"{name}: a symbol stands in it twice"
    for field in _PER_SYMBOL:
        shape = getattr(decision, field).shape
        if shape != (n,):
            return f"{name}: {field} has shape {shape}, must be one number for each of {n} symbols"
    for field in ("cloud", "frontier"):
        curve = getattr(decision, field)
        if curve is not None and curve.volatility.shape != curve.expected_return.shape:
            return f"{name}: {field} has not as many returns as volatilities"
    return next(_bad_numbers(decision, name), "")


def status_fault(status: Status) -> str:
    """Say why a status record cannot be kept; empty where nothing is wrong."""
    if not status.portfolio:
        return "status of a portfolio without a name"
    name = f"status of {status.portfolio!r}"
    if status.time_ns < 0:
        return f"{name}: time_ns={status.time_ns} is before 1970"
    return next(_bad_numbers(status, name), "")
