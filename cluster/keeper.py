"""The process that keeps a cluster: brings it up, tends it, and takes all of it down.

It leads a session of its own, which holds every process of the cluster, and says in the
cluster's folder how it is. It ends on SIGTERM, or when the cluster is beyond help.
"""

import argparse
import contextlib
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from cluster.cluster_state import ClusterFolder, ClusterState, boot_id, start_ticks
from cluster.process import SpawnError, end_session

_TEND_S = 0.25
MARK = "SILVERBULLET_CLUSTER"
"""Variable that all processes of a cluster inherit: its folder."""


class Cluster(Protocol):
    """What schedulers differ in."""

    def start(self, port: int, workers: int) -> str:
        """Bring it up; give the address that a pipeline joins."""

    def tend(self, workers: int) -> tuple[int, str]:
        """Replace what died, add or remove; give how many workers there are, and what lacks.

        Raises
        ------
        RuntimeError
            It is beyond help.
        """

    def stop(self) -> None:
        """End its workers in good order; whatever is left is killed."""


def run_keeper(engine: str, make: Callable[[ClusterFolder, Path], Cluster]) -> int:
    """Keep a cluster until SIGTERM.

    Returns
    -------
    int
        Exit status: 0 after SIGTERM, 1 where it could not come up or broke down.
    """
    parser = argparse.ArgumentParser()
    for name, kind in (("folder", Path), ("port", int), ("workers", int)):
        parser.add_argument(f"--{name}", type=kind, required=True)
    options = parser.parse_args()
    folder, stop, pid = ClusterFolder(options.folder), threading.Event(), os.getpid()
    os.environ[MARK] = str(folder.path)
    scratch = Path(tempfile.mkdtemp(prefix="sb-cluster-"))
    state = ClusterState(engine, pid, start_ticks(pid) or 0, boot_id(), str(scratch))
    folder.write(state)
    _listen(stop)
    cluster: Cluster | None = None
    reason = ""
    try:
        cluster = make(folder, scratch)
        _keep(cluster, folder, state, options, stop)
    except Exception as error:  # noqa: BLE001 - whatever it is, the cluster is over and says so
        reason = f"{type(error).__name__}: {error}"
        print(reason, file=sys.stderr)
    finally:
        _take_down(cluster, scratch)
    if reason:
        folder.write(replace(state, phase="ended", reason=reason))
    else:
        folder.clear()
    sys.stderr.flush()
    # Past the schedulers' own exit hooks: there is nothing left for them to end.
    os._exit(1 if reason else 0)


def _keep(
    cluster: Cluster,
    folder: ClusterFolder,
    state: ClusterState,
    options: argparse.Namespace,
    stop: threading.Event,
) -> None:
    address = cluster.start(options.port, options.workers)
    state = replace(state, phase="up", address=address, workers=options.workers)
    folder.write(state)
    _listen(stop)  # again: Ray puts its own handlers there
    while not stop.wait(_TEND_S):
        workers, change = cluster.tend(folder.wanted(options.workers))
        now = replace(state, workers=workers, change=change)
        if now != state:
            state = now
            folder.write(state)


def _listen(stop: threading.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())


def _take_down(cluster: Cluster | None, scratch: Path) -> None:
    try:
        if cluster is not None:
            cluster.stop()
    except Exception as error:  # noqa: BLE001 - it is killed next
        print(f"in ending: {type(error).__name__}: {error}", file=sys.stderr)
    with contextlib.suppress(SpawnError):  # who asked for the end looks again, and says so
        end_session(os.getpid())
    shutil.rmtree(scratch, ignore_errors=True)
