"""The engines there are, by the name that the settings use; a new one is added here."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from optimize.engines.evaluator import LAST_RESORT
from optimize.engines.fingerprint import load_evaluate
from optimize.engines.host_kind import HostKind
from optimize.engines.hosted import HostedEngine
from optimize.engines.local import LocalEngine
from optimize.engines.protocol import EVALUATE, Dispatch, Engine, Restarts, Spawn
from optimize.engines.ray_engine import RAY
from optimize.engines.spark_engine import SPARK
from optimize.engines.standby import Standby

HOSTED: Mapping[str, HostKind] = MappingProxyType({kind.engine: kind for kind in (RAY, SPARK)})
"""The engines that live in a host process, by name."""


def build_engines(
    order: Sequence[str],
    *,
    workers: int,
    dispatch: Dispatch = "tasks",
    addresses: Mapping[str, str] = MappingProxyType({}),
    spawn: Spawn,
    restarts: Callable[[], Restarts],
    clock: Callable[[], int],
    evaluate: str = EVALUATE,
    task_ms: float = 25.0,
    all_at_once: bool = False,
) -> list[Engine]:
    """Make the engines of the setting ``engine.order``; `local` is added where it is missing.

    The first of those with a host starts with the pipeline, one behind it when those before it
    are out (`Standby`).

    Parameters
    ----------
    order
        Names, the preferred first.
    workers
        Of each engine.
    dispatch
        Of those with a host.
    addresses
        Name to the cluster to join; ``local``, or nothing, is one of our own.
    spawn, restarts
        ``cluster.process.spawn`` (with where logs go), and a maker of
        ``cluster.supervision.Supervision``.
    clock
        Monotonic ns: ``time.monotonic_ns``.
    evaluate
        ``module:function`` that all run.
    task_ms
        Work that a task of Ray or Spark should hold.
    all_at_once
        Start those that would stand by from the beginning, to be compared.

    Raises
    ------
    ValueError
        An engine has no such name.
    """
    engines: list[Engine] = []
    hosted: list[Engine] = []
    for name in dict.fromkeys([*order, LAST_RESORT]):
        if name == LAST_RESORT:
            engines.append(LocalEngine(workers=workers, evaluate=load_evaluate(evaluate)))
        elif name in HOSTED:
            engine = HostedEngine(
                HOSTED[name], workers=workers, dispatch=dispatch,
                address=addresses.get(name, "local"), spawn=spawn,
                restarts=restarts(), clock=clock, evaluate=evaluate, task_ms=task_ms,
                standby=Standby(() if all_at_once else tuple(hosted)),
            )  # fmt: skip
            hosted.append(engine)
            engines.append(engine)
        else:
            known = ", ".join([*HOSTED, LAST_RESORT])
            raise ValueError(f"engine {name!r}: there are {known}")
    return engines
