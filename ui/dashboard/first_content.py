"""The newest decision and status, written into the page itself.

Charts and grid are 7 MB of scripts that a busy machine needs seconds to read; what stands in the
page can be shown before that, and without a request.
"""

import msgspec

from optimize.decision import Decision
from storage.protocol import DecisionQuery, StoreError
from storage.records import Status
from ui.context import context
from ui.schemas import encode


class FirstContent(msgspec.Struct, frozen=True, kw_only=True):
    """What the page draws before it has asked for anything; null where nothing is recorded."""

    decision: Decision | None = None
    status: Status | None = None


def _read() -> FirstContent:
    here = context()
    try:
        decisions = here.store.decisions(DecisionQuery(here.portfolio, limit=1))
        statuses = here.store.statuses(here.portfolio, 1)
    except StoreError:
        return FirstContent()  # the page asks next, and shows what the API says of the store
    return FirstContent(
        decision=decisions[0] if decisions else None, status=statuses[0] if statuses else None
    )


def first_content() -> str:
    """Give an element of data that is no script: no policy needs to allow it.

    Reasons and notices hold text from outside, so nothing in it may end the element.
    """
    data = encode(_read()).decode().replace("<", "\\u003c")
    return f'<script type="application/json" id="first">{data}</script>'
