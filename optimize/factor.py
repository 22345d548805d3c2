"""Cholesky factors, kept by columns: ``factor[k]`` is column k, zeros before its diagonal."""

import numpy as np

from optimize.factor_tiles import WIDE, factor_rows, reduce_rows
from optimize.lane_code import LANES, ROWS
from stats.compiled import FloatArray, kernel, lean_kernel

# A pivot below this share of its variance is rounding: the column is zero, the rank one less.
# Rounding grows where earlier assets nearly span a later one: of 20 000 covariances of n rows
# and n assets, 99.5 % end below this; of n + 10 rows the least was 1e-4.
RANK_TOLERANCE = 1e-10


@lean_kernel
def factorise(covariance: FloatArray, factor: FloatArray) -> int:
    """Fill columns of L with L L' = covariance (semidefinite is enough); return the rank."""
    n = covariance.shape[0]
    rank = 0
    for k in range(n):
        column = factor[k]
        column[:k] = 0.0
        for x in range(k, n):
            column[x] = covariance[k, x]
        whole = k // 4 * 4
        # Four columns at a time: one load and store of the difference for four products.
        for j in range(0, whole, 4):
            f0, f1, f2, f3 = factor[j], factor[j + 1], factor[j + 2], factor[j + 3]
            p, q, r, s = f0[k], f1[k], f2[k], f3[k]
            for x in range(k, n):
                column[x] = column[x] - ((p * f0[x] + q * f1[x]) + (r * f2[x] + s * f3[x]))
        for j in range(whole, k):
            p, f0 = factor[j, k], factor[j]
            for x in range(k, n):
                column[x] -= p * f0[x]
        pivot = column[k]
        if pivot > RANK_TOLERANCE * covariance[k, k]:
            rank += 1
            root = np.sqrt(pivot)
            for x in range(k, n):
                column[x] /= root
        else:
            column[k:] = 0.0
    return rank


@lean_kernel
def solve_factored(factor: FloatArray, values: FloatArray) -> None:
    """Solve L L' x = values in place; x is 0 where a column of L is zero."""
    n = values.shape[0]
    for k in range(n):
        column = factor[k]
        values[k] = values[k] / column[k] if column[k] > 0.0 else 0.0
        for x in range(k + 1, n):
            values[x] -= values[k] * column[x]
    for k in range(n - 1, -1, -1):
        column = factor[k]
        value = values[k]
        for x in range(k + 1, n):
            value -= column[x] * values[x]
        values[k] = value / column[k] if column[k] > 0.0 else 0.0


@lean_kernel
def whole_tiles(k: int) -> int:
    """Round up to whole tiles of 4 rows."""
    return (k + ROWS - 1) // ROWS * ROWS


@lean_kernel
def padded(k: int) -> int:
    """Give the columns of a system of k rows: 3 right-hand sides, tiles, whole cache lines.

    An odd number of lines: with 512 columns all rows lay in one set of the cache.
    """
    return LANES * ((whole_tiles(k) + 2 + WIDE + LANES - 1) // LANES | 1)


@lean_kernel
def eliminate(system: FloatArray, scales: FloatArray, right: int, start: int) -> int:
    """Factorise the first k columns of float64[k, >= k + right + 15] in place, the rest along.

    Row r then has column r of L from its diagonal on, and from column k on L^-1 of what stood
    there. k and ``start`` are multiples of 4: the first ``start`` rows are made, but for their
    columns from there on. ``scales`` holds variances and then 1 / the diagonal of L, as it does
    already of rows that are made. Return the rank: where it is not k, all is void.
    """
    n: int = system.shape[0]
    for k in range(0, n, ROWS):
        first = start
        if k >= start:
            good: int = factor_rows(system, system.shape[1], k, scales, RANK_TOLERANCE)
            if good < ROWS:
                return k + good
            first = k + LANES
        for x in range(first, n + right, WIDE):
            reduce_rows(system, system.shape[1], k, x, scales)
    return n


@lean_kernel
def substitute(system: FloatArray, right: int, scales: FloatArray, values: FloatArray) -> None:
    """Solve L' x = a right-hand side of an eliminated system, by backward substitution.

    Four rows at a time: the sum of each is in order, and they do not wait for one another.
    """
    n = system.shape[0]
    at = n + right
    for k in range(n - 1, -1, -ROWS):
        f0, f1, f2, f3 = system[k], system[k - 1], system[k - 2], system[k - 3]
        a, b, c, d = f0[at], f1[at], f2[at], f3[at]
        for x in range(n - 1, k, -1):
            value = values[x]
            a -= f0[x] * value
            b -= f1[x] * value
            c -= f2[x] * value
            d -= f3[x] * value
        a *= scales[k]
        b = (b - f1[k] * a) * scales[k - 1]
        c = (c - f2[k] * a - f2[k - 1] * b) * scales[k - 2]
        d = (d - f3[k] * a - f3[k - 1] * b - f3[k - 2] * c) * scales[k - 3]
        values[k], values[k - 1], values[k - 2], values[k - 3] = a, b, c, d


@kernel
def has_full_rank(covariance: FloatArray) -> bool:
    """Tell whether no pivot is rounding alone."""
    n = covariance.shape[0]
    k = whole_tiles(n)
    system, scales = np.zeros((k, padded(n))), np.ones(k)
    for x in range(k):
        if x < n:
            system[x, x:n] = covariance[x, x:]
            scales[x] = covariance[x, x]
        else:
            system[x, x] = 1.0
    return bool(eliminate(system, scales, 0, 0) == k)
