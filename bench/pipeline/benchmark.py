"""``bench pipeline``: from a tick to its decision by stage, beside a relay and libraries."""

import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench.brokers import Broker, OpenBroker, embedded_broker, java_of, topic_prefix
from bench.case_names import EMBEDDED, loop_case
from bench.java_version import describe_java
from bench.machine import describe_machine, describe_versions, real_time, with_end_load
from bench.peer_environment import quix_python, quix_versions
from bench.pipeline.attribution import Latencies, attribute
from bench.pipeline.contenders import LOCAL, Contender, make_contenders
from bench.pipeline.listener import Topics
from bench.pipeline.session import ClockSetError, Played, play
from bench.pipeline.stage_rows import Run, make_rows
from bench.report import Report, keep_report
from bench.report_notes import NOTES
from bench.run_error import RunError

RATES = (100, 1000, 20_000)
SECONDS = 10.0
REPETITIONS = 2
PACKAGES = ("numpy", "numba", "confluent-kafka", "msgspec")
ENGINE_PACKAGES = {"ray": "ray", "spark": "pyspark"}
LIBRARY_PACKAGES = ("pyportfolioopt", "skfolio")
# Numba's code is loaded, caches and the producer's choice of linger settle: half a second each.
_MOST_WARM_UP_S = 2.0
_MOST_UNCOVERED = 0.001
_MOST_CLOCKS_SET = 2  # for one contender; a clock that is set at each run is to be mended
# A JVM that has just started compiles what is called often, transactions of ours among it; the
# first 20 s at 1000 ticks/s took half as much again as those after a minute.
_BROKER_WARM_UP = (4000.0, 10.0)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    Attributes
    ----------
    seconds
        Of each tape that count; a fifth more, at most 2 s, comes before.
    repetitions
        Runs of each contender at each rate; who begins changes from one to the next.
    rates
        Ticks a second.
    methods
        How ours decides; each is a contender.
    libraries
        Whether portfolio libraries are measured in the same loop.
    quixstreams
        Whether quixstreams with PyPortfolioOpt is measured, from an environment of its own.
    engines
        Where draws are evaluated; each is a contender with each method that has draws.
    """

    seconds: float = SECONDS
    repetitions: int = REPETITIONS
    rates: Sequence[int] = RATES
    methods: Sequence[str] = ("exact",)
    libraries: bool = False
    quixstreams: bool = False
    engines: Sequence[str] = (LOCAL,)


def run_bench(
    plan: Plan,
    brokers: Sequence[OpenBroker] = (embedded_broker,),
    output: Path | None = None,
    *,
    prefer_real_time: bool = True,
) -> Report:
    """Measure the pipeline and its peers in turn, on each broker at each rate.

    Parameters
    ----------
    plan
        What is measured.
    brokers
        They all run from the beginning to the end.
    output
        Folder of the kept JSON; by default in the user's data folder.
    prefer_real_time
        Real-time priority for all processes, where that is allowed.

    Raises
    ------
    RunError
        No run at one of the rates gave figures.
    BrokerError
        A broker does not answer.
    """
    python = quix_python() if plan.quixstreams else None
    contenders = make_contenders(
        plan.methods, libraries=plan.libraries, engines=plan.engines, quix_python=python
    )
    with real_time(prefer_real_time) as scheduling, ExitStack() as stack:
        opened = [stack.enter_context(broker()) for broker in brokers]
        machine = describe_machine(scheduling=scheduling)
        runs = _run_all(opened, contenders, plan)
        machine["repetitions"] = f"{plan.repetitions} of {plan.seconds:g} s"
        machine = with_end_load(machine)
    machine |= {f"broker {broker.name}": broker.about for broker in opened}
    report = Report(
        bench="pipeline",
        notes=NOTES["pipeline"],
        machine=machine,
        versions=find_versions(plan, contenders, opened) | (quix_versions() if python else {}),
        rows=tuple(
            row
            for (broker, rate), found in runs.items()
            for method in dict.fromkeys(one.method for one in contenders if one.is_pipeline)
            for row in make_rows(loop_case(broker, method, rate), method, found)
        ),
    )
    keep_report(report, output)
    return report


def find_versions(
    plan: Plan, contenders: Sequence[Contender], brokers: Sequence[Broker]
) -> dict[str, str]:
    """Give the versions of all that takes part; an engine does where a method has draws."""
    engines = {contender.engine for contender in contenders}
    packages = [*PACKAGES, *(LIBRARY_PACKAGES if plan.libraries else ())]
    packages += [package for engine, package in ENGINE_PACKAGES.items() if engine in engines]
    java = describe_java() if "spark" in engines else java_of(brokers)
    return describe_versions(packages) | java


def _run_all(
    brokers: Sequence[Broker], contenders: Sequence[Contender], plan: Plan
) -> dict[tuple[str, int], list[Run]]:
    runs: dict[tuple[str, int], list[Run]] = {
        (broker.name, rate): [] for broker in brokers for rate in plan.rates
    }
    order = list(contenders)
    with (
        tempfile.TemporaryDirectory(prefix="silverbullet-bench-") as folder,
        Console(stderr=True).status("starting") as line,
    ):
        for broker in brokers:
            warm_up(broker, Path(folder))
        for repetition in range(plan.repetitions):
            for broker in brokers:
                for rate in plan.rates:
                    line.update(
                        f"{broker.name}, {rate} ticks/s, run {repetition + 1} of {plan.repetitions}"
                    )
                    try:
                        run = _take_run(broker, order, Path(folder), repetition, rate, plan.seconds)
                    except RunError as error:
                        print(f"run left out, {rate} ticks/s: {error}", file=sys.stderr)
                    else:
                        runs[broker.name, rate].append(run)
                    order = [*order[1:], order[0]]
    for (name, rate), found in runs.items():
        if not found:
            raise RunError(f"{name}: no run at {rate} ticks/s gave figures; reasons stand above")
    return runs


def warm_up(broker: Broker, folder: Path) -> None:
    """Let a broker that has just started compile what it needs; nothing of it counts."""
    if broker.name != EMBEDDED:
        rate, seconds = _BROKER_WARM_UP
        for contender in make_contenders(["exact"], libraries=False):
            topics = Topics(topic_prefix("warm-up"))
            play(broker, contender, topics, folder, seed=0, rate=rate, seconds=seconds)


def _take_run(
    broker: Broker, order: Sequence[Contender], folder: Path, repetition: int, rate: int,
    seconds: float,
) -> Run:  # fmt: skip
    # Equal seeds: all contenders of a run have the same prices and the same due times.
    return {
        (contender.subject, contender.method): _measure_anew(
            broker, contender, folder, repetition + 1, rate, seconds
        )
        for contender in order
        if contender.takes_part(broker, rate)
    }


def _measure_anew(
    broker: Broker, contender: Contender, folder: Path, seed: int, rate: int, seconds: float
) -> tuple[Played, Latencies]:
    """Measure again where the clock was set: that has cost two of nine repetitions, of all."""
    for _ in range(_MOST_CLOCKS_SET):
        try:
            return _measure(broker, contender, folder, seed, rate, seconds)
        except ClockSetError as error:
            print(f"{contender.label}, {rate} ticks/s, again: {error}", file=sys.stderr)
    return _measure(broker, contender, folder, seed, rate, seconds)


def _measure(
    broker: Broker, contender: Contender, folder: Path, seed: int, rate: int, seconds: float
) -> tuple[Played, Latencies]:
    topics = Topics(topic_prefix(f"{contender.label}-{rate}-{seed}"))
    warm_up_s = min(_MOST_WARM_UP_S, seconds / 5)
    played = play(
        broker, contender, topics, folder, seed=seed, rate=rate, seconds=seconds + warm_up_s
    )
    latencies = attribute(played.sent, played.arrivals, round(warm_up_s * 1e9))
    n_covered = len(latencies.stages["total"])
    if latencies.n_uncovered > _MOST_UNCOVERED * (n_covered + latencies.n_uncovered):
        raise RunError(f"{contender.label}: {latencies.n_uncovered} ticks were never covered")
    return played, latencies
