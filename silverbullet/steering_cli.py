"""The commands that steer a running pipeline."""

import click

from silverbullet.asking import JSON, WAIT, ask_pipeline
from silverbullet.cluster_cli import cluster
from silverbullet.options import setting_options


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
    ask_pipeline(as_json, wait_s, order=tuple(dict.fromkeys(names)), dispatch=dispatch)


@engine.command()
@WAIT
@JSON
@setting_options()
def reset(wait_s: float, as_json: bool) -> None:
    """Return to the engines, dispatch and workers of the settings, and decide."""
    ask_pipeline(as_json, wait_s, reset=True)


@click.command()
@WAIT
@JSON
@setting_options()
def pause(wait_s: float, as_json: bool) -> None:
    """Have a running pipeline read on and decide nothing."""
    ask_pipeline(as_json, wait_s, paused=True)


@click.command(name="continue")
@WAIT
@JSON
@setting_options()
def go_on(wait_s: float, as_json: bool) -> None:
    """Have a paused pipeline decide again."""
    ask_pipeline(as_json, wait_s, paused=False)


STEERING: tuple[click.Command, ...] = (engine, pause, go_on, cluster)
"""What `main` takes in."""
