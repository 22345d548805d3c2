from dataclasses import replace

import numpy as np
import pytest

from stats.market import Market, NotReady
from stats.moments import Moments
from tests.stats.oracles import four_moments, long_log_returns, two_pass
from tests.stats.tapes import (
    SECOND,
    RowOracle,
    Tick,
    feed,
    fingerprint,
    interleave,
    random_batches,
    random_tape,
)

NAMES = tuple(f"S{i}" for i in range(6))
W, N = 33, 70


def make_market(**changes) -> Market:
    given = {
        "sample_interval_ns": SECOND,
        "allowed_lateness_ns": SECOND // 5,
        "window_rows": W,
        "window_ticks": N,
        "min_observations": 10,
        "stale_after": 8,
        "defer_ticks": True,
    }
    return Market(**(given | changes))


def play(market: Market, batches) -> dict[int, bytes | str]:
    """Row to the bits of its moments, or the reason why there are none."""
    seen = {}

    def look(row: int) -> None:
        moments = market.moments(NAMES)
        seen[row] = fingerprint(moments) if isinstance(moments, Moments) else moments.reason

    for batch in batches:
        for row in feed(market, batch):
            look(row)
    for row in market.close():
        look(row)
    return seen


@pytest.mark.parametrize("lateness_ms", [0, 200, 3000])
def test_rows_and_moments_are_those_of_the_ticks_however_they_come(lateness_ms):
    rng = np.random.default_rng(lateness_ms)
    tapes = random_tape(1)
    changes = {"allowed_lateness_ns": lateness_ms * 10**6, "partitions": range(3)}
    reference = make_market(**changes)
    expected = play(reference, [interleave(tapes, np.random.default_rng(0))])
    assert sum(isinstance(bits, bytes) for bits in expected.values()) > 40
    assert reference.n_late > 0 or lateness_ms == 3000
    for _ in range(70):
        market = make_market(**changes)
        assert play(market, random_batches(interleave(tapes, rng), rng)) == expected
        assert (market.n_late, market.n_used) == (reference.n_late, reference.n_used)


def test_offsets_are_of_the_newest_ticks_in_the_rows_and_not_of_what_was_read():
    tapes = random_tape(8, count=800, jitter_ms=200)
    changes = {"allowed_lateness_ns": 3 * 10**9, "partitions": range(3), "stale_after": 10**6}
    market, compared = make_market(**changes), 0
    for row in feed(market, interleave(tapes, np.random.default_rng(1))):
        moments = market.moments(NAMES)
        if isinstance(moments, Moments):
            compared += 1
            end_ns = (row + 1) * SECOND
            assert moments.offsets == {
                p: max(t.offset for t in tape if t.time <= end_ns) for p, tape in enumerate(tapes)
            }
    assert market.n_late == 0
    assert compared > 30


def test_members_of_several_partitions_stand_by_name_whoever_was_numbered_first():
    rng = np.random.default_rng(9)
    changes = {"partitions": range(3), "stale_after": 100, "allowed_lateness_ns": 3 * 10**9}
    ticks = interleave(random_tape(9), rng)
    seen = []
    for order in (range(6), rng.permutation(6)):
        renumbered = [replace(t, symbol=int(order[t.symbol])) for t in ticks]
        names = tuple(NAMES[s] for s in np.argsort(order))
        market = make_market(**changes)
        for _ in feed(market, renumbered):
            pass
        found = market.moments(names), market.open_moments(names)
        assert all(isinstance(moments, Moments) for moments in found)
        assert found[0].symbols == tuple(sorted(found[0].symbols))
        seen.append([fingerprint(moments) for moments in found])
    assert seen[0] == seen[1]


def test_a_restart_has_the_same_bits_once_its_windows_are_full():
    rng = np.random.default_rng(77)
    tapes = random_tape(2, count=2500)
    changes = {"partitions": range(3), "stale_after": 100}
    expected = play(make_market(**changes), [interleave(tapes, rng)])
    compared = 0
    for _ in range(60):
        starts = [int(rng.integers(0, 900)) for _ in tapes]
        rest = [tape[start:] for tape, start in zip(tapes, starts, strict=True)]
        left = [t.time for tape, at in zip(tapes, starts, strict=True) for t in tape[:at]]
        # Rows after this one have all their ticks; 70 ticks of a symbol take about 10 rows.
        whole_after = max(left, default=0) // SECOND + 1
        got = play(make_market(**changes), random_batches(interleave(rest, rng), rng))
        for row in got:
            if row > whole_after + W + 25:
                assert got[row] == expected[row], row
                compared += isinstance(got[row], bytes)
        assert max(got) == max(expected)
    assert compared > 1000


def test_moments_match_an_oracle_made_from_the_ticks():
    tape = random_tape(5, partitions=1, per_partition=6, count=2500)[0]
    market = make_market(stale_after=1000)
    oracle = RowOracle(SECOND, SECOND // 5, 1)
    for t in tape:
        oracle.take(t)
    rows = oracle.rows(at_end=True)
    play(market, [tape])
    moments = market.moments(NAMES)
    last = max(rows)
    prices = np.array([[rows[k][s] for s in range(6)] for k in range(last - W, last + 1)])
    mean, covariance = two_pass(long_log_returns(prices))
    assert (moments.row, moments.n_observations) == (last, W)
    assert moments.symbols == NAMES
    np.testing.assert_array_equal(moments.prices, prices[-1])
    np.testing.assert_allclose(moments.mean, mean.astype(float), rtol=0, atol=1e-18)
    scale = float(np.abs(covariance).max())
    np.testing.assert_allclose(
        moments.covariance, covariance.astype(float), rtol=0, atol=1e-14 * scale
    )
    # Ticks enter row by row, in the order of arrival within one; an earlier one is left out.
    for s in range(6):
        kept: list[Tick] = []
        for t in sorted(oracle.used, key=oracle.end):
            if t.symbol == s and kept and t.time == kept[-1].time:
                kept[-1] = t
            elif t.symbol == s and (not kept or t.time > kept[-1].time):
                kept.append(t)
        _, _, skewness, kurtosis = four_moments(
            long_log_returns(np.array([t.price for t in kept[-N - 1 :]]))
        )
        assert moments.skewness[s] == pytest.approx(float(skewness), abs=1e-12)
        assert moments.kurtosis[s] == pytest.approx(float(kurtosis), rel=1e-12)
    assert moments.last_event_time_ns == max(t.time for t in oracle.used)
    assert moments.offsets == {0: len(tape) - 1}


def ticks_of_rows(rows: range, symbols=(0, 1)) -> list[Tick]:
    rng = np.random.default_rng(rows.start)
    return [
        Tick(s, float(rng.uniform(1, 2)), k * SECOND + 5 + s, 0, 10 * k + s)
        for k in rows
        for s in symbols
    ]


def test_the_rest_of_a_batch_is_taken_only_when_the_caller_goes_on():
    market = make_market(allowed_lateness_ns=0)
    rows = feed(market, ticks_of_rows(range(100, 140)), receive_time_ns=99)
    for expected in range(100, 139):
        assert next(rows) == expected
        assert market.last_row == expected
        assert market.n_used == 2 * (expected - 99)
        moments = market.moments(NAMES)
        if expected < 110:
            assert isinstance(moments, NotReady)
            continue
        # The tick that closed the row is the newest read, but not in its statistics.
        assert moments.offsets == {0: 10 * expected + 1}
        assert moments.last_event_time_ns == expected * SECOND + 6
        assert moments.last_receive_time_ns == 99
    assert list(rows) == []
    assert market.last_event_time_ns == 139 * SECOND + 6


def test_an_update_left_half_taken_is_not_lost_in_silence():
    market = make_market(allowed_lateness_ns=0)
    next(feed(market, ticks_of_rows(range(100, 140))))
    with pytest.raises(RuntimeError, match="its ticks would be lost"):
        feed(market, ticks_of_rows(range(140, 141)))
    with pytest.raises(RuntimeError, match="its ticks would be lost"):
        market.close()


def test_read_only_and_strided_batches_are_taken():
    ticks = ticks_of_rows(range(100, 103))
    columns = [
        np.array([t.symbol for t in ticks], np.int32),
        np.array([t.price for t in ticks]),
        np.array([t.time for t in ticks], np.int64),
        np.zeros(6, np.int32),
        np.arange(6),
    ]
    for column in columns:
        column.setflags(write=False)
    strided = [np.repeat(column, 2)[::2] for column in columns]
    assert list(make_market(allowed_lateness_ns=0).update(*columns, 1)) == [100, 101]
    assert list(make_market(allowed_lateness_ns=0).update(*strided, 1)) == [100, 101]


def test_the_open_row_has_the_statistics_it_then_closes_with():
    market = make_market(allowed_lateness_ns=0, defer_ticks=False)
    list(feed(market, ticks_of_rows(range(100, 120))))
    for k in range(120, 200):
        standing = market.open_moments(NAMES)
        assert standing.offsets == {0: 10 * (k - 1) + 1}
        assert standing.last_event_time_ns == (k - 1) * SECOND + 6
        again = market.open_moments(NAMES)
        assert fingerprint(standing) == fingerprint(again)
        compared = 0
        for row in feed(market, ticks_of_rows(range(k, k + 1))):
            closed = market.moments(NAMES)
            assert row == standing.row == closed.row
            assert fingerprint(closed) == fingerprint(standing)
            compared += 1
        assert compared == 1


def test_deferred_ticks_enter_the_tick_window_when_their_row_closes():
    early, late = make_market(defer_ticks=False), make_market(defer_ticks=True)
    for market in (early, late):
        list(feed(market, ticks_of_rows(range(100, 101)) + ticks_of_rows(range(100, 101))))
        list(feed(market, [Tick(0, 1.5, 100 * SECOND + 900, 0, 1)]))
    assert early.tick_statistics().count.tolist() == [1, 0]
    assert late.tick_statistics().count.tolist() == [0, 0]
    assert list(late.close()) == [100]
    assert late.tick_statistics().count.tolist() == [1, 0]


def test_arrays_are_read_only_and_keep_their_values():
    market = make_market(allowed_lateness_ns=0)
    list(feed(market, ticks_of_rows(range(100, 140))))
    moments = market.moments(NAMES)
    before = fingerprint(moments)
    list(feed(market, ticks_of_rows(range(140, 180))))
    assert fingerprint(moments) == before
    names = ("prices", "mean", "covariance", "volatility", "skewness", "kurtosis")
    for name in names:
        with pytest.raises(ValueError, match="read-only"):
            getattr(moments, name)[0] = 1.0


def test_constant_prices_have_zero_variance_and_no_shape():
    market = make_market(allowed_lateness_ns=0)
    ticks = [Tick(0, 3.3, k * SECOND + 1, 0, k) for k in range(100, 160)]
    list(feed(market, ticks))
    moments = market.moments(NAMES)
    assert moments.covariance.tolist() == [[0.0]]
    assert moments.mean.tolist() == moments.volatility.tolist() == [0.0]
    assert np.isnan(moments.skewness).all()
    assert np.isnan(moments.kurtosis).all()


def test_nothing_is_ready_at_first_and_the_reason_says_why():
    market = make_market(allowed_lateness_ns=0)
    assert market.last_row is None
    assert market.last_event_time_ns == 0
    assert market.moments(NAMES) == NotReady("no row has closed yet")
    assert market.assets(NAMES)[0].reason == "no tick used yet"
    list(feed(market, ticks_of_rows(range(100, 106))))
    assert market.moments(NAMES) == NotReady("4 of at least 10 rows")
    assert market.open_moments(NAMES) == NotReady("4 of at least 10 rows")
    assert list(feed(market, [])) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window_rows": 1}, "window_rows=1"),
        ({"window_ticks": 1}, "window_ticks=1"),
        ({"min_observations": 1}, "min_observations=1"),
        ({"stale_after": 0}, "stale_after=0"),
        ({"sample_interval_ns": 0}, "sample_interval_ns=0"),
    ],
)
def test_parameters_out_of_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        make_market(**changes)
