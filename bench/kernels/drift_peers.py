"""Rolling variances and covariances of others, which add each value and take one away.

Of returns float64[rows] they give figures of the windows that end with ``places``. Each library
is imported when first called: none is needed to run the program.
"""

import numpy as np

from stats.compiled import FloatArray, IntArray, kernel


def bottleneck_variances(returns: FloatArray, window: int, places: IntArray) -> FloatArray:
    """Give variances float64[k], ddof 1."""
    import bottleneck as bn

    found: FloatArray = bn.move_var(returns, window, ddof=1)[places]
    return found


def numbagg_variances(returns: FloatArray, window: int, places: IntArray) -> FloatArray:
    """Give variances float64[k], ddof 1."""
    import numbagg

    found: FloatArray = numbagg.move_var(returns, window=window)[places]
    return found


def numbagg_covariances(a: FloatArray, b: FloatArray, window: int, places: IntArray) -> FloatArray:
    """Give float64[k, 3]: variance of a, covariance, variance of b, ddof 1."""
    import numbagg

    pairs = ((a, a), (a, b), (b, b))
    return np.stack([numbagg.move_cov(x, y, window=window)[places] for x, y in pairs], axis=1)


@kernel
def add_evict_covariance(
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
