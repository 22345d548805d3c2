"""Makes recorded decisions again from recorded ticks and compares the bits; no I/O.

A decision is a function of the ticks up to its offsets, the settings and the weights it started
from, which it carries. So each can be made again alone, whatever was conflated or restarted
between; where and by whom it was evaluated does not matter.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Final, Literal, NamedTuple

import numpy as np

from ingest.codec import RawMessages
from ingest.ticks import SymbolTable
from optimize.decision import Decision, decision_id
from optimize.evaluate import evaluate_block, merge_blocks
from silverbullet.decider import Decider
from silverbullet.portfolio import Basis, Provenance, make_decision, make_job
from silverbullet.settings import Settings
from silverbullet.starting import make_admission
from stats.market import NotReady
from stats.moments import Moments

# In the order in which one follows from those before it.
_BY_SYMBOL: Final = (
    "prices", "mean", "volatility", "skewness", "kurtosis", "estimated_mean",
    "estimated_volatility", "weights", "weight_stddev",
)  # fmt: skip
_PLAIN_BEFORE: Final = ("sample_interval_ns", "symbols", "n_observations")
_PLAIN_AFTER: Final = ("expected_return", "portfolio_volatility", "sharpe", "optimality_gap")
_SETTINGS: Final = {
    "method": "optimize.method", "objective": "optimize.objective",
    "n_draws": "optimize.n_draws", "seed": "optimize.seed", "trigger": "decide.trigger",
}  # fmt: skip


class Verdict(NamedTuple):
    """What became of one recorded decision.

    Attributes
    ----------
    again
        The decision as it was made again; None where the ticks do not suffice.
    outcome
        ``equal``; ``different``; ``lacking``: the ticks it was made from are not all there.
    difference
        The first quantity that differs, or what lacks; empty where equal.
    """

    recorded: Decision
    again: Decision | None
    outcome: Literal["equal", "different", "lacking"]
    difference: str


class Replay:
    """Takes ticks and gives a verdict on each recorded decision as its turn comes.

    Parameters
    ----------
    settings
        Those of the run that decided; what a decision itself says of them is compared.
    recorded
        Decisions of one portfolio and one trigger, in the order of (row, id).
    is_cut
        Whether the topic's oldest ticks are gone: a window that is not full then lacks some.
    """

    def __init__(
        self, settings: Settings, recorded: Sequence[Decision], *, is_cut: bool = False
    ) -> None:
        self._settings = settings
        self._left = len(recorded)
        self._is_cut = is_cut
        symbols = SymbolTable(settings.ticks.max_symbols)
        symbols.extend(symbol_order([decision.symbols for decision in recorded]))
        self._symbols = symbols
        self._admission = make_admission(settings, symbols)
        # For its market, which is that of a run.
        self._market = Decider(settings, symbols).market
        self._by_row: dict[int, list[Decision]] = defaultdict(list)
        self._by_offset: dict[tuple[int, int], list[Decision]] = defaultdict(list)
        for decision in recorded:
            if settings.decide.trigger == "row":
                self._by_row[decision.row].append(decision)
            else:
                for partition, offset in decision.offsets.items():
                    self._by_offset[int(partition), offset].append(decision)

    @property
    def finished(self) -> bool:
        """Whether every recorded decision has its verdict."""
        return self._left == 0

    def take(self, raw: RawMessages) -> Iterator[Verdict]:
        """Take messages of ticks; gives the verdicts that they allow."""
        for part in self._cut(raw):
            batch = self._admission.step(part).batch
            if len(batch):
                rows = self._market.update(
                    batch.symbol_ids, batch.prices, batch.event_time_ns, batch.partitions,
                    batch.offsets, batch.receive_time_ns,
                )  # fmt: skip
                yield from self._judge_rows(rows)
            yield from self._judge_offsets(part)

    def end(self) -> Iterator[Verdict]:
        """End the input, as a run to the end of its topic does; gives all verdicts left."""
        yield from self._judge_rows(self._market.close())
        rest = [*self._by_row.values(), *self._by_offset.values()]
        self._by_row.clear()
        self._by_offset.clear()
        for decision in {one.id: one for some in rest for one in some}.values():
            # A run on every tick closes its last row at the end, too.
            if self._settings.decide.trigger == "tick" and self._market.last_row == decision.row:
                yield self._judge(decision, self._market.moments(self._symbols.symbols))
            else:
                self._left -= 1
                yield Verdict(decision, None, "lacking", "its ticks are not in the topic")

    def _cut(self, raw: RawMessages) -> Iterator[RawMessages]:
        """Cut messages behind each one that a decision was made on."""
        start = 0
        for k in range(len(raw.values)):
            if k + 1 == len(raw.values) or (raw.partitions[k], raw.offsets[k]) in self._by_offset:
                chosen = slice(start, k + 1)
                yield RawMessages(
                    raw.topics[chosen], raw.values[chosen], raw.timestamps_ms[chosen],
                    raw.partitions[chosen], raw.offsets[chosen], raw.receive_time_ns,
                )  # fmt: skip
                start = k + 1

    def _judge_rows(self, rows: Iterator[int]) -> Iterator[Verdict]:
        for row in rows:
            for decision in self._by_row.pop(row, ()):
                yield self._judge(decision, self._market.moments(self._symbols.symbols))

    def _judge_offsets(self, part: RawMessages) -> Iterator[Verdict]:
        for decision in self._by_offset.pop((part.partitions[-1], part.offsets[-1]), ()):
            yield self._judge(decision, self._market.open_moments(self._symbols.symbols))

    def _judge(self, recorded: Decision, moments: Moments | NotReady) -> Verdict:
        self._left -= 1
        if isinstance(moments, NotReady):
            return Verdict(recorded, None, "lacking", moments.reason)
        if moments.n_observations < recorded.n_observations:
            rows = f"{moments.n_observations} of {recorded.n_observations} rows of its window"
            return Verdict(recorded, None, "lacking", f"the topic has ticks for {rows} only")
        again = self._decide(recorded, moments)
        decide = self._settings.decide
        reads_on = decide.conflate and decide.trigger == "row"
        difference = first_difference(recorded, again, reads_on=reads_on)
        if not difference:
            return Verdict(recorded, again, "equal", "")
        if self._is_cut and (lacking := self._not_full(moments)):
            return Verdict(recorded, None, "lacking", lacking)
        return Verdict(recorded, again, "different", difference)

    def _not_full(self, moments: Moments) -> str:
        """Say which tick window of a member is not full, if any."""
        counts = self._market.tick_statistics().count
        for symbol, count in zip(self._symbols.symbols, counts, strict=False):
            if symbol in moments.symbols and count < (most := self._settings.window.ticks):
                return f"the topic has {count:.0f} of up to {most} ticks of {symbol} only"
        return ""

    def _decide(self, recorded: Decision, moments: Moments) -> Decision:
        start_weights = recorded.start_weights
        if recorded.symbols != moments.symbols:
            held = dict(zip(recorded.symbols, start_weights, strict=True))
            start_weights = np.array([held.get(symbol, 0.0) for symbol in moments.symbols])
        job = make_job(moments, self._settings.optimize, start_weights)
        outcome = merge_blocks(job, [evaluate_block(job, block) for block in range(job.n_blocks)])
        provenance = Provenance("local", ("replay",), False, False, "", 0, 0)
        decide = self._settings.decide
        basis = Basis(moments, job, 0, 0)
        return make_decision(recorded.portfolio, decide.trigger, basis, outcome, provenance, None)


def symbol_order(lists: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Give the one order that all lists of symbols keep to; they are parts of a run's table.

    Where there is none (two runs numbered symbols differently) symbols stand as they first come.
    """
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for symbols in dict.fromkeys(lists):
        for symbol in symbols:
            sorter.add(symbol)
        for before, after in pairwise(symbols):
            sorter.add(after, before)
    try:
        return tuple(sorter.static_order())
    except CycleError:
        return tuple(dict.fromkeys(symbol for symbols in lists for symbol in symbols))


def first_difference(recorded: Decision, again: Decision, *, reads_on: bool) -> str:
    """Name the first quantity that differs between two decisions on a row; empty where none does.

    Not the digest alone is compared: a decision that was changed on its way still carries it.

    Parameters
    ----------
    reads_on
        Whether the run may have read beyond the row before it decided, as it does with
        conflation: its offsets are then those of the row's end or later ones.
    """
    return next(_differences(recorded, again, reads_on=reads_on), "")


def _differences(recorded: Decision, again: Decision, *, reads_on: bool) -> Iterator[str]:
    for name, setting in _SETTINGS.items():
        was, here = getattr(recorded, name), getattr(again, name)
        if was != here:
            yield f"{setting} was {was}, is {here} here"
    yield from _unequal(_PLAIN_BEFORE, recorded, again)
    for name in _BY_SYMBOL:
        was, here = getattr(recorded, name), getattr(again, name)
        for i in np.flatnonzero(~((was == here) | (np.isnan(was) & np.isnan(here)))).tolist():
            pair = f"{float(was[i])!r} recorded, {float(here[i])!r} again"
            yield f"{name} of {recorded.symbols[i]}: {pair}"
    yield from _unequal(_PLAIN_AFTER, recorded, again)
    was, here = recorded.offsets, again.offsets
    is_later = was.keys() >= here.keys() and all(was[p] >= at for p, at in here.items())
    if not is_later or (was != here and not reads_on):
        yield f"input offsets: {was} recorded, {here} again"
    offsets = {int(partition): offset for partition, offset in was.items()}
    if recorded.id != decision_id(recorded.portfolio, recorded.row, offsets):
        yield f"id: {recorded.id} is not of its own row and offsets"
    if recorded.digest != again.digest:
        # The covariance, the cap and the block size are in the digest, but not on a decision.
        yield "digest: a covariance, optimize.max_weight or optimize.block_size is another"


def _unequal(names: Sequence[str], recorded: Decision, again: Decision) -> Iterator[str]:
    for name in names:
        was, here = getattr(recorded, name), getattr(again, name)
        if was != here:
            yield f"{name}: {was!r} recorded, {here!r} again"
