"""The body of a control, its bounds and their meaning."""

from pydantic import BaseModel, ConfigDict, Field

from storage.control import DispatchName, EngineName


class Wish(BaseModel):
    """What to change; what is left out or null stays as it is."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    order: list[EngineName] | None = Field(
        None, min_length=1, max_length=3, description="Engines, the preferred first."
    )
    dispatch: DispatchName | None = Field(None, description="How blocks go to every engine.")
    workers: int | None = Field(None, ge=1, le=256, description="Workers of every engine.")
    paused: bool | None = Field(None, description="Whether to read on and decide nothing.")
    reset: bool | None = Field(
        None, description="Return to the settings before the rest is applied."
    )
