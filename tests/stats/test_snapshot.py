import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stats.moments import Moments
from stats.snapshot import flatten
from tests.stats.tapes import feed, fingerprint, interleave, random_batches, random_tape
from tests.stats.test_market import NAMES, make_market, play


def half(market, batches):
    for batch in batches:
        for _ in feed(market, batch):
            pass
    return {name: array.copy() for name, array in flatten(market.copy_state()).items()}


def told(market) -> tuple:
    """All that a market says of itself between two rows."""
    ticks = market.tick_statistics()
    opened = market.open_moments(NAMES)
    return (
        fingerprint(opened) if isinstance(opened, Moments) else opened.reason,
        repr(market.assets(NAMES)),
        np.array([ticks.count, ticks.mean, ticks.variance, ticks.slope_variance]).tobytes(),
        (market.n_waiting, market.last_row, market.rows_filled),
        market.last_event_time_ns,
    )


@given(
    seed=st.integers(0, 2**16),
    at=st.floats(0, 1),
    defer=st.booleans(),
    n_partitions=st.integers(1, 3),
    lateness_ms=st.sampled_from([0, 200, 3000]),
)
@settings(max_examples=60)
def test_a_restored_market_goes_on_with_every_bit(seed, at, defer, n_partitions, lateness_ms):
    rng = np.random.default_rng(seed)
    changes = {
        "defer_ticks": defer,
        "partitions": range(n_partitions),
        "allowed_lateness_ns": lateness_ms * 10**6,
    }
    ticks = interleave(random_tape(seed, partitions=n_partitions, count=700), rng)
    cut = round(at * len(ticks))
    undisturbed = make_market(**changes)
    state = half(undisturbed, random_batches(ticks[:cut], rng))
    restored = make_market(**changes)
    restored.restore(state)
    assert told(restored) == told(undisturbed)
    again = flatten(restored.copy_state())
    assert all(again[name].tobytes() == array.tobytes() for name, array in state.items())
    rest = ticks[cut:]
    assert play(restored, random_batches(rest, rng)) == play(undisturbed, [rest])
    assert told(restored) == told(undisturbed)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("rows", lambda a: a[:, :-1]),
        ("waiting_i", lambda a: a + 10**9),
        ("tick_i", lambda a: a * 1000),
        ("tick_values", lambda a: a[:, 1:]),
        ("marks", lambda a: a[:-1]),
        ("symbol_f", lambda a: a[0]),
    ],
)
def test_a_state_of_other_windows_is_refused_by_name(name, change):
    ticks = interleave(random_tape(3), np.random.default_rng(3))
    changes = {"partitions": range(3), "allowed_lateness_ns": 3 * 10**9}
    state = half(make_market(**changes), [ticks[:2000]])
    with pytest.raises(ValueError, match=name):
        make_market(**changes).restore(state | {name: change(state[name])})


def test_a_state_is_not_taken_in_the_middle_of_a_batch():
    market = make_market()
    rows = feed(market, random_tape(1, partitions=1)[0])
    next(rows)
    with pytest.raises(RuntimeError, match="not taken to their end"):
        market.copy_state()
