"""Makes recorded decisions again from recorded ticks and compares the bits; no I/O.

A decision is a function of the ticks up to its offsets, the settings and the weights it started
from, which it carries. So each can be made again alone, whatever was conflated or restarted
between; where and by whom it was evaluated does not matter.
"""

import sys
from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Final, Literal, NamedTuple

import numpy as np

from ingest.codec import RawMessages
from ingest.ticks import SymbolTable
from optimize.decision import Decision, decision_id
from optimize.evaluate import evaluate_job
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


class HeldMessages:
    """Messages of several partitions, given up to an offset in each.

    What the windows hold is a function of how far each partition was read, whatever the order.
    """

    def __init__(self) -> None:
        self._held: dict[int, deque[RawMessages]] = defaultdict(deque)
        self._newest: dict[int, int] = {}

    def put(self, raw: RawMessages) -> None:
        """Hold messages, those of a partition in their order."""
        for partition in dict.fromkeys(raw.partitions):
            chosen = [k for k, p in enumerate(raw.partitions) if p == partition]
            self._held[partition].append(_choose(raw, chosen))
            self._newest[partition] = raw.offsets[chosen[-1]]

    def has_come_to(self, offsets: Mapping[int, int]) -> bool:
        """Tell whether an offset, or a later one, was put in each of these partitions."""
        return all(self._newest.get(p, -1) >= offset for p, offset in offsets.items())

    def take(self, offsets: Mapping[int, int] | None = None) -> Iterator[RawMessages]:
        """Give those up to an offset, inclusive, in each partition named; without any: all."""
        for partition, parts in self._held.items():
            limit = sys.maxsize if offsets is None else offsets.get(partition, -1)
            while parts and parts[0].offsets[0] <= limit:
                part = parts.popleft()
                n = bisect_right(part.offsets, limit)
                if n < len(part):
                    parts.appendleft(_choose(part, range(n, len(part))))
                yield _choose(part, range(n))


def _choose(raw: RawMessages, chosen: Sequence[int]) -> RawMessages:
    return RawMessages(
        [raw.topics[k] for k in chosen], [raw.values[k] for k in chosen],
        [raw.timestamps_ms[k] for k in chosen], [raw.partitions[k] for k in chosen],
        [raw.offsets[k] for k in chosen], raw.receive_time_ns,
    )  # fmt: skip


class Replay:
    """Takes ticks and gives a verdict on each recorded decision as its turn comes.

    Parameters
    ----------
    settings
        Those of the run that decided; what a decision itself says of them is compared.
    recorded
        Decisions of one portfolio and one trigger, in the order of (row, id).
    partitions
        All partitions of the topic of ticks.
    is_cut
        Whether the topic's oldest ticks are gone: a window that is not full then lacks some.
    """

    def __init__(
        self,
        settings: Settings,
        recorded: Sequence[Decision],
        *,
        partitions: Sequence[int] = (0,),
        is_cut: bool = False,
    ) -> None:
        self._settings = settings
        self._left = len(recorded)
        self._is_cut = is_cut
        symbols = SymbolTable(settings.ticks.max_symbols)
        symbols.extend(symbol_order([decision.symbols for decision in recorded]))
        self._symbols = symbols
        self._admission = make_admission(settings, symbols)
        # For its market, which is that of a run.
        self._market = Decider(settings, symbols, partitions=partitions).market
        self._by_row: dict[int, list[Decision]] = defaultdict(list)
        self._by_offsets: deque[Decision] = deque()
        if settings.decide.trigger == "tick":
            self._by_offsets.extend(recorded)
        else:
            for decision in recorded:
                self._by_row[decision.row].append(decision)
        self._held = HeldMessages()

    @property
    def finished(self) -> bool:
        """Whether every recorded decision has its verdict."""
        return self._left == 0

    def take(self, raw: RawMessages) -> Iterator[Verdict]:
        """Take messages of ticks; gives the verdicts that they allow."""
        if self._settings.decide.trigger == "row":
            yield from self._update(raw)
            return
        self._held.put(raw)
        while self._by_offsets:
            due = {int(p): offset for p, offset in self._by_offsets[0].offsets.items()}
            for part in self._held.take(due):
                yield from self._update(part)
            if not self._held.has_come_to(due):
                return
            moments = self._market.open_moments(self._symbols.symbols)
            yield self._judge(self._by_offsets.popleft(), moments)

    def _update(self, raw: RawMessages) -> Iterator[Verdict]:
        batch = self._admission.step(raw).batch
        if not len(batch):
            return
        rows = self._market.update(
            batch.symbol_ids, batch.prices, batch.event_time_ns, batch.partitions,
            batch.offsets, batch.receive_time_ns,
        )  # fmt: skip
        for row in rows:
            for decision in self._by_row.pop(row, ()):
                yield self._judge(decision, self._market.moments(self._symbols.symbols))

    def end(self) -> Iterator[Verdict]:
        """End the input, as a run to the end of its topic does; gives all verdicts left."""
        for part in self._held.take():
            yield from self._update(part)
        for row in self._market.close():
            for decision in self._by_row.pop(row, ()):
                yield self._judge(decision, self._market.moments(self._symbols.symbols))
        rest = [*(one for some in self._by_row.values() for one in some), *self._by_offsets]
        self._by_row.clear()
        self._by_offsets.clear()
        for decision in rest:
            # A run on every tick closes its last row at the end, too.
            if self._settings.decide.trigger == "tick" and self._market.last_row == decision.row:
                yield self._judge(decision, self._market.moments(self._symbols.symbols))
            else:
                self._left -= 1
                yield Verdict(decision, None, "lacking", "its ticks are not in the topic")

    def _judge(self, recorded: Decision, moments: Moments | NotReady) -> Verdict:
        self._left -= 1
        if isinstance(moments, NotReady):
            return Verdict(recorded, None, "lacking", moments.reason)
        if moments.n_observations < recorded.n_observations:
            rows = f"{moments.n_observations} of {recorded.n_observations} rows of its window"
            return Verdict(recorded, None, "lacking", f"the topic has ticks for {rows} only")
        again = self._decide(recorded, moments)
        difference = next(_differences(recorded, again), "")
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
        outcome = evaluate_job(job)
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


def _differences(recorded: Decision, again: Decision) -> Iterator[str]:
    """Name the quantities that differ between two decisions on a row, causes first.

    Not the digest alone is compared: a decision that was changed on its way still carries it.
    """
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
    yield from _unequal(("offsets",), recorded, again)
    offsets = {int(partition): offset for partition, offset in recorded.offsets.items()}
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
