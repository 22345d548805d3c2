"""The usual rolling window: each tick is added to running sums, the one it pushes out taken away.

Two of them, each with the care of ours (reciprocals from a table, one division and one root a
read, our logarithm): sums of powers, the quickest there is, and Pebay's update and its inverse,
which libraries prefer for its digits. Both keep what rounding has left of every tick that has gone.
"""

import math
from typing import NamedTuple

import numpy as np

from stats.compiled import FloatArray, IntArray, inlined, kernel
from stats.pending import SYMBOL
from stats.returns import log_return


class AddEvict(NamedTuple):
    """State of a window to which each tick is added and from which the oldest is taken away.

    Attributes
    ----------
    prices
        float64[n], newest; 0 where none has come.
    returns
        float64[n, window].
    sums
        float64[n, 4]: of the powers of the returns, or mean and central sums.
    counts
        int64[n, 2]: returns in the window, slot of the next.
    inverses
        float64[window + 1]: 1 / n.
    """

    prices: FloatArray
    returns: FloatArray
    sums: FloatArray
    counts: IntArray
    inverses: FloatArray


def make_add_evict(n_assets: int, window: int) -> AddEvict:
    """Make an empty window."""
    inverses = np.zeros(window + 1)
    inverses[1:] = 1.0 / np.arange(1.0, window + 1.0)
    return AddEvict(
        np.zeros(n_assets),
        np.zeros((n_assets, window)),
        np.zeros((n_assets, 4)),
        np.zeros((n_assets, 2), np.int64),
        inverses,
    )


@inlined
def swap_return(
    s: int, price: float, prices: FloatArray, returns: FloatArray, counts: IntArray
) -> tuple[float, float, int, int]:
    """Put a tick's return into the ring; gives it, the one that leaves, counts before and after."""
    previous = prices[s]
    prices[s] = price
    count = counts[s, 0]
    if previous == 0.0:
        return 0.0, 0.0, 0, 0
    value, window, slot = log_return(price, previous), returns.shape[1], counts[s, 1]
    old = returns[s, slot]
    returns[s, slot] = value
    counts[s, 1] = slot + 1 if slot + 1 < window else 0
    if count < window:
        counts[s, 0] = count + 1
        return value, 0.0, count, count + 1
    return value, old, count, count


@inlined
def write_moments(
    out: FloatArray,
    t: int,
    count: float,
    fewer: float,
    mean: float,
    m2: float,
    m3: float,
    m4: float,
) -> None:
    """Write mean, variance, skewness and kurtosis of central sums."""
    inverse = 1.0 / m2
    out[0, t], out[1, t] = mean, m2 * fewer
    out[2, t] = m3 * inverse * math.sqrt(count * inverse)
    out[3, t] = count * m4 * inverse * inverse - 3.0


@inlined
def add_powers(s: int, value: float, old: float, sums: FloatArray) -> None:
    """Add a return's powers to an asset's sums and take those of another away."""
    square, old_square = value * value, old * old
    sums[s, 0] += value - old
    sums[s, 1] += square - old_square
    sums[s, 2] += square * value - old_square * old
    sums[s, 3] += square * square - old_square * old_square


@inlined
def read_powers(
    s: int, out: FloatArray, t: int, sums: FloatArray, counts: IntArray, inverses: FloatArray
) -> None:
    """Write an asset's moments from its sums."""
    count, s1, s2, s3 = counts[s, 0], sums[s, 0], sums[s, 1], sums[s, 2]
    mean = s1 * inverses[count]
    m2 = s2 - mean * s1
    m3 = s3 - mean * (3.0 * s2 - 2.0 * mean * s1)
    m4 = sums[s, 3] - mean * (4.0 * s3 - mean * (6.0 * s2 - 3.0 * mean * s1))
    write_moments(out, t, float(count), inverses[count - 1], mean, m2, m3, m4)


@kernel
def keep_powers(
    inbox_i: IntArray,
    inbox_f: FloatArray,
    out: FloatArray,
    every: int,
    prices: FloatArray,
    returns: FloatArray,
    sums: FloatArray,
    counts: IntArray,
    inverses: FloatArray,
) -> None:
    """Write four moments from running sums of powers.

    Parameters
    ----------
    out
        float64[4, ticks]: of each tick's asset after it; or float64[4, n]: of each asset.
    every
        1, or the ticks after which all assets are read, time and again.
    """
    for t in range(len(inbox_f)):
        s = inbox_i[SYMBOL, t]
        value, old, _, count = swap_return(s, inbox_f[t], prices, returns, counts)
        add_powers(s, value, old, sums)
        if every == 1 and count > 0:
            read_powers(s, out, t, sums, counts, inverses)
        elif every > 1 and (t + 1) % every == 0:
            for read in range(len(prices)):
                read_powers(read, out, read, sums, counts, inverses)


@kernel
def keep_central_sums(
    inbox_i: IntArray,
    inbox_f: FloatArray,
    out: FloatArray,
    prices: FloatArray,
    returns: FloatArray,
    sums: FloatArray,
    counts: IntArray,
    inverses: FloatArray,
) -> None:
    """Write four moments of each tick's asset after it, by Pebay's update and its inverse."""
    for t in range(len(inbox_f)):
        s = inbox_i[SYMBOL, t]
        value, old, before, count = swap_return(s, inbox_f[t], prices, returns, counts)
        if count == 0:
            continue
        mean, m2, m3, m4 = sums[s, 0], sums[s, 1], sums[s, 2], sums[s, 3]
        n = float(count)
        if before == count:
            mean -= (old - mean) * inverses[count - 1]
            step = (old - mean) * inverses[count]
            square = (old - mean) * step * (n - 1.0)
            m2 -= square
            m3 -= step * (square * (n - 2.0) - 3.0 * m2)
            m4 -= step * (step * (square * (n * n - 3.0 * n + 3.0) + 6.0 * m2) - 4.0 * m3)
        step = (value - mean) * inverses[count]
        square = (value - mean) * step * (n - 1.0)
        m4 += step * (step * (square * (n * n - 3.0 * n + 3.0) + 6.0 * m2) - 4.0 * m3)
        m3 += step * (square * (n - 2.0) - 3.0 * m2)
        m2 += square
        mean += step
        sums[s, 0], sums[s, 1], sums[s, 2], sums[s, 3] = mean, m2, m3, m4
        write_moments(out, t, n, inverses[count - 1], mean, m2, m3, m4)
