"""``bench full``: every benchmark, step by step; what is there is not measured again."""

import shutil
import sys
import time
from collections.abc import Collection, Sequence
from pathlib import Path

import platformdirs

from bench.full_plan import (
    SHORT_LACKS,
    VERSIONS,
    Step,
    describe_left,
    full_plan,
    short_plan,
    steps_left,
)
from bench.html import make_html
from bench.java_version import describe_java
from bench.kept_results import read_kept
from bench.machine import describe_versions, identify_machine
from bench.newest_result import SHORT
from bench.page import make_page
from bench.run_error import RunError
from bench.step_state import place_key, step_key
from bench.summary import Kept
from cluster.process import Child, spawn

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ("-m", "silverbullet.cli")
_GRACE_S = 20.0  # a step stops its Kafka, or Ray and Spark, first
_LOOK_S = 3600.0
PARTIAL = ".begun-"


def run_bench(
    output: Path | None = None,
    *,
    short: bool = False,
    again: bool = False,
    steps: Collection[str] | None = None,
) -> Path:
    """Measure what is left for this program on this machine; gives the folder of all results.

    Parameters
    ----------
    output
        Folder of the folders of results; by default ``bench`` in the user's data folder.
    short
        The short form, which is measured anew each time.
    again
        Measure it again where it is there.
    steps
        Names of the steps to run; all by default.

    Raises
    ------
    RunError
        A step failed; those after it were run nevertheless.
    """
    plan, folder = _plan(output, short=short)
    chosen = {step.name for step in plan} if steps is None else set(steps)
    if short or again:
        for step in plan:
            if step.name in chosen:
                _forget(folder, step)
    run_steps(plan, folder, only=chosen)
    return folder


def show_plan(output: Path | None = None, *, short: bool = False) -> str:
    """List the steps, and which of them are there."""
    plan, folder = _plan(output, short=short)
    kept = () if short else kept_steps(plan, folder)
    lines = [
        f"{'there' if step.name in kept else 'left':<6} {step.minutes:5.1f} min  "
        f"silverbullet {' '.join(step.arguments)}"
        + (f"  {_path(folder, step).name}" if step.name in kept else "")
        for step in plan
    ]
    lacks = [SHORT_LACKS] if short else []
    left = describe_left(steps_left(plan, kept))
    return "\n".join([*lines, *lacks, left, f"results in {folder}"])


def _plan(output: Path | None, *, short: bool) -> tuple[tuple[Step, ...], Path]:
    """Give the steps, and where results of this machine and these versions belong."""
    plan = short_plan() if short else full_plan()
    base = output or Path(platformdirs.user_data_dir("silverbullet")) / "bench"
    key = place_key(identify_machine() | describe_versions(VERSIONS) | describe_java())
    return plan, base / f"{SHORT if short else 'full-'}{key}"


def _path(folder: Path, step: Step) -> Path:
    """Give where a step's result of the program as it is now belongs."""
    return folder / f"{step.name}-{step_key(step, ROOT)}.json"


def kept_steps(plan: Sequence[Step], folder: Path) -> dict[str, Path]:
    """Give the steps whose result is there, of the program as it is now, and where."""
    paths = {step.name: _path(folder, step) for step in plan}
    return {name: path for name, path in paths.items() if path.exists()}


def _forget(folder: Path, step: Step) -> None:
    path = _path(folder, step)
    path.unlink(missing_ok=True)
    for begun in (folder / f"{PARTIAL}{step.name}", path.with_suffix("")):
        if begun.exists():
            shutil.rmtree(begun)


def run_steps(
    plan: Sequence[Step],
    folder: Path,
    program: Sequence[str] | None = None,
    *,
    only: Collection[str] | None = None,
) -> list[Kept]:
    """Run the steps that are left, each in a process of its own, then write page and report.

    Parameters
    ----------
    plan, folder
        Each result is moved into the folder, whole, when its step has ended.
    program
        What Python runs, `PROGRAM` by default; a step's arguments follow.
    only
        Names of the steps to run; all by default.

    Raises
    ------
    RunError
        A step failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for step in plan:
        kept = kept_steps(plan, folder)
        if step.name in kept or (only is not None and step.name not in only):
            continue
        _tell(f"{step.name}: about {step.minutes:g} min. "
              + describe_left(steps_left(plan, kept)).capitalize())  # fmt: skip
        if not _run_step(step, folder, program or PROGRAM):
            failed.append(step.name)
    reports = _write_pages(plan, folder)
    if failed:
        raise RunError(
            f"{', '.join(failed)} failed, see above; the same command goes on with "
            f"{'it' if len(failed) == 1 else 'them'}"
        )
    return reports


def _write_pages(plan: Sequence[Step], folder: Path) -> list[Kept]:
    reports = [read_kept(path) for path in kept_steps(plan, folder).values()]
    if reports:
        (folder / "performance.md").write_text(make_page(reports))
        (folder / "report.html").write_text(make_html(reports))
        _tell(f"page and report: {folder / 'performance.md'}, {folder / 'report.html'}")
    return reports


def _run_step(step: Step, folder: Path, program: Sequence[str]) -> bool:
    begun = folder / f"{PARTIAL}{step.name}"
    for old in begun.glob("*.json"):
        old.unlink()  # of a step that ended between its own end and the move
    path = _path(folder, step)
    arguments = [*step.arguments, "--output", str(begun)]
    if step.name == "engines":  # it goes on turn by turn
        arguments += ["--raw", str(path.with_suffix(""))]
    child = spawn([sys.executable, *program, *arguments], name=f"bench {step.name}")
    begun_s = time.monotonic()
    code = _await(child)
    results = sorted(begun.glob("*.json"))
    if code != 0 or not results:
        _tell(f"{step.name} failed after {time.monotonic() - begun_s:.0f} s: "
              f"{child.describe_exit()}")  # fmt: skip
        return False
    if _path(folder, step) != path:
        _tell(f"{step.name} is left as not measured: what it measures changed meanwhile. "
              f"Its result is in {results[-1]} until it is measured again")  # fmt: skip
        return False
    results[-1].replace(path)
    shutil.rmtree(begun)
    _tell(f"{step.name} took {(time.monotonic() - begun_s) / 60:.1f} min")
    return True


def _await(child: Child) -> int:
    try:
        while (code := child.wait(_LOOK_S)) is None:
            pass
    except BaseException:
        child.terminate(_GRACE_S)
        raise
    return code


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
