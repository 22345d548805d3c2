"""The body of a control, its bounds and their meaning."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from storage.control import DispatchName, EngineName


def _whole(value: Any) -> Any:
    """Take 3.0 as 3: to JSON, and so to the document, both are the same integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Wish(BaseModel):
    """What to change; what is left out or null stays as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    order: list[EngineName] | None = Field(
        None, min_length=1, max_length=3, description="Engines, the preferred first."
    )
    dispatch: DispatchName | None = Field(None, description="How blocks go to every engine.")
    workers: Annotated[int | None, BeforeValidator(_whole)] = Field(
        None, ge=1, le=256, description="Workers of every engine."
    )
    paused: bool | None = Field(None, description="Whether to read on and decide nothing.")
    reset: bool | None = Field(
        None, description="Return to the settings before the rest is applied."
    )
