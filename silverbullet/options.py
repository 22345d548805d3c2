"""Options that stand for settings, and how a command gets at what they say."""

import functools
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

if TYPE_CHECKING:
    from silverbullet.settings import Settings

Command = TypeVar("Command", bound=Callable[..., Any])
Flags = dict[str, dict[str, Any]]

_UNITS_S = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


class Refused(click.ClickException):
    """What was asked for cannot be done as asked; one line, exit 2."""

    exit_code = 2


class FiniteRange(click.FloatRange):
    """A number within bounds; nan, which no comparison with a bound refuses, is none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the number, then see that it is one."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number", param, ctx)
        return number


class Duration(click.ParamType[float]):
    """A length of time such as 500ms, 1s, 30m, 1h or 1d; gives seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read the number and its unit."""
        text = str(value).strip().lower()
        number = text.rstrip("msdh")
        try:
            return float(number) * _UNITS_S[text[len(number) :] or "s"]
        except (ValueError, KeyError):
            self.fail(f"{value!r} is no length of time: write 500ms, 1s, 30m, 1h or 1d", param, ctx)


class UtcTime(click.ParamType[int]):
    """A point in time, ISO 8601; UTC where it names no zone. Converted to ns."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it.

        Raises
        ------
        click.BadParameter
            It is no time, or one that nanoseconds in 63 bits do not reach.
        """
        if isinstance(value, int):
            return value
        try:
            found = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r}: write it like 2026-01-31T12:00:00", param, ctx)
        zoned = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        since = zoned - datetime(1970, 1, 1, tzinfo=UTC)
        # Integers: a float64 of today's ns is off by up to 128.
        ns = (since.days * 86_400 + since.seconds) * 10**9 + since.microseconds * 1000
        if not 0 <= ns < 2**63:
            self.fail(f"{value!r}: must be of the years 1970 to 2262", param, ctx)
        return ns


# Option to setting, type and help.
_SETTING_OPTIONS: dict[str, tuple[str, Any, str]] = {
    "engine": (
        "engine.order",
        click.Choice(["ray", "spark", "local"]),
        "Engine to prefer; local always stands in.",
    ),
    "address": (
        "engine.ray_address",
        str,
        "Cluster to join instead of starting one: HOST:PORT of Ray, spark://HOST:PORT of Spark.",
    ),
    "method": ("optimize.method", click.Choice(["resample", "exact"]), "How weights are found."),
    "trigger": ("decide.trigger", click.Choice(["row", "tick"]), "What starts a decision."),
    "sample-interval": ("window.sample_interval_s", Duration(), "Length of a row: 1s, 30m, 1d."),
    "window": ("window.rows", int, "Rows in the grid window."),
    "port": ("serve.port", int, "Port of the dashboard; 0 takes any free one."),
}


def _flags(ctx: click.Context) -> Flags:
    flags: Flags = ctx.meta.setdefault("silverbullet.flags", {})
    return flags


def _put(setting: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    section, key = setting.split(".")

    def callback(ctx: click.Context, _: click.Parameter, value: Any) -> None:
        if value is None:
            return
        name, given = key, value
        if key == "order":
            given = [value, *(["local"] if value != "local" else [])]
        elif key == "ray_address" and value.startswith("spark://"):
            name = "spark_master"
        _keep(ctx, section, name, given)

    return callback


def _keep(ctx: click.Context, section: str, key: str, value: Any) -> None:
    """Take a setting down; given twice, one of the two would be dropped in silence.

    Raises
    ------
    Refused
        It was given already.
    """
    values = _flags(ctx).setdefault(section, {})
    if key in values:
        setting = "engine.ray_address" if key == "spark_master" else f"{section}.{key}"
        ways = [f"--{name}" for name, (its, _, _) in _SETTING_OPTIONS.items() if its == setting]
        ways.append(f"--set {section}.{key}=")
        raise Refused(
            f"setting {section}.{key} is given twice: give it once, by {' or '.join(ways)}"
        )
    values[key] = value


def _assign(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> None:
    for text in values:
        name, equals, value = text.partition("=")
        section, dot, key = name.partition(".")
        if not (equals and dot):
            raise click.BadParameter(f"{text!r}: write SECTION.KEY=VALUE", ctx, param)
        _keep(ctx, section, key, value)


def _keep_path(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
    ctx.meta["silverbullet.config"] = value


def setting_options(*names: str) -> Callable[[Command], Command]:
    """Give a command ``--config``, ``--set`` and the named options."""
    options = [
        click.option(f"--{name}", type=kind, help=text, expose_value=False, callback=_put(setting))
        for name, (setting, kind, text) in _SETTING_OPTIONS.items()
        if name in names
    ]
    options += [
        click.option(
            "--set",
            multiple=True,
            metavar="SECTION.KEY=VALUE",
            help="Any setting, over file and environment; repeatable.",
            expose_value=False,
            callback=_assign,
        ),
        click.option(
            "--config",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Settings file (TOML).",
            expose_value=False,
            callback=_keep_path,
        ),
    ]

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def given_flags() -> Flags:
    """Give what the running command's options say, by section and key."""
    return _flags(click.get_current_context())


def given_config() -> Path | None:
    """Give the running command's settings file, if it has one."""
    path: Path | None = click.get_current_context().meta.get("silverbullet.config")
    return path


def given_settings(extra: Mapping[str, Mapping[str, Any]] | None = None) -> "Settings":
    """Read the settings of the running command; ``extra`` fills what its options left open.

    Raises
    ------
    Refused
        A setting is unknown or out of range.
    """
    from silverbullet.settings import SettingsError, load_settings

    ctx = click.get_current_context()
    flags = {section: dict(values) for section, values in (extra or {}).items()}
    for section, values in _flags(ctx).items():
        flags.setdefault(section, {}).update(values)
    try:
        return load_settings(given_config(), flags)
    except SettingsError as error:
        raise Refused(str(error)) from None


def time_range(command: Command) -> Command:
    """Give a command ``--from`` and ``--to``: ``start_ns`` and ``end_ns``, each may be None.

    A time to stop at that is not behind the first one is refused.
    """

    @functools.wraps(command)
    def checked(*, start_ns: int | None, end_ns: int | None, **others: Any) -> Any:
        if start_ns is not None and end_ns is not None and start_ns >= end_ns:
            raise Refused("--to must be later than --from: nothing lies between them")
        return command(start_ns=start_ns, end_ns=end_ns, **others)

    first = click.option("--from", "start_ns", type=UtcTime(), help="First time, ISO 8601, UTC.")
    last = click.option("--to", "end_ns", type=UtcTime(), help="Time to stop before.")
    return cast(Command, first(last(checked)))
