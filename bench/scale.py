"""``bench scale``: what each step costs as assets, windows and workers grow."""

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench.contest import Case, measure_case
from bench.growth import admission_rows, worst_rows
from bench.machine import describe_machine, describe_versions, single_thread, with_end_load
from bench.report import Report, keep_report
from bench.report_notes import NOTES
from bench.rows import Row
from bench.scale_cases import decision_cases, stream_cases, window_cases, worker_cases

ASSETS = (10, 20, 50, 100, 200, 500, 1000)
WINDOWS = (100, 1000, 10_000)
SECONDS = 0.05
REPETITIONS = 7
_PACKAGES = ("numpy", "numba", "msgspec")


def run_bench(
    seconds: float = SECONDS,
    repetitions: int = REPETITIONS,
    assets: Sequence[int] = ASSETS,
    windows: Sequence[int] = WINDOWS,
    output: Path | None = None,
) -> Report:
    """Measure each step at all sizes, the sizes in turn.

    Parameters
    ----------
    seconds
        Least length of each size's turn in a repetition.
    repetitions
        Turns of each size.
    assets, windows
        The sizes.
    output
        Folder of the kept JSON; by default in the user's data folder.
    """
    machine = describe_machine(scheduling="normal")
    rows: list[Row] = []
    with Console(stderr=True).status("filling windows") as line, single_thread():
        for make in (window_cases, decision_cases, stream_cases):
            for case in make(assets, windows):
                line.update(f"{case.name}, {len(case.contenders)} sizes")
                rows += measure_case(case, seconds, repetitions)
        with worker_cases(assets) as cases:
            for case in cases:
                line.update(case.name)
                rows += _by_the_wall_clock(case, seconds, repetitions)
    report = Report(
        bench="scale",
        notes=NOTES["scale"],
        machine=with_end_load(machine),
        versions=describe_versions(_PACKAGES),
        rows=(*rows, *admission_rows(rows), *worst_rows(rows)),
    )
    keep_report(report, output)
    return report


def _by_the_wall_clock(case: Case, seconds: float, repetitions: int) -> list[Row]:
    """Time what two threads share: their processor time would add up."""
    return measure_case(case, seconds, repetitions, time.perf_counter_ns)
