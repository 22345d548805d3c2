"""What the commands that measure share: their options, the brokers they name, how they run."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from silverbullet.options import FiniteRange

if TYPE_CHECKING:  # what it imports is heavy
    from bench.brokers import OpenBroker

JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
QUIXSTREAMS = click.option(
    "--quixstreams",
    is_flag=True,
    help="quixstreams too, on Kafka, from an environment of its own (600 MB, made once).",
)


def bench_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add what nearly all of them take."""
    for option in (
        click.option(
            "--seconds",
            type=FiniteRange(min=0.0, min_open=True, max=86_400.0),
            help="Length of one repetition.",
        ),
        click.option("--repetitions", type=click.IntRange(1), help="Repetitions."),
        click.option("--output", type=click.Path(path_type=Path), help="Folder of the JSON."),
        JSON,
    ):
        command = option(command)
    return command


def broker_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add which broker is meant."""
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


def find_brokers(which: str, bootstrap: str | None) -> "list[OpenBroker]":
    """Give the brokers that the options of `broker_options` name, Kafka last."""
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


def run_and_tell(run: Callable[..., Any], *, as_json: bool, **options: Any) -> None:
    """Run a benchmark with the options that were given, and print what it found."""
    from bench.contest import WrongResultError
    from bench.run_error import RunError
    from ingest.broker import BrokerError
    from storage.protocol import StoreError

    try:
        report = run(**{name: value for name, value in options.items() if value is not None})
    except (WrongResultError, RunError, BrokerError, StoreError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(report.to_json() if as_json else report.to_text())
