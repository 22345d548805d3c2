"""Compile every kernel, or load it from the cache, before the first tick is waited for."""

import contextlib
import hashlib
import logging
import os
import shutil
import sys
import threading
import time
from pathlib import Path

import click
import numpy as np

from cluster.process import SpawnError, spawn
from ingest.native.librdkafka import NativeError
from ingest.native.warming import warm_reading
from optimize.evaluate import warm_kernels
from stats.compiled import cache_folder
from stats.estimators import bayes_stein, oas, oas_and_bayes_stein
from stats.market import Market

log = logging.getLogger("silverbullet")

_KEPT_S = 30 * 86_400.0
_LOOK_S = 0.2


def warm_everything(*, progress: bool) -> None:
    """Have all kernels ready in this process, and in the cache for every other.

    Parameters
    ----------
    progress
        Show a line a step on the terminal, else one in the log.
    """
    started_s = time.monotonic()
    steps = {
        "reading": _warm_reading,
        "windows": _warm_windows,
        "estimators": _warm_estimators,
        "solver and draws": warm_kernels,
    }
    for name, warm in steps.items():
        begun_s = time.monotonic()
        warm()
        if progress:
            click.echo(f"      {name}: {time.monotonic() - begun_s:.1f} s")
    _keep_house(cache_folder(), time.time())
    log.info("kernels ready after %.2f s", time.monotonic() - started_s)


def compile_apart(stop: threading.Event) -> None:
    """Have a process of its own compile what the cache lacks.

    What a compiler leaves stays with its process: one that had compiled all kernels held 430 MiB,
    one that had loaded them 190.

    Parameters
    ----------
    stop
        Once it is set nothing is compiled any more.
    """
    if _compiled_mark(cache_folder()).exists() or os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        return
    log.info("compiling the kernels, once: some 30 to 60 s")
    started_s = time.monotonic()
    try:
        child = spawn([sys.executable, "-P", "-m", "silverbullet.warm"], name="warm")
    except SpawnError as error:
        log.warning("%s; compiling here instead", error)
        return
    while (code := child.wait(_LOOK_S)) is None:
        if stop.is_set():
            child.terminate()
            return
    if code == 0:
        log.info("kernels compiled after %.2f s", time.monotonic() - started_s)
    else:
        log.warning("%s; compiling here instead", child.describe_exit())


def _compiled_mark(folder: Path) -> Path:
    """Name the file that says: all kernels are in this folder.

    Those of this program's place: numba keeps them by the folder of their source.
    """
    place = hashlib.sha256(str(Path(__file__).resolve().parent).encode()).hexdigest()
    return folder / f"compiled-{place[:16]}"


def _keep_house(folder: Path, now_s: float) -> None:
    """Mark a cache folder as used now, and drop those beside it that nothing has used for long.

    Each change of a kernel source leaves a folder of about 10 MB. One that is dropped while an
    old process still runs costs that process nothing: its kernels are in memory.
    """
    if not folder.is_dir():
        return  # nothing was compiled (NUMBA_DISABLE_JIT=1)
    _compiled_mark(folder).touch()
    os.utime(folder, (now_s, now_s))
    for other in folder.parent.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process was first
            if now_s - other.stat().st_mtime > _KEPT_S:
                shutil.rmtree(other)
                log.info("dropped %s: not used for %.0f days", other, _KEPT_S / 86_400)


def _warm_reading() -> None:
    # Where it cannot be used the consumer says so, and reads without it.
    with contextlib.suppress(NativeError):
        warm_reading()


def _warm_windows() -> None:
    """Play a few rows through windows of both triggers, past the turn of their spans."""
    symbols, n_ticks = ("A", "B"), 60
    step = np.arange(n_ticks)
    for defer_ticks in (True, False):
        market = Market(
            sample_interval_ns=1000,
            allowed_lateness_ns=0,
            window_rows=4,
            window_ticks=4,
            min_observations=2,
            stale_after=10,
            defer_ticks=defer_ticks,
        )
        rows = market.update(
            (step % 2).astype(np.int32),
            (100.0 + step % 7).astype(np.float64),
            1000 + 400 * step,
            np.zeros(n_ticks, np.int32),
            step.astype(np.int64),
            1,
        )
        for _ in rows:
            market.moments(symbols)
        market.open_moments(symbols)
        market.assets(symbols)


def _warm_estimators() -> None:
    mean, covariance = np.array([0.001, 0.002, 0.003]), np.diag([1e-4, 2e-4, 3e-4])
    bayes_stein(mean, oas(covariance, 30), 30)
    oas_and_bayes_stein(mean, covariance, 30)


if __name__ == "__main__":
    warm_everything(progress=False)
