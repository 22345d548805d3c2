"""Where the time of a case goes: which cases are the stages of which. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from bench.case_names import KERNEL_STAGES
from bench.pipeline.attribution import OWN_PART
from bench.pipeline.attribution import STAGES as PIPELINE_STAGES
from bench.rows import Row, group_cases

INGEST_STAGES: Final = ("fetch", "decode and admit", "windows")
START_STAGES: Final = (
    "imports and topics",
    "kernels",
    "checkpoint and engines",
    "first rows",
    "decision",
    "arrival",
)
_UPDATE: Final = PIPELINE_STAGES.index("update")
_STAGES: Final[Mapping[str, tuple[str, ...]]] = {
    # The own part stands where those begin that make it up.
    "pipeline": (*PIPELINE_STAGES[:_UPDATE], OWN_PART, *PIPELINE_STAGES[_UPDATE:]),
    "ingest": INGEST_STAGES,
    "start": START_STAGES,
    "kernels": KERNEL_STAGES,
}
# What stands for all stages between "kafka in" and "kafka out" where a peer tells none of them.
_TOLD_WHOLE: Final = frozenset({"update", "wait", "solve", "publish"})
_WHOLE: Final = ", total"  # of the pipeline, beside its stages; elsewhere the case itself


class Breakdown(NamedTuple):
    """The stages that one contender's time is made of, by their medians.

    Attributes
    ----------
    case, subject, unit, total
        Of the whole.
    stages
        Name and median of each, in order; they need not add up to the median of the whole.
    """

    case: str
    subject: str
    unit: str
    total: float
    stages: tuple[tuple[str, float], ...]


def find_breakdowns(bench: str, rows: Sequence[Row]) -> list[Breakdown]:
    """Give the breakdown of each row that has stages, in the order of the rows.

    Of a peer of the pipeline its own part is one stage: it does not tell what it is made of.
    """
    names, cases = stage_names(bench), group_cases(rows)
    found = []
    for row in rows:
        base = row.case.removesuffix(_WHOLE)
        stages = tuple(
            (name, one.median)
            for name in names
            for one in cases.get(f"{base}, {name}", [])
            if one.subject == row.subject
        )
        if any(name in _TOLD_WHOLE for name, _ in stages):
            stages = tuple(stage for stage in stages if stage[0] != OWN_PART)
        if stages:
            found.append(Breakdown(base, row.subject, row.unit, row.median, stages))
    return found


def stage_names(bench: str) -> tuple[str, ...]:
    """Give the stages of a benchmark in order; none where it has none."""
    return _STAGES.get(bench, ())


def hidden_cases(bench: str, rows: Sequence[Row]) -> frozenset[str]:
    """Give the cases that tables hide, as they are stages of others.

    An own part is a case for itself, too, and is not hidden.
    """
    return frozenset(
        f"{one.case}, {name}"
        for one in find_breakdowns(bench, rows)
        for name, _ in one.stages
        if name != OWN_PART
    )
