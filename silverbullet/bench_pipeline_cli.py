"""``silverbullet bench pipeline``."""

import functools
from collections.abc import Mapping
from typing import Any, Final

import click

from silverbullet.bench_lists import read_engines, read_methods, read_numbers
from silverbullet.bench_options import (
    QUIXSTREAMS,
    bench_options,
    broker_options,
    find_brokers,
    run_and_tell,
)

_PLANNED: Final = (
    "seconds", "repetitions", "rates", "methods", "engines", "libraries", "quixstreams"
)  # fmt: skip


@click.command()
@bench_options
@broker_options
@click.option("--rates", type=read_numbers, metavar="LIST", help="Ticks a second, as in 100,1000.")
@click.option(
    "--methods", type=read_methods, metavar="LIST", help="exact, resample or both, with a comma."
)
@click.option("--engines", type=read_engines, metavar="LIST", help="Of draws: local, ray, spark.")
@click.option("--libraries", is_flag=True, help="PyPortfolioOpt and skfolio in the same loop too.")
@QUIXSTREAMS
@click.option("--overload", is_flag=True, help="Ten times the ticks that it can decide one by one.")
@click.option("--minutes", type=click.FloatRange(min=0.05), help="Of --overload; 10 otherwise.")
def pipeline(
    broker: str, bootstrap: str | None, overload: bool, minutes: float | None, **options: Any
) -> None:
    """Tick to decision by stage, beside a relay that only passes messages on."""
    _check(overload, minutes, options)
    if overload and broker == "both":
        raise click.UsageError(
            "--overload is of one broker: --broker kafka or --broker embedded, one after the other"
        )
    brokers = find_brokers(broker, bootstrap)
    if overload:
        from bench.overload import run_bench as run_overload

        (open_broker,) = brokers
        given = {name: options[name] for name in ("output", "as_json")}
        run_and_tell(functools.partial(run_overload, open_broker), minutes=minutes, **given)
        return
    from bench.pipeline import Plan, run_bench

    plan = Plan(**{name: options[name] for name in _PLANNED if options[name] is not None})
    run_and_tell(
        functools.partial(run_bench, plan, brokers),
        output=options["output"],
        as_json=options["as_json"],
    )


def _check(overload: bool, minutes: float | None, options: Mapping[str, Any]) -> None:
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
