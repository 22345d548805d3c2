"""Groups of rows as (count, mean, comoment) and how two groups become one.

A comoment is the sum of (x - mean)(x - mean)' over the group's rows: a lower triangle, packed
row by row, entry (i, k <= i) at i (i + 1) / 2 + k. A symbol that comes later only appends. Two
groups merge by adding their comoments and y y', y = sqrt(nA nB / (nA + nB)) (mean B - mean A):
a sum of positive semidefinite terms, nothing is ever taken away. Each entry depends on two
columns only, so a missing (NaN) return touches one row and column.
"""

import numpy as np

from stats.compiled import FloatArray, kernel


@kernel
def centre_rows(rows: FloatArray, n_rows: int, n: int, mean: FloatArray) -> None:
    """Subtract the mean of the first rows from them, in place, and write it.

    The mean is found as first row + mean of differences from it: equal rows give exactly
    zero, and a mean far larger than the spread loses nothing.

    Parameters
    ----------
    rows
        float64[>= n_rows, >= n].
    mean
        float64[>= n], written.
    """
    for i in range(n):
        mean[i] = 0.0
    for r in range(1, n_rows):
        for i in range(n):
            mean[i] += rows[r, i] - rows[0, i]
    for i in range(n):
        mean[i] = rows[0, i] + mean[i] / n_rows
    for r in range(n_rows):
        for i in range(n):
            rows[r, i] -= mean[i]


@kernel
def add_outer(rows: FloatArray, n_rows: int, n: int, out: FloatArray) -> None:
    """Add each row's outer product with itself to a packed triangle, in the rows' order.

    Four rows a pass: a quarter of the loads and stores of ``out``, the same additions.
    """
    whole = n_rows - n_rows % 4
    for i in range(n):
        base = i * (i + 1) // 2
        for r in range(0, whole, 4):
            a, b, c, d = rows[r, i], rows[r + 1, i], rows[r + 2, i], rows[r + 3, i]
            for k in range(i + 1):
                out[base + k] = (
                    ((out[base + k] + a * rows[r, k]) + b * rows[r + 1, k]) + c * rows[r + 2, k]
                ) + d * rows[r + 3, k]
        for r in range(whole, n_rows):
            a = rows[r, i]
            for k in range(i + 1):
                out[base + k] += a * rows[r, k]


@kernel
def merge_means(
    count_a: int,
    mean_a: FloatArray,
    count_b: int,
    mean_b: FloatArray,
    n: int,
    mean: FloatArray,
    y: FloatArray,
) -> int:
    """Write the mean of two groups and the vector y that their merged comoment gains.

    ``mean`` may be ``mean_a``. An empty group gives y = 0 and the other's mean.

    Returns
    -------
    int
        Rows of both.
    """
    count = count_a + count_b
    if count_a == 0 or count_b == 0:
        for i in range(n):
            mean[i] = mean_b[i] if count_a == 0 else mean_a[i]
            y[i] = 0.0
        return count
    share = count_b / count
    weight = np.sqrt(count_a * share)
    for i in range(n):
        difference = mean_b[i] - mean_a[i]
        mean[i] = mean_a[i] + difference * share
        y[i] = weight * difference
    return count


@kernel
def merge_groups(
    count_a: int,
    mean_a: FloatArray,
    comoment_a: FloatArray,
    count_b: int,
    mean_b: FloatArray,
    comoment_b: FloatArray,
    n: int,
    mean: FloatArray,
    comoment: FloatArray,
    y: FloatArray,
) -> int:
    """Write the mean and comoment of two groups, which may be those of A or of B.

    Returns
    -------
    int
        Rows of both.
    """
    count = merge_means(count_a, mean_a, count_b, mean_b, n, mean, y)
    for i in range(n):
        base = i * (i + 1) // 2
        if count_a == 0:
            for k in range(i + 1):
                comoment[base + k] = comoment_b[base + k]
        elif count_b == 0:
            for k in range(i + 1):
                comoment[base + k] = comoment_a[base + k]
        else:
            for k in range(i + 1):
                comoment[base + k] = (comoment_a[base + k] + comoment_b[base + k]) + y[i] * y[k]
    return count
