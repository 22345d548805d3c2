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
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

ENVIRONMENT_PREFIX = "SILVERBULLET_"
# 31 years: as ns, and added to the time of today, they still fit 63 bits.
_LONGEST_S = 1e9
Positive = Annotated[float, Field(gt=0, le=_LONGEST_S)]
NotNegative = Annotated[float, Field(ge=0, le=_LONGEST_S)]
EngineName = Literal["ray", "spark", "local"]


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
    control_topic: str = Field("control", description="topic of what admins ask of `run`")
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

    # A row shorter than a millisecond holds no more than one message of Kafka's own clock.
    sample_interval_s: float = Field(1.0, ge=1e-3, le=366 * 86_400.0, description="length of a row")
    rows: int = Field(300, ge=2, le=100_000, description="rows in the grid window")
    ticks: int = Field(1000, ge=2, le=1_000_000, description="ticks an asset in the tick window")
    min_observations: int = Field(30, ge=2, description="rows before the first decision")
    stale_after: int = Field(120, ge=1, description="rows without a tick before an asset leaves")

    @property
    def sample_interval_ns(self) -> int:
        """Length of a row in ns."""
        return round(self.sample_interval_s * 1e9)


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


def _split(value: Any) -> Any:
    """Take a list written as one word, as the environment has it: ``ray,spark``."""
    return value.split(",") if isinstance(value, str) else value


class Engine(Section):
    """Where draws are evaluated."""

    order: Annotated[tuple[EngineName, ...], NoDecode, BeforeValidator(_split)] = Field(
        ("ray", "spark", "local"),
        description="engines by preference; one behind another with a host starts when that is "
        "out; local is always the last resort",
    )
    dispatch: Literal["tasks", "resident"] = Field(
        "tasks",
        description="tasks: of Ray and Spark as they are; resident: our own dispatch, to workers "
        "that they place",
    )
    workers: int = Field(2, ge=1, le=256, description="workers an engine")
    ray_address: str = Field(
        "local",
        pattern=r"^(local|(ray://)?[^\s/:]+:\d{1,5})$",
        description="Ray cluster to join (host:port), or `local` for one of our own",
    )
    spark_master: str = Field(
        "local",
        pattern=r"^(local|spark://[^\s/:,]+:\d{1,5}(,[^\s/:,]+:\d{1,5})*)$",
        description="Spark cluster to join (spark://host:port), or `local` for one of our own",
    )


class Storage(Section):
    """Where decisions and status are kept."""

    path: str = Field(
        default_factory=lambda: str(
            Path(platformdirs.user_data_dir("silverbullet")) / "decisions.sqlite"
        ),
        description="SQLite file",
    )
    # 50 assets and a cloud a second are 40 kB a decision: 3.4 GB a day.
    retention_s: Positive = Field(86_400.0, description="age at which records are deleted")


class Serve(Section):
    """The dashboard and the API."""

    host: str = Field(
        "127.0.0.1",
        pattern=r"^[0-9A-Za-z.:_-]{1,253}$",
        description="address; one that other machines can reach only with a token",
    )
    port: int = Field(8050, ge=0, le=65_535, description="port, 0: any free one")
    streams: int = Field(32, ge=1, le=1_000, description="open event streams; further ones get 503")
    tokens: str = Field("", description="file of API tokens; none: one in the user's state folder")
    reads_need_token: bool = Field(False, description="ask for a token on loopback addresses too")

    @property
    def tokens_path(self) -> Path:
        """File of API tokens."""
        return Path(self.tokens or Path(platformdirs.user_state_dir("silverbullet"), "tokens.json"))


class Settings(BaseSettings):
    """All sections."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    kafka: Kafka = Kafka()
    ticks: Ticks = Ticks()
    window: Window = Window()
    optimize: Optimize = Optimize()
    decide: Decide = Decide()
    engine: Engine = Engine()
    storage: Storage = Storage()
    serve: Serve = Serve()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is given, and no more: `load_settings` reads file and environment."""
        return (init_settings,)


SECTIONS: dict[str, type[Section]] = {
    "kafka": Kafka,
    "ticks": Ticks,
    "window": Window,
    "optimize": Optimize,
    "decide": Decide,
    "engine": Engine,
    "storage": Storage,
    "serve": Serve,
}


def _nearest(name: str) -> str:
    """Find the name that was meant; a like key in another section counts before a like name."""
    if "." not in name:
        return difflib.get_close_matches(name, list(SECTIONS), n=1, cutoff=0.0)[0]
    known = [
        f"{section}.{key}" for section, model in SECTIONS.items() for key in model.model_fields
    ]
    section, key = name.split(".", 1)

    def likeness(candidate: str) -> float:
        other_section, other_key = candidate.split(".", 1)
        alike = difflib.SequenceMatcher(None, key, other_key).ratio()
        return alike + 0.2 * difflib.SequenceMatcher(None, section, other_section).ratio()

    return max(known, key=likeness)


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"] if isinstance(part, str))
        if problem["type"] == "extra_forbidden":
            lines.append(f"unknown setting {name}: did you mean {_nearest(name)}?")
        else:
            lines.append(f"setting {name}={problem['input']!r}: {problem['msg']}")
    return "; ".join(lines)


def _refuse_unknown_sections(environment: Mapping[str, str]) -> None:
    """Name a misspelt section, which the settings library would pass over in silence."""
    for name in environment:
        section = name.removeprefix(ENVIRONMENT_PREFIX).split("__")[0].lower()
        if name.startswith(ENVIRONMENT_PREFIX) and "__" in name and section not in SECTIONS:
            raise SettingsError(f"environment {name}: did you mean section {_nearest(section)}?")


def load_settings(
    config: Path | None = None, flags: Mapping[str, Mapping[str, Any]] | None = None
) -> Settings:
    """Read the settings of one process.

    Parameters
    ----------
    config
        TOML file, or None.
    flags
        Section to key to value, over everything else.

    Raises
    ------
    SettingsError
        The file cannot be read, a name is unknown or a value out of range.
    """
    if config is not None and not config.is_file():
        raise SettingsError(f"settings file {config}: no such file")
    _refuse_unknown_sections(os.environ)
    try:
        from_file = TomlConfigSettingsSource(Settings, toml_file=config)() if config else {}
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"settings file {config}: {error}") from None
    merged: dict[str, Any] = {}
    for layer in (from_file, EnvSettingsSource(Settings)(), flags or {}):
        for section, values in layer.items():
            if not isinstance(values, Mapping):
                raise SettingsError(f"setting {section}={values!r}: must be a table [{section}]")
            merged.setdefault(section, {}).update(values)
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def default_settings() -> Settings:
    """Give the defaults, whatever the environment says."""
    return Settings.model_validate({name: {} for name in SECTIONS})
