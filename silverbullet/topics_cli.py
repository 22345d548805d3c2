"""The command that makes the topics."""

import json
import sys
from typing import Any

import click

from silverbullet.options import given_settings, setting_options


@click.command()
@click.option("--alter", is_flag=True, help="Change what differs, where Kafka can.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@setting_options()
def topics(alter: bool, as_json: bool) -> None:
    """Make the topics that are missing; tell where others differ from the settings.

    Exit status 1 where one differs and stays so.
    """
    from ingest.broker import BrokerError
    from silverbullet.topics import arrange

    try:
        rows = arrange(given_settings().kafka, alter=alter)
    except BrokerError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(rows))
    else:
        for row in rows:
            click.echo(_line(row))
    sys.exit(1 if any(row["state"] in {"differs", "altered in part"} for row in rows) else 0)


def _line(row: dict[str, Any]) -> str:
    said = "; ".join(row["differences"])
    return f"{row['topic']:<16} {row['state']}" + (f": {said}" if said else "")
