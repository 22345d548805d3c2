"""A shell without threads, Kafka or a real clock: the decider under virtual time."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ingest.admission import Admitted
from ingest.ticks import SymbolTable, TickBatch
from optimize.decision import Decision
from optimize.evaluate import evaluate_job
from silverbullet.decider import Decider
from silverbullet.events import EndOfInput, Evaluate, JobDone, Publish, TicksArrived, Timer
from silverbullet.portfolio import Provenance

SECOND_NS = 1_000_000_000
START_NS = 1_700_000_000 * SECOND_NS


@dataclass
class Tape:
    """Ticks in the order of their offsets."""

    symbols: tuple[str, ...]
    symbol_ids: np.ndarray
    prices: np.ndarray
    event_time_ns: np.ndarray

    def __len__(self) -> int:
        return len(self.prices)

    def batch(self, start: int, stop: int, *, receive_time_ns: int) -> Admitted:
        """Give ticks start..stop as one wake-up of the consumer."""
        n = stop - start
        batch = TickBatch(
            symbol_ids=self.symbol_ids[start:stop].astype(np.int32),
            prices=self.prices[start:stop],
            event_time_ns=self.event_time_ns[start:stop],
            partitions=np.zeros(n, np.int32),
            offsets=np.arange(start, stop, dtype=np.int64),
            receive_time_ns=receive_time_ns,
            message_time_ns=receive_time_ns,
        )
        return Admitted(batch=batch, rejections=(), n_read=n, n_duplicate=0)

    def batches(self, cuts: Sequence[int]) -> Iterable[Admitted]:
        """Cut the tape at the positions given."""
        edges = [0, *cuts, len(self)]
        for start, stop in itertools.pairwise(edges):
            if stop > start:
                newest = int(self.event_time_ns[start:stop].max())
                yield self.batch(start, stop, receive_time_ns=newest)


def random_tape(seed: int, *, n_assets: int = 4, n_rows: int = 80, ticks_a_row: int = 6) -> Tape:
    """Give a tape of random walks, every asset ticking in every row of one second."""
    rng = np.random.default_rng(seed)
    count = n_rows * max(ticks_a_row, n_assets)
    per_row = count // n_rows
    symbol_ids = np.concatenate(
        [
            np.concatenate(
                [rng.permutation(n_assets), rng.integers(0, n_assets, per_row - n_assets)]
            )
            for _ in range(n_rows)
        ]
    )
    rows = np.repeat(np.arange(n_rows), per_row)
    within = np.concatenate([np.sort(rng.integers(1, SECOND_NS, per_row)) for _ in range(n_rows)])
    walk = 0.002 * rng.standard_normal(count)
    prices = np.empty(count)
    last = 100.0 * (1 + np.arange(n_assets))
    for i in range(count):
        last[symbol_ids[i]] *= 1 + walk[i] + 0.0002
        prices[i] = last[symbol_ids[i]]
    symbols = tuple(f"COIN{i}USDT" for i in range(n_assets))
    return Tape(symbols, symbol_ids, prices, START_NS + rows * SECOND_NS + within)


def symbol_table(tape: Tape) -> SymbolTable:
    """Give a table that holds the tape's symbols."""
    table = SymbolTable()
    table.extend(tape.symbols)
    return table


@dataclass
class VirtualShell:
    """Carries effects out at once, or ``delay`` wake-ups later."""

    decider: Decider
    delay: int = 0
    time_ns: int = START_NS
    published: list[Decision] = field(default_factory=list)
    waiting: list[tuple[int, Evaluate]] = field(default_factory=list)
    wake_ups: int = 0

    def take(self, admitted: Admitted) -> None:
        """Deliver ticks, as one wake-up."""
        self.time_ns = max(self.time_ns, admitted.batch.receive_time_ns)
        self.decider.step(TicksArrived(admitted))
        self.wake()

    def wake(self) -> None:
        """Let time come: results that are due, then what is due to be decided."""
        self.wake_ups += 1
        due = [item for item in self.waiting if item[0] <= self.wake_ups]
        self.waiting = [item for item in self.waiting if item[0] > self.wake_ups]
        for _, effect in due:
            self._answer(effect)
        self._carry_out(self.decider.step(Timer(self.time_ns)))

    def _answer(self, effect: Evaluate) -> None:
        provenance = Provenance("local", (), False, False, "", self.time_ns, self.time_ns)
        done = JobDone(effect.tag, evaluate_job(effect.job), provenance)
        self._carry_out(self.decider.step(done))

    def _carry_out(self, effects: Sequence[object]) -> None:
        for effect in effects:
            if isinstance(effect, Publish):
                self.published.append(effect.decision)
            elif isinstance(effect, Evaluate) and self.delay == 0:
                self._answer(effect)
            elif isinstance(effect, Evaluate):
                self.waiting.append((self.wake_ups + self.delay, effect))

    def play(self, batches: Iterable[Admitted], *, end: bool = False) -> list[Decision]:
        """Deliver batches as fast as the decider wants them."""
        for admitted in batches:
            while not self.decider.wants_ticks:
                self.wake()
            self.take(admitted)
        if end:
            while not self.decider.wants_ticks:
                self.wake()
            self.decider.step(EndOfInput())
            while not self.decider.finished:
                self.wake()
        return self.published
