"""A tape of records with every kind of value, and stores that fail, for the tests of the API."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from optimize.decision import Decision
from storage.protocol import AssetRow, DecisionQuery, StoreError
from storage.records import AssetState, Status
from storage.sqlite import SqliteStore
from tests.factories import FIRST_ROW, SECOND_NS, make_decision, make_status

N_DECISIONS = 60
SYMBOLS = ("BINANCE/BTC-USDT", "ETHUSDT", "SOLUSDT")
NOW_NS = (FIRST_ROW + N_DECISIONS) * SECOND_NS + 400_000_000


def tape() -> Iterator[Decision]:
    """Decisions of consecutive rows: every 7th with a cloud, some with NaN, the last without."""
    for index in range(N_DECISIONS):
        row = FIRST_ROW + index
        n = 2 if 20 <= index < 30 else 3
        changes = {"symbols": SYMBOLS[:n]}
        if index % 5 == 0:
            changes["skewness"] = np.array([math.nan, *range(n - 1)], np.float64)
        if index % 11 == 0:
            changes["sharpe"] = None
        yield make_decision(row, n, cloud_points=6 if index % 7 == 0 else 0, **changes)


def newest_status() -> Status:
    """A status of now: one symbol of the decisions is stale, one never became a member."""
    states = {"BINANCE/BTC-USDT": "member", "ETHUSDT": "stale", "NEWUSDT": "filling"}
    assets = tuple(
        AssetState(
            symbol=symbol,
            state=state,
            reason="" if state == "member" else f"{state} for a reason",
            price=100.0 + index,
            last_event_time_ns=NOW_NS - index * SECOND_NS,
        )
        for index, (symbol, state) in enumerate(states.items())
    )
    return make_status(
        NOW_NS - 400_000_000,
        assets=assets,
        rejected={"price": 3, "not_json": 4},
        ticks_late=5,
        ticks_used=11,
        ticks_duplicate=2,
        decisions=N_DECISIONS,
    )


def fill(path: Path) -> SqliteStore:
    """Record the tape, another portfolio and two statuses."""
    store = SqliteStore(path)
    other = [make_decision(FIRST_ROW + index, 2, portfolio="other") for index in range(3)]
    older = make_status(NOW_NS - 5 * SECOND_NS)
    store.append([*tape(), *other], [older, newest_status()])
    return store


class FailingStore:
    """A store whose every read fails as told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error or StoreError("reading x.sqlite: the file is damaged; restore a copy")

    def decisions(self, query: DecisionQuery) -> list[Decision]:
        raise self.error

    def asset_history(self, symbol: str, query: DecisionQuery) -> list[AssetRow]:
        raise self.error

    def statuses(self, portfolio: str = "main", limit: int = 1) -> list[Status]:
        raise self.error

    def append(self, decisions: object, statuses: object) -> int:
        raise self.error

    def prune(self, before_ns: int) -> int:
        raise self.error

    def close(self) -> None:
        """Nothing to release."""
