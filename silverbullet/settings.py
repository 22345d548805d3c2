"""Every setting, once: TOML file, environment over it, flags over both.

The environment's names are ``SILVERBULLET_SECTION__KEY``. An unknown key is refused by name,
with the nearest known one.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError

ENVIRONMENT_PREFIX = "SILVERBULLET_"
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class SettingsError(ValueError):
    """A setting is unknown or out of range; the message names it and the remedy."""


class Section(BaseModel):
    """A table of the settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Kafka(Section):
    """Where ticks come from and decisions go."""

    bootstrap: str = Field("", description="host:port of the broker; `demo` sets it by itself")
    ticks_topic: str = Field("ticks", description="topic of ticks, keyed by symbol")
    rejected_topic: str = Field("ticks.rejected", description="topic of refused ticks")
    decisions_topic: str = Field("decisions", description="topic of decisions")
    status_topic: str = Field("status", description="topic of status records")
    fetch_wait_max_ms: int = Field(
        100, ge=0, le=10_000, description="longest wait of a fetch; 1 to 5 on the embedded broker"
    )


class Ticks(Section):
    """What is admitted."""

    max_symbols: int = Field(512, ge=1, le=10_000, description="most symbols; newer are refused")
    allowed_lateness_s: NotNegative = Field(
        0.0, description="how long a row waits for ticks behind the newest event time"
    )
    future_tolerance_s: NotNegative = Field(
        60.0, description="how far an event time may be ahead of its Kafka timestamp"
    )


class Window(Section):
    """The windows of the statistics."""

    sample_interval_s: Positive = Field(1.0, description="length of a row")
    rows: int = Field(300, ge=2, le=100_000, description="rows in the grid window")
    ticks: int = Field(1000, ge=2, le=1_000_000, description="ticks an asset in the tick window")
    min_observations: int = Field(30, ge=2, description="rows before the first decision")
    stale_after: int = Field(120, ge=1, description="rows without a tick before an asset leaves")


class Optimize(Section):
    """What is optimised and how."""

    method: Literal["resample", "exact"] = Field("resample", description="how weights are found")
    objective: Literal["max_sharpe", "min_variance"] = Field(
        "max_sharpe", description="what is optimised"
    )
    mean: Literal["bayes_stein", "sample"] = Field("bayes_stein", description="estimator of means")
    covariance: Literal["oas", "sample"] = Field("oas", description="estimator of covariances")
    max_weight: float = Field(1.0, gt=0, le=1, description="cap of each weight")
    n_draws: int = Field(1024, ge=1, le=1_000_000, description="posterior draws a decision")
    block_size: int = Field(32, ge=1, le=100_000, description="draws in a block")
    seed: int = Field(1, ge=0, lt=2**63, description="key of the random draws")
    deadline_s: Positive = Field(1.0, description="a decision that took longer is marked late")
    cloud_points: int = Field(500, ge=0, le=20_000, description="portfolios in the cloud, 0: none")
    cloud_interval_s: Positive = Field(1.0, description="least time between two clouds")


class Decide(Section):
    """When a decision is made."""

    portfolio: str = Field(
        "main", pattern=r"^[a-z0-9_-]{1,32}$", description="name of the portfolio"
    )
    trigger: Literal["row", "tick"] = Field("row", description="what starts a decision")
    conflate: bool = Field(
        True, description="skip and count rows that could not be decided in time"
    )
    min_interval_s: NotNegative = Field(0.0, description="least time between two decisions")


class Engine(Section):
    """Where draws are evaluated."""

    order: tuple[Literal["ray", "local"], ...] = Field(
        ("ray", "local"), description="engines by preference; local is always the last resort"
    )
    workers: int = Field(2, ge=1, le=256, description="workers an engine")
    address: str = Field("local", description="Ray cluster to join, or `local` for one of our own")


class Storage(Section):
    """Where decisions and status are kept."""

    path: str = Field(
        default_factory=lambda: str(
            Path(platformdirs.user_data_dir("silverbullet")) / "decisions.sqlite"
        ),
        description="SQLite file",
    )
    retention_s: Positive = Field(7 * 86_400.0, description="age at which records are deleted")


class Serve(Section):
    """The dashboard and the API."""

    host: Literal["127.0.0.1", "localhost", "::1"] = Field(
        "127.0.0.1", description="address; only loopback until there is authentication"
    )
    port: int = Field(8050, ge=0, le=65_535, description="port, 0: any free one")
    streams: int = Field(32, ge=1, le=1_000, description="open event streams; further ones get 503")


class Settings(Section):
    """All sections."""

    kafka: Kafka = Field(default_factory=Kafka)
    ticks: Ticks = Field(default_factory=Ticks)
    window: Window = Field(default_factory=Window)
    optimize: Optimize = Field(default_factory=Optimize)
    decide: Decide = Field(default_factory=Decide)
    engine: Engine = Field(default_factory=Engine)
    storage: Storage = Field(default_factory=Storage)
    serve: Serve = Field(default_factory=Serve)


def _known_names() -> list[str]:
    return [
        f"{section}.{key}"
        for section, field in Settings.model_fields.items()
        for key in field.annotation.model_fields  # type: ignore[union-attr]
    ]


def _from_environment(environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, value in environment.items():
        if not name.startswith(ENVIRONMENT_PREFIX) or "__" not in name:
            continue
        section, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__", 1)
        found.setdefault(section, {})[key] = value.split(",") if key == "order" else value
    return found


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"] if isinstance(part, str))
        if problem["type"] == "extra_forbidden":
            known = _known_names() if "." in name else list(Settings.model_fields)
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            lines.append(f"unknown setting {name}: did you mean {near[0]}?")
        else:
            lines.append(f"setting {name}={problem['input']!r}: {problem['msg']}")
    return "; ".join(lines)


def merge_settings(*layers: Mapping[str, Mapping[str, Any]]) -> Settings:
    """Lay later layers over earlier ones and check the whole.

    Raises
    ------
    SettingsError
        A name is unknown or a value out of range.
    """
    merged: dict[str, Any] = {}
    for layer in layers:
        for section, values in layer.items():
            if not isinstance(values, Mapping):
                raise SettingsError(f"setting {section}={values!r}: must be a table [{section}]")
            merged.setdefault(section, {}).update(values)
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def load_settings(
    config: Path | None = None,
    flags: Mapping[str, Mapping[str, Any]] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings of one process.

    Parameters
    ----------
    config
        TOML file, or None.
    flags
        Section to key to value, over everything else.
    environment
        Defaults to the process's own.

    Raises
    ------
    SettingsError
        The file cannot be read, a name is unknown or a value out of range.
    """
    from_file: dict[str, Any] = {}
    if config is not None:
        try:
            from_file = tomllib.loads(config.read_text())
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise SettingsError(f"settings file {config}: {error}") from None
    found = _from_environment(os.environ if environment is None else environment)
    return merge_settings(from_file, found, flags or {})
