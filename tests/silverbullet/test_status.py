"""The status record says what is true between decisions, also of ticks that no row shows."""

import functools
import sys

import numpy as np
import pytest
from scipy import stats as scipy_stats

from ingest.admission import Admission
from ingest.codec import RawMessages, encode_clock, encode_json
from ingest.ticks import SymbolTable
from silverbullet.decider import Decider
from silverbullet.engine_changes import EngineChanges
from silverbullet.evaluators import make_evaluator, settings_choice
from silverbullet.settings import load_settings
from silverbullet.status import Rates, Surroundings, make_status
from storage.records import Status, decode_status, encode_status
from tests.optimize.engines.rigs import draw_job, until
from tests.silverbullet.virtual_shell import START_NS, Tape, VirtualShell, random_tape, symbol_table

WINDOW_TICKS = 50
AROUND = Surroundings(START_NS, START_NS, 0, {}, (), {}, 1, ())


def status_after(tape: Tape, n_ticks: int, *more: str, trigger: str = "tick") -> Status:
    settings = load_settings(
        flags={
            "window": {"sample_interval_s": 1, "ticks": WINDOW_TICKS},
            "optimize": {"method": "exact", "cloud_points": 0},
            "decide": {"trigger": trigger},
        }
    )
    table = symbol_table(tape)
    table.extend(more)
    shell = VirtualShell(Decider(settings, table))
    shell.play([tape.batch(0, n_ticks, receive_time_ns=START_NS)])
    return decode_status(encode_status(make_status(shell.decider, Rates(), AROUND)))


def last_ticks(tape: Tape, symbol_id: int, n_ticks: int) -> tuple[np.ndarray, np.ndarray]:
    """Give prices and times (s) of the window's returns, the price before them included."""
    mine = np.flatnonzero(tape.symbol_ids[:n_ticks] == symbol_id)[-WINDOW_TICKS - 1 :]
    return tape.prices[mine], (tape.event_time_ns[mine] - START_NS) / 1e9


def test_an_asset_bears_the_statistics_of_its_last_ticks() -> None:
    tape = random_tape(4)
    for symbol_id, asset in enumerate(status_after(tape, 400).assets):
        prices, times_s = last_ticks(tape, symbol_id, 400)
        returns, slopes = np.diff(np.log(prices)), np.diff(prices) / np.diff(times_s)
        ticks = asset.ticks
        assert ticks is not None
        assert ticks.count == len(returns) == WINDOW_TICKS
        assert ticks.mean == pytest.approx(returns.mean(), rel=1e-9)
        assert ticks.variance == pytest.approx(returns.var(ddof=1), rel=1e-9)
        assert ticks.skewness == pytest.approx(scipy_stats.skew(returns), rel=1e-7)
        assert ticks.kurtosis == pytest.approx(scipy_stats.kurtosis(returns), rel=1e-7)
        assert ticks.slope_mean == pytest.approx(slopes.mean(), rel=1e-7)
        assert ticks.slope_variance == pytest.approx(slopes.var(ddof=1), rel=1e-7)


def test_what_is_not_defined_yet_is_null_and_an_unseen_symbol_has_no_window() -> None:
    tape = random_tape(5)
    assets = {asset.symbol: asset for asset in status_after(tape, 1, "NEWUSDT").assets}
    first = assets[tape.symbols[tape.symbol_ids[0]]]
    assert first.price == tape.prices[0]
    assert first.ticks is not None
    assert (first.ticks.count, first.ticks.mean, first.ticks.slope_variance) == (0, None, None)
    assert (assets["NEWUSDT"].price, assets["NEWUSDT"].ticks) == (None, None)


def test_rows_that_wait_for_the_newest_event_time_are_counted() -> None:
    tape = random_tape(6)
    assert status_after(tape, 200).rows_waiting >= 1


def test_the_partition_that_holds_rows_back_is_named() -> None:
    shell = VirtualShell(Decider(load_settings(), SymbolTable(), partitions=(0, 1)))
    admission = Admission(shell.decider.table, 10**18)

    def reason_after(*messages: tuple[int, bytes]) -> str:
        partitions, values = zip(*messages, strict=True)
        n = len(values)
        raw = RawMessages(["ticks"] * n, [*values], [1] * n, [*partitions], [0] * n, START_NS)
        shell.take(admission.step(raw))
        return make_status(shell.decider, Rates(), AROUND).reason

    tick = encode_json("A", 1.0, 100 * 10**9)
    assert "partition 1 of ticks, which has said nothing" in reason_after((0, tick))
    lagging = reason_after((1, encode_clock(40 * 10**9)))
    assert "partition 1 of ticks, which is 60 s behind the newest" in lagging
    assert "partition" not in reason_after((1, encode_clock(99 * 10**9)))


def test_a_decision_a_second_is_told_as_one_whenever_it_is_looked_at():
    rates = Rates()
    assert rates.step(0, 0, 0) == (0, 0)
    # Looked at every 0.98 to 1.02 s, so that a look may hold none or two of them.
    times = [0.98 * k if k < 6 else 5.9 + 1.02 * (k - 6) for k in range(1, 30)]
    seen = [rates.step(int(at * 1e9), int(60 * at), int(at)) for at in times]
    assert all(abs(ticks - 60) < 2 for ticks, _ in seen)
    assert all(0.75 <= decisions <= 1.25 for _, decisions in seen[3:])


def test_rates_follow_within_five_seconds_and_begin_anew_where_the_clock_went_back():
    rates = Rates()
    for second in range(20):
        rates.step(second * 10**9, 100 * min(second, 10), 0)
    assert rates.step(20 * 10**9, 1000, 0) == (0, 0)
    assert rates.step(10**9, 1000, 0) == (0, 0)
    assert rates.step(2 * 10**9, 1300, 2) == (300, 2)


def test_status_after_status_leaves_no_memory_behind() -> None:
    """CPython keeps up to 2000 freed tuples of a length that were cut to it, as of generators."""
    settings = load_settings(flags={"engine": {"order": "local", "workers": 2}})
    choice = settings_choice(settings)
    tape = random_tape(4)
    decider = Decider(settings, symbol_table(tape))
    VirtualShell(decider).play([tape.batch(0, 50, receive_time_ns=START_NS)])
    changes = EngineChanges(functools.partial(make_evaluator, settings), choice, lambda: 0)
    changes.start()
    try:

        def both_have_rates() -> bool:
            changes.submit(draw_job(2), 30.0)
            until(lambda: changes.wait(0.1) is not None, "a job")
            return len(changes.states()[0].peers) == 2

        until(both_have_rates, "a job of which both workers had a block")

        def blocks_after(statuses: int) -> int:
            rates = Rates()
            for second in range(statuses):
                around = Surroundings(
                    START_NS + second * 10**9, START_NS, 0, {}, changes.states(),
                    changes.counts()._asdict(), 1, (),
                )  # fmt: skip
                encode_status(make_status(decider, rates, around))
            return sys.getallocatedblocks()

        begun = blocks_after(100)
        assert blocks_after(400) < begun + 200
    finally:
        changes.close()
