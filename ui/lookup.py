"""One decision by its id, out of the ranges that a store reads."""

from collections.abc import Iterator

from optimize.decision import Decision
from storage.protocol import DecisionQuery, Store

# A decision with 512 assets, a frontier and a cloud of 20 000 points has 1 MB as JSON, so that
# 2000 of them at once would take some gigabytes of memory.
_PIECE = 50


def in_pieces(store: Store, query: DecisionQuery) -> Iterator[Decision]:
    """Read the decisions of a query, of which only some are in memory at a time."""
    left = query.limit
    while left > 0:
        piece = store.decisions(query._replace(limit=min(left, _PIECE)))
        yield from piece
        if len(piece) < min(left, _PIECE):
            return
        left -= len(piece)
        last_id = piece[-1].id
        query = (
            query._replace(before_id=last_id)
            if query.newest_first
            else query._replace(after_id=last_id)
        )


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
