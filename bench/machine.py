"""What a measurement was made of and on, and how it is kept from being disturbed."""

import contextlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import numba
import psutil

# Read by a library when it is imported: set before, and for all child processes.
_LIBRARIES = ("OPENBLAS", "OMP", "MKL", "BLIS")
THREADS = {"POLARS_MAX_THREADS": "1", **{f"{name}_NUM_THREADS": "1" for name in _LIBRARIES}}

COMMIT: Final = "commit"
"""Where `describe_machine` puts the program's."""
LOAD_AT_START: Final = "load at start"
LOAD_AT_END: Final = "load at end"
MOST_LOAD: Final = 0.5
"""Of each core: above it what else runs takes part of what a benchmark needs."""
CHANGES: Final = "+changes"
_ROOT: Final = Path(__file__).resolve().parent.parent
_GIT_LIMIT_S: Final = 10.0


def describe_machine(**measured: str) -> dict[str, str]:
    """Name the machine: processor, cores, memory, system, its load now; and the program's commit.

    A load above `MOST_LOAD` is told on stderr. `with_end_load` adds that after the measurement.

    Parameters
    ----------
    measured
        Further facts of this measurement.
    """
    load = _load()
    if load > MOST_LOAD * (cores := os.cpu_count() or 1):
        print(f"warning: load {load:.1f} on {cores} cores before the measurement: what else runs, "
              "or ran within the last minute, makes figures worse", file=sys.stderr)  # fmt: skip
    return {
        **identify_machine(),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        LOAD_AT_START: f"{load:.1f}",
        "time": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        **({COMMIT: commit} if (commit := find_commit(_ROOT)) else {}),
        **measured,
    }


def with_end_load(machine: Mapping[str, str]) -> dict[str, str]:
    """Add the load as it is now, when all is measured: its own part of it is in there."""
    return {**machine, LOAD_AT_END: f"{_load():.1f}"}


def _load() -> float:
    """Give the processes that ran or waited to run in the last minute, as the system counts."""
    return os.getloadavg()[0]


def identify_machine() -> dict[str, str]:
    """Give what a figure never survives a change of: processor, cores and Python."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
    }


def find_commit(root: Path) -> str:
    """Give the commit of a program, with `CHANGES` where tracked files differ from it.

    Parameters
    ----------
    root
        Its folder. Within the repository of another it has no commit: nothing there tells its
        state.

    Returns
    -------
    str
        12 hexadecimal characters or more; empty where there is no git or no commit.
    """
    top = _ask_git(root, "rev-parse", "--show-toplevel")
    if not top or not Path(top).samefile(root):
        return ""
    how = ("--always", "--exclude=*", "--abbrev=12", f"--dirty={CHANGES}")
    return _ask_git(root, "describe", *how)


def _ask_git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=_GIT_LIMIT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def describe_versions(packages: Sequence[str]) -> dict[str, str]:
    """Give the versions of installed packages; one that is missing is called so."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


@contextlib.contextmanager
def single_thread() -> Iterator[None]:
    """Have every numeric library of this process use one thread."""
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(THREADS)
    threads = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        with _limit_blas():
            yield
    finally:
        numba.set_num_threads(threads)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _limit_blas() -> contextlib.AbstractContextManager[object]:
    """Limit the BLAS libraries that are loaded already, which read no variable any more."""
    try:
        limits = import_module("threadpoolctl").threadpool_limits
    except ModuleNotFoundError:
        print("threadpoolctl is missing (`make setup` installs it): BLAS loaded before this "
              "may use several threads", file=sys.stderr)  # fmt: skip
        return contextlib.nullcontext()
    context: contextlib.AbstractContextManager[object] = limits(1)
    return context


@contextlib.contextmanager
def real_time(wanted: bool) -> Iterator[str]:
    """Give this process and the children it starts real-time priority where that is allowed.

    On a shared machine neighbours otherwise decide the figures: p50 of 40 to 76 ms instead of
    2.1 was measured. All contenders have the same.

    Yields
    ------
    str
        How processes are scheduled, for the report.
    """
    before = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        if not wanted:
            raise PermissionError
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        yield "normal"
        return
    try:
        yield "real-time (SCHED_RR)"
    finally:
        os.sched_setscheduler(0, *before)
