"""The engines there are, by the name that the settings use; a new one is added here."""

from collections.abc import Callable, Sequence

from optimize.engines.evaluator import LAST_RESORT
from optimize.engines.fingerprint import load_evaluate
from optimize.engines.hosted import HostedEngine
from optimize.engines.local import LocalEngine
from optimize.engines.protocol import EVALUATE, Engine, Restarts, Spawn
from optimize.engines.ray_engine import RAY


def build_engines(
    order: Sequence[str],
    *,
    workers: int,
    address: str = "local",
    spawn: Spawn,
    restarts: Callable[[], Restarts],
    clock: Callable[[], int],
    evaluate: str = EVALUATE,
    task_ms: float = 25.0,
) -> list[Engine]:
    """Make the engines of the setting ``engine.order``; `local` is added where it is missing.

    Parameters
    ----------
    order
        Names, the preferred first.
    workers
        Of each engine.
    address
        A Ray cluster to join, or ``local``.
    spawn, restarts
        ``cluster.process.spawn`` (with where logs go), and a maker of
        ``cluster.supervision.Supervision``.
    clock
        Monotonic ns: ``time.monotonic_ns``.
    evaluate
        ``module:function`` that all run.
    task_ms
        Work that a Ray task should hold.

    Raises
    ------
    ValueError
        An engine has no such name.
    """
    engines: list[Engine] = []
    for name in dict.fromkeys([*order, LAST_RESORT]):
        if name == "local":
            engines.append(LocalEngine(workers=workers, evaluate=load_evaluate(evaluate)))
        elif name == "ray":
            engines.append(
                HostedEngine(
                    RAY, workers=workers, address=address, spawn=spawn, restarts=restarts(),
                    clock=clock, evaluate=evaluate, task_ms=task_ms,
                )
            )  # fmt: skip
        else:
            raise ValueError(f"engine {name!r}: there are ray and local")
    return engines
