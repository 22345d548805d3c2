"""The usual rolling window: each tick is added to running sums, the one it pushes out taken away.

Two of them, each with the care of ours (reciprocals from a table, one division and one root a
read, our logarithm): sums of powers, the quickest there is, and Pebay's update and its inverse,
which libraries prefer for its digits. Both keep what rounding has left of every tick that has gone.
"""

import math

from stats.compiled import FloatArray, IntArray, inlined, kernel
from stats.pending import SYMBOL
from stats.returns import log_return


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
def after_each(
    inbox_i: IntArray,
    inbox_f: FloatArray,
    out: FloatArray,
    prices: FloatArray,
    returns: FloatArray,
    sums: FloatArray,
    counts: IntArray,
    inverses: FloatArray,
) -> None:
    """Write four moments of each tick's asset after it, from running sums of powers."""
    for t in range(len(inbox_f)):
        s = inbox_i[SYMBOL, t]
        value, old, _, count = swap_return(s, inbox_f[t], prices, returns, counts)
        if count > 0:
            add_powers(s, value, old, sums)
            read_powers(s, out, t, sums, counts, inverses)


@kernel
def after_all(
    inbox_i: IntArray,
    inbox_f: FloatArray,
    out: FloatArray,
    prices: FloatArray,
    returns: FloatArray,
    sums: FloatArray,
    counts: IntArray,
    inverses: FloatArray,
) -> None:
    """Take all ticks, then write four moments of each asset, from running sums of powers."""
    for t in range(len(inbox_f)):
        s = inbox_i[SYMBOL, t]
        value, old, _, _ = swap_return(s, inbox_f[t], prices, returns, counts)
        add_powers(s, value, old, sums)
    for s in range(len(prices)):
        read_powers(s, out, s, sums, counts, inverses)


@kernel
def after_each_removing(
    inbox_i: IntArray,
    inbox_f: FloatArray,
    out: FloatArray,
    prices: FloatArray,
    returns: FloatArray,
    sums: FloatArray,
    counts: IntArray,
    inverses: FloatArray,
) -> None:
    """Write the same from Pebay's update, and its inverse for the tick that leaves."""
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


@kernel
def roll_covariance(
    a: FloatArray, b: FloatArray, window: int, places: IntArray, out: FloatArray
) -> None:
    """Roll the covariance of two columns by Welford's update and its inverse.

    Parameters
    ----------
    a, b
        float64[rows].
    places
        int64[k], ascending: the rows after which results are wanted.
    out
        float64[k, 3]: variance of a, covariance, variance of b (ddof 1).
    """
    mean_a = mean_b = aa = ab = bb = 0.0
    k = 0
    for t in range(len(a)):
        if t >= window:
            n = float(window - 1)
            x, y = a[t - window] - mean_a, b[t - window] - mean_b
            mean_a, mean_b = mean_a - x / n, mean_b - y / n
            aa -= x * (a[t - window] - mean_a)
            ab -= x * (b[t - window] - mean_b)
            bb -= y * (b[t - window] - mean_b)
        n = float(min(t + 1, window))
        x, y = a[t] - mean_a, b[t] - mean_b
        mean_a, mean_b = mean_a + x / n, mean_b + y / n
        aa += x * (a[t] - mean_a)
        ab += x * (b[t] - mean_b)
        bb += y * (b[t] - mean_b)
        if k < len(places) and places[k] == t:
            out[k, 0], out[k, 1], out[k, 2] = aa / (n - 1.0), ab / (n - 1.0), bb / (n - 1.0)
            k += 1
