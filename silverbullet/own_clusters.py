"""Brings up, scales and takes down the clusters of ours on this machine."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console

from cluster.cluster_state import ClusterFolder, ClusterState, FolderBusyError
from cluster.detached import Launch, end, free_port, keeper_lives
from cluster.process import SpawnError
from silverbullet.options import Refused
from silverbullet.own_cluster_place import count_workers, own_folder

_POLL_S = 0.2
# Ray's head took 3 s alone and 12 on two processors shared with ten others, each node as long.
_UP_S, _UP_WORKER_S = 120.0, 30.0
_WORKERS = 2
_PORTS: Mapping[str, int] = {"ray": 6379, "spark": 7077}  # where people expect them
_RAY_WORKER_PORTS = range(10_002, 20_000)  # Ray refuses to have its head there


@contextmanager
def _held(engine: str) -> Iterator[ClusterFolder]:
    """Hold an engine's folder and tell in one line what goes wrong.

    Raises
    ------
    Refused
        Whatever it is.
    """
    folder = own_folder(engine)
    try:
        with folder.hold():
            yield folder
    except (FolderBusyError, SpawnError, ValueError) as error:
        raise Refused(f"cluster of {engine}: {error}") from None


def bring_up(engine: str, workers: int | None, port: int | None) -> ClusterState:
    """Start a cluster, or give one that is up another number of workers.

    Parameters
    ----------
    workers, port
        None: as it is, or the usual; port 0 is any free one.

    Returns
    -------
    ClusterState
        As it is now.

    Raises
    ------
    Refused
        It is up already, the port is taken, something is missing, or it does not come up.
    """
    with _held(engine) as folder:
        state = folder.read()
        if state is not None and state.phase == "up" and keeper_lives(state):
            if workers is None or workers == state.workers or port is not None:
                raise Refused(
                    f"{engine} is up already at {state.address} with "
                    f"{count_workers(state.workers)} "
                    f"(pid {state.pid}): join it, or `silverbullet cluster down --engine {engine}`"
                )
            return _resize(folder, state, workers)
        end(folder)  # what one left that did not end in good order
        folder.clear()
        # Here: `status` looks again and again, and the engines' imports take 2 s.
        from optimize.engines.catalogue import HOSTED  # noqa: PLC0415

        if missing := HOSTED[engine].missing():
            raise Refused(missing)
        return _launch(folder, engine, workers or _WORKERS, _choose_port(engine, port))


def take_down(engine: str) -> str:
    """End a cluster; say what was done.

    Raises
    ------
    Refused
        A process does not end.
    """
    if not own_folder(engine).path.exists():
        return f"{engine} is not up"
    with _held(engine) as folder:
        return f"{engine} is down" if end(folder) else f"{engine} is not up"


def _choose_port(engine: str, port: int | None) -> int:
    wanted = _PORTS[engine] if port is None else port
    if engine == "ray" and wanted in _RAY_WORKER_PORTS:
        raise Refused(f"port {wanted}: Ray keeps 10002 to 19999 for its workers; pass another")
    try:
        return free_port(wanted)
    except SpawnError as error:
        raise Refused(f"{error}: pass --port {wanted + 1}, or 0 for any free one") from None


def _launch(folder: ClusterFolder, engine: str, workers: int, port: int) -> ClusterState:
    launch, state = Launch(folder, engine, port, workers), None
    try:
        limit_s = _UP_S + _UP_WORKER_S * workers
        state = _await(launch.poll, f"{engine} comes up with {count_workers(workers)}", limit_s)
    finally:
        if state is None:  # refused, too late, or Ctrl-C
            launch.abandon()
    return state


def _resize(folder: ClusterFolder, state: ClusterState, workers: int) -> ClusterState:
    if state.engine == "spark":
        raise Refused(
            f"a worker process of Spark keeps its {state.workers} cores: "
            f"`silverbullet cluster down --engine spark`, then up again with --workers {workers}"
        )
    folder.want(workers)

    def resized() -> ClusterState | None:
        now = folder.read()
        if now is None or not keeper_lives(now):
            raise SpawnError(f"it has ended: {now.reason if now else 'taken down'}")
        return now if now.workers == workers and not now.change else None

    words = f"{state.engine} goes from {state.workers} to {count_workers(workers)}"
    return _await(resized, words, _UP_S + _UP_WORKER_S * abs(workers - state.workers))


def _await(poll: Callable[[], ClusterState | None], words: str, limit_s: float) -> ClusterState:
    console = Console(stderr=True)
    with console.status(words):
        if not console.is_terminal:
            console.print(words, highlight=False)
        for _ in range(round(limit_s / _POLL_S)):
            if (state := poll()) is not None:
                return state
            threading.Event().wait(_POLL_S)
    raise SpawnError(f"not after {limit_s:.0f} s: {words}")
