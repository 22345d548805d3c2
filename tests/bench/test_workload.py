from itertools import pairwise

import numpy as np
import pytest

from bench.pipeline.library_loop import LIBRARIES, LibraryDecider
from bench.pipeline.workload import (
    SAMPLE_INTERVAL_NS,
    SYMBOLS,
    WINDOW_ROWS,
    WINDOW_TICKS,
    make_history,
    make_tape,
)
from ingest.admission import Admission
from ingest.codec import RawMessages
from ingest.ticks import SymbolTable
from stats.market import Market

END_NS = 1_800_000_000_123_456_789


def test_the_history_fills_every_window():
    values = make_history(3, END_NS)
    n = len(values)
    raw = RawMessages(["t"] * n, values, [END_NS // 10**6] * n, [0] * n, list(range(n)), END_NS)
    table = SymbolTable()
    admitted = Admission(table, 0).step(raw)
    assert admitted.rejections == ()
    batch = admitted.batch
    market = Market(
        sample_interval_ns=SAMPLE_INTERVAL_NS, allowed_lateness_ns=0, window_rows=WINDOW_ROWS,
        window_ticks=WINDOW_TICKS, min_observations=30, stale_after=120, defer_ticks=False,
    )  # fmt: skip
    rows = market.update(
        batch.symbol_ids, batch.prices, batch.event_time_ns, batch.partitions, batch.offsets, END_NS
    )
    assert len(list(rows)) > WINDOW_ROWS
    assert market.rows_filled == WINDOW_ROWS
    assert market.tick_statistics().count.tolist() == [WINDOW_TICKS] * len(SYMBOLS)
    assert {view.state for view in market.assets(table.symbols)} == {"member"}
    assert market.n_late == 0
    assert END_NS - SAMPLE_INTERVAL_NS < market.last_event_time_ns < END_NS


def test_a_tape_is_a_function_of_its_seed():
    first, second, other = make_tape(5, 1000, 2), make_tape(5, 1000, 2), make_tape(6, 1000, 2)
    for name in ("due_ns", "symbol_ids", "prices"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        assert not np.array_equal(getattr(first, name), getattr(other, name))


def test_ticks_are_due_as_a_poisson_process_of_the_rate():
    tape = make_tape(1, 20_000, 5)
    gaps = np.diff(tape.due_ns)
    assert len(tape.due_ns) == 100_000
    assert (gaps >= 0).all()
    # Mean and deviation of an exponential are equal; each is known to 1 / sqrt(100 000) here.
    assert abs(gaps.mean() / 50_000 - 1) < 0.02
    assert abs(gaps.std() / 50_000 - 1) < 0.02
    assert set(tape.symbol_ids.tolist()) == set(range(len(SYMBOLS)))
    assert (tape.prices > 0).all()


def test_returns_of_a_row_do_not_depend_on_the_rate():
    spreads = []
    for rate in (100, 10_000):
        tape = make_tape(2, rate, 100)
        second = tape.due_ns // 10**9
        changes = []
        for s in range(len(SYMBOLS)):
            mine = tape.symbol_ids == s
            last = {int(k): np.log(p) for k, p in zip(second[mine], tape.prices[mine], strict=True)}
            keys = sorted(last)
            changes += [(last[b] - last[a]) / np.sqrt(b - a) for a, b in pairwise(keys)]
        spreads.append(np.std(changes))
    assert abs(spreads[0] / spreads[1] - 1) < 0.15


def test_windows_of_a_history_have_a_portfolio_that_libraries_find_too():
    history = make_history(3, END_NS)
    n = len(history)
    raw = RawMessages(["t"] * n, history, [END_NS // 10**6] * n, [0] * n, list(range(n)), END_NS)
    found = [LibraryDecider(library).decide(raw) for library in LIBRARIES.values()]
    for weights in found:
        assert weights is not None
        assert sum(weights) == pytest.approx(1.0)
        # Two solvers of one problem.
        assert weights == pytest.approx(found[0], abs=1e-3)
