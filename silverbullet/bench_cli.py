"""The commands that measure."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from silverbullet.bench_kept_cli import JSON, KEPT
from silverbullet.bench_lists import read_engines, read_methods, read_numbers
from silverbullet.bench_signals import ended_in_order
from silverbullet.options import given_settings, setting_options

if TYPE_CHECKING:  # what it imports is heavy
    from bench.brokers import OpenBroker


@click.group()
@click.pass_context
def bench(ctx: click.Context) -> None:
    """Measure a part beside its peers, in one run."""
    ctx.with_resource(ended_in_order())


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
@click.option("--full", is_flag=True, help="The long cases too; drift after 10 000 000 updates.")
def kernels(**options: Any) -> None:
    """Each kernel beside its numpy twin and the libraries people use for its job."""
    from bench.kernels import run_bench

    _run_bench(run_bench, **options)


def _broker_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option(
            "--broker",
            type=click.Choice(["embedded", "kafka", "both"]),
            default="embedded",
            help="kafka: an Apache Kafka started for this, gone afterwards.",
        ),
        click.option("--bootstrap", help="HOST:PORT of a running Kafka to use instead."),
    ):
        command = option(command)
    return command


_PLANNED = ("seconds", "repetitions", "rates", "methods", "engines", "libraries", "quixstreams")
_quixstreams = click.option(
    "--quixstreams",
    is_flag=True,
    help="quixstreams too, on Kafka, from an environment of its own (600 MB, made once).",
)


@bench.command()
@_bench_options
@_broker_options
@click.option("--rates", type=read_numbers, metavar="LIST", help="Ticks a second, as in 100,1000.")
@click.option(
    "--methods", type=read_methods, metavar="LIST", help="exact, resample or both, with a comma."
)
@click.option("--engines", type=read_engines, metavar="LIST", help="Of draws: local, ray, spark.")
@click.option("--libraries", is_flag=True, help="PyPortfolioOpt and skfolio in the same loop too.")
@_quixstreams
@click.option("--overload", is_flag=True, help="Ten times the ticks that it can decide one by one.")
@click.option("--minutes", type=click.FloatRange(min=0.05), help="Of --overload; 10 otherwise.")
def pipeline(
    broker: str, bootstrap: str | None, overload: bool, minutes: float | None, **options: Any
) -> None:
    """Tick to decision by stage, beside a relay that only passes messages on."""
    _check_pipeline(overload, minutes, options)
    brokers = _brokers(broker, bootstrap)
    if overload:
        from bench.overload import run_bench as run_overload

        given = {name: options[name] for name in ("output", "as_json")}
        _run_bench(functools.partial(run_overload, brokers[-1]), minutes=minutes, **given)
        return
    from bench.pipeline import Plan, run_bench

    plan = Plan(**{name: options[name] for name in _PLANNED if options[name] is not None})
    _run_bench(
        functools.partial(run_bench, plan, brokers),
        output=options["output"],
        as_json=options["as_json"],
    )


def _check_pipeline(overload: bool, minutes: float | None, options: Mapping[str, Any]) -> None:
    """Refuse what would be ignored."""
    unused = [f"--{name}" for name in _PLANNED if options[name] not in (None, False)]
    if overload and unused:
        raise click.UsageError(
            f"with --overload there is no {', '.join(unused)}: its length is --minutes, its rate "
            "ten times what the method resample can decide; leave out one or the other"
        )
    if minutes is not None and not overload:
        raise click.UsageError("--minutes belongs to --overload; --seconds is for the rest")
    if options["engines"] and "resample" not in (options["methods"] or ()):
        raise click.UsageError(
            "--engines is where draws are evaluated, and only the method resample has any: "
            "add --methods resample or --methods exact,resample"
        )


def _brokers(which: str, bootstrap: str | None) -> "list[OpenBroker]":
    from bench.brokers import embedded_broker, running_kafka
    from silverbullet.bench_kafka import own_kafka

    kafka: OpenBroker = own_kafka
    if bootstrap:
        kafka = functools.partial(running_kafka, bootstrap)
        which = "kafka" if which == "embedded" else which
    found: list[OpenBroker] = []
    if which != "kafka":
        found.append(embedded_broker)
    if which != "embedded":
        found.append(kafka)
    return found


@bench.command()
@click.option("--repetitions", type=click.IntRange(1), help="Repetitions.")
@click.option("--output", type=click.Path(path_type=Path), help="Folder of the JSON.")
@_quixstreams
@JSON
@_broker_options
def ingest(broker: str, bootstrap: str | None, **options: Any) -> None:
    """JSON and packed ticks to the end of a topic, beside a plain loop and a raw fetch."""
    from bench.ingest import run_bench

    _run_bench(functools.partial(run_bench, _brokers(broker, bootstrap)), **options)


@bench.command()
@click.option("--minutes", type=click.FloatRange(min=0.1), help="Length; 30 otherwise.")
@click.option("--rate", type=click.FloatRange(min=1), help="Ticks a second; 1000 otherwise.")
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
    (open_broker,) = _brokers(broker, bootstrap)
    from bench.soak import run_bench

    _run_bench(functools.partial(run_bench, open_broker), **options)


@bench.command()
@click.option("--repetitions", type=click.IntRange(1), help="Starts from the compile cache.")
@click.option("--cold", type=click.IntRange(0), help="Starts with an empty compile cache.")
@click.option("--output", type=click.Path(path_type=Path), help="Folder of the JSON.")
@JSON
def start(**options: Any) -> None:
    """From `silverbullet run` to its first decision, cold and from the compile cache."""
    from bench.start import run_bench

    _run_bench(run_bench, **options)


@bench.command()
@_bench_options
@click.option("--assets", type=read_numbers, metavar="LIST", help="How many assets, as in 50,500.")
def memory(**options: Any) -> None:
    """Peak memory of run, record and serve under a steady load."""
    from bench.memory import run_bench

    _run_bench(run_bench, **options)


@bench.command()
@_bench_options
@click.option("--assets", type=read_numbers, metavar="LIST", help="How many, as in 10,100,1000.")
@click.option(
    "--windows", type=read_numbers, metavar="LIST", help="Lengths of windows, as in 100,1000."
)
def scale(**options: Any) -> None:
    """Each step's cost as assets, windows and workers grow, beside what its order says."""
    from bench.scale import run_bench

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


for command in KEPT:
    bench.add_command(command)
