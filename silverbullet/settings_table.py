"""Every setting as people read it."""

from typing import Any, NamedTuple

from silverbullet.settings import SECTIONS, Settings


class SettingRow(NamedTuple):
    """One setting as people read it."""

    name: str
    value: str
    default: str
    description: str


def describe_settings(settings: Settings) -> list[SettingRow]:
    """List every setting with its value, default and purpose."""
    defaults = {name: model() for name, model in SECTIONS.items()}
    return [
        SettingRow(
            name=f"{section}.{key}",
            value=_written(getattr(getattr(settings, section), key)),
            default=_written(getattr(defaults[section], key)),
            description=field.description or "",
        )
        for section, model in SECTIONS.items()
        for key, field in model.model_fields.items()
    ]


def _written(value: Any) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
