"""All goals, by benchmark: what was found feasible, and is to be reached."""

from collections.abc import Mapping
from typing import Final

from bench.case_names import FROM_CACHE, KAFKA, ingest_case, loop_case, stage_case
from bench.goals import (
    Goal,
    case_takes_at_least,
    grows_at_most,
    is_at_most,
    peer_takes,
    takes_at_most,
)
from bench.growth import MARGIN, ORDERS, worst_case
from bench.kernels import covariance_goals, draw_goals, solver_goals, tick_goals
from bench.pipeline import overload_goals
from bench.pipeline.attribution import OWN_PART


def _exact(rate: int, stage: str) -> str:
    return stage_case(loop_case(KAFKA, "exact", rate), stage)


_PIPELINE = (
    takes_at_most(_exact(1000, "total"), 1.25, "relay"),
    takes_at_most(_exact(20_000, "total"), 1.10, "relay"),
    takes_at_most(_exact(1000, "total"), 1.30, "relay", "p99"),
    takes_at_most(_exact(20_000, "total"), 1.30, "relay", "p99"),
    is_at_most(_exact(1000, OWN_PART), 100.0, "us"),
    peer_takes(_exact(1000, "total"), 12.0, "PyPortfolioOpt"),
    peer_takes(_exact(1000, "total"), 20.0, "skfolio"),
)
_JSON, _PACKED = (ingest_case(KAFKA, form) for form in ("JSON", "packed"))
_INGEST = (
    peer_takes(_JSON, 2.5, "confluent-kafka and msgspec"),
    case_takes_at_least(_JSON, 30.0, _PACKED),
)
_START = (is_at_most(FROM_CACHE, 3.0, "s"),)
# A step may exceed its order where what it reads leaves a cache: see `bench.growth.MARGIN`.
_SCALE = tuple(
    grows_at_most(worst_case(case, along), order.power(along), MARGIN)
    for case, order in ORDERS.items()
    for along in order.along
)

GOALS: Final[Mapping[str, tuple[Goal, ...]]] = {
    "kernels": (
        *tick_goals.GOALS,
        *covariance_goals.GOALS,
        *draw_goals.GOALS,
        *solver_goals.GOALS,
    ),
    "ingest": _INGEST,
    "pipeline": _PIPELINE,
    "overload": overload_goals.GOALS,
    "start": _START,
    "scale": _SCALE,
}
