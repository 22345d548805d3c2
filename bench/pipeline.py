"""``bench pipeline``: from a tick to its decision by stage, beside a relay."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console

from bench.attribution import SPANS, STAGES, Latencies, attribute
from bench.listener import Topics
from bench.machine import describe_machine, describe_versions, real_time
from bench.report import Report, Row, keep_report, make_row
from bench.session import SUBJECTS, Played, RunError, play
from ingest.broker import EmbeddedBroker

RATES = (100, 1000, 20_000)
SECONDS = 10.0
REPETITIONS = 2
_PACKAGES = ("numpy", "numba", "confluent-kafka", "msgspec")
# Numba's code is loaded, caches and the producer's choice of linger settle: half a second each.
_MOST_WARM_UP_S = 2.0
_MOST_UNCOVERED = 0.001
Run = dict[str, tuple[Played, Latencies]]


def run_bench(
    seconds: float = SECONDS,
    repetitions: int = REPETITIONS,
    output: Path | None = None,
    *,
    rates: Sequence[int] = RATES,
    prefer_real_time: bool = True,
) -> Report:
    """Measure the pipeline and the relay in turn, at each rate.

    Parameters
    ----------
    seconds
        Of each tape that count; a fifth more, at most 2 s, comes before.
    repetitions
        Runs of each contender at each rate; who begins changes from one to the next.
    output
        Folder of the kept JSON; by default in the user's data folder.
    rates
        Ticks a second.
    prefer_real_time
        Real-time priority for all processes, where that is allowed.

    Raises
    ------
    RunError
        No run at one of the rates gave figures.
    """
    with real_time(prefer_real_time) as scheduling:
        machine = describe_machine(scheduling=scheduling)
        runs = _run_all(rates, seconds, repetitions)
    report = Report(
        bench="pipeline",
        machine=machine,
        versions=describe_versions(_PACKAGES),
        rows=tuple(row for rate in rates for row in make_rows(rate, runs[rate])),
    )
    keep_report(report, output)
    return report


def _run_all(rates: Sequence[int], seconds: float, repetitions: int) -> dict[int, list[Run]]:
    runs: dict[int, list[Run]] = {rate: [] for rate in rates}
    order = list(SUBJECTS)
    with (
        EmbeddedBroker() as broker,
        tempfile.TemporaryDirectory(prefix="silverbullet-bench-") as folder,
        Console(stderr=True).status("starting") as line,
    ):
        for repetition in range(repetitions):
            for rate in rates:
                line.update(f"{rate} ticks/s, run {repetition + 1} of {repetitions}")
                try:
                    pair = {
                        subject: _measure(
                            broker.address, subject, Path(folder), repetition, rate, seconds
                        )
                        for subject in order
                    }
                except RunError as error:
                    print(f"run left out, {rate} ticks/s: {error}", file=sys.stderr)
                else:
                    runs[rate].append(pair)
                order.reverse()
    for rate, found in runs.items():
        if not found:
            raise RunError(f"no run at {rate} ticks/s gave figures; the reasons stand above")
    return runs


def _measure(
    bootstrap: str, subject: str, folder: Path, repetition: int, rate: int, seconds: float
) -> tuple[Played, Latencies]:
    name = f"{subject}-{rate}-{repetition}"
    topics = Topics(f"ticks-{name}", f"decisions-{name}", f"status-{name}")
    warm_up_s = min(_MOST_WARM_UP_S, seconds / 5)
    # Equal seeds: both contenders of a run have the same prices and the same due times.
    played = play(
        bootstrap, subject, topics, folder,
        seed=repetition + 1, rate=rate, seconds=seconds + warm_up_s,
    )  # fmt: skip
    latencies = attribute(played.sent, played.arrivals, round(warm_up_s * 1e9))
    n_covered = len(latencies.stages["total"])
    if latencies.n_uncovered > _MOST_UNCOVERED * (n_covered + latencies.n_uncovered):
        raise RunError(f"{subject}: {latencies.n_uncovered} ticks were never covered")
    return played, latencies


def make_rows(rate: int, runs: Sequence[Run]) -> list[Row]:
    """Give the rows of a rate: each stage, then what each contender has sent."""
    rows = [
        make_row(
            f"{rate} ticks/s, {stage}",
            subject,
            "us",
            [run[subject][1].stages[stage] for run in runs],
        )
        for stage in (*STAGES, *SPANS)
        for subject in SUBJECTS
        if stage in runs[0][subject][1].stages
    ]
    for subject in SUBJECTS:
        sent = [run[subject][0] for run in runs]
        counts = [[len(one.message_bytes) / one.seconds] for one in sent]
        rows.append(make_row(f"{rate} ticks/s, messages out", subject, "a second", counts))
    for subject in SUBJECTS:
        sizes = [run[subject][0].message_bytes.astype(np.float64) for run in runs]
        rows.append(make_row(f"{rate} ticks/s, size of a message out", subject, "bytes", sizes))
    return rows
