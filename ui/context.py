"""What every route needs, kept on the application."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import current_app

from optimize.decision import Decision
from storage.protocol import DecisionQuery, Store
from storage.records import Status
from ui.problems import ProblemError
from ui.stream import StreamHub

EXTENSION = "silverbullet"
RECORD_REMEDY = (
    "start `silverbullet run` and `silverbullet record` on this store (or `silverbullet demo`), "
    "then ask again"
)


@dataclass(frozen=True, slots=True)
class Context:
    """The store, the clock, the portfolio served and the streams."""

    store: Store
    portfolio: str
    now_ns: Callable[[], int]
    hub: StreamHub

    def newest_decision(self, portfolio: str | None, *, with_cloud: bool = False) -> Decision:
        """Read the newest decision.

        Raises
        ------
        ProblemError
            404: there is none.
        """
        name = portfolio or self.portfolio
        found = self.store.decisions(DecisionQuery(name, with_cloud=with_cloud, limit=1))
        if not found:
            what = "decision with a cloud" if with_cloud else "decision"
            raise ProblemError(404, f"no {what} of portfolio {name} is recorded", RECORD_REMEDY)
        return found[0]

    def newest_status(self, portfolio: str | None) -> Status:
        """Read the newest status.

        Raises
        ------
        ProblemError
            404: there is none.
        """
        name = portfolio or self.portfolio
        found = self.store.statuses(name, 1)
        if not found:
            raise ProblemError(404, f"no status of portfolio {name} is recorded", RECORD_REMEDY)
        return found[0]


def context() -> Context:
    """Give the context of the application that answers this request."""
    found = current_app.extensions[EXTENSION]
    assert isinstance(found, Context)  # noqa: S101 - narrows the type, set by create_app
    return found
