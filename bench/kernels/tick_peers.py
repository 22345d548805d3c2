"""What people use for moments of the last ticks, as they would write it; and the bound.

Libraries are imported when first called: none is needed to run the program.
"""

import math

import numpy as np

from bench.kernels.add_evict import AddEvict, keep_central_sums, keep_powers
from stats.compiled import FloatArray, IntArray, kernel
from stats.pending import SYMBOL
from stats.returns import log_return

Moments = tuple[FloatArray, FloatArray, FloatArray | None, FloatArray | None]


def log_returns(prices: FloatArray) -> FloatArray:
    """Give log returns along the last axis."""
    out: FloatArray = np.log(prices[..., 1:] / prices[..., :-1])
    return out


def bottleneck_rolling(prices: FloatArray, window: int) -> Moments:
    """Roll mean and variance over float64[n, ticks]; bottleneck has no higher moments."""
    import bottleneck as bn

    returns = log_returns(prices)
    return bn.move_mean(returns, window), bn.move_var(returns, window, ddof=1), None, None


def polars_rolling(prices: FloatArray, window: int) -> Moments:
    """Roll four moments over float64[n, ticks]."""
    import polars as pl

    frame = pl.DataFrame({str(i): row for i, row in enumerate(log_returns(prices))})
    each = pl.all()
    found = (
        frame.select(each.rolling_mean(window)),
        frame.select(each.rolling_var(window)),
        frame.select(each.rolling_skew(window)),
        frame.select(each.rolling_kurtosis(window)),
    )
    mean, variance, skewness, kurtosis = (one.to_numpy().T for one in found)
    return mean, variance, skewness, kurtosis


def numpy_moments(returns: FloatArray) -> Moments:
    """Four moments of each row in two passes."""
    mean = returns.mean(axis=1)
    centred = returns - mean[:, None]
    squared = centred * centred
    m2 = squared.mean(axis=1)
    m3 = (squared * centred).mean(axis=1)
    m4 = (squared * squared).mean(axis=1)
    count = returns.shape[1]
    return mean, m2 * (count / (count - 1)), m3 / m2**1.5, m4 / m2**2 - 3.0


def scipy_moments(returns: FloatArray) -> Moments:
    """Four moments of each row."""
    from scipy import stats

    mean, variance = returns.mean(axis=1), returns.var(axis=1, ddof=1)
    return mean, variance, stats.skew(returns, axis=1), stats.kurtosis(returns, axis=1)


def bottleneck_moments(returns: FloatArray) -> Moments:
    """Mean and variance of each row."""
    import bottleneck as bn

    return bn.nanmean(returns, axis=1), bn.nanvar(returns, axis=1, ddof=1), None, None


def polars_moments(returns: FloatArray) -> Moments:
    """Four moments of each row."""
    import polars as pl

    each = pl.all()
    frame = pl.DataFrame({str(i): row for i, row in enumerate(returns)})
    found = (
        frame.select(each.mean()),
        frame.select(each.var()),
        frame.select(each.skew()),
        frame.select(each.kurtosis()),
    )
    mean, variance, skewness, kurtosis = (one.to_numpy()[0] for one in found)
    return mean, variance, skewness, kurtosis


def add_evict_after_each(
    inbox_i: IntArray, inbox_f: FloatArray, state: AddEvict, out: FloatArray
) -> None:
    """Write four moments after each tick to float64[4, ticks]."""
    keep_powers(inbox_i, inbox_f, out, 1, *state)


def add_evict_in_batches(
    inbox_i: IntArray, inbox_f: FloatArray, every: int, state: AddEvict, out: FloatArray
) -> None:
    """Write four moments of each asset after each ``every`` ticks to float64[4, n]."""
    keep_powers(inbox_i, inbox_f, out, every, *state)


def removing_after_each(
    inbox_i: IntArray, inbox_f: FloatArray, state: AddEvict, out: FloatArray
) -> None:
    """Write the same by Pebay's update, and its inverse for the tick that leaves."""
    keep_central_sums(inbox_i, inbox_f, out, *state)


@kernel
def bound_after_each(
    inbox_i: IntArray, inbox_f: FloatArray, prices: FloatArray, out: FloatArray
) -> None:
    """Read each price, take its logarithm, write four results: what nobody can do without."""
    for t in range(len(inbox_f)):
        s, price = inbox_i[SYMBOL, t], inbox_f[t]
        change = log_return(price, prices[s])
        prices[s] = price
        out[0, t], out[1, t], out[2, t], out[3, t] = change, change, change, change


@kernel
def bound_in_batches(
    inbox_i: IntArray, inbox_f: FloatArray, every: int, prices: FloatArray, out: FloatArray
) -> None:
    """Read each price and take its logarithm; write four results an asset every some ticks."""
    changes = np.zeros(len(prices))
    for t in range(len(inbox_f)):
        s, price = inbox_i[SYMBOL, t], inbox_f[t]
        changes[s] = log_return(price, prices[s])
        prices[s] = price
        if (t + 1) % every == 0:
            out[:] = changes


def bottleneck_live(
    inbox_i: IntArray, inbox_f: FloatArray, prices: FloatArray, returns: FloatArray, slots: IntArray
) -> FloatArray:
    """Mean and variance of the window after each tick, as a program that gets them one by one.

    Parameters
    ----------
    prices, returns, slots
        float64[n], float64[n, window] and int64[n]: newest price, ring and the next slot.

    Returns
    -------
    FloatArray
        float64[2, ticks].
    """
    import bottleneck as bn

    found = np.empty((2, len(inbox_f)))
    symbols, window = inbox_i[SYMBOL].tolist(), returns.shape[1]
    for t, (s, price) in enumerate(zip(symbols, inbox_f.tolist(), strict=True)):
        ring = returns[s]
        ring[slots[s]] = math.log(price / prices[s])
        prices[s] = price
        slots[s] = (slots[s] + 1) % window
        found[0, t], found[1, t] = bn.nanmean(ring), bn.nanvar(ring, ddof=1)
    return found
