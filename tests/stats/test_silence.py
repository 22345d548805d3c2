"""Leaving silent rows out changes no bit of the last row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stats.market import Market
from stats.moments import Moments
from tests.stats.tapes import SECOND, Tick, feed, fingerprint, interleave, random_batches

NAMES = tuple(f"S{i}" for i in range(4))


def make_market(window: int, lateness_s: int, **changes) -> Market:
    return Market(
        sample_interval_ns=SECOND,
        allowed_lateness_ns=lateness_s * SECOND,
        window_rows=window,
        window_ticks=12,
        min_observations=3,
        **{"stale_after": 4 * window, "defer_ticks": True, "partitions": (0, 1)} | changes,
    )


def tape(gaps: list[int], seed: int, partition: int) -> list[Tick]:
    """Ticks so many rows apart, some before their time; symbols 0, 1 and 2, 3 by partition."""
    rng = np.random.default_rng([seed, partition])
    times = 1_700_000_000 * SECOND + np.cumsum(gaps) * SECOND + 5
    times -= np.where(rng.random(len(gaps)) < 0.1, 4 * SECOND, 0)
    prices = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(gaps))))
    # The second symbol of each comes late.
    symbols = 2 * partition + (rng.random(len(gaps)) < 0.4) * (np.arange(len(gaps)) > len(gaps) / 4)
    columns = zip(symbols.tolist(), prices.tolist(), times.tolist(), strict=True)
    return [Tick(s, x, t, partition, i) for i, (s, x, t) in enumerate(columns)]


def finish(market: Market, batches) -> tuple[object, ...]:
    """The end's bits, or the reason of having none, with all that is told of the symbols."""
    n_rows = 0
    for batch in batches:
        n_rows += sum(1 for _ in feed(market, batch))
    n_rows += sum(1 for _ in market.close())
    moments = market.moments(NAMES)
    bits = fingerprint(moments) if isinstance(moments, Moments) else moments.reason
    return n_rows, (
        bits,
        repr(market.assets(NAMES)),  # NaN prices too
        market.last_row,
        market.rows_filled,
        (market.n_used, market.n_late, market.n_waiting, market.last_event_time_ns),
        [column.tobytes() for column in vars_of(market)],
    )


def vars_of(market: Market) -> list[np.ndarray]:
    statistics = market.tick_statistics()
    return [getattr(statistics, name) for name in ("count", "mean", "variance", "kurtosis")]


gap = st.one_of(st.just(0), st.integers(0, 3), st.integers(0, 200))


@settings(deadline=None, max_examples=150)
@given(
    gaps=st.lists(gap, min_size=1, max_size=60),
    others=st.lists(gap, max_size=60),
    window=st.sampled_from([2, 3, 19, 20, 21, 40, 57]),
    lateness_s=st.sampled_from([0, 2, 30]),
    changes=st.fixed_dictionaries({"stale_after": st.sampled_from([1, 30, 1000]),
                                   "defer_ticks": st.booleans()}),
    seed=st.integers(0, 999),
)  # fmt: skip
def test_the_last_row_has_the_bits_of_all_rows_made_one_by_one(
    gaps, others, window, lateness_s, changes, seed
) -> None:
    if not others:
        changes = {**changes, "partitions": (0,)}
    rng = np.random.default_rng(seed)
    ticks = interleave([tape(gaps, seed, 0), tape(others, seed, 1)], rng)
    ticks = sorted(ticks, key=lambda tick: tick.time // (20 * SECOND))
    whole, skipping = (make_market(window, lateness_s, **changes) for _ in range(2))
    skipping.skip_silence()
    n_rows, expected = finish(whole, [ticks])
    n_fewer, found = finish(skipping, random_batches(ticks, rng))
    assert found == expected
    assert n_fewer <= n_rows


@pytest.mark.parametrize("window", [40, 100, 300, 500])
def test_silence_between_closes_is_left_out(window: int) -> None:
    """Rows of a second, a close every five minutes: as in a folder of candles and trades."""
    ticks = tape([300] * 2000, 3, 0)
    whole, skipping = (make_market(window, 0, partitions=(0,)) for _ in range(2))
    skipping.skip_silence()
    n_rows, expected = finish(whole, [ticks])
    n_fewer, found = finish(skipping, [ticks])
    assert found == expected
    assert n_rows > 40 * n_fewer
    assert n_fewer <= 2000


def test_what_is_read_in_between_is_that_of_the_newest_row_with_a_tick() -> None:
    ticks = tape([1] * 50 + [90] * 5 + [1] * 3, 4, 0)
    whole, skipping = (make_market(20, 0, partitions=(0,)) for _ in range(2))
    skipping.skip_silence()
    bits = {row: fingerprint(whole.moments(NAMES)) for row in feed(whole, ticks)
            if whole.rows_filled == 20 and isinstance(whole.moments(NAMES), Moments)}  # fmt: skip
    compared = 0
    for row in feed(skipping, ticks):
        if row in bits:
            assert fingerprint(skipping.moments(NAMES)) == bits[row]
            compared += 1
    assert compared > 30


def test_silence_is_left_out_from_the_beginning_or_not_at_all() -> None:
    market = make_market(20, 0, partitions=(0,))
    list(feed(market, tape([1] * 5, 1, 0)))
    with pytest.raises(RuntimeError, match="from the beginning"):
        market.skip_silence()
