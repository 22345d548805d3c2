"""Decisions as tables for who goes on in pandas: one row a decision, an asset or a latency."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from optimize.decision import Decision
from ui.latency import STAGES

_TIME = pa.timestamp("ns", tz="UTC")
_ASSET_NUMBERS: Final = {  # in a decision's vectors many, in a row of the table one
    "prices": "price", "weights": "weight", "weight_stddev": "weight_stddev",
    "start_weights": "start_weight", "mean": "mean", "volatility": "volatility",
    "skewness": "skewness", "kurtosis": "kurtosis", "estimated_mean": "estimated_mean",
    "estimated_volatility": "estimated_volatility",
}  # fmt: skip
_DECISION_NUMBERS: Final = (
    "expected_return", "portfolio_volatility", "sharpe", "sharpe_stddev", "optimality_gap",
)  # fmt: skip
_DECISION_TEXTS: Final = (
    "portfolio", "trigger", "method", "objective", "engine", "reason", "engine_reason", "digest",
)  # fmt: skip


def _schema(columns: Mapping[str, pa.DataType]) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


DECISIONS = _schema(
    {"id": pa.string(), "row": pa.int64(), "row_end": _TIME, "n_observations": pa.int64(),
     "n_draws": pa.int64(), "seed": pa.int64(), "degraded": pa.bool_(), "late": pa.bool_()}
    | dict.fromkeys(_DECISION_NUMBERS, pa.float64())
    | dict.fromkeys(_DECISION_TEXTS, pa.string())
)  # fmt: skip
ASSETS = _schema(
    {"decision_id": pa.string(), "row": pa.int64(), "row_end": _TIME, "symbol": pa.string()}
    | dict.fromkeys(_ASSET_NUMBERS.values(), pa.float64())
)
LATENCY = _schema(
    {"decision_id": pa.string(), "row": pa.int64(), "row_end": _TIME, "engine": pa.string(),
     "event_time": _TIME, "published": _TIME}
    | {f"{stage}_us": pa.float64() for stage, _, _ in STAGES}
)  # fmt: skip


def decision_table(decisions: Sequence[Decision]) -> pa.Table:
    """Give a row a decision; weights are in the table of assets."""
    plain = ("id", "row", "n_observations", "n_draws", "seed", "degraded", "late")
    columns = {
        name: [getattr(one, name) for one in decisions]
        for name in (*plain, *_DECISION_NUMBERS, *_DECISION_TEXTS)
    }
    return _table(DECISIONS, columns | {"row_end": [one.row_end_ns for one in decisions]})


def asset_table(decisions: Sequence[Decision]) -> pa.Table:
    """Give a row an asset of each decision, in the order of its symbols."""
    columns: dict[str, list[Any]] = {
        "decision_id": [one.id for one in decisions for _ in one.symbols],
        "row": [one.row for one in decisions for _ in one.symbols],
        "row_end": [one.row_end_ns for one in decisions for _ in one.symbols],
        "symbol": [symbol for one in decisions for symbol in one.symbols],
    }
    for name, column in _ASSET_NUMBERS.items():
        columns[column] = [x for one in decisions for x in getattr(one, name).tolist()]
    return _table(ASSETS, columns)


def latency_table(decisions: Sequence[Decision]) -> pa.Table:
    """Give a row a decision: how long each stage took in us, stages named as in the API."""
    columns: dict[str, list[Any]] = {
        "decision_id": [one.id for one in decisions],
        "row": [one.row for one in decisions],
        "row_end": [one.row_end_ns for one in decisions],
        "engine": [one.engine for one in decisions],
        "event_time": [one.times.event_ns for one in decisions],
        "published": [one.times.published_ns for one in decisions],
    }
    for stage, begin, end in STAGES:
        columns[f"{stage}_us"] = [
            (getattr(one.times, end) - getattr(one.times, begin)) / 1e3 for one in decisions
        ]
    return _table(LATENCY, columns)


def _table(schema: pa.Schema, columns: Mapping[str, Sequence[Any]]) -> pa.Table:
    arrays = [pa.array(columns[field.name], field.type, from_pandas=False) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


TABLES: Final[Mapping[str, tuple[pa.Schema, Callable[[Sequence[Decision]], pa.Table]]]] = {
    "decisions": (DECISIONS, decision_table),
    "assets": (ASSETS, asset_table),
    "latency": (LATENCY, latency_table),
}
