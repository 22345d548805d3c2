"""Rolling variances and covariances of libraries, which add each value and take one away.

Each is imported when first called: none is needed to run the program. Of returns float64[rows]
they give figures of the windows that end with ``places``.
"""

import numpy as np

from stats.compiled import FloatArray, IntArray


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
