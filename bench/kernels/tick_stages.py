"""Parts of a tick in its window, each timed alone.

A tick is pushed. A read adds it to the moments of the ticks from the pivot on, makes those of the
older ticks anew where pivot or block are others, and merges both.
"""

import copy
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from bench.case_names import ADD, MERGE, PUSH, REBUILD, stage_case
from bench.contest import Case, Contender
from bench.kernels.stage_cases import part_case
from bench.kernels.tick_cases import (
    READS,
    ROLLED_TICKS,
    full_window,
    make_inbox,
    make_prices,
)
from bench.kernels.tick_names import N_ASSETS, ON_DEMAND, READ_EVERY, ROLLING, WINDOW
from bench.rows import OURS
from stats.compiled import FloatArray, IntArray, kernel
from stats.tick_blocks import build_suffixes, find_pivot, open_block, read_ticks, sum_prefix
from stats.tick_rings import BUILT, COUNT, OPENED, PIVOT, SUMMED, push_ticks
from stats.tick_window import TickWindow

# Columns of what a read makes anew; behind them stands the asset's row of ``ticks_i``.
ASSET, FINDS, BUILDS, OPENS, LENGTH, STATE = range(6)
_UNIT: Final = "ns a tick"


class Tape(NamedTuple):
    """The ticks of a case.

    Attributes
    ----------
    make_window
        Gives the window that they are pushed into.
    inbox
        Ticks of all assets in turn, as `TickWindow.push` has them.
    every
        Ticks after which all assets are read.
    """

    make_window: Callable[[], TickWindow]
    inbox: tuple[IntArray, FloatArray]
    every: int


def rolling_tape() -> Tape:
    """Give the ticks of the case that reads an asset after each tick of it: as all after 50."""

    def empty() -> TickWindow:
        window = TickWindow(WINDOW)
        window.reserve(N_ASSETS)
        return window

    return Tape(empty, make_inbox(make_prices(N_ASSETS, ROLLED_TICKS + 1), 0), N_ASSETS)


def on_demand_tape() -> Tape:
    """Give the ticks of the case that reads all assets after 500."""
    start, count = WINDOW + 1, READS * READ_EVERY
    prices = make_prices(N_ASSETS, start + count // N_ASSETS)
    template = full_window(prices[:, :start])
    return Tape(lambda: copy.deepcopy(template), make_inbox(prices[:, start:], start), READ_EVERY)


def note_rebuilt(window: TickWindow, tape: Tape) -> IntArray:
    """Push and read a tape; give what each read made anew of which asset, and its state then."""
    found, ids = [], np.arange(N_ASSETS)
    for first in range(0, len(tape.inbox[1]), tape.every):
        window.push(*tape.inbox, first, first + tape.every)
        before = window.arrays[3][:N_ASSETS].copy()
        window.read(ids)
        after = window.arrays[3][:N_ASSETS]
        oldest = np.maximum(0, after[:, COUNT] - WINDOW)
        finds = (before[:, PIVOT] < oldest) & (after[:, COUNT] > 0)
        builds = after[:, PIVOT] != before[:, BUILT]
        opens = after[:, OPENED] != np.where(builds, -1, before[:, OPENED])
        table = np.column_stack((ids, finds, builds, opens, after[:, PIVOT] - oldest, after))
        found.append(table[finds | builds | opens])
    return np.concatenate(found)


@kernel
def repeat_rebuilds(
    rebuilt: IntArray,
    ring: FloatArray,
    times: IntArray,
    ticks_i: IntArray,
    inverses: FloatArray,
    sums: FloatArray,
) -> None:
    """Find pivots, and make moments of older ticks anew, as the reads of a tape do."""
    for k in range(len(rebuilt)):
        s, length = rebuilt[k, ASSET], rebuilt[k, LENGTH]
        if rebuilt[k, FINDS]:
            find_pivot(s, times, ticks_i)
        for column in range(ticks_i.shape[1]):
            ticks_i[s, column] = rebuilt[k, STATE + column]
        if rebuilt[k, BUILDS]:
            build_suffixes(s, length, ring, ticks_i, sums, inverses)
        if rebuilt[k, OPENS]:
            open_block(s, length, ring, ticks_i, sums, inverses)


@kernel
def repeat_additions(
    rounds: int,
    assets: int,
    newest: int,
    ring: FloatArray,
    ticks_i: IntArray,
    inverses: FloatArray,
    sums: FloatArray,
) -> None:
    """Add each asset's newest ticks to the moments from its pivot on, in rounds.

    Of more than one tick the moments they are added to are not those before them, but as they are
    left by the round before: no time depends on what they hold.
    """
    for _ in range(rounds):
        for s in range(assets):
            ticks_i[s, SUMMED] = max(ticks_i[s, PIVOT], ticks_i[s, COUNT] - newest)
            sum_prefix(s, ring, ticks_i, sums, inverses)


def _push_stage(case: str, tape: Tape) -> Case:
    def fresh() -> tuple[object, ...]:
        return 0, len(tape.inbox[1]), *tape.inbox, *tape.make_window().arrays[:4]

    alone = Contender(OURS, push_ticks, fresh, lambda _, made: made[-1].copy(), len(tape.inbox[1]))
    return Case(stage_case(case, PUSH), _UNIT, (alone,), None)


def stages_of(case: str, tape: Tape) -> list[Case]:
    """Give the parts of the ticks of a case."""
    window = tape.make_window()
    rebuilt, ticks = note_rebuilt(window, tape), len(tape.inbox[1])
    rounds, newest = ticks // tape.every, tape.every // N_ASSETS
    _, ring, times, ticks_i, sums, inverses = window.arrays
    added, remade = copy.deepcopy((ticks_i, sums)), copy.deepcopy((ticks_i, sums))
    ids = np.tile(np.arange(N_ASSETS), rounds)
    additions = rounds, N_ASSETS, newest, ring, added[0], inverses, added[1]
    rebuilds = rebuilt, ring, times, remade[0], inverses, remade[1]
    merges = ids, np.full((7, len(ids)), -1.0), ring, times, ticks_i, sums, inverses
    return [
        _push_stage(case, tape),
        part_case(case, ADD, _UNIT, repeat_additions, additions, ticks),
        part_case(case, REBUILD, _UNIT, repeat_rebuilds, rebuilds, ticks),
        part_case(case, MERGE, _UNIT, read_ticks, merges, ticks, written=1),
    ]


def tick_stages() -> list[Case]:
    """Give all parts of a tick."""
    return stages_of(ROLLING, rolling_tape()) + stages_of(ON_DEMAND, on_demand_tape())
