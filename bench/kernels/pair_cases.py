"""Each kernel of the tables of pairs beside its plain-numpy twin."""

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bench.contest import Case, Contender, differ
from bench.rows import OURS, TWIN
from ingest.native.pairs import PAIRS as INGEST_PAIRS
from optimize.pairs import PAIRS as OPTIMIZE_PAIRS
from stats.pairs import PAIRS as STATS_PAIRS
from stats.pairs import KernelPair

PAIRS = STATS_PAIRS + OPTIMIZE_PAIRS + INGEST_PAIRS
SIZE = 50
_SEED = 1


def flatten(value: Any, arguments: tuple[Any, ...]) -> list[Any]:
    """Give all that a kernel has made: what it returned and what it wrote to."""
    values = [*(value if isinstance(value, tuple) else (value,)), *_spread(arguments)]
    return [np.asarray(one) for one in values if one is not None]


def _spread(arguments: Sequence[Any]) -> list[Any]:
    spread: list[Any] = []
    for argument in arguments:
        spread += argument if isinstance(argument, tuple) else (argument,)
    return spread


def pair_cases(size: int = SIZE) -> list[Case]:
    """Make a case of each pair."""
    return [_case(pair, size) for pair in PAIRS]


def _case(pair: KernelPair, size: int) -> Case:
    template = pair.make_arguments(_SEED, size)

    def fresh() -> tuple[Any, ...]:
        return copy.deepcopy(template)

    def quietly(*arguments: Any) -> Any:
        with np.errstate(all="ignore"):
            return pair.twin(*arguments)

    def contender(subject: str, call: Callable[..., Any]) -> Contender:
        return Contender(subject, call, fresh, flatten)

    return Case(
        name=f"{pair.name}, size {size}",
        unit="us a call",
        contenders=(contender(OURS, pair.kernel), contender(TWIN, quietly)),
        judge=lambda first, other: differ(first, other, pair.tolerance),
    )
