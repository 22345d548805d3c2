"""The commands that steer a running pipeline."""

import json
import sys
from typing import Any

import click

from silverbullet.options import given_settings, setting_options

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
WAIT = click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(0, 600),
    default=90.0,
    show_default=True,
    help="Seconds to wait until the pipeline has carried it out.",
)


def _ask(as_json: bool, wait_s: float, **wish: Any) -> None:
    settings = given_settings()
    from silverbullet.control_commands import ask

    state = ask(settings, wait_s, **wish)
    if as_json:
        click.echo(json.dumps(_plain(state)))
    else:
        click.echo(f"{state.wish}: {state.state}" + (f" ({state.reason})" if state.reason else ""))
    sys.exit(0 if state.state == "applied" else 1)


def _plain(value: Any) -> Any:
    """Turn a record into plain values."""
    import msgspec

    return msgspec.to_builtins(value)


@click.group()
def engine() -> None:
    """Change where a running pipeline evaluates; decisions go on meanwhile."""


@engine.command()
@click.argument("names", nargs=-1, required=True, type=click.Choice(["ray", "spark", "local"]))
@click.option("--dispatch", type=click.Choice(["tasks", "resident"]), help="How blocks go there.")
@WAIT
@JSON
@setting_options()
def use(names: tuple[str, ...], dispatch: str | None, wait_s: float, as_json: bool) -> None:
    """Prefer the engines NAMES, in this order; local is always the last resort."""
    _ask(as_json, wait_s, order=names, dispatch=dispatch)


@engine.command()
@WAIT
@JSON
@setting_options()
def reset(wait_s: float, as_json: bool) -> None:
    """Return to the engines, dispatch and workers of the settings, and decide."""
    _ask(as_json, wait_s, reset=True)


@click.command()
@WAIT
@JSON
@setting_options()
def pause(wait_s: float, as_json: bool) -> None:
    """Have a running pipeline read on and decide nothing."""
    _ask(as_json, wait_s, paused=True)


@click.command(name="continue")
@WAIT
@JSON
@setting_options()
def go_on(wait_s: float, as_json: bool) -> None:
    """Have a paused pipeline decide again."""
    _ask(as_json, wait_s, paused=False)


@click.group()
def cluster() -> None:
    """Ray or Spark workers: how many there are, and how they are."""


@cluster.command()
@click.argument("workers", type=click.IntRange(1, 256))
@WAIT
@JSON
@setting_options()
def scale(workers: int, wait_s: float, as_json: bool) -> None:
    """Give a running pipeline WORKERS workers an engine; those that go finish their blocks."""
    _ask(as_json, wait_s, workers=workers)


STEERING: tuple[click.Command, ...] = (engine, pause, go_on, cluster)
"""What `main` takes in."""
