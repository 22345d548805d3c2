"""Names of the cases of whole programs, and of stages, by which measuring and judging agree. Pure.

A goal whose case nobody measures is left out in silence: so no name is spelled twice.
"""

from typing import Final

EMBEDDED: Final = "embedded"
KAFKA: Final = "Kafka"
FROM_CACHE: Final = "start, from the compile cache"
NORMALS: Final = "normals"
GAMMAS: Final = "gammas"
FACTOR: Final = "factor"
FORM: Final = "covariance"
SOLVE: Final = "solve"
PART: Final = "covariance and solve of the held part"
WEIGHTS: Final = "weights"
PUSH: Final = "push"
ADD: Final = "add"
REBUILD: Final = "rebuild"
MERGE: Final = "merge"
WRITE: Final = "write"
KERNEL_STAGES: Final = (
    NORMALS, GAMMAS, FACTOR, FORM, SOLVE, PART, WEIGHTS, PUSH, ADD, REBUILD, MERGE, WRITE,
)  # fmt: skip
"""Parts of kernels that are timed alone."""


def loop_case(broker: str, method: str, rate: int) -> str:
    """Name what a contender does from a tick to its decision; each stage has a case of it.

    >>> stage_case(loop_case(KAFKA, "exact", 1000), "total")
    'Kafka, exact, 1000 ticks/s, total'
    """
    return f"{broker}, {method}, {rate} ticks/s"


def stage_case(case: str, stage: str) -> str:
    """Name a stage, or a span of stages, of a case."""
    return f"{case}, {stage}"


def ingest_case(broker: str, form: str) -> str:
    """Name what reads ticks of a form, ``JSON`` or ``packed``, to the end of a topic."""
    return f"{broker}, {form} ticks to the end of the topic"
