"""The command ``replay``."""

import sys

import click

from silverbullet.asking import JSON
from silverbullet.options import given_settings, setting_options, time_range


@click.command()
@time_range
@click.option("--verify", is_flag=True, help="Compare with what was decided, bit by bit.")
@JSON
@setting_options("method", "trigger", "sample-interval", "window")
def replay(start_ns: int | None, end_ns: int | None, verify: bool, as_json: bool) -> None:
    """Make past decisions again from the ticks that Kafka kept.

    Needs the settings of the run that decided, and its ticks from a window before on. Exit
    status 1 where a decision differs or none could be made again.
    """
    settings = given_settings()
    from silverbullet.replaying import run_replay  # noqa: PLC0415 - numba takes a second

    sys.exit(run_replay(settings, start_ns, end_ns, verify=verify, as_json=as_json))
