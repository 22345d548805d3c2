"""The store: one file a backend, six methods, one contract suite."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from optimize.decision import Decision
from storage.records import Status


class DecisionQuery(NamedTuple):
    """Which decisions to read, in the order of (row end, id); every bound is optional.

    By row end first: after a change of the sampling interval ids of longer rows would sort
    before all that was decided on shorter ones. ``after_id`` and ``before_id`` exclude the id
    itself; ``start_ns`` (inclusive) and ``end_ns`` (exclusive) bound the end of a decision's
    row. ``newest_first`` sets the order and, with ``limit``, which end is cut.
    """

    portfolio: str = "main"
    after_id: str | None = None
    before_id: str | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    with_cloud: bool = False
    newest_first: bool = True
    limit: int = 100


class AssetRow(NamedTuple):
    """One asset in one decision."""

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


class StoreError(RuntimeError):
    """The store refused or failed; the message says what, where and the remedy."""


class UnreachableError(StoreError):
    """The store cannot be reached now; the same call may go well later."""


class ServerRefusedError(StoreError):
    """The store's server was reached and refuses; somebody must change something there."""


class Store(Protocol):
    """Keeps decisions and status. Safe for one writer beside many readers in other processes."""

    def append(self, decisions: Sequence[Decision], statuses: Sequence[Status]) -> int:
        """Keep records, all or none, durably when it returns; known ids have no effect.

        Returns
        -------
        int
            Decisions that were new.

        Raises
        ------
        StoreError
            Nothing of the call was kept.
        """

    def decisions(self, query: DecisionQuery) -> list[Decision]:
        """Read decisions; ``with_cloud`` only those that carry a cloud."""

    def asset_history(self, symbol: str, query: DecisionQuery) -> list[AssetRow]:
        """Read one symbol's rows of the decisions that a query names."""

    def statuses(self, portfolio: str = "main", limit: int = 1) -> list[Status]:
        """Read the newest status records, newest first."""

    def prune(self, before_ns: int) -> int:
        """Delete some of what is older, by row end or status time.

        Bounded, so that a writer never waits for long: call again until it gives 0.

        Returns
        -------
        int
            Decisions deleted.
        """

    def close(self) -> None:
        """Release the store; safe to call twice."""
