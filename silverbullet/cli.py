"""The command line. Commands import what they need when they run: --help answers at once."""

import errno
import json
import sys
from pathlib import Path
from typing import Any

import click

from silverbullet import __version__
from silverbullet.bench_cli import bench
from silverbullet.export_cli import export
from silverbullet.feed_cli import feed, feed_status
from silverbullet.options import (
    FiniteRange,
    Refused,
    given_config,
    given_flags,
    given_settings,
    setting_options,
)
from silverbullet.replay_cli import replay
from silverbullet.schema_cli import schema
from silverbullet.services_cli import services
from silverbullet.steering_cli import STEERING
from silverbullet.token_cli import token
from silverbullet.topics_cli import topics

PATHS = click.option(
    "--from",
    "paths",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Quote, trade, candle or close files (CSV, CSV.gz) or folders of them; repeatable.",
)
SYMBOL = click.option("--symbol", help="Symbol of files that name none.")
TIME_COLUMN = click.option("--time-column", help="Column of the event time, where files have two.")
LOOP = click.option("--loop", is_flag=True, help="Begin again at the end of the files.")
SPEED = click.option(
    "--speed", default="1", show_default=True, help="Times the recorded pace, or `max`."
)
ASSETS = click.option(
    "--assets", type=click.IntRange(1, 500), default=12, show_default=True, help="Simulated assets."
)
RATE = click.option(
    "--rate",
    type=FiniteRange(min=0, min_open=True, max=1e9),
    default=60.0,
    show_default=True,
    help="Simulated ticks a second, over all assets.",
)
SEED = click.option("--seed", default=2, show_default=True, help="Seed of the simulator.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class _OneLine(click.Group):
    """Tells what the system refuses in one line, as it tells what settings refuse."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Raises
        ------
        Refused
            A file, folder, address or device could not be used as asked.
        """
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # whoever read the output has gone; click ends quietly
            raise Refused(str(error) or type(error).__name__) from error


@click.group(
    cls=_OneLine,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="silverbullet")
def main() -> None:
    """Optimise a crypto portfolio live: ticks in, portfolios out."""


@main.command()
@PATHS
@SYMBOL
@TIME_COLUMN
@LOOP
@SPEED
@ASSETS
@RATE
@SEED
@click.option("--once", is_flag=True, help="Play --from to its end, decide on the last row, exit.")
@click.option("--real", is_flag=True, help="On Kafka and Cassandra of `services up`; they stay up.")
@JSON
@setting_options("engine", "address", "method", "trigger", "sample-interval", "window", "port")
def demo(once: bool, real: bool, as_json: bool, paths: tuple[Path, ...], **feed: Any) -> None:
    """Run everything on embedded parts, with the dashboard on http://127.0.0.1:8050."""
    given_settings()  # a misspelt setting is refused before anything heavy is imported
    if as_json and not once:
        raise Refused("--json prints the one decision of --once; the page has the others")
    if once and real:
        raise Refused("--once plays files on an embedded broker: leave out --real, or --once")
    from silverbullet.feeding import FeedOptions

    if once:
        from silverbullet.once import run_once

        if not paths:
            raise Refused("--once needs --from PATH: there is nothing to play to its end")
        answer = run_once(given_settings, paths, FeedOptions(**feed))
        click.echo(json.dumps(answer, indent=None if as_json else 2))
        sys.exit(0 if answer["decision"] else 1)
    from silverbullet.demo import run_demo

    options = FeedOptions(**feed)
    sys.exit(run_demo(given_settings, given_flags(), given_config(), paths, options, real=real))


@main.command()
@PATHS
@SYMBOL
@TIME_COLUMN
@LOOP
@SPEED
@ASSETS
@RATE
@SEED
@setting_options("sample-interval", "window")
def simulate(paths: tuple[Path, ...], **feed: Any) -> None:
    """Feed Kafka with a simulated market, or from files."""
    given_settings()
    from silverbullet.feeding import FeedOptions
    from silverbullet.simulating import run_simulate

    run_simulate(given_settings, paths, FeedOptions(**feed))


@main.command()
@click.option("--once", is_flag=True, help="Stop at the end of the topic, its last row decided.")
@setting_options("engine", "address", "method", "trigger", "sample-interval", "window")
def run(once: bool) -> None:
    """Read ticks, keep the windows, optimise, publish decisions."""
    settings = given_settings()
    from silverbullet.parts import run_pipeline

    run_pipeline(settings, until_end=once)


@main.command()
@setting_options()
def record() -> None:
    """Write decisions and status to the store."""
    settings = given_settings()
    from silverbullet.recording import run_record

    run_record(settings)


@main.command()
@setting_options("port")
def serve() -> None:
    """Show the dashboard and answer the REST API."""
    settings = given_settings()
    from silverbullet.serving import run_serve

    run_serve(settings)


@main.command()
@JSON
@setting_options()
def doctor(as_json: bool) -> None:
    """Say what this machine has and lacks for each part, with the remedy."""
    from silverbullet.doctor import examine

    findings = examine(given_settings())
    if as_json:
        click.echo(json.dumps([finding._asdict() for finding in findings]))
    else:
        for finding in findings:
            mark = click.style("ok  ", fg="green") if finding.ok else click.style("lack", fg="red")
            click.echo(f"{mark}  {finding.part:<13} {finding.says}")
    sys.exit(0 if all(finding.ok for finding in findings) else 1)


@main.command()
@JSON
@setting_options()
def settings(as_json: bool) -> None:
    """List every setting, its value here and what it is for."""
    from silverbullet.settings_table import describe_settings

    rows = describe_settings(given_settings())
    if as_json:
        click.echo(json.dumps([row._asdict() for row in rows]))
        return
    for row in rows:
        click.echo(f"{row.name + ' = ' + row.value:<46} {row.description}")


@main.command()
def warm() -> None:
    """Compile the kernels into the user's cache, so that nothing waits for it later."""
    from silverbullet.warm import warm_everything

    warm_everything(progress=True)


main.add_command(services)
for command in (bench, *STEERING, schema, token, replay, export, topics, feed, feed_status):
    main.add_command(command)


if __name__ == "__main__":
    main()
