"""The commands on clusters: bring one up on this machine, scale, look, take it down."""

import json
import sys

import click

from silverbullet.asking import JSON, WAIT, ask_pipeline
from silverbullet.options import given_settings, setting_options

ENGINES = ["ray", "spark"]


@click.group()
def cluster() -> None:
    """Ray or Spark workers: how many there are, and how they are."""


@cluster.command()
@click.option("--engine", type=click.Choice(ENGINES), required=True, help="Whose cluster.")
@click.option(
    "--workers", type=click.IntRange(1, 256), help="One CPU each; 2 where there is none yet."
)
@click.option("--port", type=click.IntRange(0, 65_535), help="Of its address; 0 takes any free.")
@JSON
def up(engine: str, workers: int | None, port: int | None, as_json: bool) -> None:
    """Start a cluster on this machine's loopback; when it is up, give it WORKERS workers.

    It stays up until `silverbullet cluster down`, and any number of pipelines may join it.
    """
    from silverbullet.own_cluster_place import count_workers, joining  # noqa: PLC0415
    from silverbullet.own_clusters import bring_up  # noqa: PLC0415 - it takes 0.3 s

    state = bring_up(engine, workers, port)
    join = joining(state)
    if as_json:
        click.echo(json.dumps(join))
        return
    click.echo(f"{engine} is up at {state.address} with {count_workers(state.workers)}; join it:")
    click.echo(f"  {join['shell']}")
    click.echo(f"  silverbullet run --engine {engine} {join['options']}")


@cluster.command()
@click.option("--engine", type=click.Choice(ENGINES), help="Whose; without it all of ours.")
def down(engine: str | None) -> None:
    """End clusters that `up` started, with all their processes and files but the logs."""
    from silverbullet.own_clusters import take_down  # noqa: PLC0415

    for name in ENGINES if engine is None else [engine]:
        click.echo(take_down(name))


@cluster.command()
@JSON
@click.option("--watch", is_flag=True, help="Look again each second until Ctrl-C.")
@setting_options()
def status(as_json: bool, watch: bool) -> None:
    """Show the engines and workers of a running pipeline, and the clusters that `up` started.

    Exit status 1 where there is neither.
    """
    settings = given_settings()
    from silverbullet.cluster_report import look_around, show, show_until_stopped  # noqa: PLC0415

    if watch:
        show_until_stopped(settings, as_json)
        return
    report = look_around(settings)
    show(report, as_json)
    sys.exit(0 if report["pipeline"] or report["clusters"] else 1)


@cluster.command()
@click.argument("workers", type=click.IntRange(1, 256))
@WAIT
@JSON
@setting_options()
def scale(workers: int, wait_s: float, as_json: bool) -> None:
    """Give a running pipeline WORKERS workers an engine; those that go finish their blocks."""
    ask_pipeline(as_json, wait_s, workers=workers)
