"""What makes a record impossible to keep, told before a store is asked to keep it.

A record that a store can never take would otherwise be tried again without end and hold
back all that comes after it.
"""

from optimize.decision import Decision
from storage.records import Status

_PER_SYMBOL = (
    "prices",
    "weights",
    "weight_stddev",
    "start_weights",
    "mean",
    "volatility",
    "skewness",
    "kurtosis",
)
_INT64_LIMIT = 2**63  # what a 64-bit column holds


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
    if not 0 <= decision.row_end_ns < _INT64_LIMIT:
        return f"{name}: row_end_ns={decision.row_end_ns} must be in [0, 2**63)"
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
    return ""


def status_fault(status: Status) -> str:
    """Say why a status record cannot be kept; empty where nothing is wrong."""
    if not status.portfolio:
        return "status of a portfolio without a name"
    if not 0 <= status.time_ns < _INT64_LIMIT:
        return f"status of {status.portfolio!r}: time_ns={status.time_ns} must be in [0, 2**63)"
    return ""
