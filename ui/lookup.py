"""One decision by its id, out of the ranges that a store reads."""

from optimize.decision import Decision
from storage.protocol import DecisionQuery, Store


def find_decision(store: Store, decision_id: str) -> Decision | None:
    """Read the decision of an id, None where it is not kept.

    A store orders by end of row and id and reads ranges that exclude their ends, so it is found
    as the newest before the one that follows it.
    """
    portfolio = decision_id.partition(":")[0]
    later = store.decisions(
        DecisionQuery(portfolio, after_id=decision_id, newest_first=False, limit=1)
    )
    if later:
        query = DecisionQuery(portfolio, before_id=later[0].id, limit=1)
    else:
        # Two: should one have been recorded since, the one asked for is the second newest.
        query = DecisionQuery(portfolio, limit=2)
    return next((kept for kept in store.decisions(query) if kept.id == decision_id), None)
