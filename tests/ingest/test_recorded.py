"""Recordings played at another time, once or in a loop."""

import itertools
import time
from pathlib import Path

import numpy as np
import pytest

from ingest.files import open_ticks
from ingest.recorded import RecordedSource, open_recorded
from tests.ingest.made_ticks import NOW, SECOND

MINUTE = 60 * SECOND
KLINES = Path(__file__).parents[1] / "data" / "BTCUSDT-1m-2024-01.csv"


def recorded(loop: bool = False, **options: object) -> RecordedSource:
    return open_recorded([KLINES], now_ns=NOW, loop=loop, **options)


def test_event_times_begin_now_and_rows_keep_their_ticks() -> None:
    begin = NOW + 12_345_678_901
    (shifted,) = recorded().chunks(begin, begin)
    (original,) = open_ticks([KLINES])
    moved = shifted.event_time_ns - original.event_time_ns
    assert set(moved % MINUTE) == {0}
    assert begin - MINUTE < shifted.event_time_ns[0] <= begin
    assert np.array_equal(shifted.prices, original.prices)


@pytest.mark.parametrize("interval_s", [1, 7, 60, 3600])
def test_each_loop_lies_after_the_last_in_later_rows(interval_s: int) -> None:
    interval = interval_s * SECOND
    source = recorded(loop=True, sample_interval_ns=interval)
    passes = source.chunks(NOW, NOW)
    three = [next(passes).event_time_ns for _ in range(3)]
    for before, after in itertools.pairwise(three):
        assert after[0] > before[-1]
        assert {*(after - before)} == {after[0] - before[0]}
        assert (after[0] - before[0]) % interval == 0
        # A price at a boundary belongs to the row that ends there.
        assert -(-after[0] // interval) == -(-before[-1] // interval) + 1


def test_without_a_loop_it_ends_and_event_times_can_be_kept() -> None:
    assert len(list(recorded().chunks(NOW, NOW))) == 1
    kept = list(recorded(keep_event_times=True).chunks(NOW, NOW))
    assert [k.event_time_ns.tolist() for k in kept] == [
        t.event_time_ns.tolist() for t in open_ticks([KLINES])
    ]
    with pytest.raises(ValueError, match="a loop cannot keep event times"):
        recorded(loop=True, keep_event_times=True)
    with pytest.raises(ValueError, match="sample_interval_ns=-5"):
        recorded(sample_interval_ns=-5)


def test_trade_ids_rise_from_pass_to_pass_and_twins_stay_twins(tmp_path: Path) -> None:
    header = "id,price,qty,quoteQty,time,isBuyerMaker"
    lines = [f"{k},1,1,1,17000000000{k % 100:02d},true" for k in (501, 502, 502, 503)]
    (tmp_path / "A.csv").write_text("\n".join([header, *lines]))
    (tmp_path / "B.csv").write_text("\n".join([header, *[line[2:] for line in lines]]))
    source = open_recorded([tmp_path], now_ns=time.time_ns(), loop=True)
    chunks = list(itertools.islice(source.chunks(NOW, NOW), 10))
    ids = np.concatenate([ticks.trade_ids for ticks in chunks])
    symbols = np.concatenate([ticks.symbol_ids for ticks in chunks])
    for symbol in (0, 1):
        one, two = ids[symbols == symbol][:4], ids[symbols == symbol][4:8]
        assert np.diff(one).tolist() == np.diff(two).tolist() == [1, 0, 1]
        assert two.min() > one.max()


def test_bad_times_are_not_shifted_into_the_right(tmp_path: Path) -> None:
    header = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
    now_us = time.time_ns() // 1000
    times = ["1700000000000000", "never", "1700000001000000", str(now_us + 3600 * 10**6)]
    (tmp_path / "t.csv").write_text(
        "\n".join([header, *[f"x,A,1,{t},{k},buy,1,1" for k, t in enumerate(times)]])
    )
    source = open_recorded([tmp_path], now_ns=time.time_ns(), loop=True)
    passes = source.chunks(NOW, NOW)
    first, second = next(passes), next(passes)
    assert first.event_time_ns.tolist() == [NOW, -1, NOW + SECOND, (now_us + 3600 * 10**6) * 1000]
    assert second.event_time_ns[0] == NOW + 2 * SECOND
