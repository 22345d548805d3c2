"""The steps of a pipeline at many sizes; each size is a contender of its step's case."""

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from bench.contest import Case, Contender, returned
from bench.growth import CLOUD, EXACT, JSON_TICKS, PACKED_TICKS, RESAMPLE, ROW, TICK, Size
from bench.kernels.solver_problems import make_problem
from bench.kernels.tick_cases import make_inbox, make_prices
from ingest.admission import Admission
from ingest.codec import RawMessages, encode_json, encode_packed
from ingest.native.json_kernels import PADDING
from ingest.payloads import Payloads
from ingest.ticks import SymbolTable
from optimize.engines.local import LocalEngine
from optimize.engines.protocol import BlockDone
from optimize.evaluate import evaluate_block, evaluate_job, merge_blocks
from optimize.job import BlockResult, DrawJob, Kind
from optimize.pair_exchange import freeze
from stats.compiled import FloatArray
from stats.estimators import bayes_stein, oas, oas_and_bayes_stein
from stats.grid_window import GridWindow
from stats.market import Market
from stats.tick_window import TickWindow

_ROWS_A_CALL, _ROWS_KEPT = 5, 50
_TICKS_AN_ASSET = 10
_OBSERVATIONS = 300
_DRAWS = {"exact": 1, "resample": 32, "cloud": 500}
# 1024 draws of 500 assets take 3.7 s on one worker and of 1000 27 s: so many take 0.5 and 1.7.
_DRAWS_OF_WORKERS, _FEWER_DRAWS = 1024, {500: 128, 1000: 64}
_WORKERS = (1, 2)
_FIRST_NS = 10**18
_TICKS_A_SECOND = 1_000_000  # about as many as are admitted: rows close as seldom
_JSON_BATCH, _PACKS, _PACK = 2_000, 20, 1_000
_FILL_BATCH = 500_000


def _case(name: str, unit: str, contenders: Sequence[Contender]) -> Case:
    # No judge: sizes have nothing to be compared in, the tests hold them to their twins.
    return Case(name, unit, tuple(contenders), judge=None)


def _at(
    size: Size, call: Callable[..., Any], make: Callable[[], tuple[Any, ...]], per_call: int
) -> Contender:
    return Contender(size.named(), call, make, returned, per_call)


def window_cases(assets: Sequence[int], windows: Sequence[int]) -> Iterator[Case]:
    """Give the grid window's row and the tick window's tick, at all sizes, windows full."""
    sizes = [Size(n, w) for w in windows for n in assets]
    yield _case(ROW, "us a row", [_rows(size) for size in sizes])
    yield _case(TICK, "ns a tick", [_ticks(size) for size in sizes])


def _rows(size: Size) -> Contender:
    n, window_rows = size.assets, size.window or 2
    generator = np.random.default_rng(n)
    rows = 1e-3 * generator.standard_normal((_ROWS_KEPT, n))
    rows += 5e-4 * generator.standard_normal((_ROWS_KEPT, 1))
    window, ids, numbers = GridWindow(window_rows), np.arange(n), itertools.count()
    for _ in range(window_rows):
        row = next(numbers)
        window.push(row, rows[row % _ROWS_KEPT], n)

    def push_and_read() -> None:
        for _ in range(_ROWS_A_CALL):
            row = next(numbers)
            window.push(row, rows[row % _ROWS_KEPT], n)
            window.read(ids)

    return _at(size, push_and_read, tuple, _ROWS_A_CALL)


def _ticks(size: Size) -> Contender:
    n, window_ticks = size.assets, size.window or 2
    prices, ids = make_prices(n, _TICKS_AN_ASSET), np.arange(n)
    window, instants = TickWindow(window_ticks), itertools.count(0, _TICKS_AN_ASSET)
    window.reserve(n)

    def push(inbox_i: Any, inbox_f: FloatArray) -> None:
        window.push(inbox_i, inbox_f, 0, len(inbox_f))

    def push_and_read(inbox_i: Any, inbox_f: FloatArray) -> None:
        push(inbox_i, inbox_f)
        window.read(ids)

    for _ in range(window_ticks // _TICKS_AN_ASSET + 1):
        push(*make_inbox(prices, next(instants)))
    per_call = n * _TICKS_AN_ASSET
    return _at(size, push_and_read, lambda: make_inbox(prices, next(instants)), per_call)


def decision_cases(assets: Sequence[int], _windows: Sequence[int]) -> Iterator[Case]:
    """Give an exact decision, a block of draws and a cloud, whose cost no window moves."""
    for name, kind, unit in (
        (EXACT, "exact", "us a decision"),
        (RESAMPLE, "resample", "us a block"),
        (CLOUD, "cloud", "us a cloud"),
    ):
        yield _case(name, unit, [_decide(n, kind) for n in assets])  # type: ignore[arg-type]


def _job(n_assets: int, kind: Kind, n_draws: int, block_size: int) -> DrawJob:
    mean, covariance = make_problem(n_assets)
    covariance = freeze(oas(covariance, _OBSERVATIONS))
    return DrawJob(
        kind=kind, mean=freeze(bayes_stein(mean, covariance, _OBSERVATIONS)),
        covariance=covariance, n_observations=_OBSERVATIONS, objective="max_sharpe",
        max_weight=1.0, start_weights=freeze(np.zeros(n_assets)), n_draws=n_draws,
        block_size=block_size, seed=1, round=0,
    )  # fmt: skip


def _decide(n_assets: int, kind: Kind) -> Contender:
    mean, sample = make_problem(n_assets)
    job = _job(n_assets, kind, _DRAWS[kind], _DRAWS[kind])

    def decide() -> None:
        if kind == "exact":  # the others share their estimates with a whole decision
            oas_and_bayes_stein(mean, sample, _OBSERVATIONS)
        evaluate_job(job)

    return _at(Size(n_assets, None), decide, tuple, 1)


def stream_cases(assets: Sequence[int], windows: Sequence[int]) -> Iterator[Case]:
    """Give ticks as they come from a broker, admitted and in all windows as `run` does."""
    sizes = [Size(n, w) for w in windows for n in assets]
    yield _case(JSON_TICKS, "ns a tick", [_Stream(size).contender(packed=False) for size in sizes])
    yield _case(PACKED_TICKS, "ns a tick", [_Stream(size).contender(packed=True) for size in sizes])


class _Stream:
    """Admission and windows at one size, full, and the messages that come next."""

    def __init__(self, size: Size) -> None:
        self._size = size
        self._names = tuple(f"S{k:04d}/USDT" for k in range(size.assets))
        self._symbols = SymbolTable(size.assets)
        for name in self._names:
            self._symbols.intern(name)
        self._admission = Admission(self._symbols, 60 * 10**9)
        self._market = Market(
            sample_interval_ns=10**9, allowed_lateness_ns=0, window_rows=300,
            window_ticks=size.window or 2, min_observations=2, stale_after=300, defer_ticks=False,
        )  # fmt: skip
        self._sent = 0
        # A whole row too: its ticks wait in a pool that stops the program where it doubles, up to
        # 90 ms, and it does not shrink again.
        total = max(size.assets * ((size.window or 2) + 2), 2 * _TICKS_A_SECOND)
        while self._sent < total:
            ids, prices, when = self._next(min(_FILL_BATCH, total - self._sent))
            zeros, offsets = np.zeros(len(ids), np.int32), np.arange(len(ids)) + self._sent
            deque(self._market.update(ids, prices, when, zeros, offsets, _FIRST_NS), maxlen=0)

    def _next(self, count: int) -> tuple[Any, FloatArray, Any]:
        places = self._sent + np.arange(count)
        self._sent += count
        prices = np.round(1000.0 + np.sin(places * 0.7), 2)
        when = _FIRST_NS + places * (10**9 // _TICKS_A_SECOND)
        return (places % self._size.assets).astype(np.int32), prices, when

    def _messages(self, *, packed: bool) -> tuple[RawMessages]:
        if packed:
            values = [encode_packed(self._names, *self._next(_PACK)) for _ in range(_PACKS)]
        else:
            columns = (column.tolist() for column in self._next(_JSON_BATCH))
            ticks = zip(*columns, strict=True)
            values = [encode_json(self._names[k], price, when) for k, price, when in ticks]
        n = len(values)
        newest_ms = (_FIRST_NS + self._sent * (10**9 // _TICKS_A_SECOND)) // 10**6
        return (
            RawMessages(["t"] * n, _in_one(values), np.full(n, newest_ms), np.zeros(n, np.int64),
                        np.arange(self._sent, self._sent + n), newest_ms * 10**6),
        )  # fmt: skip

    def _take(self, raw: RawMessages) -> None:
        batch = self._admission.step(raw).batch
        rows = self._market.update(
            batch.symbol_ids, batch.prices, batch.event_time_ns, batch.partitions, batch.offsets,
            batch.receive_time_ns,
        )  # fmt: skip
        deque(rows, maxlen=0)

    def contender(self, *, packed: bool) -> Contender:
        """Give it as a contender of one form of tick."""
        per_call = _PACKS * _PACK if packed else _JSON_BATCH
        return _at(self._size, self._take, lambda: self._messages(packed=packed), per_call)


@contextmanager
def worker_cases(assets: Sequence[int]) -> Iterator[list[Case]]:
    """Give a whole resampled decision on one worker and on two; to be timed by the wall clock."""
    with ExitStack() as stack:
        engines = []
        for workers in _WORKERS:
            engine = LocalEngine(workers=workers, evaluate=evaluate_block)
            engine.start(threading.Event().set)
            stack.callback(engine.close)
            engines.append(engine)
        yield [
            _case(
                f"resample decision of {count_draws(n)} draws of {n} assets",
                "ms a decision",
                [_resample(n, w, e) for w, e in zip(_WORKERS, engines, strict=True)],
            )
            for n in assets
        ]


def count_draws(n_assets: int) -> int:
    """Give the draws of a decision, of many assets so few that a turn stays short."""
    fewer = [draws for least, draws in _FEWER_DRAWS.items() if n_assets >= least]
    return min(fewer, default=_DRAWS_OF_WORKERS)


def _resample(n_assets: int, workers: int, engine: LocalEngine) -> Contender:
    job, numbers = _job(n_assets, "resample", count_draws(n_assets), 32), itertools.count()

    def decide() -> None:
        number = next(numbers)
        results: list[BlockResult] = []
        engine.submit(number, job, range(job.n_blocks))
        while len(results) < job.n_blocks:
            results += [one.result for one in engine.collect(1.0) if isinstance(one, BlockDone)]
        merge_blocks(job, results)

    subject = f"{workers} worker{'s' if workers > 1 else ''}"
    return Contender(subject, decide, tuple, returned)


def _in_one(values: list[bytes]) -> Payloads:
    """Lay messages out as a consumer that reads in batches does."""
    content = np.frombuffer(b"".join(values) + bytes(PADDING), np.uint8)
    return Payloads(content.copy(), np.cumsum([0, *map(len, values)]))
