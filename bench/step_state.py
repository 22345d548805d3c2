"""Of which state of the program a step's result is: its options, and the files it measures.

A result that took hours is void when what it measures changes, and only then: not for a sentence of
the page, nor for another step's options.
"""

import hashlib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from bench.full_plan import Step

PRESENTATION: Final = (
    "bench/comparison*.py", "bench/*findings*.py", "bench/full*.py", "bench/goal*.py",
    "bench/html*.py", "bench/intervals.py", "bench/kept_results.py",
    "bench/lower_limits.py", "bench/newest_result.py",
    "bench/page*.py", "bench/reasons.py", "bench/report*.py", "bench/step_state.py",
    "bench/summary.py",
    "bench/text_table.py", "bench/verdicts.py", "bench/*/html*.py", "bench/*/page*.py",
    "bench/*/report.py", "bench/engines/targets.py", "silverbullet/bench_*cli.py",
    "silverbullet/bench_lists.py", "silverbullet/bench_signals.py",
)  # fmt: skip
"""What tells results and measures nothing. A file that is not named here counts as measuring."""

_PROGRAM: Final = ("pipeline", "start", "memory", "soak")  # they start `silverbullet run`
_ON_BROKER: Final = (*_PROGRAM, "ingest")
MEASURED_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "silverbullet/*": _ON_BROKER,  # it starts the Kafka of all of them
    "storage/*": _PROGRAM,
    "ui/*": ("memory", "soak", "start"),
    "ingest/*": (*_ON_BROKER, "kernels", "scale"),
    "cluster/*": (*_ON_BROKER, "engines"),
    "optimize/engines/*": (*_PROGRAM, "engines", "scale"),
    "bench/engines/*": ("engines",),
    "bench/kernels/*": (*_PROGRAM, "kernels", "scale", "engines"),
    "bench/pipeline/*": _ON_BROKER,
    "bench/soak/*": ("soak", "memory", "pipeline"),  # its samples of memory
    "bench/ingest*.py": ("ingest",),
    "bench/quix_reader.py": ("ingest",),
    "bench/memory.py": ("memory",),
    "bench/scale*.py": ("scale",),
    "bench/start.py": ("start",),
    "bench/storage*.py": (),
}
"""Which benchmarks a change of some files makes void; those of no line here are part of all."""
_PACKAGES: Final = (
    "silverbullet", "bench", "ui", "storage", "optimize", "stats", "ingest", "cluster"
)  # fmt: skip


def is_measured(path: str, bench: str) -> bool:
    """Say whether a change of a file makes a benchmark's result void.

    >>> is_measured("ui/app.py", "soak"), is_measured("ui/app.py", "kernels")
    (True, False)
    """
    if any(fnmatch(path, form) for form in PRESENTATION):
        return False
    return all(bench in benches for form, benches in MEASURED_BY.items() if fnmatch(path, form))


def step_key(step: Step, root: Path) -> str:
    """Name the state in which a step is measured: its options, the sources and their lock.

    Parameters
    ----------
    step
        Its second argument is the benchmark.
    root
        The program's folder.

    Returns
    -------
    str
        12 hexadecimal characters: another state, another result.
    """
    files = ((path, content) for path, content in program_files(root)
             if is_measured(path, step.arguments[1]))  # fmt: skip
    return digest(step.arguments, files)


def program_files(root: Path) -> list[tuple[str, bytes]]:
    """Read the program's sources, and the lock of what they stand on where it is there."""
    paths = [path for package in _PACKAGES for path in (root / package).rglob("*.py")]
    lock = root / "requirements.lock"
    paths += [lock] if lock.exists() else []
    return [(path.relative_to(root).as_posix(), path.read_bytes()) for path in paths]


def place_key(place: Mapping[str, str]) -> str:
    """Name where it is measured: machine, Python and versions, in any order."""
    return digest(sorted(place.items()), ())


def digest(facts: object, files: Iterable[tuple[str, bytes]]) -> str:
    """Give 12 hexadecimal characters of some facts, and of files in any order."""
    found = hashlib.sha256(repr(facts).encode())
    for path, content in sorted(files):
        found.update(path.encode() + b"\0" + hashlib.sha256(content).digest())
    return found.hexdigest()[:12]
