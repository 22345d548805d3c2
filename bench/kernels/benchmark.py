"""``bench kernels``: each kernel beside its numpy twin and what people use for its job."""

import sys
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from bench.contest import Case, measure_case
from bench.kept_memory import kept_memory
from bench.kernels.covariance_cases import COVARIANCE_CASES
from bench.kernels.covariance_stages import covariance_stages
from bench.kernels.draw_cases import DRAW_CASES, LONG_DRAW_CASES
from bench.kernels.draw_goals import LARGE_SIZES, SIZES
from bench.kernels.drift import FULL_UPDATES, SHORT_UPDATES, measure_drift
from bench.kernels.pair_cases import pair_cases
from bench.kernels.solver_cases import FULL_SOLVER_CASES, SOLVER_CASES
from bench.kernels.solver_gaps import measure_gaps
from bench.kernels.stage_cases import stage_cases
from bench.kernels.tick_cases import TICK_CASES
from bench.kernels.tick_names import DRIFT_UPDATES
from bench.kernels.tick_stages import tick_stages
from bench.kernels.worst_update import measure_worst_updates
from bench.machine import describe_machine, describe_versions, single_thread, with_end_load
from bench.peers import PACKAGES, is_installed
from bench.report import Report, keep_report
from bench.report_notes import NOTES
from bench.rows import Row

SECONDS = 0.1
REPETITIONS = 9
_SHORT_SIZES = (50,)  # whose parts are told without --full
_MODULES = {
    "bottleneck": "bottleneck",
    "numbagg": "numbagg",
    "polars": "polars",
    "scipy": "scipy",
    "PyPortfolioOpt": "pypfopt",
    "daqp": "daqp",
    "skfolio": "skfolio",
}


def without_missing(case: Case) -> Case:
    """Leave out the peers that are not installed; each is named on stderr."""
    kept = []
    for contender in case.contenders:
        module = _MODULES.get(contender.subject.split(",")[0].split()[0])
        if module is None or is_installed(module):
            kept.append(contender)
        else:
            print(f"{contender.subject} is left out of {case.name!r}: {module} is missing, "
                  "`make setup` installs it", file=sys.stderr)  # fmt: skip
    return replace(case, contenders=tuple(kept))


def measure_kernels(cases: list[Case], seconds: float, repetitions: int) -> list[Row]:
    """Measure cases one after the other, with one progress line on stderr."""
    rows: list[Row] = []
    with Console(stderr=True).status("compiling") as line:
        for number, case in enumerate(cases, 1):
            line.update(f"{number} of {len(cases)}: {case.name}")
            rows += measure_case(without_missing(case), seconds, repetitions)
    return rows


def measure_windows(updates: int, repetitions: int) -> list[Row]:
    """Measure what no contest can: drift after many updates, and the worst single update."""
    with Console(stderr=True).status(f"drift after {updates} updates") as line:
        rows = measure_drift(updates)
        line.update("worst update of each window")
        return rows + measure_worst_updates(repetitions)


def run_bench(
    seconds: float = SECONDS,
    repetitions: int = REPETITIONS,
    output: Path | None = None,
    *,
    full: bool = False,
) -> Report:
    """Measure all kernels.

    Parameters
    ----------
    seconds
        Least length of each contender's turn in a repetition.
    repetitions
        Turns of each contender.
    output
        Folder of the kept JSON; by default in the user's data folder.
    full
        Drift after 10 000 000 updates instead of 200 000: two minutes and 2 GB more; clouds
        and draws of so many assets that one turn of a peer takes seconds; and the solver
        beside slow libraries, too.

    Raises
    ------
    WrongResultError
        A contender's result is not that of the others.
    """
    updates = FULL_UPDATES if full else SHORT_UPDATES
    told = {DRIFT_UPDATES: f"{updates:,}".replace(",", " ")}
    machine = describe_machine(scheduling="normal") | told
    with single_thread():
        solver, long = (FULL_SOLVER_CASES, LONG_DRAW_CASES) if full else (SOLVER_CASES, ())
        made = (*TICK_CASES, *COVARIANCE_CASES, *solver, *DRAW_CASES, *long)
        sizes = (*SIZES, *LARGE_SIZES) if full else _SHORT_SIZES
        stages = (*stage_cases(sizes), *covariance_stages(), *tick_stages())
        cases = [*(make() for make in made), *stages, *pair_cases()]
        with kept_memory():
            rows = measure_kernels(cases, seconds, repetitions)
            rows += measure_gaps()
            rows += measure_windows(updates, repetitions)
    report = Report(
        bench="kernels",
        notes=NOTES["kernels"],
        machine=with_end_load(machine),
        versions=describe_versions(PACKAGES),
        rows=tuple(rows),
    )
    keep_report(report, output)
    return report
