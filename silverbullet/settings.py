"""Every setting, once: TOML file, environment over it, flags over both.

The environment's names are ``SILVERBULLET_SECTION__KEY``. An unknown key is refused by name,
with the nearest known one.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from silverbullet.sections import (
    Cassandra,
    Decide,
    Engine,
    Kafka,
    Optimize,
    Section,
    Serve,
    Storage,
    Ticks,
    Window,
)

ENVIRONMENT_PREFIX = "SILVERBULLET_"


class SettingsError(ValueError):
    """A setting is unknown or out of range; the message names it and the remedy."""


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
    cassandra: Cassandra = Cassandra()
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
    "cassandra": Cassandra,
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
        elif "password" in name:
            lines.append(f"setting {name}: {problem['msg']}")
        else:
            lines.append(f"setting {name}={problem['input']!r}: {problem['msg']}")
    return "; ".join(lines)


def _refuse_unknown_sections(environment: Mapping[str, str]) -> None:
    """Name a misspelt section, which the settings library would pass over in silence."""
    for name in environment:
        section = name.removeprefix(ENVIRONMENT_PREFIX).split("__")[0].lower()
        if name.startswith(ENVIRONMENT_PREFIX) and "__" in name and section not in SECTIONS:
            raise SettingsError(f"environment {name}: did you mean section {_nearest(section)}?")


def _refuse_secrets(section: str, values: Mapping[str, Any]) -> None:
    """Keep secrets out of command lines, which all users see, and files that are passed on."""
    for key in values:
        field = SECTIONS[section].model_fields.get(key) if section in SECTIONS else None
        if field is not None and field.annotation is SecretStr:
            name = f"{ENVIRONMENT_PREFIX}{section}__{key}".upper()
            raise SettingsError(
                f"setting {section}.{key}: give it in the environment, as {name}, "
                f"or in a file that {section}.{key}_file names"
            )


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
    environment = EnvSettingsSource(Settings)()
    for layer in (from_file, environment, flags or {}):
        for section, values in layer.items():
            if not isinstance(values, Mapping):
                raise SettingsError(f"setting {section}={values!r}: must be a table [{section}]")
            if layer is not environment:
                _refuse_secrets(section, values)
            merged.setdefault(section, {}).update(values)
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


def default_settings() -> Settings:
    """Give the defaults, whatever the environment says."""
    return Settings.model_validate({name: {} for name in SECTIONS})
