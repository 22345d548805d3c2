"""What the commands that ask a running pipeline for something have in common."""

import json
import sys
from typing import Any

import click

from silverbullet.options import FiniteRange, given_settings

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
WAIT = click.option(
    "--wait",
    "wait_s",
    type=FiniteRange(0, 600),
    default=90.0,
    show_default=True,
    help="Seconds to wait until the pipeline has carried it out.",
)


def ask_pipeline(as_json: bool, wait_s: float, **wish: Any) -> None:
    """Ask, print what became of it, and exit: 0 where it was carried out, else 1."""
    settings = given_settings()
    import msgspec  # noqa: PLC0415 - heavy libraries wait until a command runs

    from silverbullet.control_commands import ask  # noqa: PLC0415

    state = ask(settings, wait_s, **wish)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(state)))
    else:
        click.echo(f"{state.wish}: {state.state}" + (f" ({state.reason})" if state.reason else ""))
    sys.exit(0 if state.state == "applied" else 1)
