"""The query parameters, their ranges and their meaning."""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NS_LIMIT = 2**63
# A "+" that was not written as %2B arrives as a blank before the offset.
_LOST_PLUS = re.compile(r"(T[0-9:.]+) (\d\d:?\d\d)$")
# With 20 000 points in each cloud these are 50 MB.
MOST_WITH_CURVES = 50
DECISION_ID = r"^[a-z0-9_-]{1,32}:[0-9]{14}:[0-9.-]{0,400}$"
_id_pattern = re.compile(DECISION_ID)


def parse_instant(value: object) -> int | None:
    """Read ISO 8601 (UTC unless it says otherwise) or ns since 1970 as ns UTC.

    Raises
    ------
    ValueError
        It is neither, or outside 1970 to 2262.
    """
    if value is None or isinstance(value, int):
        return value
    text = str(value)
    if text.isascii() and text.isdigit():
        found = int(text)
    else:
        try:
            moment = datetime.fromisoformat(_LOST_PLUS.sub(r"\1+\2", text))
        except ValueError:
            raise ValueError(
                f"{text!r} is neither ISO 8601 (2026-01-31T12:00:00Z) nor ns since 1970"
            ) from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        span = moment - _EPOCH
        found = ((span.days * 86_400 + span.seconds) * 10**6 + span.microseconds) * 1000
    if not 0 <= found < _NS_LIMIT:
        raise ValueError(f"{text!r} is outside 1970 to 2262")
    return found


def is_decision_id(text: str) -> bool:
    """Tell whether a text has the form of a decision's id."""
    return _id_pattern.fullmatch(text) is not None


Instant = Annotated[
    int | None,
    BeforeValidator(parse_instant),
    WithJsonSchema({"type": "string", "examples": ["2026-01-31T12:00:00Z"]}),
]
DecisionId = Annotated[str, Field(pattern=DECISION_ID)]


class Query(BaseModel):
    """Parameters of every route; unknown ones are refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    portfolio: str | None = Field(
        None,
        pattern=r"^[a-z0-9_-]{1,32}$",
        description="Name of the portfolio; the one that the server was started for by default.",
    )


class PageQuery(Query):
    """A page of decisions, bounded by time, by id, or both."""

    start: Instant = Field(
        None,
        description="First row end, inclusive and before `end`: ISO 8601 or ns since 1970 UTC.",
    )
    end: Instant = Field(None, description="Last row end, exclusive: ISO 8601 or ns since 1970.")
    after: DecisionId | None = Field(
        None, description="Only decisions after this one of the portfolio."
    )
    before: DecisionId | None = Field(
        None, description="Only decisions before this one of the portfolio."
    )
    order: Literal["newest", "oldest"] = Field(
        "newest", description="Which comes first; with `limit`, which end is cut."
    )

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError("start must be before end")
        return self


class DecisionsQuery(PageQuery):
    """A page of whole decisions."""

    limit: int = Field(100, ge=1, le=500, description="Most decisions in the answer.")
    curves: bool = Field(
        False,
        description="With frontier and cloud, and then at most 50 decisions whatever `limit` says; "
        "without, both are null (a tenth of the size).",
    )


class HistoryQuery(PageQuery):
    """A page of one symbol's rows."""

    limit: int = Field(500, ge=1, le=5000, description="Most rows in the answer.")


class LatencyQuery(Query):
    """How far back the percentiles look."""

    decisions: int = Field(500, ge=1, le=2000, description="Newest decisions to look at.")


class StreamQuery(Query):
    """Where a stream begins."""

    after: DecisionId | None = Field(
        None, description="Id of the last decision seen; the header Last-Event-ID wins."
    )


class StatQuery(Query):
    """How many decisions the prototype's routes cover."""

    limit: int = Field(1, ge=1, le=100, description="Newest decisions in the answer.")


class AssetStatQuery(StatQuery):
    """The same for one asset or all."""

    asset: str | None = Field(None, pattern=r"^[A-Z0-9._/-]{1,32}$", description="Only this asset.")
