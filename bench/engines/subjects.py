"""Who takes part in the comparison of engines, by the name that reports use."""

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NamedTuple

from bench.engines.entrants import EngineEntrant, Entrant, PipelineEntrant, missing_engines
from bench.engines.jobs import Mode
from bench.peers import is_installed

Group = Literal["ours", "transport", "plain", "standby"]
Make = Callable[[int, Path], Entrant]


class Subject(NamedTuple):
    """One way to have a decision's blocks evaluated.

    Attributes
    ----------
    name
        As reports have it.
    group
        ``ours``; ``transport``: our kernels over a foreign transport, so that only the way to
        the workers differs; ``plain``: numpy and scipy, what a user would write instead;
        ``standby``: the pipeline's evaluator, with and without an engine that stands by.
    make
        (workers, folder of logs) to the entrant, not started.
    needs
        Package, or engine, without which it is left out.
    says
        What it is, for people.
    """

    name: str
    group: Group
    make: Make
    needs: str
    says: str


def _ours(engine: str, dispatch: Any, workers: int, logs: Path) -> Entrant:
    return EngineEntrant(engine, dispatch, workers, logs)


def _order(order: tuple[str, ...], workers: int, logs: Path) -> Entrant:
    return PipelineEntrant(order, "tasks", workers, logs)


def _peer(module: str, kind: str, mode: Mode, workers: int, _: Path) -> Entrant:
    # Imported in the process that measures it, and there alone.
    entrant: Entrant = getattr(import_module(f"bench.engines.peers_{module}"), kind)(mode, workers)
    return entrant


def _all() -> list[Subject]:
    found = [Subject("local", "ours", partial(_ours, "local", "tasks"), "", "threads")]
    for engine, word in (("ray", "Ray"), ("spark", "Spark")):
        for dispatch, says in (
            ("tasks", f"blocks as {word} tasks through our host process"),
            ("resident", f"our own dispatch to workers that {word} placed"),
        ):
            make = partial(_ours, engine, dispatch)
            found.append(Subject(f"{engine} {dispatch}", "ours", make, engine, says))
    peers: tuple[tuple[str, str, str, Mode, str, str], ...] = (
        ("bare Ray tasks", "ray", "RayTasks", "kernels", "ray", "a task a worker, `ray.get`"),
        ("bare Ray actors", "ray", "RayActors", "kernels", "ray", "a call of an actor a worker"),
        ("Ray compiled graph", "ray", "RayCompiledGraph", "kernels", "ray",
         "the same actors in a compiled graph"),
        ("bare Spark, default", "spark", "Spark", "kernels", "spark",
         "`mapPartitions` and `collect`, default settings"),
        ("bare Spark, tuned", "spark", "TunedSpark", "kernels", "spark",
         "the same, settings for small jobs, the job as a broadcast"),
        ("multiprocessing.Pool", "pools", "Pool", "kernels", "", "`Pool.starmap`"),
        ("dask.distributed", "pools", "Dask", "kernels", "distributed", "`submit` and `gather`"),
        ("joblib", "pools", "Joblib", "kernels", "joblib", "`Parallel` on loky's processes"),
        ("Spark mapPartitions, numpy", "spark", "Spark", "numpy", "spark",
         "numpy and scipy in `mapPartitions`, `collect`, default settings"),
        ("multiprocessing.Pool, numpy", "pools", "Pool", "numpy", "", "numpy in `Pool`"),
        ("dask.distributed, numpy", "pools", "Dask", "numpy", "distributed", "numpy in dask"),
        ("joblib, numpy", "pools", "Joblib", "numpy", "joblib", "numpy in joblib"),
    )  # fmt: skip
    for name, module, kind, mode, needs, says in peers:
        group: Group = "transport" if mode == "kernels" else "plain"
        found.append(Subject(name, group, partial(_peer, module, kind, mode), needs, says))
    for name, order in (
        ("pipeline, ray", ("ray", "local")),
        ("pipeline, ray, spark stands by", ("ray", "spark", "local")),
    ):
        says = f"the pipeline's evaluator, order {', '.join(order)}"
        found.append(Subject(name, "standby", partial(_order, order), "ray", says))
    return found


SUBJECTS: Mapping[str, Subject] = {subject.name: subject for subject in _all()}


def missing(subject: Subject) -> str:
    """Say why a subject cannot take part here, as far as is known before it is started."""
    engines = missing_engines()
    if subject.needs in engines:
        return engines[subject.needs]
    if subject.needs and not is_installed(subject.needs):
        return f"{subject.needs} is not installed: run `make setup`"
    return ""
