"""``silverbullet bench pipeline``."""

import functools
from collections.abc import Collection, Mapping
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
from silverbullet.options import FiniteRange

_PLANNED: Final = (
    "seconds", "repetitions", "rates", "methods", "engines", "libraries", "quixstreams"
)  # fmt: skip

_OF_SATURATION: Final = ("seconds", "repetitions")


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
@click.option("--overload", is_flag=True, help="13 times the ticks it can decide one by one.")
@click.option("--minutes", type=FiniteRange(min=0.05), help="Of --overload; 10 otherwise.")
@click.option(
    "--saturation", is_flag=True, help="Ticks a second, ever more, until decisions fall behind."
)
def pipeline(broker: str, bootstrap: str | None, **options: Any) -> None:
    """Tick to decision by stage, beside a relay that only passes messages on."""
    _check(broker, options)
    brokers = find_brokers(broker, bootstrap)
    given = {name: options[name] for name in ("output", "as_json")}
    if options["overload"]:
        from bench.pipeline.overload import run_bench as run_overload

        (open_broker,) = brokers
        given["minutes"] = options["minutes"]
        run_and_tell(functools.partial(run_overload, open_broker), **given)
    elif options["saturation"]:
        from bench.pipeline.saturation import run_bench as run_saturation

        (open_broker,) = brokers
        given |= {name: options[name] for name in _OF_SATURATION}
        run_and_tell(functools.partial(run_saturation, open_broker), **given)
    else:
        from bench.pipeline.benchmark import Plan, run_bench

        plan = Plan(**{name: options[name] for name in _PLANNED if options[name] is not None})
        run_and_tell(functools.partial(run_bench, plan, brokers), **given)


def _check(broker: str, options: Mapping[str, Any]) -> None:
    """Refuse what would be ignored."""
    given = {name for name in _PLANNED if options[name] not in (None, False)}
    if options["overload"] and options["saturation"]:
        raise click.UsageError("--overload and --saturation are two benchmarks: one at a time")
    if options["overload"]:
        _refuse("--overload", broker, given, "its length is --minutes, its rate "
                "thirteen times what the method resample can decide")  # fmt: skip
    if options["saturation"]:
        _refuse("--saturation", broker, given - set(_OF_SATURATION), "its rates are what it "
                "looks for, its method is exact")  # fmt: skip
    if options["minutes"] is not None and not options["overload"]:
        raise click.UsageError("--minutes belongs to --overload; --seconds is for the rest")
    if options["engines"] and "resample" not in (options["methods"] or ()):
        raise click.UsageError(
            "--engines is where draws are evaluated, and only the method resample has any: "
            "add --methods resample or --methods exact,resample"
        )


def _refuse(mode: str, broker: str, unused: Collection[str], why: str) -> None:
    if unused:
        names = ", ".join(f"--{name}" for name in _PLANNED if name in unused)
        raise click.UsageError(
            f"with {mode} there is no {names}: {why}; leave out one or the other"
        )
    if broker == "both":
        raise click.UsageError(
            f"{mode} is of one broker: --broker kafka or --broker embedded, one after the other"
        )
