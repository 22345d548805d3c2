"""Columns of a covariance, made on demand, and sums of them.

A posterior draw is Sigma = B B' with B lower triangular; what is found to be held by few assets
needs the columns of those alone.
"""

import numpy as np
from numpy.typing import NDArray

from stats.compiled import FloatArray, kernel, lean_kernel

ByteArray = NDArray[np.uint8]


@lean_kernel
def make_column(i: int, covariance: FloatArray, ready: ByteArray, factor: FloatArray) -> int:
    """Fill row i of covariance = B B' unless it is there; ``factor[k]`` is column k of B."""
    if ready[i] == 1:
        return 0
    n = covariance.shape[0]
    row = covariance[i]
    row[:] = 0.0
    whole = (i + 1) // 4 * 4
    # Four columns at a time: one load and store of the sum for four products.
    for k in range(0, whole, 4):
        p, q, r, s = factor[k, i], factor[k + 1, i], factor[k + 2, i], factor[k + 3, i]
        f0, f1, f2, f3 = factor[k], factor[k + 1], factor[k + 2], factor[k + 3]
        for x in range(k, n):
            row[x] = row[x] + (p * f0[x] + q * f1[x]) + (r * f2[x] + s * f3[x])
    for k in range(whole, i + 1):
        p, f0 = factor[k, i], factor[k]
        for x in range(k, n):
            row[x] += p * f0[x]
    ready[i] = 1
    return 1


@kernel
def weigh_columns(
    covariance: FloatArray,
    ready: ByteArray,
    factor: FloatArray,
    weights: FloatArray,
    gradient: FloatArray,
) -> None:
    """Compute Sigma w afresh: four columns of held assets at a time, in order."""
    n = weights.shape[0]
    held = np.empty(n, np.int64)
    count = 0
    for i in range(n):
        if weights[i] != 0.0:
            make_column(i, covariance, ready, factor)
            held[count] = i
            count += 1
    gradient[:] = 0.0
    whole = count // 4 * 4
    for h in range(0, whole, 4):
        a, b, c, d = held[h], held[h + 1], held[h + 2], held[h + 3]
        p, q, r, s = weights[a], weights[b], weights[c], weights[d]
        f0, f1, f2, f3 = covariance[a], covariance[b], covariance[c], covariance[d]
        for x in range(n):
            gradient[x] = gradient[x] + (p * f0[x] + q * f1[x]) + (r * f2[x] + s * f3[x])
    for h in range(whole, count):
        p, f0 = weights[held[h]], covariance[held[h]]
        for x in range(n):
            gradient[x] += p * f0[x]
