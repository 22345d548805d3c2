"""``bench engines``: the same decision on local, Ray and Spark, beside what a user would write."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import platformdirs

from bench.engines.html import make_html
from bench.engines.page import make_figures
from bench.engines.plan import estimate_s, full_plan, quick_plan
from bench.engines.report import EngineReport, build_report
from bench.engines.run import run_turns
from bench.engines.turn import Spec
from bench.java_version import describe_java
from bench.latency_figures import decode, to_hgrm
from bench.machine import describe_machine, describe_versions, with_end_load
from bench.peers import is_installed
from bench.report import keep_report
from bench.run_error import RunError

SECONDS, QUICK_SECONDS = 10.0, 2.0
_QUICK_BUDGET_S = 225.0
REPETITIONS = 3
_PACKAGES = (
    "numpy", "numba", "scipy", "ray", "pyspark", "distributed", "joblib", "hdrhistogram"
)  # fmt: skip
_NEEDED = {"hdrh": "hdrhistogram", "plotly": "plotly", "scipy": "scipy"}


def run_bench(
    seconds: float | None = None,
    repetitions: int = REPETITIONS,
    output: Path | None = None,
    *,
    quick: bool = False,
    budget_s: float | None = None,
    raw: Path | None = None,
) -> EngineReport:
    """Run the comparison, turn by turn, and keep report, page and histograms.

    Parameters
    ----------
    seconds
        Length of each job's load in a turn; by default 10, and 2 if ``quick``.
    repetitions
        Turns of each subject; ``quick`` has one.
    output
        Folder of the kept JSON; by default in the user's data folder.
    quick
        The short form: the goals' contenders with two workers at two jobs.
    budget_s
        Turns that are not expected to end within these seconds are left out; 225 if ``quick``.
    raw
        Folder of turns, histograms and the page. Turns that it holds already are not taken
        again: so a run goes on where its budget ended. By default a new one beside the JSON.

    Raises
    ------
    RunError
        A package is missing, nobody gave figures, or the negative control does not show.
    WrongResultError
        A subject gave a wrong answer.
    """
    for module, package in _NEEDED.items():
        if not is_installed(module):
            raise RunError(f"{package} is not installed: run `make setup`")
    plan = _plan(seconds, repetitions, quick)
    if quick and budget_s is None:
        budget_s = _QUICK_BUDGET_S
    folder = raw or _new_folder(output)
    folder.mkdir(parents=True, exist_ok=True)
    minutes = sum(map(estimate_s, plan)) / 60
    print(f"{len(plan)} turns, about {minutes:.0f} minutes; kept in {folder}: `--raw` with it "
          "goes on after an end", file=sys.stderr, flush=True)  # fmt: skip
    machine = describe_machine(scheduling="normal")
    kept, left_out = run_turns(plan, folder, budget_s)
    versions = describe_versions(_PACKAGES) | describe_java()
    report = build_report(kept, with_end_load(machine), versions, left_out)
    _keep_files(report, folder)
    keep_report(report, output)
    return report


def _plan(seconds: float | None, repetitions: int, quick: bool) -> list[Spec]:
    if quick:
        return quick_plan(seconds or QUICK_SECONDS)
    return full_plan(seconds or SECONDS, repetitions)


def _new_folder(output: Path | None) -> Path:
    base = output or Path(platformdirs.user_data_dir("silverbullet")) / "bench"
    return base / f"engines-{datetime.now(UTC).strftime('%Y%m%dT%H%M%SZ')}"


def _keep_files(report: EngineReport, folder: Path) -> None:
    histograms = folder / "histograms"
    histograms.mkdir(exist_ok=True)
    for one in report.details:
        name = f"{one.job}-w{one.workers}-{one.subject.replace(', ', '-').replace(' ', '-')}"
        (histograms / f"{name}.hgrm").write_text(to_hgrm(decode(one.latency.histogram)))
        (histograms / f"{name}.hdr").write_text(one.latency.histogram + "\n")
    (folder / "report.html").write_text(make_html(report))
    (folder / "figures.md").write_text(make_figures(report))
    print(f"the page to forward: {folder / 'report.html'}", file=sys.stderr)
