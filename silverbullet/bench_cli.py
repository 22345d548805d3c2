"""The commands that measure."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from silverbullet.options import given_settings, setting_options

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def bench() -> None:
    """Measure a part beside its peers, in one run."""


def _bench_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--seconds", type=float, help="Length of one repetition."),
        click.option("--repetitions", type=click.IntRange(1), help="Repetitions."),
        click.option("--output", type=click.Path(path_type=Path), help="Folder of the JSON."),
        JSON,
    ):
        command = option(command)
    return command


@bench.command()
@_bench_options
def kernels(**options: Any) -> None:
    """Each kernel beside its numpy twin and the libraries people use for its job."""
    from bench.kernels import run_bench

    _run_bench(run_bench, **options)


@bench.command()
@_bench_options
def pipeline(**options: Any) -> None:
    """Tick to decision by stage, beside a relay that only passes messages on."""
    from bench.pipeline import run_bench

    _run_bench(run_bench, **options)


@bench.command()
@_bench_options
@click.option("--quick", is_flag=True, help="The short form, 4 minutes.")
@click.option("--budget-s", type=click.FloatRange(min=0), help="Leave out what takes longer.")
@click.option(
    "--raw",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of turns, histograms and the HTML page; turns it holds are not taken again.",
)
def engines(**options: Any) -> None:
    """Local, Ray and Spark at the same decision, beside what a user would write instead.

    The whole matrix takes hours: it says how many, and goes on with --raw where it was ended.
    """
    from bench.engines import run_bench

    _run_bench(run_bench, **options)


@bench.command()
@_bench_options
@setting_options()
def storage(**options: Any) -> None:
    """Decisions written and read on SQLite and Cassandra, beside the bare driver.

    The Cassandra is the one that the settings name, whichever `storage.backend` says.
    """
    settings = given_settings()
    from bench.storage import run_bench
    from silverbullet.opening import cassandra_address

    _run_bench(functools.partial(run_bench, cassandra_address(settings)), **options)


def _run_bench(run: Callable[..., Any], *, as_json: bool, **options: Any) -> None:
    from bench.contest import WrongResultError
    from bench.session import RunError
    from ingest.broker import BrokerError
    from storage.protocol import StoreError

    try:
        report = run(**{name: value for name, value in options.items() if value is not None})
    except (WrongResultError, RunError, BrokerError, StoreError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(report.to_json() if as_json else report.to_text())
