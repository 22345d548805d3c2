"""The commands that measure."""

import functools
from pathlib import Path
from typing import Any

import click

from silverbullet.bench_kept_cli import KEPT
from silverbullet.bench_lists import read_from_two, read_numbers
from silverbullet.bench_options import (
    JSON,
    QUIXSTREAMS,
    bench_options,
    broker_options,
    find_brokers,
    run_and_tell,
)
from silverbullet.bench_pipeline_cli import pipeline
from silverbullet.bench_signals import ended_in_order
from silverbullet.options import FiniteRange, given_settings, setting_options


@click.group()
@click.pass_context
def bench(ctx: click.Context) -> None:
    """Measure a part beside its peers, in one run."""
    ctx.with_resource(ended_in_order())


@bench.command()
@bench_options
@click.option("--full", is_flag=True, help="The long cases too; drift after 10 000 000 updates.")
def kernels(**options: Any) -> None:
    """Each kernel beside its numpy twin and the libraries people use for its job."""
    from bench.kernels.benchmark import run_bench

    run_and_tell(run_bench, **options)


@bench.command()
@click.option("--repetitions", type=click.IntRange(1), help="Repetitions.")
@click.option("--output", type=click.Path(path_type=Path), help="Folder of the JSON.")
@QUIXSTREAMS
@JSON
@broker_options
def ingest(broker: str, bootstrap: str | None, **options: Any) -> None:
    """JSON and packed ticks to the end of a topic, beside a plain loop and a raw fetch."""
    from bench.ingest import run_bench

    run_and_tell(functools.partial(run_bench, find_brokers(broker, bootstrap)), **options)


@bench.command()
@click.option("--minutes", type=FiniteRange(min=0.1), help="Length; 30 otherwise.")
@click.option("--rate", type=FiniteRange(min=1), help="Ticks a second; 1000 otherwise.")
@click.option(
    "--broker",
    type=click.Choice(["kafka", "embedded"]),
    default="kafka",
    help="kafka: an Apache Kafka started for this, gone afterwards.",
)
@click.option("--bootstrap", help="HOST:PORT of a running Kafka to use instead.")
@click.option("--output", type=click.Path(path_type=Path), help="Folder of the JSON.")
@JSON
def soak(broker: str, bootstrap: str | None, **options: Any) -> None:
    """All parts under a steady load: slopes of memory, descriptors, threads and latency."""
    (open_broker,) = find_brokers(broker, bootstrap)
    from bench.soak.benchmark import run_bench

    run_and_tell(functools.partial(run_bench, open_broker), **options)


@bench.command()
@click.option("--repetitions", type=click.IntRange(1), help="Starts from the compile cache.")
@click.option("--cold", type=click.IntRange(0), help="Starts with an empty compile cache.")
@click.option("--output", type=click.Path(path_type=Path), help="Folder of the JSON.")
@JSON
def start(**options: Any) -> None:
    """From `silverbullet run` to its first decision, cold and from the compile cache."""
    from bench.start import run_bench

    run_and_tell(run_bench, **options)


@bench.command()
@bench_options
@click.option("--assets", type=read_numbers, metavar="LIST", help="How many assets, as in 50,500.")
def memory(**options: Any) -> None:
    """Peak memory of run, record and serve under a steady load."""
    from bench.memory import run_bench

    run_and_tell(run_bench, **options)


@bench.command()
@bench_options
@click.option("--assets", type=read_from_two, metavar="LIST", help="How many, as in 10,100,1000.")
@click.option(
    "--windows", type=read_from_two, metavar="LIST", help="Lengths of windows, as in 100,1000."
)
def scale(**options: Any) -> None:
    """Each step's cost as assets, windows and workers grow, beside what its order says."""
    from bench.scale import run_bench

    run_and_tell(run_bench, **options)


@bench.command()
@bench_options
@click.option("--quick", is_flag=True, help="The short form, 4 minutes.")
@click.option("--budget-s", type=FiniteRange(min=0), help="Leave out what takes longer.")
@click.option(
    "--raw",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of turns, histograms and the HTML page; turns it holds are not taken again.",
)
def engines(**options: Any) -> None:
    """Local, Ray and Spark at the same decision, beside what a user would write instead.

    The whole matrix takes hours: it says how many, and goes on with --raw where it was ended.
    """
    from bench.engines.benchmark import run_bench

    run_and_tell(run_bench, **options)


@bench.command()
@bench_options
@setting_options()
def storage(**options: Any) -> None:
    """Decisions written and read on SQLite and Cassandra, beside the bare driver.

    The Cassandra is the one that the settings name, whichever `storage.backend` says.
    """
    settings = given_settings()
    from bench.storage import run_bench
    from silverbullet.opening import cassandra_address

    run_and_tell(functools.partial(run_bench, cassandra_address(settings)), **options)


for command in (pipeline, *KEPT):
    bench.add_command(command)
