"""The commands on a local Kafka and Cassandra: bring up, look, take down."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from silverbullet.asking import JSON
from silverbullet.options import Refused

SERVICES = ["kafka", "cassandra"]
Command = TypeVar("Command", bound=Callable[..., Any])


def _which(command: Command) -> Command:
    """Give a command the services it is for, and their folder."""
    names = click.argument(
        "names", nargs=-1, type=click.Choice(SERVICES), metavar="[kafka] [cassandra]"
    )
    folder = click.option(
        "--folder",
        type=click.Path(file_okay=False, path_type=Path),
        help="Settings, data and logs; without it the user's state folder.",
    )
    return names(folder(command))


def _chosen(names: tuple[str, ...]) -> list[str]:
    return [name for name in SERVICES if name in names or not names]


def _root(folder: Path | None) -> Path:
    from cluster.service_place import services_folder  # noqa: PLC0415 - `--help` needs none of it

    return folder or services_folder()


@click.group()
def services() -> None:
    """Run a real Apache Kafka and Apache Cassandra on this machine's loopback."""


@services.command()
@_which
@click.option("--nodes", type=click.Choice(["1", "3"]), help="Servers each; 1 where there is none.")
@click.option(
    "--port-offset",
    type=click.IntRange(0, 50_000),
    help="Added to every port (9092, 9093; 9042, 7000, 7199), for a second --folder.",
)
@click.option("--secure", is_flag=True, default=None, help="Ask clients for TLS and a password.")
@JSON
def up(
    names: tuple[str, ...],
    folder: Path | None,
    nodes: str | None,
    secure: bool | None,
    port_offset: int | None,
    as_json: bool,
) -> None:
    """Start a real Kafka and Cassandra on this machine; say how a pipeline uses them.

    The jars are fetched with Maven once and kept. Data stay in the folder until `down --wipe`.
    """
    from silverbullet.own_services import Wish, bring_up  # noqa: PLC0415
    from silverbullet.services_progress import saying  # noqa: PLC0415
    from silverbullet.services_report import look_at, show, utc_now  # noqa: PLC0415

    wish = Wish(None if nodes is None else int(nodes), port_offset, secure)
    root, chosen = _root(folder), _chosen(names)
    with saying(chosen) as tell:
        for name in chosen:
            if not bring_up(name, root, wish, tell):
                tell(f"{name} was up already")
    found = (look_at(name, root, utc_now()) for name in chosen)
    show([report for report in found if report is not None], as_json)


@services.command()
@_which
@click.option("--wipe", is_flag=True, help="Delete their data too.")
@click.option("--yes", is_flag=True, help="Do not ask before.")
@JSON
def down(names: tuple[str, ...], folder: Path | None, wipe: bool, yes: bool, as_json: bool) -> None:
    """End the local Kafka and Cassandra in good order; their data stay unless --wipe."""
    from silverbullet import own_services  # noqa: PLC0415
    from silverbullet.services_progress import saying  # noqa: PLC0415

    root, chosen = _root(folder), _chosen(names)
    there = [name for name in chosen if (root / name).is_dir()]
    if wipe and there and not yes:
        if not sys.stdin.isatty():
            raise Refused("--wipe deletes data: pass --yes where nobody can be asked")
        click.confirm(f"Delete all data of {' and '.join(there)} in {root}?", abort=True, err=True)
    told = {}
    with saying(there) as tell:
        for name in chosen:
            if name in there:
                tell(f"{name} ends")
            if wipe:
                told[name] = "wiped" if own_services.wipe(name, root) else "not there"
            else:
                told[name] = "down" if own_services.take_down(name, root) else "not up"
    # After the moving line has gone: while there is one, its console takes what stdout should have.
    if as_json:
        click.echo(json.dumps(told))
        return
    for name, what in told.items():
        click.echo(f"{name}: {what}")


@services.command()
@_which
@JSON
def status(names: tuple[str, ...], folder: Path | None, as_json: bool) -> None:
    """Show the local Kafka and Cassandra: ports, pids, memory, and whether they answer.

    Exit status 1 unless all that have been brought up answer.
    """
    from cluster.service_place import services_command  # noqa: PLC0415
    from silverbullet.services_report import look_at, show, utc_now  # noqa: PLC0415

    root = _root(folder)
    found = (look_at(name, root, utc_now()) for name in _chosen(names))
    reports = [report for report in found if report is not None]
    show(reports, as_json)
    if not reports and not as_json:
        click.echo(f"there is none in {root} (`{services_command(root, 'up')}`)")
    sys.exit(0 if reports and all(report["state"] == "up" for report in reports) else 1)
