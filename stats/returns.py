"""Log returns that lose no digits and have the same bits on every machine.

``log(p / q)`` rounds the ratio before the logarithm sees it: on a tape of fine ticks the
variance is then off by up to 1.5e-8. ``p - q`` of close prices is exact, so the series in
``s = (p - q) / (p + q)`` keeps every digit; it is also the faster one.
"""

from stats.compiled import FloatArray, inlined, kernel

# |s| < 0.05: the first term left out, z^7 / 15, is below 1e-19.
_NEAR = 0.0025
_SQRT2 = 1.4142135623730951
# log 2 in two parts; the first has 21 zero bits at its end, so exponent * _LN2_HIGH is exact.
_LN2_HIGH = 0.6931471803691238
_LN2_LOW = 1.9082149292705877e-10
# Halvings between the largest and the smallest double.
_MOST_HALVINGS = 2200


@kernel
def far_log_return(price: float, previous: float) -> float:
    """Compute ``log(price / previous)`` of prices far apart, with + - * / only.

    The price is halved or doubled, which is exact, until it is within a factor of sqrt(2) of
    the other; then the series in ``s`` with ``s^2 < 0.0295`` is good to the last digit after
    twelve terms. libm's logarithm differs between machines, this one does not.
    """
    scaled = price
    exponent = 0.0
    for _ in range(_MOST_HALVINGS):
        if scaled > previous * _SQRT2:
            scaled *= 0.5
            exponent += 1.0
        elif scaled * _SQRT2 < previous:
            scaled *= 2.0
            exponent -= 1.0
        else:
            break
    s = (scaled - previous) / (scaled + previous)
    z = s * s
    series = 1.0 / 23.0
    for term in range(10, -1, -1):
        series = 1.0 / (2.0 * term + 1.0) + z * series
    return exponent * _LN2_HIGH + (exponent * _LN2_LOW + 2.0 * s * series)


@inlined
def near_log_return(s: float) -> float:
    """Sum the series of log(p / q) in s = (p - q) / (p + q), for prices p and q that are close."""
    z = s * s
    series = 1.0 / 11.0 + z * (1.0 / 13.0)
    series = 1.0 / 7.0 + z * (1.0 / 9.0 + z * series)
    series = 1.0 / 3.0 + z * (1.0 / 5.0 + z * series)
    return 2.0 * s * (1.0 + z * series)


@inlined
def log_return(price: float, previous: float) -> float:
    """Compute ``log(price / previous)`` to a few units in the last place.

    Parameters
    ----------
    price, previous
        Two prices of one asset, > 0 and finite; NaN where there is none, which gives NaN.
    """
    s = (price - previous) / (price + previous)
    return near_log_return(s) if s * s < _NEAR else far_log_return(price, previous)


@kernel
def log_returns(prices: FloatArray, previous: FloatArray, out: FloatArray) -> None:
    """Write the log return of each pair of prices.

    Parameters
    ----------
    prices, previous, out
        float64[n].
    """
    n_near = 0
    for i in range(len(prices)):  # without a branch: four at a time
        s = (prices[i] - previous[i]) / (prices[i] + previous[i])
        out[i] = near_log_return(s)
        n_near += s * s < _NEAR
    if n_near == len(prices):
        return
    for i in range(len(prices)):
        s = (prices[i] - previous[i]) / (prices[i] + previous[i])
        if not s * s < _NEAR:
            out[i] = far_log_return(prices[i], previous[i])
