"""What the API answers, written once: these records are encoded and described in OpenAPI."""

import math
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from optimize.decision import Decision
from storage.records import AssetPhase, EngineState, RunState, Status, TickState
from storage.tokens import Scope


class DecisionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions in the order asked for."""

    decisions: list[Decision]
    next: str | None


class AssetNow(msgspec.Struct, frozen=True, kw_only=True):
    """One symbol now; statistics are null where the newest decision does not hold it."""

    symbol: str
    state: AssetPhase | None
    reason: str
    price: float | None
    last_event_time_ns: int | None
    mean: float | None
    volatility: float | None
    skewness: float | None
    kurtosis: float | None
    weight: float | None
    weight_stddev: float | None
    weight_change: float | None
    ticks: Annotated[
        TickState | None, Meta(description="Of its last ticks, whatever rows they are in.")
    ]


class Assets(msgspec.Struct, frozen=True, kw_only=True):
    """Every symbol of the newest status and decision, by name."""

    decision_id: str | None
    row_end_ns: int | None
    sample_interval_ns: int | None
    status_time_ns: int | None
    assets: list[AssetNow]


class HistoryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One symbol in one decision."""

    decision_id: str
    row_end_ns: int
    symbol: str
    price: float
    mean: float
    volatility: float
    skewness: float
    kurtosis: float
    weight: float
    weight_stddev: float


class AssetHistory(msgspec.Struct, frozen=True, kw_only=True):
    """One symbol over decisions, in the order asked for."""

    symbol: str
    rows: list[HistoryRow]
    next: str | None


class PortfolioPoint(msgspec.Struct, frozen=True, kw_only=True):
    """The decided portfolio on the plane of risk and return."""

    volatility: float
    expected_return: float
    sharpe: float | None


class AssetPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One symbol on the plane of risk and return, by the estimates that the optimiser used."""

    symbol: str
    volatility: float
    expected_return: float
    weight: float


class RiskReturn(msgspec.Struct, frozen=True, kw_only=True):
    """Portfolios as points of risk and return, with the decision they were published with.

    ``row`` is the one that the points were made from, ``decision_row`` the decision's: points
    are made after a decision and go out with the next.
    """

    decision_id: str
    row: int
    row_end_ns: int
    decision_row: int
    sample_interval_ns: int
    volatility: Annotated[np.ndarray, Meta(description="Of each point, per sampling interval.")]
    expected_return: Annotated[
        np.ndarray, Meta(description="Of each point, per sampling interval.")
    ]
    portfolio: PortfolioPoint
    assets: list[AssetPoint]


class StageLatency(
    msgspec.Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}
):
    """Time between two stamps of a decision, in microseconds."""

    stage: str
    start: str
    end: str
    p50: float
    p90: float
    p99: float
    max: float


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Percentiles by stage over the newest decisions, in microseconds."""

    n_decisions: int
    first_id: str
    last_id: str
    unit: str
    stages: list[StageLatency]


class StatusNow(msgspec.Struct, frozen=True, kw_only=True):
    """The newest status record, its age, and what holds now.

    ``state`` and ``reason`` are those of the record while it is young, and ``stale`` once it is
    over 5 s old, whatever the record says: ``run`` reports once a second.
    """

    status: Status
    age_s: float
    now_ns: int
    state: RunState
    reason: str


class LastEngine(msgspec.Struct, frozen=True, kw_only=True):
    """What made the newest decision."""

    decision_id: str
    engine: str
    peers: tuple[str, ...]
    degraded: bool
    late: bool
    reason: str


class Engines(msgspec.Struct, frozen=True, kw_only=True):
    """Engines as the newest status has them."""

    time_ns: int
    engines: tuple[EngineState, ...]
    last: LastEngine | None


class ControlTaken(msgspec.Struct, frozen=True, kw_only=True):
    """A control that is in the topic of controls."""

    id: Annotated[str, Meta(description="Of the control; `controls` of the status names it too.")]
    who: Annotated[str, Meta(description="Name of the token that it was sent with.")]
    wish: Annotated[str, Meta(description="What is asked for, in plain words.")]
    watch: Annotated[str, Meta(description="Address where to see what becomes of it.")]


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks and what is open; name and scope are null without a token and without a session."""

    name: str | None
    scope: Scope | None
    reads_need_token: bool
    controls: Annotated[bool, Meta(description="Whether a broker is named to send controls to.")]


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: str


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """The store is readable and its status is fresh."""

    status: str
    age_s: float


class AssetStat(msgspec.Struct, frozen=True, kw_only=True):
    """One asset, in the 2019 prototype's terms; only its two routes use them."""

    asset: str
    timestamp: Annotated[str, Meta(description="End of the row, ISO 8601 in UTC.")]
    reward: Annotated[float, Meta(description="Mean of log returns, per sampling interval.")]
    risk: Annotated[float, Meta(description="Variance of log returns, per sampling interval.")]
    skewness: float
    kurtosis: float
    price: float


class PortfolioStat(msgspec.Struct, frozen=True, kw_only=True):
    """One portfolio, in the 2019 prototype's terms; only its two routes use them."""

    timestamp: Annotated[str, Meta(description="End of the row, ISO 8601 in UTC.")]
    reward: Annotated[float, Meta(description="Expected return, per sampling interval.")]
    risk: Annotated[float, Meta(description="Variance of returns, per sampling interval.")]
    sharpe: float | None
    weights: dict[str, float]


class ParameterFault(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one parameter."""

    parameter: str
    message: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A problem document (RFC 9457) with its remedy."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    remedy: Annotated[str, Meta(description="What to do about it.")]
    errors: list[ParameterFault] | msgspec.UnsetType = msgspec.UNSET


ANSWERS: tuple[Any, ...] = (
    Decision, DecisionPage, Assets, AssetHistory, RiskReturn, Latency, StatusNow, Status, Engines,
    ControlTaken, Access, Alive, Ready, AssetStat, PortfolioStat, Problem,
)  # fmt: skip


def _encode_array(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"cannot encode {type(value).__name__} in an answer")


_encoder = msgspec.json.Encoder(enc_hook=_encode_array)


def encode(answer: Any) -> bytes:
    """Write an answer as JSON; NaN and infinity become null."""
    return _encoder.encode(answer)


def optional(value: float) -> float | None:
    """Give None for NaN and infinity, which JSON lacks."""
    return float(value) if math.isfinite(value) else None
